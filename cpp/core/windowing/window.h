// What an element is gathered in, and arithmetic on times that does not overflow.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/stream/stream_element.h"

namespace pyflinkpp {

// Three kinds share the two words, so that a window fits into a state's namespace; which one it is,
// its assigner knows.
//
//   time window     [start, end) in milliseconds since the epoch
//   global window   start 0, without an end
//   count window    start is its number, without an end
//
// A window without an end has end == kMinTimestamp, whose predecessor, wrapped around, is
// kMaxTimestamp: so max_timestamp() needs no case for it.
struct Window {
  int64_t start = 0;
  int64_t end = kMinTimestamp;

  // The last time that belongs to it.
  int64_t max_timestamp() const { return static_cast<int64_t>(static_cast<uint64_t>(end) - 1); }

  friend bool operator==(const Window&, const Window&) = default;
};

inline constexpr Window GlobalWindow() { return {0, kMinTimestamp}; }
inline constexpr Window CountWindow(int64_t number) { return {number, kMinTimestamp}; }

// The sum, or the end of the range that it passes.
inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? kMinTimestamp : kMaxTimestamp;
}

// The remainder that is not negative. REQUIRES: divisor > 0.
inline int64_t FloorMod(int64_t value, int64_t divisor) {
  const int64_t remainder = value % divisor;
  return remainder < 0 ? remainder + divisor : remainder;
}

// The last multiple of `step`, shifted by `offset`, up to `time`. REQUIRES: step > 0.
inline int64_t FloorToGrid(int64_t time, int64_t offset, int64_t step) {
  // The remainders are subtracted, not the times: neither difference overflows.
  const int64_t behind = FloorMod(FloorMod(time, step) - FloorMod(offset, step), step);
  return SaturatingAdd(time, -behind);
}

// When everything of an event-time window goes. kMaxTimestamp: never.
inline int64_t CleanupTime(const Window& window, int64_t allowed_lateness) {
  return SaturatingAdd(window.max_timestamp(), allowed_lateness);
}

// Session windows: whether two are one. They are as well when one starts where the other ends.
inline bool Intersects(const Window& a, const Window& b) {
  return a.start <= b.end && a.end >= b.start;
}
inline Window Cover(const Window& a, const Window& b) {
  return {std::min(a.start, b.start), std::max(a.end, b.end)};
}

}  // namespace pyflinkpp
