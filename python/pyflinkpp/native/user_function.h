// A user's function on the task's side: unpickled, opened, called, closed.
#pragma once

#include <Python.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "native/checkpointed_function.h"
#include "native/errors.h"
#include "native/gil.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

class FunctionRuntime;

// What can be called, ready for calling it often. REQUIRES for all: the interpreter's lock is held.
class Callable {
 public:
  Callable() = default;
  explicit Callable(PyRef object);

  explicit operator bool() const { return static_cast<bool>(object_); }
  // New reference; null with an error set.
  template <class... Arguments>
  PyObject* Call(Arguments*... given) const {
    PyObject* arguments[] = {nullptr, given...};
    return vectorcall_(object_.get(), arguments + 1,
                       sizeof...(given) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  }

 private:
  PyRef object_;
  vectorcallfunc vectorcall_ = nullptr;
};

// One subtask's own copy of a function. All methods need the interpreter's lock; it is destroyed
// under it.
class UserFunction {
 public:
  // `method`: what is called on an instance of pyflinkpp's Function classes; another object is
  // called itself.
  UserFunction(std::string pickle, std::string operator_name, const char* method)
      : pickle_(std::move(pickle)), operator_name_(std::move(operator_name)), method_(method) {}

  // `runtime`: where its keyed state comes from; null: it has none.
  // `member`, `scope`: see CheckpointedFunction.
  absl::Status Open(OperatorContext& context, std::shared_ptr<FunctionRuntime> runtime = nullptr,
                    size_t member = 0, const char* scope = "function");
  // Calls close(), hands the accumulators to the task and lets go of the function.
  absl::Status Close();

  // As Operator's; they take the lock, and only when the function takes part.
  absl::Status Snapshot(SnapshotContext& context) const;
  absl::Status CheckpointCompleted(int64_t checkpoint) const { return Notify(checkpoint, true); }
  absl::Status CheckpointAborted(int64_t checkpoint) const { return Notify(checkpoint, false); }

  // New reference; null with an error set.
  PyObject* Call(PyObject* argument) const { return callable_.Call(argument); }
  PyObject* Call(PyObject* first, PyObject* second) const { return callable_.Call(first, second); }
  // Another method of the function. REQUIRES: open.
  absl::StatusOr<Callable> Bind(const char* method) const;
  PyObject* function() const { return function_.get(); }
  PyObject* runtime_context() const { return runtime_context_.get(); }

  const std::string& operator_name() const { return operator_name_; }
  // The error that is set, with what was at hand.
  absl::Status Raised(const CallPoint& point = {}) const;
  // The error that is set says that a result doesn't fit the declared type.
  absl::Status DoesNotFit(const std::string& type, const CallPoint& point) const;

 private:
  CallOwner Owner() const;
  absl::Status CloseFunction();
  absl::Status Notify(int64_t checkpoint, bool completed) const;

  const std::string pickle_;
  const std::string operator_name_;
  const char* const method_;
  OperatorContext* context_ = nullptr;
  PyRef function_;         // as it was unpickled
  PyRef runtime_context_;  // when it is a rich function
  Callable callable_;
  CheckpointedFunction checkpointed_;
};

}  // namespace pyflinkpp
