// The sessions of one key that are under way, as a row of keyed state.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "core/types/type_serializer.h"
#include "core/windowing/window_assigner.h"

namespace pyflinkpp {

// A window and the one under which its contents are kept: the first of those that it was merged
// from, so that most merges move no contents.
struct MergingWindow {
  Window window;
  Window state;
};

// A view of a row; its value has one owner, the state. Zeros are the empty set. A single window,
// the common case, lies in the row itself.
//
//   row:  size u32 | capacity u32 (0: inline) | MergingWindow, or a pointer to `capacity` of them
class MergingWindowSet {
 public:
  static constexpr uint32_t kStride = 8 + sizeof(MergingWindow);
  static const std::shared_ptr<const TypeSerializer>& Serializer();

  // What to do when windows have become one: `merged` were in the set before, and the contents kept
  // under `states` belong to what is kept under `state` now.
  using OnMerge =
      absl::FunctionRef<absl::Status(const Window& result, std::span<const Window> merged,
                                     const Window& state, std::span<const Window> states)>;
  // Reused from call to call, so that nothing is allocated.
  struct Scratch {
    std::vector<Window> windows;
    WindowMerges merges;
    std::vector<Window> merged;
    std::vector<Window> states;
  };

  explicit MergingWindowSet(std::byte* row) : row_(row) {}

  std::span<const MergingWindow> windows() const { return {Data(), Size()}; }
  bool empty() const { return Size() == 0; }

  // Adds an element's window, merged with others of the set as `assigner` says. The window of the
  // set that holds it then.
  absl::StatusOr<Window> Add(const Window& window, WindowAssigner& assigner, Scratch& scratch,
                             OnMerge on_merge);

  // Under which window the contents are kept; null when the set has no such window.
  static const Window* StateOf(const std::byte* row, const Window& window);
  const Window* StateOf(const Window& window) const { return StateOf(row_, window); }

  // REQUIRES: the set has the window.
  void Retire(const Window& window) { Take(window); }

 private:
  friend class MergingWindowSetSerializer;

  uint32_t& Size() const { return reinterpret_cast<uint32_t*>(row_)[0]; }
  uint32_t& Capacity() const { return reinterpret_cast<uint32_t*>(row_)[1]; }
  MergingWindow*& Many() const { return *reinterpret_cast<MergingWindow**>(row_ + 8); }
  MergingWindow* Data() const {
    return Capacity() == 0 ? reinterpret_cast<MergingWindow*>(row_ + 8) : Many();
  }

  void Append(const MergingWindow& window);
  Window Take(const Window& window);  // gives its state window
  void Free();

  std::byte* row_;
};

}  // namespace pyflinkpp
