#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "runtime/jobmanager/job_manager_fixture.h"

namespace pyflinkpp {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// Three regions: the subtasks of a source with its sink (vertex 0), and a source behind which
// records are dealt out (vertices 1 and 2).
class FailoverTest : public JobManagerTest {
 protected:
  static idl::JobGraph ThreeRegions(int64_t interval_ms = 0) {
    GraphBuilder builder;
    builder.Source("s", 2);
    builder.Then(builder.Sink("t", 2));
    builder.Source("other");
    builder.Then(builder.Sink("last"), idl::Partitioner::REBALANCE);
    builder.graph().job_id = "job";
    idl::RestartStrategy restart;
    restart.kind = idl::RestartKind::FIXED_DELAY;
    restart.attempts = 2;
    restart.delay_ms = 5;
    builder.graph().__set_restart_strategy(restart);
    idl::CheckpointSettings checkpoints;
    checkpoints.interval_ms = interval_ms;
    builder.graph().__set_checkpoints(checkpoints);
    return builder.Complete();
  }
  static idl::TaskId Again(idl::TaskId task, int attempt = 1) {
    task.attempt = attempt;
    return task;
  }
  std::shared_ptr<FakeClient> Running(idl::JobGraph graph) {
    Register(8);
    auto client = Submit(std::move(graph));
    for (const auto& task : tasks_) Report(task, TaskState::RUNNING);
    task_manager_.Take();
    return client;
  }
  void Answer(const idl::TaskId& task, int64_t checkpoint) {
    idl::CheckpointAnswer answer;
    answer.task = task;
    answer.checkpoint = checkpoint;
    manager_->AnswerCheckpoint(answer);
    env_.loops.RunUntilIdle();
  }
  // The numbers of the last split that was dealt out.
  std::pair<int64_t, int64_t> LastSplit() {
    const idl::SplitAssignment& last = task_manager_.splits.back();
    if (last.splits.empty()) return {0, 0};
    return {last.splits[0].numbers.first, last.splits[0].numbers.last};
  }

  const std::vector<idl::TaskId> tasks_ = {Task(0, 0), Task(0, 1), Task(1, 0), Task(2, 0)};
};

TEST_F(FailoverTest, OnlyTheRegionThatFailedStartsAnew) {
  const auto client = Running(ThreeRegions());
  Report(Task(0, 1), TaskState::FAILED, "no");
  EXPECT_THAT(task_manager_.Take(), ElementsAre("cancel 0.1"));
  EXPECT_EQ(client->states.back(), "RESTARTING");
  Advance(4);
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "the delay is not over";
  Advance(1);
  EXPECT_THAT(task_manager_.Take(), ElementsAre("submit 0.1"));
  EXPECT_EQ(task_manager_.deployments.back().task.attempt, 1);
  EXPECT_EQ(client->states.back(), "RUNNING");
  Report(Again(Task(0, 1)), TaskState::RUNNING);
  for (const auto& task : {Task(0, 0), Again(Task(0, 1)), Task(1, 0), Task(2, 0)}) {
    EXPECT_FALSE(client->result.has_value());
    Report(task, TaskState::FINISHED);
  }
  EXPECT_EQ(client->result->state, JobState::kFinished);
  EXPECT_THAT(client->result->failures, SizeIs(1));
}

TEST_F(FailoverTest, ARegionIsAllThatExchangesRecords) {
  const auto client = Running(ThreeRegions());
  Report(Task(2, 0), TaskState::FAILED, "no");
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("cancel 1.0", "cancel 2.0"));
  Advance(5);
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "its source has not ended";
  Report(Task(1, 0), TaskState::CANCELED);
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("submit 1.0", "submit 2.0"));
}

// A TaskManager cancels its tasks when it is shut down: nobody else will ever say that they are gone.
TEST_F(FailoverTest, ATaskThatNobodyHereHasCancelledHasFailed) {
  const auto client = Running(ThreeRegions());
  Report(Task(0, 1), TaskState::CANCELED);
  EXPECT_EQ(client->states.back(), "RESTARTING");
  Report(Task(1, 0), TaskState::CANCELED);
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("cancel 0.1", "cancel 1.0", "cancel 2.0"));
  Report(Task(2, 0), TaskState::CANCELED);
  Advance(5);
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("submit 0.1", "submit 1.0", "submit 2.0"));
  Report(Task(0, 0), TaskState::FAILED, "two restarts are allowed");
  for (const auto& task : {Again(Task(0, 1)), Again(Task(1, 0)), Again(Task(2, 0))})
    Report(task, TaskState::CANCELED);
  ASSERT_EQ(client->result->state, JobState::kFailed);
  EXPECT_THAT(client->result->failures, SizeIs(3));
  EXPECT_THAT(client->result->failures[0].message, HasSubstr("was shut down"));
}

