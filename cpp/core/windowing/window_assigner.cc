#include "core/windowing/window_assigner.h"

#include <algorithm>

namespace pyflinkpp {

absl::Status WindowAssigner::MergeWindows(std::span<const Window> windows, WindowMerges& merges) {
  merges.Clear();
  // Sorted in the place of the result, then closed up: a group's windows lie together.
  std::vector<Window>& sorted = merges.merged;
  sorted.assign(windows.begin(), windows.end());
  std::sort(sorted.begin(), sorted.end(), [](const Window& a, const Window& b) {
    return a.start != b.start ? a.start < b.start : a.end < b.end;
  });
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  size_t kept = 0;
  for (size_t begin = 0; begin < sorted.size();) {
    Window cover = sorted[begin];
    size_t end = begin + 1;
    for (; end < sorted.size() && Intersects(cover, sorted[end]); ++end)
      cover = Cover(cover, sorted[end]);
    if (end - begin > 1) {
      kept = static_cast<size_t>(std::copy(sorted.begin() + static_cast<int64_t>(begin),
                                           sorted.begin() + static_cast<int64_t>(end),
                                           sorted.begin() + static_cast<int64_t>(kept)) -
                                 sorted.begin());
      merges.results.push_back(cover);
      merges.ends.push_back(static_cast<uint32_t>(kept));
    }
    begin = end;
  }
  sorted.resize(kept);
  return absl::OkStatus();
}

}  // namespace pyflinkpp
