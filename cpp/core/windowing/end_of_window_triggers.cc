// Triggers that fire when their window ends, by the watermark or by the clock.
#include "core/windowing/trigger.h"

namespace pyflinkpp {
namespace {

class EventTimeTrigger final : public Trigger {
 public:
  absl::StatusOr<TriggerResult> OnElement(RecordBatch&, size_t, int64_t,
                                          TriggerContext& context) override {
    const int64_t last = context.window().max_timestamp();
    if (last <= context.current_watermark()) return TriggerResult::kFire;
    context.RegisterEventTimeTimer(last);
    return TriggerResult::kContinue;
  }
  absl::StatusOr<TriggerResult> OnEventTime(int64_t time, TriggerContext& context) override {
    return time == context.window().max_timestamp() ? TriggerResult::kFire
                                                    : TriggerResult::kContinue;
  }

  bool can_merge() const override { return true; }
  // When the watermark is behind the end already, OnElement fires; a timer would fire a second
  // time.
  absl::Status OnMerge(std::span<const Window>, TriggerContext& context) override {
    const int64_t last = context.window().max_timestamp();
    if (last > context.current_watermark()) context.RegisterEventTimeTimer(last);
    return absl::OkStatus();
  }
  absl::Status Clear(TriggerContext& context) override {
    context.DeleteEventTimeTimer(context.window().max_timestamp());
    return absl::OkStatus();
  }
  bool is_plain_event_time() const override { return true; }
};

class ProcessingTimeTrigger final : public Trigger {
 public:
  absl::StatusOr<TriggerResult> OnElement(RecordBatch&, size_t, int64_t,
                                          TriggerContext& context) override {
    context.RegisterProcessingTimeTimer(context.window().max_timestamp());
    return TriggerResult::kContinue;
  }
  absl::StatusOr<TriggerResult> OnProcessingTime(int64_t, TriggerContext&) override {
    return TriggerResult::kFire;
  }

  bool can_merge() const override { return true; }
  absl::Status OnMerge(std::span<const Window>, TriggerContext& context) override {
    const int64_t last = context.window().max_timestamp();
    if (last > context.current_processing_time()) context.RegisterProcessingTimeTimer(last);
    return absl::OkStatus();
  }
  absl::Status Clear(TriggerContext& context) override {
    context.DeleteProcessingTimeTimer(context.window().max_timestamp());
    return absl::OkStatus();
  }
};

}  // namespace

std::unique_ptr<Trigger> MakeEventTimeTrigger() { return std::make_unique<EventTimeTrigger>(); }
std::unique_ptr<Trigger> MakeProcessingTimeTrigger() {
  return std::make_unique<ProcessingTimeTrigger>();
}

}  // namespace pyflinkpp
