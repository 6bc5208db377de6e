#include "runtime/jobmanager/job_manager.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/jobmanager/job_manager_fixture.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// ---- to the good end ----

TEST_F(JobManagerTest, AJobRunsAndFinishes) {
  Register(kUnlimitedSlots);
  const auto client = Submit(TwoVertices());
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("submit 0.0", "submit 0.1", "submit 1.0"));
  EXPECT_THAT(client->states, ElementsAre("RUNNING"));
  for (const auto& task : {Task(0, 0), Task(0, 1), Task(1, 0)}) Report(task, TaskState::RUNNING);
  Report(Task(0, 0), TaskState::FINISHED);
  Report(Task(1, 0), TaskState::FINISHED);
  EXPECT_FALSE(client->result.has_value());
  env_.clock.AdvanceMillis(1234);
  Report(Task(0, 1), TaskState::FINISHED);
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "FINISHED"));
  ASSERT_TRUE(client->result.has_value());
  EXPECT_EQ(client->result->state, JobState::kFinished);
  EXPECT_EQ(client->result->runtime_ms, 1234);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
}

TEST_F(JobManagerTest, SubtasksAskTheSourceForTheirSplits) {
  Register(2);
  Submit(TwoVertices());
  task_manager_.Take();
  for (const auto& task : {Task(0, 0), Task(0, 1), Task(1, 0)}) Report(task, TaskState::RUNNING);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  RequestSplit(Task(0, 1));
  EXPECT_THAT(task_manager_.Take(), ElementsAre("splits 0.1"));
  ASSERT_THAT(task_manager_.splits, SizeIs(1));
  const idl::SplitAssignment& assignment = task_manager_.splits[0];
  EXPECT_EQ(assignment.task, Task(0, 1));
  EXPECT_EQ(assignment.op, 0);
  EXPECT_TRUE(assignment.no_more_splits);
  ASSERT_THAT(assignment.splits, SizeIs(1));
  EXPECT_EQ(assignment.splits[0].numbers.first, 6);
  EXPECT_EQ(assignment.splits[0].numbers.last, 10);
}

// Two sources of one alignment group, a vertex each: the drift is 100, the interval 500 ms.
idl::JobGraph AlignedSources() {
  GraphBuilder builder;
  for (const char* name : {"a", "b"}) {
    builder.Source(name);
    const int timed = builder.KeyBy("watermarks");
    idl::PythonFunction& function = builder.op(timed).spec.python;
    function.kind = idl::PythonFunctionKind::ASSIGN_TIMESTAMPS;
    function.of_source = true;
    idl::WatermarkStrategy strategy;
    strategy.alignment_group = "group";
    strategy.max_drift_ms = 100;
    strategy.alignment_interval_ms = 500;
    function.__set_watermarks(strategy);
    builder.Then(timed);
    builder.Then(builder.Sink("t"));
  }
  builder.graph().job_id = "job";
  return builder.Complete();
}

TEST_F(JobManagerTest, AlignedSourcesAreToldHowFarTheyMayRead) {
  Register(kUnlimitedSlots);
  Submit(AlignedSources());
  for (const int vertex : {0, 1}) Report(Task(vertex, 0), TaskState::RUNNING);
  task_manager_.Take();
  ReportSource(Task(0, 0), 70);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  ReportSource(Task(1, 0), 50);  // now all have told something
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("align to 150 0.0", "align to 150 1.0"));
  ReportSource(Task(1, 0), 90);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  Advance(500);
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("align to 170 0.0", "align to 170 1.0"));
  ReportSource(Task(0, 0), kMaxTimestamp);
  Report(Task(0, 0), TaskState::FINISHED);
  Advance(500);
  EXPECT_THAT(task_manager_.Take(), ElementsAre("align to 190 1.0"));
  Cancel();
  task_manager_.Take();
  Advance(2000);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
}

TEST_F(JobManagerTest, ASourceThatTellsNothingIsWaitedForOneInterval) {
  Register(kUnlimitedSlots);
  Submit(AlignedSources());
  Report(Task(0, 0), TaskState::RUNNING);
  Advance(5000);
  Report(Task(1, 0), TaskState::RUNNING);  // the first interval begins
  task_manager_.Take();
  ReportSource(Task(0, 0), 70);
  Advance(499);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  Advance(1);
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("align to 170 0.0", "align to 170 1.0"));
}

