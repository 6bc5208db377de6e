// How windows that overlap are cut into parts that they share.
#pragma once

#include <cstdint>
#include <vector>

#include "core/windowing/window.h"

namespace pyflinkpp {

// The times from `start` to before `end`, which all have the same windows. `start` names it.
struct Pane {
  int64_t start = 0;
  int64_t end = 0;
  Window first;  // the earliest window that it is a part of, and the latest
  Window last;
};

// Sliding windows on a grid of times. A pane reaches from one window's start or end to the next:
//
//   windows    |--------size--------|
//                      |--------size--------|
//   panes      |    |  |    |  |    |  |    |     (one a slide where it divides the size, else two)
//
// Multiples of gcd(size, slide) would cut at these places as well, and at many more: 10 s and 1 ms
// every 1 s are 10,001 panes a window then, and 21 so.
//
// At the ends of the range, starts and ends of windows stay in it: the earliest window is the only
// one that is not on the grid.
class WindowPanes {
 public:
  // Milliseconds. REQUIRES: size > 0, slide > 0. Panes: slide < size.
  WindowPanes(int64_t size, int64_t slide, int64_t offset)
      : size_(size), slide_(slide), offset_(offset), rest_(size % slide) {}

  // Appends the windows that hold a time, the latest first.
  void AppendWindows(int64_t time, std::vector<Window>& windows) const;
  // The pane that holds a time.
  Pane Of(int64_t time) const;
  // Whether a pane that starts there is a part of the window.
  bool IsPartOf(int64_t pane, const Window& window) const {
    return pane >= window.start && Holds(window.start, pane);
  }
  // Whether no later window has a part of this one that starts there.
  bool EndsWith(int64_t pane, const Window& window) const {
    if (window.start == kMinTimestamp) return LastStart(pane) == window.start;
    return pane >= window.start &&
           static_cast<uint64_t>(pane) - static_cast<uint64_t>(window.start) <
               static_cast<uint64_t>(slide_);
  }

 private:
  int64_t LastStart(int64_t time) const { return FloorToGrid(time, offset_, slide_); }
  // Whether a window that starts at `start` <= `time` has not ended by then. The difference may not
  // fit into 63 bits.
  bool Holds(int64_t start, int64_t time) const {
    return static_cast<uint64_t>(time) - static_cast<uint64_t>(start) <
           static_cast<uint64_t>(size_);
  }
  Window At(int64_t start) const { return {start, SaturatingAdd(start, size_)}; }

  int64_t size_;
  int64_t slide_;
  int64_t offset_;
  int64_t rest_;  // how far behind a window's start other windows end; 0: where it starts
};

}  // namespace pyflinkpp
