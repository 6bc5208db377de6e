// Reduce functions on Python objects: the user's, and sum, min, max, min_by, max_by on a field.
#pragma once

#include "runtime/operators/keyed_reduce_operator.h"

namespace pyflinkpp {

// `serializer`: of the stream's declared type, a PythonSerializer.
std::unique_ptr<ReduceFunction> MakePythonReduce(const idl::OperatorNode& node,
                                                 std::shared_ptr<const TypeSerializer> serializer);

}  // namespace pyflinkpp
