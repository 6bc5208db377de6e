// Python's errors as Status, and Status as Python's errors: the one place where they meet.
#pragma once

#include <Python.h>

#include <string>

#include "absl/status/status.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// Takes the error that is set (the interpreter's lock is held): "HEADLINE: TYPE: MESSAGE" and the
// user's traceback, if there is one. The exception itself travels along as a pickle where that is
// possible.
absl::Status CaptureError(const std::string& headline);

// The same with the operator and subtask known.
absl::Status CaptureOperatorError(const std::string& headline, const std::string& operator_name,
                                  int subtask);

// Raises a job's failure as pyflinkpp.common.exceptions.JobExecutionException.
void RaiseFailure(const idl::Failure& failure);

// Raises a status of a call that describes a job: ValueError for the user's faults.
void RaiseStatus(const absl::Status& status);

}  // namespace pyflinkpp
