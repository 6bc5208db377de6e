#include "core/base/status.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>

namespace pyflinkpp {
namespace {

TEST(StatusTest, AFailureSurvivesAsAStatus) {
  idl::Failure failure;
  failure.kind = idl::FaultKind::USER;
  failure.message =
      "ValueError: \"schl\xc3\xa4"
      "cht\"\n  at line 3";
  failure.operator_name = "Map";
  failure.subtask = 3;
  failure.pickled_exception = std::string("\0\x80\x05\xff", 4);

  const absl::Status status = FailureStatus(failure);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message(), failure.message);
  EXPECT_EQ(FailureOf(status), failure);

  absl::Status copy = status;
  absl::Status updated;
  updated.Update(std::move(copy));
  EXPECT_EQ(FailureOf(updated), failure);
}

TEST(StatusTest, AFailureWithNothingFilledInSurvivesToo) {
  const idl::Failure empty;
  const absl::Status status = FailureStatus(empty);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(FailureOf(status), empty);
  EXPECT_EQ(FailureOf(status).subtask, -1);
}

TEST(StatusTest, FaultsOfTheUserAndOfTheWorldDiffer) {
  EXPECT_EQ(FailureOf(UserError("a")).kind, idl::FaultKind::USER);
  EXPECT_EQ(FailureOf(UserError("a")).message, "a");
  EXPECT_EQ(FailureOf(ExternalError("b")).kind, idl::FaultKind::EXTERNAL);
  EXPECT_EQ(FailureOf(ExternalError("b")).message, "b");
}

TEST(StatusTest, OtherStatusesBecomeFailures) {
  const idl::Failure external = FailureOf(absl::NotFoundError("no file"));
  EXPECT_EQ(external.kind, idl::FaultKind::EXTERNAL);
  EXPECT_EQ(external.message, "no file");
  EXPECT_EQ(external.subtask, -1);
  EXPECT_EQ(external.operator_name, "");

  const idl::Failure internal = FailureOf(absl::InternalError("impossible"));
  EXPECT_EQ(internal.kind, idl::FaultKind::INTERNAL);
  EXPECT_EQ(internal.message, "impossible");
}

TEST(StatusTest, AMutilatedPayloadLeavesTheMessage) {
  absl::Status status = UserError("the message");
  status.ForEachPayload([&](absl::string_view type, const absl::Cord&) {
    absl::Status broken(status.code(), status.message());
    broken.SetPayload(type, absl::Cord("\x1b\xff"));
    EXPECT_EQ(FailureOf(broken).message, "the message");
  });
}

// ---- the macros ----

absl::Status Failing(int* reached) {
  RETURN_IF_ERROR(absl::OkStatus());
  *reached = 1;
  RETURN_IF_ERROR(absl::DataLossError("first"));
  *reached = 2;
  return absl::OkStatus();
}

TEST(StatusTest, ReturnIfErrorReturnsTheFirstError) {
  int reached = 0;
  EXPECT_EQ(Failing(&reached), absl::DataLossError("first"));
  EXPECT_EQ(reached, 1);
}

absl::StatusOr<std::unique_ptr<int>> Boxed(int value) {
  if (value < 0) return absl::OutOfRangeError("negative");
  return std::make_unique<int>(value);
}
absl::StatusOr<int> Sum(int a, int b) {
  ASSIGN_OR_RETURN(const std::unique_ptr<int> first, Boxed(a));
  ASSIGN_OR_RETURN(auto second, Boxed(b));
  return *first + *second;
}

TEST(StatusTest, AssignOrReturnMovesValuesAndPassesErrors) {
  EXPECT_EQ(*Sum(2, 3), 5);
  EXPECT_EQ(Sum(2, -1).status(), absl::OutOfRangeError("negative"));
  EXPECT_EQ(Sum(-1, 1).status(), absl::OutOfRangeError("negative"));
}

}  // namespace
}  // namespace pyflinkpp
