// Which windows an element belongs to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/stream/record_batch.h"
#include "core/windowing/window.h"
#include "core/windowing/window_panes.h"

namespace pyflinkpp {

// The windows of consecutive elements: those of element e are windows[ends[e - 1]] up to
// windows[ends[e]].
struct WindowRun {
  std::vector<Window> windows;
  std::vector<uint32_t> ends;

  size_t elements() const { return ends.size(); }
  size_t begin(size_t element) const { return element == 0 ? 0 : ends[element - 1]; }
  void Clear() {
    windows.clear();
    ends.clear();
  }
};

// Which windows become one. Flat, so that the common case allocates nothing: group g is result[g],
// made of merged[ends[g - 1]] up to merged[ends[g]].
struct WindowMerges {
  std::vector<Window> results;
  std::vector<Window> merged;
  std::vector<uint32_t> ends;

  size_t groups() const { return results.size(); }
  std::span<const Window> group(size_t g) const {
    const size_t begin = g == 0 ? 0 : ends[g - 1];
    return std::span<const Window>(merged).subspan(begin, ends[g] - begin);
  }
  void Clear() {
    results.clear();
    merged.clear();
    ends.clear();
  }
};

// What an assigner may know beside the element.
class AssignerContext {
 public:
  virtual ~AssignerContext() = default;
  virtual const RecordKey& key() const = 0;  // the element's
  virtual int64_t current_processing_time() const = 0;
  virtual int64_t current_watermark() const = 0;
  // Counts the key's elements, this one included: 0 for the first one.
  virtual absl::StatusOr<int64_t> NextElementNumber() = 0;
};

// Owned by a window operator, used on its task's loop.
class WindowAssigner {
 public:
  virtual ~WindowAssigner() = default;

  // Whether its windows' times are event time, else the wall clock's.
  virtual bool event_time() const = 0;
  // Its windows of one key may grow together (sessions).
  virtual bool merging() const { return false; }

  // Around a run of Assign and MergeWindows: for what is needed once (the interpreter's lock).
  // Others' Enter may lie inside.
  virtual void Enter() {}
  virtual void Leave() {}

  // Appends the windows of element `i` to `windows`. Called once for each element, in order.
  // `timestamp` is kMinTimestamp when the element has none.
  virtual absl::Status Assign(const RecordBatch& batch, size_t i, int64_t timestamp,
                              AssignerContext& context, std::vector<Window>& windows) = 0;

  // Windows depend on the time alone, so they may be computed ahead and again, in bulk.
  virtual bool by_time_only() const { return false; }
  // REQUIRES: by_time_only(). Appends the windows of elements with these times (timestamps, or the
  // clock's time) to an empty run; stops when it has at least `windows_max` windows, or in front of
  // an element that has an error: that is returned when it is the first.
  virtual absl::Status AssignRun(std::span<const int64_t> times, size_t windows_max,
                                 WindowRun& run) {
    (void)times, (void)windows_max, (void)run;
    return absl::InternalError("windows do not depend on the time alone");
  }

  // Its windows overlap and have these panes in common; null: they don't.
  virtual const WindowPanes* panes() const { return nullptr; }
  // REQUIRES: panes(). As AssignRun, with the one pane of each element.
  virtual absl::Status AssignPanes(std::span<const int64_t> times, std::vector<Pane>& panes) {
    (void)times, (void)panes;
    return absl::InternalError("windows have no panes");
  }

  // REQUIRES: merging(). Which of these windows of one key become one; groups of a single window
  // are left out. The default is the sessions' rule: those that intersect or touch.
  virtual absl::Status MergeWindows(std::span<const Window> windows, WindowMerges& merges);

  // No further element comes into the window that the last Assign has given. Then a window that is
  // also purged is gone for good.
  virtual bool IsLastElementOf(const Window& window) const {
    (void)window;
    return false;
  }
};

}  // namespace pyflinkpp
