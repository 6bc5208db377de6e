#include "core/windowing/window_panes.h"

#include <algorithm>

namespace pyflinkpp {

void WindowPanes::AppendWindows(int64_t time, std::vector<Window>& windows) const {
  for (int64_t start = LastStart(time); Holds(start, time);) {
    windows.push_back(At(start));
    const int64_t next = SaturatingAdd(start, -slide_);
    if (next == start) break;  // there are no earlier times
    start = next;
  }
}

Pane WindowPanes::Of(int64_t time) const {
  const int64_t last = LastStart(time);
  Pane pane;
  const bool behind_an_end =
      static_cast<uint64_t>(time) - static_cast<uint64_t>(last) >= static_cast<uint64_t>(rest_);
  pane.start = behind_an_end ? last + rest_ : last;
  pane.end = SaturatingAdd(last, behind_an_end ? slide_ : rest_);
  if (last == kMinTimestamp) pane.end = time + 1;  // the next start on the grid is not a slide away

  // The earliest window of all ends beside the grid.
  const int64_t earliest_end = SaturatingAdd(kMinTimestamp, size_);
  if (time >= earliest_end) {
    pane.start = std::max(pane.start, earliest_end);
  } else {
    pane.end = std::min(pane.end, earliest_end);
  }

  // last <= pane.start < last + slide < last + size: nothing overflows.
  const int64_t before = (size_ - 1 - (pane.start - last)) / slide_;
  int64_t first = SaturatingAdd(last, -before * slide_);
  if (Holds(kMinTimestamp, pane.start) && SaturatingAdd(first, -slide_) == kMinTimestamp) {
    first = kMinTimestamp;
  }
  pane.first = At(first);
  pane.last = At(last);
  return pane;
}

}  // namespace pyflinkpp
