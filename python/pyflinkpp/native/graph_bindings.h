// JobGraph as Python builds it.
#pragma once

#include <pybind11/pybind11.h>

#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

struct JobGraphBuilder {
  idl::JobGraph graph;

  // The validated graph; throws ValueError when it is not valid.
  idl::JobGraph Complete() const;
};

void BindJobGraph(pybind11::module_& module);

}  // namespace pyflinkpp