TEST_F(FailoverTest, AnotherRegionMayFailMeanwhile) {
  const auto client = Running(ThreeRegions());
  Report(Task(0, 1), TaskState::FAILED, "no");
  Report(Task(2, 0), TaskState::FAILED, "neither");
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("cancel 0.1", "cancel 1.0", "cancel 2.0"));
  Report(Task(1, 0), TaskState::FAILED, "a consequence");
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "RESTARTING"));
  Advance(5);
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("submit 0.1", "submit 1.0", "submit 2.0"));
  Report(Task(0, 0), TaskState::FAILED, "two restarts are allowed");
  EXPECT_EQ(client->states.back(), "FAILING");
  EXPECT_THAT(task_manager_.Take(), SizeIs(4));
}

TEST_F(FailoverTest, AReaderWithoutACheckpointGetsItsSplitsAgain) {
  Running(ThreeRegions());
  RequestSplit(Task(0, 0));
  RequestSplit(Task(0, 1));
  EXPECT_EQ(LastSplit(), std::pair(int64_t{6}, int64_t{10}));
  Report(Task(0, 1), TaskState::FAILED, "no");
  Advance(5);
  RequestSplit(Again(Task(0, 1)));
  EXPECT_THAT(task_manager_.Take(), Contains("submit 0.1"));
  const size_t dealt = task_manager_.splits.size();
  Report(Again(Task(0, 1)), TaskState::RUNNING);
  ASSERT_EQ(task_manager_.splits.size(), dealt + 1) << "it is given when all are open";
  EXPECT_EQ(LastSplit(), std::pair(int64_t{6}, int64_t{10}));
}

TEST_F(FailoverTest, ReadersOfOtherRegionsAreServedAfterTheRestart) {
  Running(ThreeRegions());
  Report(Task(0, 1), TaskState::FAILED, "no");
  RequestSplit(Task(0, 0));
  EXPECT_THAT(task_manager_.splits, IsEmpty());
  Advance(5);
  Report(Again(Task(0, 1)), TaskState::RUNNING);
  EXPECT_EQ(LastSplit(), std::pair(int64_t{1}, int64_t{5}));
}

TEST_F(FailoverTest, SplitsThatACheckpointKnowsAreNotGivenAgain) {
  Running(ThreeRegions(/*interval_ms=*/10));
  RequestSplit(Task(0, 1));
  Advance(10);
  EXPECT_THAT(task_manager_.Take(), Contains("checkpoint 1 of 0.1"));
  RequestSplit(Task(0, 0));  // behind it
  for (const auto& task : tasks_) Answer(task, 1);
  for (const int subtask : {0, 1}) {
    Report(Task(0, subtask), TaskState::FAILED, "no");
    Advance(5);
    EXPECT_TRUE(task_manager_.deployments.back().restored);
    EXPECT_EQ(task_manager_.deployments.back().restored_checkpoint, 1);
    Report(Again(Task(0, subtask)), TaskState::RUNNING);
    RequestSplit(Again(Task(0, subtask)));
    EXPECT_EQ(LastSplit(),
              subtask == 0 ? std::pair(int64_t{1}, int64_t{5}) : std::pair(int64_t{0}, int64_t{0}));
  }
}

TEST_F(FailoverTest, ACheckpointUnderWayIsGivenUpAndTheOtherRegionsHearOfIt) {
  Running(ThreeRegions(/*interval_ms=*/10));
  Advance(10);
  task_manager_.Take();
  Report(Task(0, 1), TaskState::FAILED, "no");
  EXPECT_THAT(task_manager_.Take(),
              UnorderedElementsAre("cancel 0.1", "aborted 1 to 0.0", "aborted 1 to 0.1",
                                   "aborted 1 to 1.0", "aborted 1 to 2.0"));
  Advance(20);
  EXPECT_THAT(task_manager_.Take(), ElementsAre("submit 0.1")) << "none before it runs";
  Report(Again(Task(0, 1)), TaskState::RUNNING);
  Advance(10);
  EXPECT_THAT(
      task_manager_.Take(),
      UnorderedElementsAre("checkpoint 2 of 0.0", "checkpoint 2 of 0.1", "checkpoint 2 of 1.0"));
}

