// Error handling: absl::Status everywhere, and whose fault an error is as a payload.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// A failure as the user will read it. The message is complete; nothing is added on the way up but
// what the Failure's fields still lack (operator, subtask).
absl::Status FailureStatus(const idl::Failure& failure);

// The failure that a status carries; any other status becomes an EXTERNAL one with its message.
idl::Failure FailureOf(const absl::Status& status);

// An error of the user's program or of the world outside, told in a sentence that names cause and
// remedy.
absl::Status UserError(std::string message);
absl::Status ExternalError(std::string message);
// What was written for a checkpoint is not there, or is not the same any more.
absl::Status DamagedCheckpointError(std::string message);

}  // namespace pyflinkpp

#define RETURN_IF_ERROR(expression)                                         \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define PFPP_CONCAT_INNER(a, b) a##b
#define PFPP_CONCAT(a, b) PFPP_CONCAT_INNER(a, b)
#define ASSIGN_OR_RETURN(declaration, expression) \
  PFPP_ASSIGN_OR_RETURN(PFPP_CONCAT(status_or_, __LINE__), declaration, expression)
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration takes none
#define PFPP_ASSIGN_OR_RETURN(result, declaration, expression) \
  auto result = (expression);                                  \
  if (!result.ok()) return std::move(result).status();         \
  declaration = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)
