// A FileSink.
#pragma once

#include <memory>

#include "core/idl/pyflinkpp_types.h"
#include "runtime/connectors/file/part_encoder.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// Writes rows into part files:
//
//   in progress   .{name}.inprogress.{8 hexadecimal digits}    rows are added; may outlive checkpoints
//   pending       the same                                     the rolling policy has ended it
//   finished      {path}/{bucket}/{prefix}-{subtask}-{16 hexadecimal digits}-{counter}{suffix}
//
// A pending file becomes finished when a checkpoint that has it is complete, or at the job's end. A
// savepoint ends the part in progress: so it needs no file that a job goes on to change. Of a file
// that was in progress a restored job makes finished what the checkpoint has, under the name
// {prefix}-{subtask}-{digits}-{counter}-{bytes}{suffix}, and begins a new one.
// `encoder`: null for lines, as the rows' serializer formats them.
std::unique_ptr<Operator> MakeFileSinkOperator(const idl::FileSink& sink,
                                               std::unique_ptr<PartEncoder> encoder = nullptr);

}  // namespace pyflinkpp
