// Types as Python describes them: nested tuples (kind, children, names); see _native.pyi.
#pragma once

#include <pybind11/pybind11.h>

#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// None is PICKLED_BYTE_ARRAY. Throws ValueError for what is no descriptor.
idl::TypeInformation TypeFromDescriptor(const pybind11::object& descriptor);

}  // namespace pyflinkpp
