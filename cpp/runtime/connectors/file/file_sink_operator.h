// A FileSink in row format.
#pragma once

#include <memory>

#include "core/idl/pyflinkpp_types.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// Writes each value as a line, formatted by its serializer, into part files that appear, complete,
// when the job has ended well: {path}/{bucket}/{prefix}-{subtask}-{16 hexadecimal
// digits}-{counter}{suffix}. Until then a part file has the name .{that name}.inprogress.{8
// hexadecimal digits}.
std::unique_ptr<Operator> MakeFileSinkOperator(const idl::FileSink& sink);

}  // namespace pyflinkpp