TEST_F(JobManagerTest, NoSplitIsGivenBeforeAllTasksAreOpen) {
  Register(2);
  Submit(TwoVertices());
  task_manager_.Take();
  Report(Task(0, 1), TaskState::RUNNING);
  RequestSplit(Task(0, 1));
  Report(Task(0, 0), TaskState::RUNNING);
  RequestSplit(Task(0, 0));
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "the sink is not open yet";
  Report(Task(1, 0), TaskState::RUNNING);
  EXPECT_THAT(task_manager_.Take(), ElementsAre("splits 0.1", "splits 0.0"))
      << "in the order of the requests";
  Report(Task(1, 0), TaskState::RUNNING);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  RequestSplit(Task(0, 1));
  EXPECT_THAT(task_manager_.Take(), ElementsAre("splits 0.1"));
}

TEST_F(JobManagerTest, NothingIsCommittedBeforeAllArePrepared) {
  Register(2);
  const auto client = Submit(TwoVertices());
  task_manager_.Take();
  Report(Task(0, 0), TaskState::PREPARED);
  Report(Task(0, 1), TaskState::FINISHED);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  Report(Task(1, 0), TaskState::PREPARED);
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("commit 0.0", "commit 1.0"));
  Report(Task(0, 0), TaskState::FINISHED);
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "commit is told once";
  EXPECT_FALSE(client->result.has_value());
  Report(Task(1, 0), TaskState::FINISHED);
  EXPECT_EQ(client->result->state, JobState::kFinished);
}

TEST_F(JobManagerTest, MetricsAreSummedOverSubtasksFromTheirLastReports) {
  Register(2);
  const auto client = Submit(TwoVertices());
  const auto report = [&](const idl::TaskId& task, TaskState::type state, int op, int64_t records) {
    idl::TaskReport told;
    told.task = task;
    told.state = state;
    idl::OperatorMetrics metrics;
    metrics.op = op;
    metrics.records_in = records;
    metrics.records_out = 2 * records;
    metrics.late_dropped = 3 * records;
    told.metrics = {metrics};
    Send(std::move(told));
  };
  report(Task(0, 0), TaskState::RUNNING, 0, 999);
  report(Task(0, 0), TaskState::FINISHED, 0, 5);
  report(Task(0, 1), TaskState::FINISHED, 0, 7);
  report(Task(1, 0), TaskState::FINISHED, 1, 12);
  ASSERT_TRUE(client->result.has_value());
  ASSERT_THAT(client->result->metrics, SizeIs(2));
  EXPECT_EQ(client->result->metrics[0].op, 0);
  EXPECT_EQ(client->result->metrics[0].records_in, 12);
  EXPECT_EQ(client->result->metrics[0].records_out, 24);
  EXPECT_EQ(client->result->metrics[0].late_dropped, 36);
  EXPECT_EQ(client->result->metrics[1].records_in, 12);
}

TEST_F(JobManagerTest, AccumulatorsOfAllSubtasksAreGathered) {
  Register(2);
  const auto client = Submit(TwoVertices());
  const auto report = [&](const idl::TaskId& task, TaskState::type state,
                          const std::string& value) {
    idl::TaskReport told;
    told.task = task;
    told.state = state;
    told.accumulators = {{"n", {value}}};
    Send(std::move(told));
  };
  report(Task(0, 0), TaskState::PREPARED, "early");
  report(Task(0, 0), TaskState::FINISHED, "a");
  report(Task(0, 1), TaskState::FINISHED, "b");
  report(Task(1, 0), TaskState::FINISHED, "c");
  ASSERT_TRUE(client->result.has_value());
  EXPECT_THAT(client->result->accumulators["n"], ElementsAre("a", "b", "c"));
}

// ---- failure ----

TEST_F(JobManagerTest, AFailureCancelsTheOthersAndTheFirstIsTold) {
  Register(2);
  const auto client = Submit(TwoVertices());
  task_manager_.Take();
  Report(Task(0, 1), TaskState::FAILED, "the cause");
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "FAILING"));
  EXPECT_THAT(task_manager_.Take(), testing::IsSupersetOf({"cancel 0.0", "cancel 1.0"}));
  Report(Task(1, 0), TaskState::FAILED, "a consequence");
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  EXPECT_FALSE(client->result.has_value());
  Report(Task(0, 0), TaskState::CANCELED);
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "FAILING", "FAILED"));
  ASSERT_TRUE(client->result.has_value());
  EXPECT_EQ(client->result->failure.message, "the cause");
  EXPECT_EQ(client->result->failure.subtask, 1);
}

