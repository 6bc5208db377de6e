// Windows of a keyed stream.
#pragma once

#include <memory>
#include <optional>

#include "core/windowing/trigger.h"
#include "core/windowing/window_assigner.h"
#include "runtime/operators/operator.h"
#include "runtime/operators/window_function.h"

namespace pyflinkpp {

// Of what a window operator is made.
struct WindowParts {
  std::unique_ptr<WindowAssigner> assigner;
  std::unique_ptr<Trigger> trigger;
  std::unique_ptr<WindowFunction> function;
  int64_t allowed_lateness_ms = 0;
  std::optional<int>
      late_output;  // the side output of late elements; without one they are dropped and counted
};

// Records without keys are taken to have one and the same (window_all). Keyed state has to be
// there.
std::unique_ptr<Operator> MakeWindowOperator(WindowParts parts);

}  // namespace pyflinkpp
