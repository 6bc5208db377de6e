// Consecutive Python operators of a chain as one Operator.
#pragma once

#include "runtime/operators/registry.h"

namespace pyflinkpp {

// Makes the stage of "python" and "project" operators.
absl::StatusOr<std::unique_ptr<Operator>> MakePythonStage(std::span<const idl::OperatorNode> nodes,
                                                          const SerializerFactory& serializers);

}  // namespace pyflinkpp
