// Sinks that need no files: drop, print, hand to the client.
#pragma once

#include <functional>
#include <memory>

#include "runtime/operators/operator.h"

namespace pyflinkpp {

// Drops everything; its counter shows how much.
std::unique_ptr<Operator> MakeDiscardingSink();

// Writes a line for each element to the console: "PREFIX> VALUE", where the prefix has the
// identifier and, when there are several subtasks, the number of this one.
std::unique_ptr<Operator> MakePrintSink(const idl::PrintSink& spec);

// Passes everything on to its output, which the JobManager connects with the client. `serializer`
// is asked for when there are rows to read from a checkpoint.
std::unique_ptr<Operator> MakeCollectSink(
    std::function<absl::StatusOr<std::shared_ptr<const TypeSerializer>>()> serializer);

}  // namespace pyflinkpp
