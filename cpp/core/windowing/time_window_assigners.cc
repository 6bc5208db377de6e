#include "core/windowing/time_window_assigners.h"

#include <utility>

#include "core/base/status.h"

namespace pyflinkpp {
namespace {

absl::Status NoTimestamp() {
  return UserError(
      "An element without a timestamp came to an event-time window. Either call "
      "assign_timestamps_and_watermarks(...) before "
      "the window, or use windows on processing time.");
}

class GridWindows final : public WindowAssigner {
 public:
  GridWindows(int64_t size, int64_t slide, int64_t offset, bool event_time)
      : grid_(size, slide, offset),
        event_time_(event_time),
        tumbling_(size == slide),
        overlapping_(slide < size) {}

  bool event_time() const override { return event_time_; }
  bool by_time_only() const override { return true; }

  absl::Status Assign(const RecordBatch&, size_t, int64_t timestamp, AssignerContext& context,
                      std::vector<Window>& windows) override {
    const int64_t time = event_time_ ? timestamp : context.current_processing_time();
    if (event_time_ && time == kMinTimestamp) return NoTimestamp();
    Append(time, windows);
    return absl::OkStatus();
  }

  absl::Status AssignRun(std::span<const int64_t> times, size_t windows_max,
                         WindowRun& run) override {
    for (const int64_t time : times) {
      if (event_time_ && time == kMinTimestamp)
        return run.elements() == 0 ? NoTimestamp() : absl::OkStatus();
      Append(time, run.windows);
      run.ends.push_back(static_cast<uint32_t>(run.windows.size()));
      if (run.windows.size() >= windows_max) break;
    }
    return absl::OkStatus();
  }

  const WindowPanes* panes() const override { return overlapping_ ? &grid_ : nullptr; }
  absl::Status AssignPanes(std::span<const int64_t> times, std::vector<Pane>& panes) override {
    for (const int64_t time : times) {
      if (event_time_ && time == kMinTimestamp)
        return panes.empty() ? NoTimestamp() : absl::OkStatus();
      if (time < pane_.start || time >= pane_.end) pane_ = grid_.Of(time);
      panes.push_back(pane_);
    }
    return absl::OkStatus();
  }

 private:
  // Neighbours in time mostly share their windows: no division then.
  void Append(int64_t time, std::vector<Window>& windows) {
    if (tumbling_ && last_.start <= time && time < last_.end) return windows.push_back(last_);
    grid_.AppendWindows(time, windows);
    if (tumbling_) last_ = windows.back();
  }

  const WindowPanes grid_;
  const bool event_time_;
  const bool tumbling_;
  const bool overlapping_;
  // Of the element before.
  Window last_{0, 0};
  Pane pane_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeTumblingWindows(int64_t size, int64_t offset,
                                                                    bool event_time) {
  if (size <= 0) return UserError("Tumbling windows need size > 0.");
  if (offset <= -size || offset >= size)
    return UserError("Tumbling windows need abs(offset) < size.");
  return std::make_unique<GridWindows>(size, size, offset, event_time);
}

absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeSlidingWindows(int64_t size, int64_t slide,
                                                                   int64_t offset,
                                                                   bool event_time) {
  if (size <= 0 || slide <= 0) return UserError("Sliding windows need size > 0 and slide > 0.");
  if (offset <= -slide || offset >= slide)
    return UserError("Sliding windows need abs(offset) < slide.");
  return std::make_unique<GridWindows>(size, slide, offset, event_time);
}

}  // namespace pyflinkpp