TEST_F(JobManagerTest, AfterAFailureNothingIsCommitted) {
  Register(2);
  const auto client = Submit(TwoVertices());
  Report(Task(0, 0), TaskState::FAILED, "no");
  task_manager_.Take();
  Report(Task(0, 1), TaskState::FINISHED);
  Report(Task(1, 0), TaskState::PREPARED);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  Report(Task(1, 0), TaskState::CANCELED);
  EXPECT_EQ(client->result->state, JobState::kFailed);
}

TEST_F(JobManagerTest, AFailureDuringCommit) {
  Register(2);
  const auto client = Submit(TwoVertices());
  Report(Task(0, 0), TaskState::FINISHED);
  Report(Task(0, 1), TaskState::FINISHED);
  Report(Task(1, 0), TaskState::PREPARED);
  Report(Task(1, 0), TaskState::FAILED, "disk full");
  ASSERT_TRUE(client->result.has_value());
  EXPECT_EQ(client->result->state, JobState::kFailed);
  EXPECT_EQ(client->result->failure.message, "disk full");
}

TEST_F(JobManagerTest, SplitRequestsOfAFailingJobAreIgnored) {
  Register(2);
  Submit(TwoVertices());
  RequestSplit(Task(0, 1));
  for (const auto& task : {Task(0, 0), Task(0, 1)}) Report(task, TaskState::RUNNING);
  Report(Task(1, 0), TaskState::FAILED, "no");
  task_manager_.Take();
  RequestSplit(Task(0, 0));
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
}

TEST_F(JobManagerTest, ASourceThatDoesNotStartFailsTheJobBeforeAnythingRuns) {
  HoldSources();
  Register(2);
  const auto client = Submit(TwoVertices());
  EXPECT_THAT(client->states, IsEmpty());
  ASSERT_THAT(held_, SizeIs(1));
  held_[0](UserError("no such file"));
  env_.loops.RunUntilIdle();
  EXPECT_THAT(client->states, ElementsAre("FAILING", "FAILED"));
  EXPECT_EQ(client->result->failure.message, "no such file");
  EXPECT_EQ(client->result->failure.kind, idl::FaultKind::USER);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
}

TEST_F(JobManagerTest, NothingRunsBeforeAllSourcesHaveStarted) {
  HoldSources();
  Register(2);
  GraphBuilder builder;
  builder.Source("a");
  builder.Source("b");
  builder.Sink("t");
  builder.Edge(0, 2).Edge(1, 2);
  builder.graph().job_id = "job";
  const auto client = Submit(builder.Complete());
  ASSERT_THAT(held_, SizeIs(2));
  held_[1](absl::OkStatus());
  env_.loops.RunUntilIdle();
  EXPECT_THAT(client->states, IsEmpty());
  held_[0](absl::OkStatus());
  env_.loops.RunUntilIdle();
  EXPECT_THAT(client->states, ElementsAre("RUNNING"));
  EXPECT_THAT(task_manager_.Take(), SizeIs(3));
}

TEST_F(JobManagerTest, ASourceOfUnknownKind) {
  registry_.entries.erase("number_sequence_source");
  Register(2);
  const auto client = Submit(TwoVertices());
  ASSERT_TRUE(client->result.has_value());
  EXPECT_EQ(client->result->state, JobState::kFailed);
  EXPECT_THAT(client->result->failure.message, HasSubstr("'number_sequence_source'"));
}

// ---- cancel ----

TEST_F(JobManagerTest, ACanceledJobEndsWhenItsTasksHave) {
  Register(2);
  const auto client = Submit(TwoVertices());
  task_manager_.Take();
  Cancel();
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "CANCELLING"));
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("cancel 0.0", "cancel 0.1", "cancel 1.0"));
  Cancel();
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "once is enough";
  Report(Task(0, 0), TaskState::CANCELED);
  Report(Task(0, 1), TaskState::FINISHED);
  EXPECT_FALSE(client->result.has_value());
  Report(Task(1, 0), TaskState::FAILED, "while stopping");
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "CANCELLING", "CANCELED"));
  EXPECT_EQ(client->result->state, JobState::kCanceled);
}

