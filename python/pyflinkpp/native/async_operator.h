// Asynchronous functions: calls that wait for others while the task goes on.
#pragma once

#include "runtime/operators/registry.h"

namespace pyflinkpp {

absl::StatusOr<std::unique_ptr<Operator>> MakeAsyncOperator(
    std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers);

}  // namespace pyflinkpp
