#include "native/errors.h"

#include "absl/strings/str_cat.h"
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

PyRef Unicode(absl::string_view text) {
  return PyRef::Steal(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

std::string Bytes(PyObject* bytes) {
  return {PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes))};
}

// Objects and what messages show of them; an empty tuple where there is none.
PyRef Shown(PyObject* object) {
  if (object == nullptr) return PyRef::Steal(PyTuple_New(0));
  const PyRef text = Unicode(ShortRepr(object));
  return text ? PyRef::Steal(PyTuple_Pack(2, object, text.get())) : PyRef();
}

// Puts a note and the context on the exception, and into the failure what lets the client have it.
// That this may go wrong, as exceptions are the user's classes, costs only the extras.
void Describe(PyObject* error, const CallOwner& owner, const CallPoint& point,
              idl::Failure* failure) {
  static PyObject* describe = nullptr;
  const PyRef name = Unicode(owner.operator_name);
  const PyRef element = Shown(point.element);
  const PyRef key = Shown(point.key);
  const PyRef window = Shown(point.window);
  const PyRef timestamp = point.timestamp == kMinTimestamp
                              ? PyRef::Borrow(Py_None)
                              : PyRef::Steal(PyLong_FromLongLong(point.timestamp));
  if (name && element && key && window && timestamp &&
      Imported(&describe, "pyflinkpp.common._failures", "describe") != nullptr) {
    const PyRef pickles = PyRef::Steal(PyObject_CallFunction(
        describe, "OOiiOOOOzi", error, name.get(), owner.subtask, owner.parallelism, element.get(),
        key.get(), window.get(), timestamp.get(), point.timer, InCallersThread() ? 1 : 0));
    if (pickles) {
      failure->pickled_exception = Bytes(PyTuple_GET_ITEM(pickles.get(), 0));
      failure->__set_pickled_context(Bytes(PyTuple_GET_ITEM(pickles.get(), 1)));
    }
  }
  PyErr_Clear();
}

std::string At(const CallPoint& point) {
  std::string text;
  if (point.element != nullptr)
    absl::StrAppend(&text, " on the element ", ShortRepr(point.element));
  if (point.key != nullptr) absl::StrAppend(&text, " under the key ", ShortRepr(point.key));
  if (point.window != nullptr) absl::StrAppend(&text, " in the window ", ShortRepr(point.window));
  if (point.timestamp != kMinTimestamp) {
    absl::StrAppend(&text, point.timer != nullptr ? " at the timer " : " at the time ",
                    point.timestamp);
  }
  return text;
}

// Whether the user has said that trying again is of no use.
bool IsFatal(PyObject* error) {
  const PyRef marked = PyRef::Steal(PyObject_GetAttrString(error, "non_recoverable"));
  const int fatal = marked ? PyObject_IsTrue(marked.get()) : 0;
  PyErr_Clear();
  return fatal == 1;
}

absl::Status Capture(const CallOwner& owner, absl::string_view headline, const CallPoint& point) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr && value != nullptr) PyException_SetTraceback(value, traceback);
  const PyRef type_ref = PyRef::Steal(type);
  const PyRef error = PyRef::Steal(value);
  const PyRef traceback_ref = PyRef::Steal(traceback);

  idl::Failure failure;
  failure.kind = idl::FaultKind::USER;
  failure.operator_name = owner.operator_name;
  failure.subtask = owner.subtask;
  failure.message = absl::StrCat(headline, At(point));
  if (error) {
    const PyRef message = PyRef::Steal(PyObject_Str(error.get()));
    PyErr_Clear();
    failure.message +=
        std::string(": ") + Py_TYPE(error.get())->tp_name + ": " + Text(message.get());
    if (traceback_ref) failure.message += "\n\n" + FormatException(error.get());
    Describe(error.get(), owner, point, &failure);
    if (IsFatal(error.get())) failure.__set_fatal(true);
  }
  while (!failure.message.empty() && failure.message.back() == '\n') failure.message.pop_back();
  return FailureStatus(std::move(failure));
}

}  // namespace

absl::Status CaptureCallError(const CallOwner& owner, absl::string_view what,
                              const CallPoint& point) {
  return Capture(owner,
                 absl::StrCat("operator '", owner.operator_name, "' (subtask ", owner.subtask + 1,
                              "/", owner.parallelism, ") ", what),
                 point);
}

absl::Status CaptureError(const std::string& headline) {
  return Capture({"", -1, 0}, headline, {});
}

PyRef FailureAsException(const idl::Failure& failure) {
  static PyObject* make = nullptr;
  if (Imported(&make, "pyflinkpp.common._failures", "job_exception") == nullptr) return PyRef();
  const PyRef message = Unicode(failure.message);
  const PyRef name = Unicode(failure.operator_name);
  return PyRef::Steal(
      message && name
          ? PyObject_CallFunction(make, "OOiy#y#", message.get(), name.get(), failure.subtask,
                                  failure.pickled_exception.data(),
                                  static_cast<Py_ssize_t>(failure.pickled_exception.size()),
                                  failure.pickled_context.data(),
                                  static_cast<Py_ssize_t>(failure.pickled_context.size()))
          : nullptr);
}

void RaiseFailure(const idl::Failure& failure) {
  const PyRef error = FailureAsException(failure);
  if (error) PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.get())), error.get());
}

void RaiseStatus(const absl::Status& status) {
  const idl::Failure failure = FailureOf(status);
  PyErr_SetString(failure.kind == idl::FaultKind::USER ? PyExc_ValueError : PyExc_RuntimeError,
                  failure.message.c_str());
}

}  // namespace pyflinkpp