TEST_F(JobManagerTest, AJobCanBeCanceledWhileItsSourcesStart) {
  HoldSources();
  Register(2);
  const auto client = Submit(TwoVertices());
  Cancel();
  EXPECT_THAT(client->states, ElementsAre("CANCELLING", "CANCELED"));
  ASSERT_TRUE(client->result.has_value());
  held_[0](absl::OkStatus());  // the answer comes too late
  env_.loops.RunUntilIdle();
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
}

TEST_F(JobManagerTest, JobsThatHaveEndedOrNeverWereAreNotFound) {
  Register(2);
  const auto client = Submit(TwoVertices());
  for (const auto& task : {Task(0, 0), Task(0, 1), Task(1, 0)}) Report(task, TaskState::FINISHED);
  task_manager_.Take();
  Cancel();
  Cancel("other");
  Report(Task(0, 0), TaskState::FAILED, "late");
  Report(Task(0, 0, "other"), TaskState::FAILED, "unknown");
  RequestSplit(Task(0, 0));
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "FINISHED"));
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
}

// ---- batch mode ----

TEST_F(JobManagerTest, InBatchModeAStageIsDeployedWhenTheOneBeforeHasEnded) {
  Register(2);
  const auto client = Submit(ThreeStages());
  EXPECT_THAT(task_manager_.Take(), ElementsAre("submit 0.0", "submit 0.1"));
  Report(Task(0, 0), TaskState::RUNNING);
  RequestSplit(Task(0, 0));
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "the other subtask is not open yet";
  Report(Task(0, 1), TaskState::RUNNING);
  EXPECT_THAT(task_manager_.Take(), ElementsAre("splits 0.0"));
  Report(Task(0, 0), TaskState::FINISHED);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  Report(Task(0, 1), TaskState::FINISHED);
  EXPECT_THAT(task_manager_.Take(), ElementsAre("submit 1.0", "submit 1.1"));
  for (const auto state : {TaskState::RUNNING, TaskState::PREPARED})
    for (const int subtask : {0, 1}) Report(Task(1, subtask), state);
  EXPECT_THAT(task_manager_.Take(), ElementsAre("submit 2.0")) << "and nothing is committed yet";
  Report(Task(2, 0), TaskState::RUNNING);
  EXPECT_FALSE(client->result.has_value());
  Report(Task(2, 0), TaskState::PREPARED);
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("commit 1.0", "commit 1.1", "commit 2.0"));
  for (const auto& task : {Task(1, 0), Task(1, 1), Task(2, 0)}) Report(task, TaskState::FINISHED);
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "FINISHED"));
}

TEST_F(JobManagerTest, AFailureInTheSecondStageEndsTheJobWithoutTheThird) {
  Register(2);
  const auto client = Submit(ThreeStages());
  for (const int subtask : {0, 1}) Report(Task(0, subtask), TaskState::FINISHED);
  task_manager_.Take();
  Report(Task(1, 1), TaskState::FAILED, "no");
  EXPECT_THAT(task_manager_.Take(), testing::IsSupersetOf({"cancel 1.0"}));
  Report(Task(1, 0), TaskState::FINISHED);
  EXPECT_THAT(task_manager_.Take(), IsEmpty()) << "no stage follows";
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "FAILING", "FAILED"));
  EXPECT_EQ(client->result->failure.message, "no");
}

TEST_F(JobManagerTest, ACanceledJobInBatchModeEndsWithTheStageThatRuns) {
  Register(2);
  const auto client = Submit(ThreeStages());
  Report(Task(0, 0), TaskState::FINISHED);
  task_manager_.Take();
  Cancel();
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("cancel 0.0", "cancel 0.1"));
  Report(Task(0, 1), TaskState::FINISHED);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  EXPECT_THAT(client->states, ElementsAre("RUNNING", "CANCELLING", "CANCELED"));
}

// ---- slots ----

TEST_F(JobManagerTest, TooFewSlotsFailTheJobWithARemedy) {
  Register(1);
  const auto client = Submit(TwoVertices());
  ASSERT_TRUE(client->result.has_value());
  EXPECT_EQ(client->result->state, JobState::kFailed);
  EXPECT_EQ(client->result->failure.kind, idl::FaultKind::USER);
  EXPECT_EQ(client->result->failure.message,
            "the job needs 2 slots and 1 are free; lower the parallelism or raise "
            "taskmanager.numberOfTaskSlots");
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
}

