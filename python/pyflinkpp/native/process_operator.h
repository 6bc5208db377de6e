// Process functions: one or two inputs, keys, timers, state, side outputs.
#pragma once

#include "runtime/operators/registry.h"

namespace pyflinkpp {

absl::StatusOr<std::unique_ptr<Operator>> MakeProcessOperator(
    std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers);

}  // namespace pyflinkpp
