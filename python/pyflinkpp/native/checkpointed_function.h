// The part that a user's function takes in checkpoints: pyflinkpp.datastream's CheckpointedFunction
// and CheckpointListener.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string>

#include "native/gil.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// One function object in one subtask, with the functions that it wraps. What is kept and how it is
// written is Python's business (pyflinkpp.datastream._checkpointed_runtime). All methods need the
// interpreter's lock; false: a Python error is set.
class CheckpointedFunction {
 public:
  // Gives the function what was restored for it. `runtime_context`: null: it has none.
  // `member`: of the operator's JobGraph operators the function's. `scope`: tells its state from
  // that of another function of the same member.
  bool Open(PyObject* function, PyObject* runtime_context, const OperatorContext& context,
            size_t member, std::string scope);
  // The function keeps state, or wants to hear of checkpoints.
  bool takes_part() const { return static_cast<bool>(runtime_); }
  bool Snapshot(SnapshotContext& context) const;
  bool Notify(int64_t checkpoint, bool completed) const;
  void Close() { runtime_ = PyRef(); }

 private:
  PyRef runtime_;  // none: it takes no part
  size_t member_ = 0;
  std::string scope_;
};

}  // namespace pyflinkpp