TEST_F(JobManagerTest, SlotsComeBackWithTheEndOfAJob) {
  Register(3);
  for (const auto end :
       {TaskState::FINISHED, TaskState::CANCELED, TaskState::FAILED, TaskState::FINISHED}) {
    const auto client = Submit(TwoVertices());
    EXPECT_THAT(client->states, ElementsAre("RUNNING"));
    const auto second = Submit(TwoVertices("job 2"));
    EXPECT_EQ(second->result->state, JobState::kFailed) << "one slot is left";
    if (end == TaskState::CANCELED) Cancel();
    Report(Task(0, 0), end, end == TaskState::FAILED ? "no" : "");
    Report(Task(0, 1), TaskState::FINISHED);
    Report(Task(1, 0), TaskState::FINISHED);
    ASSERT_TRUE(client->result.has_value());
  }
}

TEST_F(JobManagerTest, AJobMayUseSlotsOfSeveralTaskManagers) {
  FakeTaskManager second;
  Register(1);
  manager_->RegisterTaskManager(1, &second);
  env_.loops.RunUntilIdle();
  const auto client = Submit(TwoVertices());
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("submit 0.0", "submit 1.0"));
  EXPECT_THAT(second.Take(), ElementsAre("submit 0.1"));
  Cancel();
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("cancel 0.0", "cancel 1.0"));
  EXPECT_THAT(second.Take(), ElementsAre("cancel 0.1"));
}

TEST_F(JobManagerTest, TasksAreToldWhereTheOtherEndsOfTheirChannelsAre) {
  FakeTaskManager second;
  manager_->RegisterTaskManager(1, &task_manager_, "a:1");
  manager_->RegisterTaskManager(1, &second, "b:2");
  env_.loops.RunUntilIdle();
  Submit(TwoVertices());
  ASSERT_EQ(task_manager_.deployments.size(), 2u);
  ASSERT_EQ(second.deployments.size(), 1u);
  const idl::TaskDeployment& near = task_manager_.deployments[0];
  const idl::TaskDeployment& sink = task_manager_.deployments[1];
  EXPECT_THAT(near.outputs[0].peers, ElementsAre("")) << "the sink is in its own process";
  EXPECT_THAT(second.deployments[0].outputs[0].peers, ElementsAre("a:1"));
  EXPECT_THAT(sink.inputs[0].peers, ElementsAre("", "b:2"));
  EXPECT_EQ(sink.inputs[0].types.size(), 1u);
}

TEST_F(JobManagerTest, WhatABlockingExchangeHasStaysWithItsProducerUntilSomebodyComes) {
  FakeTaskManager second;
  manager_->RegisterTaskManager(1, &task_manager_, "a:1");
  manager_->RegisterTaskManager(1, &second, "b:2");
  env_.loops.RunUntilIdle();
  Submit(ThreeStages());
  ASSERT_EQ(second.deployments.size(), 1u);
  EXPECT_THAT(second.deployments[0].outputs[0].peers, ElementsAre());
  Report(Task(0, 0), TaskState::FINISHED);
  Report(Task(0, 1), TaskState::FINISHED);
  ASSERT_EQ(task_manager_.deployments.size(), 2u);
  EXPECT_THAT(task_manager_.deployments[1].inputs[0].peers, ElementsAre("", "b:2"));
}

TEST_F(JobManagerTest, JobsRunSideBySide) {
  Register(4);
  const auto first = Submit(TwoVertices("1"));
  const auto second = Submit(TwoVertices("2"));
  EXPECT_THAT(second->states, ElementsAre("RUNNING"));
  for (const auto& task : {Task(0, 0, "2"), Task(0, 1, "2"), Task(1, 0, "2")})
    Report(task, TaskState::FINISHED);
  EXPECT_TRUE(second->result.has_value());
  EXPECT_FALSE(first->result.has_value());
}

// SubmitJob starts the job that is there a second time, and the new client hears nothing for ever.
TEST_F(JobManagerTest, ASecondJobOfTheSameIdIsRefused) {
  Register(8);
  const auto first = Submit(TwoVertices());
  const auto second = Submit(TwoVertices());
  EXPECT_THAT(first->states, ElementsAre("RUNNING"));
  ASSERT_TRUE(second->result.has_value());
  EXPECT_EQ(second->result->state, JobState::kFailed);
}

// A graph without operators passes ValidateAndComplete; its job has no source whose start would
// deploy it.
TEST_F(JobManagerTest, AJobWithoutOperatorsEnds) {
  Register(1);
  idl::JobGraph graph;
  graph.job_id = "job";
  if (!ValidateAndComplete(graph).ok()) return;
  const auto client = Submit(std::move(graph));
  EXPECT_TRUE(client->result.has_value());
}

