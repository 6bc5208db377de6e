// reduce, sum, min, max on a keyed stream: one value a key in keyed state.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/operators/operator.h"

namespace pyflinkpp {

// How two values of a key become one. Works on a run of records, so that what it needs (the
// interpreter's lock) is taken once.
class ReduceFunction : public Checkpointed {
 public:
  virtual absl::Status Open(OperatorContext& context) {
    (void)context;
    return absl::OkStatus();
  }
  virtual absl::Status Close() { return absl::OkStatus(); }

  // The serializer of what state and output hold, for input of this one.
  virtual std::shared_ptr<const TypeSerializer> StateSerializer(const RecordBatch& input) = 0;

  // Folds up to `count` records of `view` into the state of their keys, in order, and appends each
  // key's new value to `emitted` (null: nothing is emitted). Stops early when `context` says so, or
  // when `emitted` is full. REQUIRES: the keys of these records are prefetched; the first one's
  // position is 0. The first value of a key is stored and emitted as it is.
  virtual absl::Status Reduce(RecordBatchView& view, size_t count, ValueState& state,
                              RecordBatch* emitted, OperatorContext& context) = 0;
};

// Streaming: emits each update. `final_only`: each key's value once, at the end of the input, in
// the order of the keys' bytes.
std::unique_ptr<Operator> MakeKeyedReduceOperator(std::unique_ptr<ReduceFunction> function,
                                                  bool final_only);

}  // namespace pyflinkpp
