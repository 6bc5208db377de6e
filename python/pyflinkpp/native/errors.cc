#include "native/errors.h"

#include "core/base/status.h"
#include "native/gil.h"
#include "native/type_coder.h"

namespace pyflinkpp {
namespace {

std::string Text(PyObject* unicode) {
  const PyRef bytes = PyRef::Steal(
      unicode == nullptr ? nullptr
                         : PyUnicode_AsEncodedString(unicode, "utf-8", "backslashreplace"));
  if (bytes)
    return {PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))};
  PyErr_Clear();
  return "";
}

// The traceback as Python prints it; just the last line when the error has none (it is the engine's
// own).
std::string FormatException(PyObject* error) {
  static PyObject* format = nullptr;
  if (Imported(&format, "traceback", "format_exception") != nullptr) {
    const PyRef lines = PyRef::Steal(PyObject_CallOneArg(format, error));
    const PyRef empty = PyRef::Steal(PyUnicode_FromString(""));
    const PyRef joined =
        lines && empty ? PyRef::Steal(PyUnicode_Join(empty.get(), lines.get())) : PyRef();
    if (joined) return Text(joined.get());
  }
  PyErr_Clear();
  return std::string(Py_TYPE(error)->tp_name) + "\n";
}

std::string Pickle(PyObject* error) {
  static PyObject* dumps = nullptr;
  if (Imported(&dumps, "cloudpickle", "dumps") != nullptr) {
    const PyRef bytes = PyRef::Steal(PyObject_CallOneArg(dumps, error));
    if (bytes && PyBytes_Check(bytes.get())) {
      return {PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))};
    }
  }
  PyErr_Clear();
  return "";
}

}  // namespace

absl::Status CaptureOperatorError(const std::string& headline, const std::string& operator_name,
                                  int subtask) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr && value != nullptr) PyException_SetTraceback(value, traceback);
  const PyRef type_ref = PyRef::Steal(type);
  const PyRef error = PyRef::Steal(value);
  const PyRef traceback_ref = PyRef::Steal(traceback);

  idl::Failure failure;
  failure.kind = idl::FaultKind::USER;
  failure.operator_name = operator_name;
  failure.subtask = subtask;
  failure.message = headline;
  if (error) {
    const PyRef message = PyRef::Steal(PyObject_Str(error.get()));
    PyErr_Clear();
    failure.message +=
        std::string(": ") + Py_TYPE(error.get())->tp_name + ": " + Text(message.get());
    if (traceback_ref) failure.message += "\n\n" + FormatException(error.get());
    failure.pickled_exception = Pickle(error.get());
  }
  while (!failure.message.empty() && failure.message.back() == '\n') failure.message.pop_back();
  return FailureStatus(std::move(failure));
}

absl::Status CaptureError(const std::string& headline) {
  return CaptureOperatorError(headline, "", -1);
}

void RaiseFailure(const idl::Failure& failure) {
  static PyObject* type = nullptr;
  if (Imported(&type, "pyflinkpp.common.exceptions", "JobExecutionException") == nullptr) return;
  const PyRef message = PyRef::Steal(PyUnicode_DecodeUTF8(
      failure.message.data(), static_cast<Py_ssize_t>(failure.message.size()), "replace"));
  const PyRef error = message ? PyRef::Steal(PyObject_CallOneArg(type, message.get())) : PyRef();
  if (!error) return;
  const PyRef name = PyRef::Steal(
      PyUnicode_DecodeUTF8(failure.operator_name.data(),
                           static_cast<Py_ssize_t>(failure.operator_name.size()), "replace"));
  const PyRef subtask = PyRef::Steal(PyLong_FromLong(failure.subtask));
  if (name) PyObject_SetAttrString(error.get(), "operator_name", name.get());
  if (subtask) PyObject_SetAttrString(error.get(), "subtask", subtask.get());
  if (!failure.pickled_exception.empty()) {
    PyRef cause = Unpickled(failure.pickled_exception);
    if (cause && PyExceptionInstance_Check(cause.get())) {
      PyObject_SetAttrString(error.get(), "cause", cause.get());
      PyException_SetCause(error.get(), cause.release());
    }
  }
  PyErr_Clear();
  PyErr_SetObject(type, error.get());
}

void RaiseStatus(const absl::Status& status) {
  const idl::Failure failure = FailureOf(status);
  PyErr_SetString(failure.kind == idl::FaultKind::USER ? PyExc_ValueError : PyExc_RuntimeError,
                  failure.message.c_str());
}

}  // namespace pyflinkpp
