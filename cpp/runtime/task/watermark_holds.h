// What holds a task's event time, since when, and what held it longest.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "core/idl/pyflinkpp_types.h"
#include "core/stream/stream_element.h"

namespace pyflinkpp {

// A task's watermark and what keeps it where it is: the channel or the split that is behind the
// others.
struct EventTimeState {
  Watermark watermark;
  int edge = -1;     // of the channel: the exchange,
  int subtask = -1;  // and the sending subtask; -1: no channel does
  std::string split;

  bool operator==(const EventTimeState& other) const {
    return std::tie(watermark.timestamp, watermark.idle, edge, subtask, split) ==
           std::tie(other.watermark.timestamp, other.watermark.idle, other.edge, other.subtask,
                    other.split);
  }
};

// Is shown a task's state now and then; what came between two looks it does not know. A hold lasts
// while neither the watermark nor its holder changes. Owned by the task.
class WatermarkHolds {
 public:
  // `now`: wall clock, milliseconds since the epoch.
  void Look(int64_t now, EventTimeState state) {
    if (since_ms_ != 0 && state == state_) return;
    Close(now);
    state_ = std::move(state);
    since_ms_ = now;
  }

  const EventTimeState& state() const { return state_; }
  int64_t since_ms() const { return since_ms_; }

  // The longest hold up to `now`; one of no length when there was none.
  const idl::WatermarkHold& Longest(int64_t now) {
    Close(now);
    return longest_;
  }

 private:
  bool held() const {
    return !state_.watermark.idle && state_.watermark.timestamp != kMaxTimestamp &&
           (state_.edge >= 0 || !state_.split.empty());
  }
  void Close(int64_t now) {
    if (since_ms_ == 0 || !held() || now - since_ms_ <= longest_.until_ms - longest_.since_ms)
      return;
    longest_.edge = state_.edge;
    longest_.subtask = state_.subtask;
    longest_.split = state_.split;
    longest_.watermark = state_.watermark.timestamp;
    longest_.since_ms = since_ms_;
    longest_.until_ms = now;
  }

  EventTimeState state_;
  int64_t since_ms_ = 0;  // 0: not looked yet
  idl::WatermarkHold longest_;
};

}  // namespace pyflinkpp
