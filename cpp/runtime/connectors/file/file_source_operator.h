// The reading half of a FileSource.
#pragma once

#include <memory>

#include "runtime/connectors/file/line_cutter.h"
#include "runtime/connectors/file/read_ahead.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

struct FileSourceLimits {
  ReadAheadLimits read_ahead = {};
  size_t line_bytes_max = kLineBytesMax;
};

// Emits the lines of its splits as values of StringSerializer(), each exactly once over all splits
// of a file.
std::unique_ptr<SourceOperator> MakeFileSourceOperator(FileSourceLimits limits = {});

}  // namespace pyflinkpp
