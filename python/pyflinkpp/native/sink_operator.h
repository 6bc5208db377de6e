// Sinks that are written in Python.
#pragma once

#include "runtime/operators/registry.h"

namespace pyflinkpp {

absl::StatusOr<std::unique_ptr<Operator>> MakeSinkOperator(std::span<const idl::OperatorNode> nodes,
                                                           const SerializerFactory& serializers);

}  // namespace pyflinkpp
