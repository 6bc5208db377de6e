// Work on the I/O executor that must be done in order.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "core/base/mutex.h"
#include "core/env/env.h"

namespace pyflinkpp {

// Runs the works of one operator on the executor, one after the other, in the order in which they
// were posted. Shared by the operator, whose loop posts and asks, and by its one job on the
// executor: posted work is done even when the operator is gone.
// Invariants: at most one work runs at a time; after the first that fails, only those of PostAlways
// are run; the queue is as long as the operator lets it grow, see Below().
class IoStrand : public std::enable_shared_from_this<IoStrand> {
 public:
  using Work = absl::AnyInvocable<absl::Status()>;

  // `progress` is called, on any thread, after each Below() that said false. `io` outlives all work
  // on it.
  IoStrand(Executor& io, std::function<void()> progress)
      : io_(io), progress_(std::move(progress)) {}

  // On the loop.
  void Post(Work work) { Enqueue({std::move(work), /*always=*/false}); }
  // The same, for what cleans up: runs after a failure, too, and cannot fail.
  void PostAlways(absl::AnyInvocable<void()> work);

  // On the loop: are fewer than `count` works unfinished? If not, `progress` will be called when
  // one more is finished.
  bool Below(size_t count) ABSL_LOCKS_EXCLUDED(mutex_);

  // The first failure.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    Work work;
    bool always;
  };

  void Enqueue(Entry entry) ABSL_LOCKS_EXCLUDED(mutex_);
  void Job() ABSL_LOCKS_EXCLUDED(mutex_);

  Executor& io_;
  const std::function<void()> progress_;

  mutable Mutex mutex_;
  std::deque<Entry> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t unfinished_ ABSL_GUARDED_BY(mutex_) = 0;
  bool under_way_ ABSL_GUARDED_BY(mutex_) = false;
  bool wanted_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
