// What tests of the JobManager share: TaskManagers that only write down what they are told.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "harness/graphs.h"
#include "harness/test_env.h"
#include "runtime/jobmanager/job_manager.h"

namespace pyflinkpp {

using harness::GraphBuilder;
using idl::TaskState;

// Writes down what it is told, as "submit 0.1": vertex 0, subtask 1.
class FakeTaskManager final : public TaskManagerGateway {
 public:
  void SubmitTask(idl::TaskDeployment deployment) override {
    Log("submit", deployment.task);
    deployments.push_back(std::move(deployment));
  }
  void CancelTask(idl::TaskId task) override { Log("cancel", task); }
  void AssignSplits(idl::SplitAssignment assignment) override {
    Log("splits", assignment.task);
    splits.push_back(std::move(assignment));
  }
  void CommitTask(idl::TaskId task) override { Log("commit", task); }
  void TriggerCheckpoint(idl::CheckpointTrigger trigger) override {
    Log("checkpoint " + std::to_string(trigger.barrier.checkpoint) + " of", trigger.task);
  }
  void NotifyCheckpoint(idl::CheckpointNotice notice) override {
    Log((notice.completed ? "completed " : "aborted ") + std::to_string(notice.checkpoint) + " to",
        notice.task);
  }
  void AlignWatermark(idl::WatermarkAlignment alignment) override {
    Log("align to " + std::to_string(alignment.max_watermark), alignment.task);
  }

  // What came since the last call.
  std::vector<std::string> Take() { return std::exchange(log_, {}); }

  std::vector<idl::TaskDeployment> deployments;
  std::vector<idl::SplitAssignment> splits;

 private:
  void Log(const std::string& what, const idl::TaskId& task) {
    log_.push_back(what + " " + std::to_string(task.vertex) + "." + std::to_string(task.subtask));
  }
  std::vector<std::string> log_;
};

class FakeClient final : public JobListener {
 public:
  void OnState(JobState state) override {
    EXPECT_FALSE(result.has_value()) << "the end comes last";
    states.emplace_back(NameOf(state));
  }
  void OnEnd(const JobResult& job_result) override {
    EXPECT_FALSE(result.has_value()) << "a job ends once";
    result = job_result;
  }
  std::vector<std::string> states;
  std::optional<JobResult> result;
};

// A source that starts when the test lets it.
class HeldEnumerator final : public SplitEnumerator {
 public:
  explicit HeldEnumerator(std::vector<std::function<void(absl::Status)>>& held) : held_(held) {}
  absl::StatusOr<idl::EnumeratorState> Snapshot() const override { return idl::EnumeratorState(); }
  void Restore(idl::EnumeratorState) override {}
  void AddSplitsBack(std::vector<idl::SourceSplit>) override {}
  void Start(SplitEnumeratorContext& context, std::function<void(absl::Status)> started) override {
    held_.push_back([post = context.post, started = std::move(started)](absl::Status status) {
      post([started, status] { started(status); });
    });
  }
  void HandleSplitRequest(int) override {}

 private:
  std::vector<std::function<void(absl::Status)>>& held_;
};

class JobManagerTest : public testing::Test {
 protected:
  JobManagerTest() : registry_(BuiltinOperators()) {
    manager_ = std::make_shared<JobManager>(env_.env, registry_);
    env_.loops.Start(manager_);
  }
  void Register(int slots) {
    manager_->RegisterTaskManager(slots, &task_manager_);
    env_.loops.RunUntilIdle();
  }
  // source (2 subtasks) -> sink (1 subtask): vertices 0 and 1, two slots.
  static idl::JobGraph TwoVertices(const std::string& id = "job") {
    GraphBuilder builder;
    builder.Source("s", 2);
    builder.Then(builder.Sink("t"), idl::Partitioner::REBALANCE);
    builder.graph().job_id = id;
    return builder.Complete();
  }
  // source (2) -> function (2) -> sink (1) in batch mode: vertices 0, 1 and 2, two slots.
  static idl::JobGraph ThreeStages() {
    GraphBuilder builder;
    builder.Source("s", 2);
    builder.Then(builder.Native("f", 2), idl::Partitioner::REBALANCE);
    builder.Then(builder.Sink("t"), idl::Partitioner::REBALANCE);
    builder.graph().job_id = "job";
    builder.graph().configuration["execution.runtime-mode"] = "BATCH";
    return builder.Complete();
  }
  std::shared_ptr<FakeClient> Submit(idl::JobGraph graph) {
    auto client = std::make_shared<FakeClient>();
    manager_->SubmitJob(std::move(graph), client);
    env_.loops.RunUntilIdle();
    return client;
  }
  static idl::TaskId Task(int vertex, int subtask, const std::string& job = "job") {
    idl::TaskId task;
    task.job_id = job;
    task.vertex = vertex;
    task.subtask = subtask;
    return task;
  }
  void Report(const idl::TaskId& task, TaskState::type state, const std::string& failure = "") {
    idl::TaskReport report;
    report.task = task;
    report.state = state;
    if (!failure.empty()) {
      idl::Failure told;
      told.message = failure;
      told.subtask = task.subtask;
      report.__set_failure(told);
    }
    Send(std::move(report));
  }
  void Send(idl::TaskReport report) {
    manager_->ReportTask(std::move(report));
    env_.loops.RunUntilIdle();
  }
  void RequestSplit(const idl::TaskId& task) {
    idl::SplitRequest request;
    request.task = task;
    request.op = 0;
    manager_->RequestSplit(request);
    env_.loops.RunUntilIdle();
  }
  void ReportSource(const idl::TaskId& task, int64_t watermark) {
    idl::ReportedWatermark report;
    report.task = task;
    report.watermark = watermark;
    manager_->ReportSourceWatermark(report);
    env_.loops.RunUntilIdle();
  }
  void Advance(int64_t millis) {
    env_.clock.AdvanceMillis(millis);
    env_.loops.RunUntilIdle();
  }
  void Cancel(const std::string& job = "job") {
    manager_->CancelJob(job);
    env_.loops.RunUntilIdle();
  }
  // Sources wait until the test starts them.
  void HoldSources() {
    registry_.entries["number_sequence_source"].make_enumerator = [this](const idl::OperatorNode&) {
      return std::make_unique<HeldEnumerator>(held_);
    };
  }

  harness::TestEnv env_;
  OperatorRegistry registry_;
  FakeTaskManager task_manager_;
  std::vector<std::function<void(absl::Status)>> held_;
  std::shared_ptr<JobManager> manager_;
};

}  // namespace pyflinkpp
