// Python's errors as Status, and Status as Python's errors: the one place where they meet.
#pragma once

#include <Python.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/idl/pyflinkpp_types.h"
#include "core/stream/stream_element.h"
#include "native/gil.h"

namespace pyflinkpp {

// What was at hand when the user's code was called; null: it isn't known, or there is none. Objects
// are borrowed.
struct CallPoint {
  PyObject* element = nullptr;
  PyObject* key = nullptr;
  PyObject* window = nullptr;
  int64_t timestamp = kMinTimestamp;  // of the element, or of the timer
  const char* timer = nullptr;        // "EVENT_TIME", "PROCESSING_TIME": a timer fires
};

// Whose code it is.
struct CallOwner {
  const std::string& operator_name;
  int subtask;  // from 0
  int parallelism;
};

// Takes the error that is set (the interpreter's lock is held):
//
//   operator 'NAME' (subtask 1/2) WHAT on the element E under the key K at the time T: TYPE: MESSAGE
//
// and the user's traceback, if there is one. The exception itself goes to the client with a note and
// a FailureContext: as it is when the job runs in the caller's thread, else as a pickle, where that
// is possible.
absl::Status CaptureCallError(const CallOwner& owner, absl::string_view what,
                              const CallPoint& point = {});

// The same where no operator is known: "HEADLINE: TYPE: MESSAGE".
absl::Status CaptureError(const std::string& headline);

// Keeps the error that is set aside for its lifetime, and sets it again.
class ErrorAside {
 public:
  ErrorAside() { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~ErrorAside() { PyErr_Restore(type_, value_, traceback_); }
  ErrorAside(const ErrorAside&) = delete;
  ErrorAside& operator=(const ErrorAside&) = delete;

 private:
  PyObject *type_, *value_, *traceback_;
};

// A job's failure as a pyflinkpp.common.exceptions.JobExecutionException; null with an error set.
PyRef FailureAsException(const idl::Failure& failure);
void RaiseFailure(const idl::Failure& failure);

// Raises a status of a call that describes a job: ValueError for the user's faults.
void RaiseStatus(const absl::Status& status);

}  // namespace pyflinkpp
