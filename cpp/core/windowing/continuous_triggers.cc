// Triggers that fire again and again while their window is there.
#include <algorithm>

#include "core/base/status.h"
#include "core/windowing/trigger.h"

namespace pyflinkpp {
namespace {

// Slot 0 has the time of the next firing, which is also a timer. It is never later than the
// window's last time.
constexpr int kNext = 0;

// What event and processing time have in common; `Time` says how timers of its kind are registered
// and deleted.
template <class Time>
class ContinuousTrigger : public Trigger {
 public:
  explicit ContinuousTrigger(int64_t interval) : interval_(interval) {}

  bool can_merge() const override { return true; }

  // The earliest of the next firings is the window's.
  absl::Status OnMerge(std::span<const Window> merged, TriggerContext& context) override {
    ASSIGN_OR_RETURN(std::optional<int64_t> next, context.Get(kNext));
    for (const Window& window : merged) {
      ASSIGN_OR_RETURN(const std::optional<int64_t> other, context.GetOf(window, kNext));
      if (other.has_value()) next = next.has_value() ? std::min(*next, *other) : *other;
    }
    if (!next.has_value()) return absl::OkStatus();
    Time::Register(context, *next);
    return context.Set(kNext, *next);
  }

  absl::Status Clear(TriggerContext& context) override {
    ASSIGN_OR_RETURN(const std::optional<int64_t> next, context.Get(kNext));
    if (!next.has_value()) return absl::OkStatus();
    Time::Delete(context, *next);
    return context.Erase(kNext);
  }

 protected:
  // The first firing after an element at `time`: the next multiple of the interval.
  absl::Status Start(int64_t time, TriggerContext& context) {
    ASSIGN_OR_RETURN(const std::optional<int64_t> next, context.Get(kNext));
    if (next.has_value()) return absl::OkStatus();
    return SetNext(SaturatingAdd(time, -FloorMod(time, interval_)), context);
  }

  // A timer at `time`: fires when it is the next firing, and plans the one after it.
  absl::StatusOr<TriggerResult> Continue(int64_t time, TriggerContext& context) {
    ASSIGN_OR_RETURN(const std::optional<int64_t> next, context.Get(kNext));
    if (next != time) return TriggerResult::kContinue;
    RETURN_IF_ERROR(context.Erase(kNext));
    // The firing at the window's last time is its last one. (Registering it once more, as Flink
    // does, makes a timer that is due already: of a window on event time it would fire for ever.)
    if (time < context.window().max_timestamp()) RETURN_IF_ERROR(SetNext(time, context));
    return TriggerResult::kFire;
  }

 private:
  absl::Status SetNext(int64_t after, TriggerContext& context) {
    const int64_t next =
        std::min(SaturatingAdd(after, interval_), context.window().max_timestamp());
    Time::Register(context, next);
    return context.Set(kNext, next);
  }

  const int64_t interval_;
};

struct EventTime {
  static void Register(TriggerContext& context, int64_t time) {
    context.RegisterEventTimeTimer(time);
  }
  static void Delete(TriggerContext& context, int64_t time) { context.DeleteEventTimeTimer(time); }
};
struct ProcessingTime {
  static void Register(TriggerContext& context, int64_t time) {
    context.RegisterProcessingTimeTimer(time);
  }
  static void Delete(TriggerContext& context, int64_t time) {
    context.DeleteProcessingTimeTimer(time);
  }
};

class ContinuousEventTimeTrigger final : public ContinuousTrigger<EventTime> {
 public:
  using ContinuousTrigger::ContinuousTrigger;

  absl::StatusOr<TriggerResult> OnElement(RecordBatch&, size_t, int64_t timestamp,
                                          TriggerContext& context) override {
    const int64_t last = context.window().max_timestamp();
    if (last <= context.current_watermark()) return TriggerResult::kFire;
    context.RegisterEventTimeTimer(last);
    RETURN_IF_ERROR(Start(timestamp, context));
    return TriggerResult::kContinue;
  }
  absl::StatusOr<TriggerResult> OnEventTime(int64_t time, TriggerContext& context) override {
    if (time == context.window().max_timestamp()) return TriggerResult::kFire;
    return Continue(time, context);
  }
  absl::Status Clear(TriggerContext& context) override {
    context.DeleteEventTimeTimer(context.window().max_timestamp());
    return ContinuousTrigger::Clear(context);
  }
};

class ContinuousProcessingTimeTrigger final : public ContinuousTrigger<ProcessingTime> {
 public:
  using ContinuousTrigger::ContinuousTrigger;

  absl::StatusOr<TriggerResult> OnElement(RecordBatch&, size_t, int64_t,
                                          TriggerContext& context) override {
    RETURN_IF_ERROR(Start(context.current_processing_time(), context));
    return TriggerResult::kContinue;
  }
  absl::StatusOr<TriggerResult> OnProcessingTime(int64_t time, TriggerContext& context) override {
    return Continue(time, context);
  }
};

}  // namespace

std::unique_ptr<Trigger> MakeContinuousEventTimeTrigger(int64_t interval) {
  return std::make_unique<ContinuousEventTimeTrigger>(interval);
}
std::unique_ptr<Trigger> MakeContinuousProcessingTimeTrigger(int64_t interval) {
  return std::make_unique<ContinuousProcessingTimeTrigger>(interval);
}

}  // namespace pyflinkpp
