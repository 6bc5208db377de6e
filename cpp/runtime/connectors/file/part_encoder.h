// How the rows of a file sink become bytes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/stream/record_batch.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// Encodes the rows of one part file after the other. Owned by its sink, used on its task's loop.
//
//   Open → (Begin → Encode … → End) … → Close      the inner ones for each part
class PartEncoder {
 public:
  virtual ~PartEncoder() = default;

  // `context` lives as long as the encoder.
  virtual absl::Status Open(const OperatorContext& context) {
    (void)context;
    return absl::OkStatus();
  }
  virtual absl::Status Begin() { return absl::OkStatus(); }
  // Consumes the next `count` rows of the view, which it may move out; appends their bytes, and to
  // `ends` where in `bytes` each one ends. What it keeps back of a row comes with a later one.
  virtual absl::Status Encode(RecordBatchView& view, size_t count, std::string& bytes,
                              std::vector<size_t>& ends) = 0;
  // Appends what is still to be written. An error is one of the user's code.
  virtual absl::Status End(std::string& bytes) {
    (void)bytes;
    return absl::OkStatus();
  }
  // Whether a part is well formed behind each row: else it has to end with each checkpoint.
  virtual bool whole_rows() const { return true; }
  virtual void Close() {}
};

// A line for each row, as its serializer formats it.
std::unique_ptr<PartEncoder> MakeLineEncoder();

}  // namespace pyflinkpp
