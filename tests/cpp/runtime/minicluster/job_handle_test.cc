#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "harness/batches.h"
#include "harness/test_env.h"
#include "runtime/minicluster/mini_cluster.h"
#include "runtime/network/local_transport.h"

namespace pyflinkpp {
namespace {

// A client that comes late, or not at all.
class JobHandleTest : public testing::Test {
 protected:
  JobHandleTest()
      : handle_(std::make_shared<JobHandle>("job", clock_, transport_, nullptr,
                                            [](int64_t) { FAIL() << "nothing to wait for"; })) {
    handle_->OpenResults({"job", kClientEdge, 0, 0});
  }
  // The tasks of an attempt send so many batches and end.
  void RunAttempt(int restart, int batches) {
    const auto output = transport_.OpenOutput({"job", kClientEdge, 0, 0, restart}, producer_);
    for (int i = 0; i < batches; ++i) {
      ASSERT_GT(output->credit(), 0);
      output->Send(harness::Strings({"x"}));
    }
  }
  int Results() {
    int count = 0;
    bool ended = false;
    while (handle_->NextResult(0, &ended)) ++count;
    return count;
  }

  harness::ManualClock clock_;
  LocalTransport transport_;
  Mailbox producer_{clock_};
  const std::shared_ptr<JobHandle> handle_;
};

// Its channel was forgotten with the job, with what was in it.
TEST_F(JobHandleTest, ResultsOfARestartAreThereWhenTheJobHasEnded) {
  RunAttempt(0, 2);
  handle_->OnDeploy(1, 1);
  RunAttempt(1, 3);
  handle_->OnDeploy(2, 2);
  RunAttempt(2, 4);
  JobResult result;
  result.state = JobState::kFinished;
  handle_->OnEnd(result);
  EXPECT_EQ(Results(), 9);
}

TEST_F(JobHandleTest, ARestartOfOtherTasksChangesNothing) {
  handle_->OnDeploy(1, 0);
  RunAttempt(0, 2);
  EXPECT_EQ(Results(), 2);
}

TEST_F(JobHandleTest, NobodyWaitsForAClientThatGaveUp) {
  RunAttempt(0, 1);
  handle_->CloseResults();
  handle_->OnDeploy(1, 1);
  RunAttempt(1, 100);
  EXPECT_EQ(Results(), 0);
}

// Results that come from another process, on another connection than the news of the job's end.
class RemoteResultsTest : public testing::Test {
 protected:
  RemoteResultsTest() {
    handle_->OpenRemoteResults({"job", kClientEdge, 0, 0}, "client:1", {});
    EXPECT_EQ(handle_->data_address(), "client:1");
  }
  // The channel of an attempt, as the transport of the tests makes it: within the process.
  std::unique_ptr<OutputChannel> Deploy(int restart) {
    handle_->OnDeploy(restart, restart);
    handle_->OnClientChannel(restart, "");
    return transport_.OpenOutput({"job", kClientEdge, 0, 0, restart}, producer_);
  }
  void End(JobState state) {
    JobResult result;
    result.state = state;
    handle_->OnState(state);
    handle_->OnEnd(result);
  }
  // "batch", "end", "none", or "over" when no more will come.
  std::string Next() {
    bool ended = false;
    const auto element = handle_->NextResult(0, &ended);
    if (!element) return ended ? "over" : "none";
    return std::holds_alternative<EndOfInput>(*element) ? "end" : "batch";
  }

  ManualClock clock_{0};
  LocalTransport transport_;
  Mailbox producer_{clock_};
  const std::shared_ptr<JobHandle> handle_ = std::make_shared<JobHandle>(
      "job", clock_, transport_, nullptr, [](int64_t) { FAIL() << "nothing to wait for"; });
};

TEST_F(RemoteResultsTest, WhatIsUnderWayWhenTheJobEndsIsWaitedFor) {
  const auto output = Deploy(0);
  End(JobState::kFinished);
  EXPECT_EQ(Next(), "none");
  output->Send(harness::Strings({"x"}));
  EXPECT_EQ(Next(), "batch");
  EXPECT_EQ(Next(), "none");
  output->Send(EndOfInput{});
  EXPECT_EQ(Next(), "end");
  EXPECT_EQ(Next(), "over");
  EXPECT_TRUE(handle_->results_status().ok());
}

TEST_F(RemoteResultsTest, AnEndThatDoesNotComeIsNotWaitedForForEver) {
  const auto output = Deploy(0);
  End(JobState::kFinished);
  EXPECT_EQ(Next(), "none");
  clock_.AdvanceTo(4'999'000'000);
  EXPECT_EQ(Next(), "none");
  clock_.AdvanceTo(5'000'000'000);
  EXPECT_EQ(Next(), "over");
}

TEST_F(RemoteResultsTest, AFailedJobIsOverSoon) {
  const auto output = Deploy(0);
  End(JobState::kFailed);
  EXPECT_EQ(Next(), "none");
  clock_.AdvanceTo(100'000'000);
  EXPECT_EQ(Next(), "over");
}

TEST_F(RemoteResultsTest, AJobThatNeverFedTheClientIsOverAtOnce) {
  End(JobState::kFailed);
  EXPECT_EQ(Next(), "over");
}

TEST_F(RemoteResultsTest, ARestartsChannelIsOpenedWhenItIsKnownWhere) {
  auto output = Deploy(0);
  output->Send(harness::Strings({"x"}));
  output = Deploy(1);
  output->Send(harness::Strings({"y"}));
  output->Send(EndOfInput{});
  End(JobState::kFinished);
  EXPECT_EQ(Next(), "batch");
  EXPECT_EQ(Next(), "batch");
  EXPECT_EQ(Next(), "end");
  EXPECT_EQ(Next(), "over");
}

}  // namespace
}  // namespace pyflinkpp
