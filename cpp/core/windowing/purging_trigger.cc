#include <utility>

#include "core/windowing/trigger.h"

namespace pyflinkpp {
namespace {

class PurgingTrigger final : public Trigger {
 public:
  explicit PurgingTrigger(std::unique_ptr<Trigger> trigger) : trigger_(std::move(trigger)) {}

  void Enter() override { trigger_->Enter(); }
  void Leave() override { trigger_->Leave(); }

  absl::StatusOr<TriggerResult> OnElement(RecordBatch& batch, size_t i, int64_t timestamp,
                                          TriggerContext& context) override {
    return Purging(trigger_->OnElement(batch, i, timestamp, context));
  }
  absl::StatusOr<TriggerResult> OnEventTime(int64_t time, TriggerContext& context) override {
    return Purging(trigger_->OnEventTime(time, context));
  }
  absl::StatusOr<TriggerResult> OnProcessingTime(int64_t time, TriggerContext& context) override {
    return Purging(trigger_->OnProcessingTime(time, context));
  }

  bool can_merge() const override { return trigger_->can_merge(); }
  absl::Status OnMerge(std::span<const Window> merged, TriggerContext& context) override {
    return trigger_->OnMerge(merged, context);
  }
  absl::Status Clear(TriggerContext& context) override { return trigger_->Clear(context); }

 private:
  static absl::StatusOr<TriggerResult> Purging(absl::StatusOr<TriggerResult> result) {
    return result.ok() && Fires(*result) ? TriggerResult::kFireAndPurge : result;
  }

  const std::unique_ptr<Trigger> trigger_;
};

}  // namespace

std::unique_ptr<Trigger> MakePurgingTrigger(std::unique_ptr<Trigger> trigger) {
  return std::make_unique<PurgingTrigger>(std::move(trigger));
}

}  // namespace pyflinkpp
