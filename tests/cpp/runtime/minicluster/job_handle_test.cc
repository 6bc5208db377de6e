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

}  // namespace
}  // namespace pyflinkpp
