// The engine under a clock of its own, in the thread that calls: pyflinkpp.testing.
#pragma once

#include <pybind11/pybind11.h>

namespace pyflinkpp {

void BindHarness(pybind11::module_& module);

}  // namespace pyflinkpp