// JobMaster::slot_owner_ points into JobManager::task_managers_, which moves when it grows: a use
// after free (ASan), and the slots of the job are given back to nobody.
TEST_F(JobManagerTest, ATaskManagerMayRegisterWhileAJobRuns) {
  Register(2);
  const auto first = Submit(TwoVertices("1"));
  std::vector<FakeTaskManager> others(8);
  for (FakeTaskManager& other : others) manager_->RegisterTaskManager(0, &other);
  env_.loops.RunUntilIdle();
  for (const auto& task : {Task(0, 0, "1"), Task(0, 1, "1"), Task(1, 0, "1")})
    Report(task, TaskState::FINISHED);
  ASSERT_TRUE(first->result.has_value());
  EXPECT_THAT(Submit(TwoVertices("2"))->states, ElementsAre("RUNNING"));
}

// A client with channels of its own, which is told where its results come from.
class RemoteClient final : public JobListener {
 public:
  void OnState(JobState) override {}
  void OnEnd(const JobResult&) override {}
  std::string data_address() const override { return "client:9"; }
  void OnClientChannel(int client_restart, const std::string& task_manager) override {
    told.emplace_back(client_restart, task_manager);
  }
  std::vector<std::pair<int, std::string>> told;
};

TEST_F(JobManagerTest, TheClientAndTheTaskThatFeedsItKnowWhereTheOtherIs) {
  manager_->RegisterTaskManager(1, &task_manager_, "a:1");
  GraphBuilder builder;
  builder.Source("s");
  builder.Then(builder.Collect("c"));
  builder.graph().job_id = "job";
  const auto client = std::make_shared<RemoteClient>();
  manager_->SubmitJob(builder.Complete(), client);
  env_.loops.RunUntilIdle();
  EXPECT_THAT(client->told, ElementsAre(std::pair(0, "a:1")));
  const idl::TaskDeployment& task = task_manager_.deployments.back();
  ASSERT_THAT(task.outputs, SizeIs(1));
  EXPECT_THAT(task.outputs[0].peers, ElementsAre("client:9"));
}

TEST_F(JobManagerTest, SlotsCanBeSpreadOutOverAllTaskManagers) {
  manager_->SpreadOutSlots();
  std::vector<FakeTaskManager> others(2);
  Register(kUnlimitedSlots);
  for (FakeTaskManager& other : others) manager_->RegisterTaskManager(kUnlimitedSlots, &other);
  env_.loops.RunUntilIdle();
  Submit(TwoVertices("1"));
  EXPECT_THAT(task_manager_.Take(), UnorderedElementsAre("submit 0.0", "submit 1.0"));
  EXPECT_THAT(others[0].Take(), ElementsAre("submit 0.1"));
  EXPECT_THAT(others[1].Take(), IsEmpty());
  Submit(TwoVertices("2"));
  EXPECT_THAT(others[1].Take(), UnorderedElementsAre("submit 0.0", "submit 1.0"));
  EXPECT_THAT(task_manager_.Take(), ElementsAre("submit 0.1"));
}

// ---- shutdown ----

TEST_F(JobManagerTest, ShutsDownWhenThereAreNoJobs) {
  bool done = false;
  manager_->Shutdown([&] { done = true; });
  env_.loops.RunUntilIdle();
  EXPECT_TRUE(done);
  EXPECT_EQ(env_.loops.running(), 0u);
}

TEST_F(JobManagerTest, ShutdownCancelsAllJobsAndWaitsForThem) {
  Register(8);
  const auto first = Submit(TwoVertices("1"));
  const auto second = Submit(TwoVertices("2"));
  task_manager_.Take();
  bool done = false;
  manager_->Shutdown([&] { done = true; });
  env_.loops.RunUntilIdle();
  EXPECT_THAT(task_manager_.Take(), SizeIs(6));
  for (const std::string job : {"1", "2"}) {
    EXPECT_FALSE(done);
    for (const auto& task : {Task(0, 0, job), Task(0, 1, job), Task(1, 0, job)})
      Report(task, TaskState::CANCELED);
  }
  EXPECT_TRUE(done);
  EXPECT_EQ(env_.loops.running(), 0u);
  EXPECT_EQ(first->result->state, JobState::kCanceled);
  EXPECT_EQ(second->result->state, JobState::kCanceled);
}

}  // namespace
}  // namespace pyflinkpp
