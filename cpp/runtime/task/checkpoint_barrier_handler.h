// Aligns the barriers of a task's channels.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/env/env.h"
#include "runtime/network/input_gate.h"

namespace pyflinkpp {

// Exactly once by alignment: a channel whose barrier has come is not read until all others' have.
//
//   channel 0  r r |n| . .        the task goes on reading channel 1 only,
//   channel 1  r r r r |n|        then the barrier n passes, and both are read again
//
// At least once: the same, but all channels are read meanwhile. A checkpoint that was given up is
// let go, by Abort or by the first barrier of a later one.
class CheckpointBarrierHandler {
 public:
  CheckpointBarrierHandler(InputGate& gate, const Clock& clock, bool at_least_once)
      : gate_(gate),
        clock_(clock),
        blocks_(!at_least_once),
        ended_(gate.size()),
        arrived_(gate.size()) {}

  // Takes a barrier from a channel; returns it when it is the last one.
  std::optional<CheckpointBarrier> OnBarrier(size_t channel, const CheckpointBarrier& barrier) {
    if (barrier.checkpoint() <= done_ || given_up_.contains(barrier.checkpoint()))
      return std::nullopt;
    if (pending_ && barrier.checkpoint() < pending_->checkpoint()) return std::nullopt;
    if (pending_ && barrier.checkpoint() > pending_->checkpoint()) Release();
    if (!pending_) {
      pending_ = barrier;
      started_nanos_ = clock_.NowNanos();
    }
    arrived_[channel] = true;
    if (blocks_) gate_.SetBlocked(channel, true);
    return Complete();
  }

  // A channel that has ended sends no barrier any more: it counts as aligned.
  std::optional<CheckpointBarrier> OnEnd(size_t channel) {
    ended_[channel] = true;
    return Complete();
  }

  // The checkpoint was given up: nobody waits for its barriers any more.
  void Abort(int64_t checkpoint) {
    if (pending_ && pending_->checkpoint() == checkpoint) Release();
    // An earlier one may still be under way.
    if (checkpoint > done_) given_up_.insert(checkpoint);
  }

  // From the first barrier to the last, of the checkpoint that was aligned last.
  int64_t alignment_ms() const { return alignment_ms_; }

 private:
  std::optional<CheckpointBarrier> Complete() {
    if (!pending_) return std::nullopt;
    for (size_t i = 0; i < arrived_.size(); ++i) {
      if (!arrived_[i] && !ended_[i]) return std::nullopt;
    }
    alignment_ms_ = (clock_.NowNanos() - started_nanos_) / 1'000'000;
    return Release();
  }

  std::optional<CheckpointBarrier> Release() {
    for (size_t i = 0; i < arrived_.size(); ++i) {
      arrived_[i] = false;
      gate_.SetBlocked(i, false);
    }
    done_ = pending_->checkpoint();
    given_up_.erase(given_up_.begin(), given_up_.upper_bound(done_));
    return std::exchange(pending_, std::nullopt);
  }

  InputGate& gate_;
  const Clock& clock_;
  const bool blocks_;
  std::vector<bool> ended_;
  std::vector<bool> arrived_;
  std::optional<CheckpointBarrier> pending_;
  int64_t done_ = 0;            // the last checkpoint that was aligned or let go
  std::set<int64_t> given_up_;  // later ones whose barriers may still come
  int64_t started_nanos_ = 0;
  int64_t alignment_ms_ = 0;
};

}  // namespace pyflinkpp
