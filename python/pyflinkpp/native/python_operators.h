// What the bindings bring to a cluster: operators that call Python, and a console that is Python's.
#pragma once

#include "core/env/env.h"
#include "runtime/operators/registry.h"

namespace pyflinkpp {

// All operators: C++'s and Python's.
OperatorRegistry PythonOperators();

// sys.stdout and sys.stderr as they are when something is written: a notebook's cell, a
// redirection.
class PythonConsole final : public Console {
 public:
  void Write(absl::string_view text, bool standard_error) override;
};

}  // namespace pyflinkpp