TEST_F(FailoverTest, ATaskThatCommitsIsWaitedForBeforeTheNextCommit) {
  const auto client = Running(ThreeRegions());
  for (const auto& task : tasks_) Report(task, TaskState::PREPARED);
  EXPECT_THAT(task_manager_.Take(), SizeIs(4));
  Report(Task(0, 1), TaskState::FAILED, "no");
  Advance(5);
  Report(Again(Task(0, 1)), TaskState::RUNNING);
  task_manager_.Take();
  Report(Again(Task(0, 1)), TaskState::PREPARED);
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "the others still commit";
  for (const auto& task : {Task(0, 0), Task(1, 0), Task(2, 0)}) Report(task, TaskState::FINISHED);
  EXPECT_THAT(task_manager_.Take(), ElementsAre("commit 0.1"));
  Report(Again(Task(0, 1)), TaskState::FINISHED);
  EXPECT_EQ(client->result->state, JobState::kFinished);
}

TEST_F(FailoverTest, TasksOfALostTaskManagerStartAnewInOtherSlots) {
  FakeTaskManager other;
  Register(1);
  manager_->RegisterTaskManager(1, &other);
  env_.loops.RunUntilIdle();
  const auto client = Submit(ThreeRegions());
  for (const auto& task : tasks_) Report(task, TaskState::RUNNING);
  EXPECT_THAT(other.Take(), ElementsAre("submit 0.1"));
  task_manager_.Take();
  manager_->TaskManagerLost(&other);
  env_.loops.RunUntilIdle();
  Advance(5);
  EXPECT_EQ(client->states.back(), "RESTARTING");
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "it has no slot left";
  FakeTaskManager late;
  manager_->RegisterTaskManager(1, &late);
  env_.loops.RunUntilIdle();
  EXPECT_THAT(late.Take(), ElementsAre("submit 0.1"));
  EXPECT_THAT(other.Take(), IsEmpty()) << "nobody is there";
  EXPECT_EQ(client->states.back(), "RUNNING");
}

TEST_F(FailoverTest, AJobWithoutSlotsForLongFails) {
  const auto client = Running(ThreeRegions());
  manager_->TaskManagerLost(&task_manager_);
  env_.loops.RunUntilIdle();
  Advance(5);
  Advance(299'999);
  EXPECT_FALSE(client->result.has_value());
  Advance(1);
  ASSERT_TRUE(client->result.has_value());
  EXPECT_THAT(client->result->failure.message, HasSubstr("start another one"));
}

// The slots are gone with it, whatever job had them.
TEST_F(FailoverTest, NoJobGetsSlotsOfALostTaskManager) {
  const auto client = Running(ThreeRegions());
  manager_->TaskManagerLost(&task_manager_);
  manager_->CancelJob("job");
  env_.loops.RunUntilIdle();
  EXPECT_EQ(client->result->state, JobState::kCanceled);
  const auto next = Submit(ThreeRegions());
  ASSERT_TRUE(next->result.has_value());
  EXPECT_THAT(next->result->failure.message, HasSubstr("0 are free"));
}

TEST_F(FailoverTest, ADamagedCheckpointWithoutOneBeforeItEndsTheJob) {
  const auto client = Running(ThreeRegions(/*interval_ms=*/10));
  Advance(10);
  for (const auto& task : tasks_) Answer(task, 1);
  Report(Task(0, 1), TaskState::FAILED, "no");
  Advance(5);
  idl::TaskReport report;
  report.task = Again(Task(0, 1));
  report.state = TaskState::FAILED;
  idl::Failure failure;
  failure.message = "a block is damaged";
  failure.__set_damaged_state(true);
  report.__set_failure(failure);
  Send(std::move(report));
  while (env_.io.RunOne()) env_.loops.RunUntilIdle();
  for (const auto& task : {Task(0, 0), Task(1, 0), Task(2, 0)}) Report(task, TaskState::CANCELED);
  ASSERT_TRUE(client->result.has_value());
  EXPECT_EQ(client->result->state, JobState::kFailed);
  EXPECT_THAT(client->result->failure.message, HasSubstr("a block is damaged"));
}

}  // namespace
}  // namespace pyflinkpp
