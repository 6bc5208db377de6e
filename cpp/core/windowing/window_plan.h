// What C++ makes of the plan's window assigners and triggers.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/idl/pyflinkpp_types.h"
#include "core/windowing/trigger.h"
#include "core/windowing/window_assigner.h"

namespace pyflinkpp {

// Those that need no Python: others (a PYTHON kind, a session's gap extractor) are an error.
absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeWindowAssigner(const idl::WindowAssigner& plan);
absl::StatusOr<std::unique_ptr<Trigger>> MakeTrigger(const idl::WindowTrigger& plan);

}  // namespace pyflinkpp
