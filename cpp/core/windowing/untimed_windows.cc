#include "core/windowing/untimed_windows.h"

#include <utility>

#include "core/base/status.h"

namespace pyflinkpp {
namespace {

class GlobalWindows final : public WindowAssigner {
 public:
  bool event_time() const override { return false; }
  bool by_time_only() const override { return true; }

  absl::Status Assign(const RecordBatch&, size_t, int64_t, AssignerContext&,
                      std::vector<Window>& windows) override {
    windows.push_back(GlobalWindow());
    return absl::OkStatus();
  }
  absl::Status AssignRun(std::span<const int64_t> times, size_t windows_max,
                         WindowRun& run) override {
    for (size_t i = 0; i < times.size() && i < windows_max; ++i) {
      run.windows.push_back(GlobalWindow());
      run.ends.push_back(static_cast<uint32_t>(i + 1));
    }
    return absl::OkStatus();
  }
};

class CountWindows final : public WindowAssigner {
 public:
  CountWindows(int64_t size, int64_t slide) : size_(size), slide_(slide) {}

  bool event_time() const override { return false; }

  absl::Status Assign(const RecordBatch&, size_t, int64_t, AssignerContext& context,
                      std::vector<Window>& windows) override {
    ASSIGN_OR_RETURN(number_, context.NextElementNumber());
    for (int64_t k = number_ / slide_; k >= 0 && number_ - k * slide_ < size_; --k)
      windows.push_back(CountWindow(k));
    return absl::OkStatus();
  }

  bool IsLastElementOf(const Window& window) const override {
    return number_ - window.start * slide_ == size_ - 1;
  }

 private:
  const int64_t size_;
  const int64_t slide_;
  int64_t number_ = 0;  // of the element that was assigned last, among its key's
};

}  // namespace

std::unique_ptr<WindowAssigner> MakeGlobalWindows() { return std::make_unique<GlobalWindows>(); }

absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeCountWindows(int64_t size, int64_t slide) {
  if (size <= 0 || slide <= 0) return UserError("Count windows need size > 0 and slide > 0.");
  return std::make_unique<CountWindows>(size, slide);
}

}  // namespace pyflinkpp
