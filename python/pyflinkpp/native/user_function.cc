#include "native/user_function.h"

#include "absl/strings/str_cat.h"
#include "native/errors.h"
#include "native/function_runtime.h"
#include "native/type_coder.h"

namespace pyflinkpp {
namespace {

// For callables without a vectorcall of their own.
PyObject* CallAnyObject(PyObject* callable, PyObject* const* arguments, size_t count,
                        PyObject* names) {
  return PyObject_Vectorcall(callable, arguments, count, names);
}

}  // namespace

CallOwner UserFunction::Owner() const {
  return {operator_name_, context_->subtask, context_->parallelism};
}

absl::Status UserFunction::Raised(const CallPoint& point) const {
  return CaptureCallError(Owner(), "failed", point);
}

absl::Status UserFunction::DoesNotFit(const std::string& type, const CallPoint& point) const {
  return CaptureCallError(
      Owner(), absl::StrCat("returned a value that does not fit its declared type ", type), point);
}

Callable::Callable(PyRef object)
    : object_(std::move(object)), vectorcall_(PyVectorcall_Function(object_.get())) {
  if (vectorcall_ == nullptr) vectorcall_ = CallAnyObject;
}

absl::StatusOr<Callable> UserFunction::Bind(const char* method) const {
  PyRef bound = PyRef::Steal(PyObject_GetAttrString(function_.get(), method));
  if (!bound) return Raised();
  return Callable(std::move(bound));
}

absl::Status UserFunction::Open(OperatorContext& context, std::shared_ptr<FunctionRuntime> runtime,
                                size_t member, const char* scope) {
  context_ = &context;
  static PyObject* function_type = nullptr;
  static PyObject* make_context = nullptr;
  if (Imported(&function_type, "pyflinkpp.datastream.functions", "Function") == nullptr ||
      Imported(&make_context, "pyflinkpp.datastream.functions", "_make_runtime_context") ==
          nullptr) {
    return Raised();
  }
  function_ = Unpickled(pickle_);
  if (!function_) return Raised();
  const int rich = PyObject_IsInstance(function_.get(), function_type);
  if (rich < 0) return Raised();
  if (!rich && !PyCallable_Check(function_.get())) {  // as a TimestampAssigner
    PyRef method = PyRef::Steal(PyObject_GetAttrString(function_.get(), method_));
    if (!method || !checkpointed_.Open(function_.get(), nullptr, context, member, scope))
      return Raised();
    callable_ = Callable(std::move(method));
  } else if (!rich) {
    if (!checkpointed_.Open(function_.get(), nullptr, context, member, scope)) return Raised();
    callable_ = Callable(PyRef::Borrow(function_.get()));
  } else {
    const PyRef parameters = PyRef::Steal(PyDict_New());
    for (const auto& [key, value] : context.configuration) {
      const PyRef text = PyRef::Steal(PyUnicode_FromString(value.c_str()));
      if (!parameters || !text ||
          PyDict_SetItemString(parameters.get(), key.c_str(), text.get()) < 0)
        return Raised();
    }
    runtime_context_ = PyRef::Steal(PyObject_CallFunction(
        make_context, "siiiiOs", context.task_name.c_str(), context.parallelism, context.subtask,
        context.attempt, context.max_parallelism, parameters.get(), operator_name_.c_str()));
    if (!runtime_context_) return Raised();
    if (runtime != nullptr) {
      const PyRef store = PyRef::Steal(NewStateStore(std::move(runtime)));
      if (!store || PyObject_SetAttrString(runtime_context_.get(), "_state_store", store.get()) < 0)
        return Raised();
    }
    // As in Flink, state is there before open().
    if (!checkpointed_.Open(function_.get(), runtime_context_.get(), context, member, scope))
      return Raised();
    const PyRef opened =
        PyRef::Steal(PyObject_CallMethod(function_.get(), "open", "O", runtime_context_.get()));
    if (!opened) return Raised();
    PyRef method = PyRef::Steal(PyObject_GetAttrString(function_.get(), method_));
    if (!method) return Raised();
    callable_ = Callable(std::move(method));
  }
  return absl::OkStatus();
}

absl::Status UserFunction::Close() {
  const absl::Status status = CloseFunction();
  callable_ = Callable();
  checkpointed_.Close();
  runtime_context_ = PyRef();
  function_ = PyRef();
  return status;
}

absl::Status UserFunction::Snapshot(SnapshotContext& context) const {
  if (!checkpointed_.takes_part()) return absl::OkStatus();
  Gil gil;
  return checkpointed_.Snapshot(context)
             ? absl::OkStatus()
             : CaptureCallError(Owner(), "failed to take a snapshot of its state");
}

absl::Status UserFunction::Notify(int64_t checkpoint, bool completed) const {
  if (!checkpointed_.takes_part()) return absl::OkStatus();
  Gil gil;
  return checkpointed_.Notify(checkpoint, completed)
             ? absl::OkStatus()
             : CaptureCallError(Owner(),
                                absl::StrCat("failed when it was told of checkpoint ", checkpoint));
}

absl::Status UserFunction::CloseFunction() {
  if (!runtime_context_) return absl::OkStatus();
  const PyRef closed = PyRef::Steal(PyObject_CallMethod(function_.get(), "close", nullptr));
  absl::Status status;
  if (!closed) status = Raised();
  static PyObject* accumulators = nullptr;
  if (Imported(&accumulators, "pyflinkpp.datastream.functions", "_accumulators") == nullptr)
    return Raised();
  const PyRef all = PyRef::Steal(PyObject_CallOneArg(accumulators, runtime_context_.get()));
  if (!all || !PyDict_Check(all.get())) {
    status.Update(Raised());
    return status;
  }
  PyObject* name;
  PyObject* bytes;
  for (Py_ssize_t position = 0; PyDict_Next(all.get(), &position, &name, &bytes);) {
    context_->report_accumulator(
        PyUnicode_AsUTF8(name),
        {PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes))});
  }
  return status;
}

}  // namespace pyflinkpp
