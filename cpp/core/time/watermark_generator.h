// Watermarks that follow the timestamps of a stream.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/stream/stream_element.h"

namespace pyflinkpp {

// The greatest timestamp, less how far elements may be out of order, less one: an element of an
// equal timestamp may come.
class BoundedOutOfOrderness {
 public:
  explicit BoundedOutOfOrderness(int64_t max_out_of_orderness_ms)
      : bound_(max_out_of_orderness_ms), greatest_(kMinTimestamp + max_out_of_orderness_ms + 1) {}

  void OnEvent(int64_t timestamp) { greatest_ = std::max(greatest_, timestamp); }
  int64_t watermark() const { return greatest_ - bound_ - 1; }

 private:
  const int64_t bound_;
  int64_t greatest_;
};

// Decides which watermarks are sent: they only rise; a stream without elements for a while is said
// to be idle.
class WatermarkEmitter {
 public:
  explicit WatermarkEmitter(int64_t idle_timeout_ms) : idle_timeout_(idle_timeout_ms) {}

  void OnEvent() { active_ = true; }
  // What to send, given that the generator stands at `watermark`.
  std::optional<Watermark> Advance(int64_t watermark) {
    if (watermark <= sent_ && !idle_) return std::nullopt;
    sent_ = std::max(sent_, watermark);
    idle_ = false;
    return Watermark{sent_, false};
  }
  // The periodic call at `now`, wall clock in milliseconds.
  std::optional<Watermark> Periodic(int64_t watermark, int64_t now) {
    if (active_ || last_active_ == kMinTimestamp) last_active_ = now;
    const bool was_active = std::exchange(active_, false);
    if (idle_timeout_ > 0 && now - last_active_ >= idle_timeout_) return MarkIdle();
    if (idle_ && !was_active) return std::nullopt;
    return Advance(watermark);
  }
  std::optional<Watermark> MarkIdle() {
    if (std::exchange(idle_, true)) return std::nullopt;
    return Watermark{sent_, true};
  }

 private:
  const int64_t idle_timeout_;  // 0: never idle
  int64_t sent_ = kMinTimestamp;
  bool idle_ = false;
  bool active_ = false;  // since the last periodic call
  int64_t last_active_ = kMinTimestamp;
};

}  // namespace pyflinkpp
