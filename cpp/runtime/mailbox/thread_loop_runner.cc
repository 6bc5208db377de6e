#include "runtime/mailbox/thread_loop_runner.h"

#include <pthread.h>

#include <utility>

namespace pyflinkpp {
namespace {

void RunFreely(Loop& loop) {
  for (;;) {
    const StepResult result = loop.Step();
    if (result.state == StepResult::State::kDone) return;
    if (result.state == StepResult::State::kWait) loop.mailbox().Wait();
  }
}

}  // namespace

void ThreadLoopRunner::RunInTurns(Loop& loop, Turns::Ticket& ticket) {
  for (;;) {
    turns_.Take(ticket);
    StepResult result;
    do {
      result = loop.Step();
    } while (result.state == StepResult::State::kMore && !ticket.should_give_back());
    if (result.state == StepResult::State::kDone) return turns_.End(ticket);
    turns_.GiveBack(ticket);
    if (result.state == StepResult::State::kWait) loop.mailbox().Wait();
  }
}

// By value: they are a thread's own.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
void ThreadLoopRunner::Run(
    std::shared_ptr<Loop> loop, std::shared_ptr<Turns::Ticket> ticket,
    std::shared_ptr<std::atomic<bool>> done) {  // NOLINT(performance-unnecessary-value-param)
  pthread_setname_np(pthread_self(), loop->name().substr(0, 15).c_str());
  if (ticket != nullptr) {
    RunInTurns(*loop, *ticket);
  } else {
    RunFreely(*loop);
  }
  loop.reset();
  done->store(true);
}

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
  std::shared_ptr<Turns::Ticket> ticket;
  if (loop->takes_turns()) {
    ticket = std::make_shared<Turns::Ticket>();
    loop->mailbox().SetOnReady([ticket, this] { turns_.Ready(*ticket); });
  }
  auto done = std::make_shared<std::atomic<bool>>(false);
  entries_.push_back(
      {std::thread(&ThreadLoopRunner::Run, this, std::move(loop), std::move(ticket), done), done});
}

void ThreadLoopRunner::JoinAll() {
  for (;;) {  // a loop that ends may have started another
    std::vector<Entry> entries;
    {
      MutexLock lock(mutex_);
      entries.swap(entries_);
    }
    if (entries.empty()) return;
    for (Entry& entry : entries) entry.thread.join();
  }
}

}  // namespace pyflinkpp
