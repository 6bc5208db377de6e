// Running jobs: the mini-cluster of this process.
#pragma once

#include <pybind11/pybind11.h>

namespace pyflinkpp {

void BindJob(pybind11::module_& module);

}  // namespace pyflinkpp
