// Tumbling and sliding windows on a grid of times.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/windowing/window_assigner.h"

namespace pyflinkpp {

// Times are milliseconds. Windows start at multiples of `slide` (tumbling: of `size`), shifted by
// `offset`. An element belongs to those that hold its timestamp, or the clock's time; the latest
// window comes first. When slide > size, some elements belong to none.
absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeTumblingWindows(int64_t size, int64_t offset,
                                                                    bool event_time);
absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeSlidingWindows(int64_t size, int64_t slide,
                                                                   int64_t offset, bool event_time);

}  // namespace pyflinkpp
