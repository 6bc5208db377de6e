#include "runtime/mailbox/thread_loop_runner.h"

#include <pthread.h>

#include <utility>

namespace pyflinkpp {
namespace {

void RunLoop(std::shared_ptr<Loop> loop, std::shared_ptr<std::atomic<bool>> done) {
  pthread_setname_np(pthread_self(), loop->name().substr(0, 15).c_str());
  for (;;) {
    const StepResult result = loop->Step();
    if (result.state == StepResult::State::kDone) break;
    if (result.state == StepResult::State::kWait) loop->mailbox().Wait();
  }
  loop.reset();
  done->store(true);
}

}  // namespace

void ThreadLoopRunner::Start(std::shared_ptr<Loop> loop) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < entries_.size();) {  // threads of loops that ended
    if (entries_[i].done->load()) {
      entries_[i].thread.join();
      std::swap(entries_[i], entries_.back());
      entries_.pop_back();
    } else {
      ++i;
    }
  }
  auto done = std::make_shared<std::atomic<bool>>(false);
  entries_.push_back({std::thread(RunLoop, std::move(loop), done), done});
}

void ThreadLoopRunner::JoinAll() {
  std::vector<Entry> entries;
  {
    MutexLock lock(mutex_);
    entries.swap(entries_);
  }
  for (Entry& entry : entries) entry.thread.join();
}

}  // namespace pyflinkpp
