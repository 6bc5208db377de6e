#include "core/base/status.h"

#include "core/idl/codec.h"

namespace pyflinkpp {
namespace {
constexpr absl::string_view kFailurePayload = "pyflinkpp/failure";
}

absl::Status FailureStatus(const idl::Failure& failure) {
  absl::Status status(absl::StatusCode::kAborted, failure.message);
  status.SetPayload(kFailurePayload, absl::Cord(idl::Encode(failure)));
  return status;
}

idl::Failure FailureOf(const absl::Status& status) {
  if (auto payload = status.GetPayload(kFailurePayload)) {
    if (auto failure = idl::Decode<idl::Failure>(std::string(*payload)); failure.ok())
      return *std::move(failure);
  }
  idl::Failure failure;
  failure.kind = status.code() == absl::StatusCode::kInternal ? idl::FaultKind::INTERNAL
                                                              : idl::FaultKind::EXTERNAL;
  failure.message = std::string(status.message());
  return failure;
}

absl::Status UserError(std::string message) {
  idl::Failure failure;
  failure.kind = idl::FaultKind::USER;
  failure.message = std::move(message);
  return FailureStatus(failure);
}

absl::Status ExternalError(std::string message) {
  idl::Failure failure;
  failure.kind = idl::FaultKind::EXTERNAL;
  failure.message = std::move(message);
  return FailureStatus(failure);
}

absl::Status DamagedCheckpointError(std::string message) {
  idl::Failure failure;
  failure.kind = idl::FaultKind::EXTERNAL;
  failure.message = std::move(message);
  failure.__set_damaged_state(true);
  return FailureStatus(failure);
}

}  // namespace pyflinkpp
