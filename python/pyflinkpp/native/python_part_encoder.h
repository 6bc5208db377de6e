// File sinks whose bytes Python says: encoders, bulk writers, encodings other than UTF-8.
#pragma once

#include "runtime/operators/registry.h"

namespace pyflinkpp {

absl::StatusOr<std::unique_ptr<Operator>> MakePythonFileSink(
    std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers);

}  // namespace pyflinkpp
