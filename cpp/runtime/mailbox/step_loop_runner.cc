#include "runtime/mailbox/step_loop_runner.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace pyflinkpp {

void StepLoopRunner::Start(std::shared_ptr<Loop> loop) {
  loop->mailbox().SetOnReady([this] {
    MutexLock lock(mutex_);
    signaled_ = true;
    changed_.NotifyOne();
  });
  MutexLock lock(mutex_);
  started_.push_back(std::move(loop));
  signaled_ = true;
  changed_.NotifyOne();
}

void StepLoopRunner::TakeStarted() {
  MutexLock lock(mutex_);
  for (auto& loop : started_) entries_.push_back({std::move(loop)});
  started_.clear();
  signaled_ = false;
}

bool StepLoopRunner::StepAll() {
  TakeStarted();
  bool any = false;
  for (size_t i = 0; i < entries_.size();) {
    int64_t next_timer;
    if (!entries_[i].more && !entries_[i].loop->mailbox().Ready(&next_timer)) {
      ++i;
      continue;
    }
    any = true;
    const StepResult result = entries_[i].loop->Step();
    entries_[i].more = result.state == StepResult::State::kMore;
    if (result.state == StepResult::State::kDone) {
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  return any;
}

int64_t StepLoopRunner::next_timer_nanos() {
  int64_t next = std::numeric_limits<int64_t>::max();
  for (Entry& entry : entries_) {
    int64_t due;
    entry.loop->mailbox().Ready(&due);
    next = std::min(next, due);
  }
  return next;
}

void StepLoopRunner::Wait(int64_t until_nanos) {
  const int64_t until = std::min(until_nanos, next_timer_nanos());
  MutexLock lock(mutex_);
  while (!signaled_) {
    const int64_t left = until - clock_.NowNanos();
    if (left <= 0) return;
    changed_.WaitFor(mutex_, left);
  }
}

}  // namespace pyflinkpp
