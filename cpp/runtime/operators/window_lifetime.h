// How long a window of an operator lives.
#pragma once

#include "core/windowing/trigger.h"
#include "core/windowing/window.h"
#include "runtime/operators/window_function.h"

namespace pyflinkpp {

// Event-time windows live until the watermark is `allowed_lateness` behind their last time, others
// until the clock shows their last time. The timer of that kind which ends a window is its cleanup
// timer; there is none at kMaxTimestamp.
class WindowLifetime {
 public:
  WindowLifetime(bool event_time, int64_t allowed_lateness)
      : event_time_(event_time), lateness_(allowed_lateness) {}

  bool event_time() const { return event_time_; }
  bool IsLate(const Window& window, const WindowTimes& times) const {
    return event_time_ && CleanupTime(window, lateness_) <= times.current_watermark();
  }
  bool IsElementLate(int64_t timestamp, const WindowTimes& times) const {
    return event_time_ && SaturatingAdd(timestamp, lateness_) <= times.current_watermark();
  }
  int64_t CleanupTimeOf(const Window& window) const {
    return event_time_ ? CleanupTime(window, lateness_) : window.max_timestamp();
  }
  // The cleanup timer of the context's window.
  void RegisterCleanup(TriggerContext& context) const {
    const int64_t time = CleanupTimeOf(context.window());
    if (time == kMaxTimestamp) return;
    event_time_ ? context.RegisterEventTimeTimer(time) : context.RegisterProcessingTimeTimer(time);
  }
  void DeleteCleanup(TriggerContext& context) const {
    const int64_t time = CleanupTimeOf(context.window());
    if (time == kMaxTimestamp) return;
    event_time_ ? context.DeleteEventTimeTimer(time) : context.DeleteProcessingTimeTimer(time);
  }

 private:
  const bool event_time_;
  const int64_t lateness_;
};

}  // namespace pyflinkpp
