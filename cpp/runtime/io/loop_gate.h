// How work on the I/O executor calls back into a loop that may be gone by then.
#pragma once

#include "absl/base/thread_annotations.h"
#include "core/base/mutex.h"

namespace pyflinkpp {

// Lets calls into a loop's world (OperatorContext::wake, SplitEnumeratorContext::post) through
// until it is shut. Shared by the loop's object, which shuts it on its way out, and by the work it
// has on the executor.
//
// Invariant: when Shut() has returned, no call is under way and none will come, so what the call
// refers to may die. This is why the mutex is held during the call, the one exception to our rule:
// such a call only posts mail and must never come back here.
class LoopGate {
 public:
  // Any thread.
  template <class Call>
  void Enter(Call&& call) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (open_) call();
  }

  // On the loop.
  void Shut() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    open_ = false;
  }

 private:
  Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = true;
};

}  // namespace pyflinkpp
