// All loops on one thread, step by step.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/mutex.h"
#include "runtime/mailbox/loop.h"

namespace pyflinkpp {

// For who wants the engine in the thread that calls: a debugger, a test under a clock of its own.
// Loops take steps in the order in which they were started, one each, so that equal input gives
// equal runs.
class StepLoopRunner final : public LoopRunner {
 public:
  explicit StepLoopRunner(const Clock& clock) : clock_(clock) {}

  // Any thread, also from within a step.
  void Start(std::shared_ptr<Loop> loop) override;

  // The rest is for the one thread. Steps every loop that has something to do; false when all wait.
  bool StepAll();
  // When the next timer of a loop is due, in the clock's nanoseconds; INT64_MAX: there is none.
  int64_t next_timer_nanos();
  // Until a loop has something to do, or the clock shows `until_nanos`.
  void Wait(int64_t until_nanos);
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    std::shared_ptr<Loop> loop;
    bool more = true;  // its last step said so
  };
  void TakeStarted();

  const Clock& clock_;
  std::vector<Entry> entries_;
  Mutex mutex_;
  CondVar changed_;
  bool signaled_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<Loop>> started_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
