// Windows that no time ends: one for all of a key's elements, or so many elements each.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/windowing/window_assigner.h"

namespace pyflinkpp {

std::unique_ptr<WindowAssigner> MakeGlobalWindows();

// Window k of a key holds its elements k * slide up to k * slide + size; the latest window comes
// first. A count trigger of `size` emits the full ones.
absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeCountWindows(int64_t size, int64_t slide);

}  // namespace pyflinkpp
