// Turns the watermarks of several channels into the one of their task.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "core/stream/stream_element.h"

namespace pyflinkpp {

// The task's watermark is the least of its live channels'. Idle channels are left out; when all are
// idle, so is the task. It never goes back, also when a channel that was idle comes back with less.
class StatusWatermarkValve {
 public:
  explicit StatusWatermarkValve(size_t channels) : channels_(channels) {}

  // Takes a channel's watermark; returns what the task now says, if that is new.
  // The live channel that is behind the others; none when all are idle.
  std::optional<size_t> holder() const {
    std::optional<size_t> least;
    for (size_t i = 0; i < channels_.size(); ++i) {
      if (channels_[i].idle) continue;
      if (!least || channels_[i].timestamp < channels_[*least].timestamp) least = i;
    }
    return least;
  }

  std::optional<Watermark> Advance(size_t channel, const Watermark& watermark) {
    channels_[channel].idle = watermark.idle;
    if (!watermark.idle)
      channels_[channel].timestamp = std::max(channels_[channel].timestamp, watermark.timestamp);
    Watermark next{kMaxTimestamp, true};
    for (const Watermark& each : channels_) {
      if (each.idle) continue;
      next.idle = false;
      next.timestamp = std::min(next.timestamp, each.timestamp);
    }
    next.timestamp = next.idle ? task_.timestamp : std::max(task_.timestamp, next.timestamp);
    if (next.timestamp == task_.timestamp && next.idle == task_.idle) return std::nullopt;
    task_ = next;
    return task_;
  }

 private:
  std::vector<Watermark> channels_;
  Watermark task_;
};

}  // namespace pyflinkpp
