// Aligns the barriers of a task's channels.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "runtime/network/input_gate.h"

namespace pyflinkpp {

// Exactly once by alignment: a channel whose barrier has come is not read until all others' have.
//
//   channel 0  r r |n| . .        the task goes on reading channel 1 only,
//   channel 1  r r r r |n|        then the barrier n passes, and both are read again
class CheckpointBarrierHandler {
 public:
  explicit CheckpointBarrierHandler(InputGate& gate)
      : gate_(gate), ended_(gate.size()), arrived_(gate.size()) {}

  // Takes a barrier from a channel; returns it when it is the last one.
  std::optional<CheckpointBarrier> OnBarrier(size_t channel, const CheckpointBarrier& barrier) {
    pending_ = barrier;
    arrived_[channel] = true;
    gate_.SetBlocked(channel, true);
    return Complete();
  }

  // A channel that has ended sends no barrier any more: it counts as aligned.
  std::optional<CheckpointBarrier> OnEnd(size_t channel) {
    ended_[channel] = true;
    return Complete();
  }

 private:
  std::optional<CheckpointBarrier> Complete() {
    if (!pending_) return std::nullopt;
    for (size_t i = 0; i < arrived_.size(); ++i) {
      if (!arrived_[i] && !ended_[i]) return std::nullopt;
    }
    for (size_t i = 0; i < arrived_.size(); ++i) {
      arrived_[i] = false;
      gate_.SetBlocked(i, false);
    }
    return std::exchange(pending_, std::nullopt);
  }

  InputGate& gate_;
  std::vector<bool> ended_;
  std::vector<bool> arrived_;
  std::optional<CheckpointBarrier> pending_;
};

}  // namespace pyflinkpp
