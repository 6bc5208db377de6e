// Triggers that no time fires.
#include "core/base/status.h"
#include "core/windowing/trigger.h"

namespace pyflinkpp {
namespace {

constexpr int kCount = 0;  // the slot: elements since the last firing

class CountTrigger final : public Trigger {
 public:
  explicit CountTrigger(int64_t limit) : limit_(limit) {}

  absl::StatusOr<TriggerResult> OnElement(RecordBatch&, size_t, int64_t,
                                          TriggerContext& context) override {
    if (limit_ <= 1) return TriggerResult::kFire;
    ASSIGN_OR_RETURN(const std::optional<int64_t> before, context.Get(kCount));
    const int64_t count = before.value_or(0) + 1;
    if (count < limit_) {
      RETURN_IF_ERROR(context.Set(kCount, count));
      return TriggerResult::kContinue;
    }
    RETURN_IF_ERROR(context.Erase(kCount));
    return TriggerResult::kFire;
  }

  bool can_merge() const override { return true; }
  absl::Status OnMerge(std::span<const Window> merged, TriggerContext& context) override {
    ASSIGN_OR_RETURN(const std::optional<int64_t> own, context.Get(kCount));
    int64_t count = own.value_or(0);
    for (const Window& window : merged) {
      ASSIGN_OR_RETURN(const std::optional<int64_t> other, context.GetOf(window, kCount));
      count += other.value_or(0);
    }
    return count == 0 ? absl::OkStatus() : context.Set(kCount, count);
  }
  absl::Status Clear(TriggerContext& context) override { return context.Erase(kCount); }

 private:
  const int64_t limit_;
};

class NeverTrigger final : public Trigger {
 public:
  absl::StatusOr<TriggerResult> OnElement(RecordBatch&, size_t, int64_t, TriggerContext&) override {
    return TriggerResult::kContinue;
  }
  bool can_merge() const override { return true; }
  absl::Status OnMerge(std::span<const Window>, TriggerContext&) override {
    return absl::OkStatus();
  }
  absl::Status Clear(TriggerContext&) override { return absl::OkStatus(); }
};

}  // namespace

std::unique_ptr<Trigger> MakeCountTrigger(int64_t count) {
  return std::make_unique<CountTrigger>(count);
}
std::unique_ptr<Trigger> MakeNeverTrigger() { return std::make_unique<NeverTrigger>(); }

}  // namespace pyflinkpp
