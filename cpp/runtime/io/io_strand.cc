#include "runtime/io/io_strand.h"

#include <utility>

namespace pyflinkpp {

void IoStrand::PostAlways(absl::AnyInvocable<void()> work) {
  Enqueue({[work = std::move(work)]() mutable {
             work();
             return absl::OkStatus();
           },
           /*always=*/true});
}

bool IoStrand::Below(size_t count) {
  MutexLock lock(mutex_);
  wanted_ = unfinished_ >= count;
  return !wanted_;
}

absl::Status IoStrand::status() const {
  MutexLock lock(mutex_);
  return status_;
}

void IoStrand::Enqueue(Entry entry) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(entry));
    ++unfinished_;
    if (under_way_) return;
    under_way_ = true;
  }
  io_.Run([self = shared_from_this()] { self->Job(); });
}

void IoStrand::Job() {
  for (;;) {
    Entry next;
    bool skip;
    {
      MutexLock lock(mutex_);
      if (waiting_.empty()) {
        under_way_ = false;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
      skip = !status_.ok() && !next.always;
    }
    const absl::Status status = skip ? absl::OkStatus() : next.work();
    next.work = nullptr;  // what it holds goes before it counts as finished
    bool call;
    {
      MutexLock lock(mutex_);
      --unfinished_;
      if (status_.ok()) status_ = status;
      call = std::exchange(wanted_, false);
    }
    if (call) progress_();
  }
}

}  // namespace pyflinkpp
