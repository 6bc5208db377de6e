#include "core/windowing/session_windows.h"

#include <utility>

#include "core/base/status.h"

namespace pyflinkpp {
namespace {

// As in Flink, an element without a timestamp is no error: its session starts at the first of all
// times.
class SessionWindows final : public WindowAssigner {
 public:
  SessionWindows(int64_t fixed_gap, std::unique_ptr<SessionGap> gap, bool event_time)
      : fixed_gap_(fixed_gap), gap_(std::move(gap)), event_time_(event_time) {}

  bool event_time() const override { return event_time_; }
  bool merging() const override { return true; }
  void Enter() override {
    if (gap_ != nullptr) gap_->Enter();
  }
  void Leave() override {
    if (gap_ != nullptr) gap_->Leave();
  }

  absl::Status Assign(const RecordBatch& batch, size_t i, int64_t timestamp,
                      AssignerContext& context, std::vector<Window>& windows) override {
    const int64_t start = event_time_ ? timestamp : context.current_processing_time();
    int64_t gap = fixed_gap_;
    if (gap_ != nullptr) {
      ASSIGN_OR_RETURN(gap, gap_->Of(batch, i));
      if (gap <= 0) return UserError("The gap of a session has to be greater than 0.");
    }
    windows.push_back({start, SaturatingAdd(start, gap)});
    return absl::OkStatus();
  }

 private:
  const int64_t fixed_gap_;
  const std::unique_ptr<SessionGap> gap_;  // null: the fixed one
  const bool event_time_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeSessionWindows(int64_t gap, bool event_time) {
  if (gap <= 0) return UserError("Session windows need a gap > 0.");
  return std::make_unique<SessionWindows>(gap, nullptr, event_time);
}

std::unique_ptr<WindowAssigner> MakeSessionWindows(std::unique_ptr<SessionGap> gap,
                                                   bool event_time) {
  return std::make_unique<SessionWindows>(0, std::move(gap), event_time);
}

}  // namespace pyflinkpp
