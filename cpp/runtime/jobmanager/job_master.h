// One job: starts its sources, deploys its tasks, follows their states to the end.
#pragma once

#include "runtime/checkpoint/checkpoint_coordinator.h"
#include "runtime/io/io_strand.h"
#include "runtime/jobmanager/job_manager.h"
#include "runtime/scheduler/restart_strategy.h"
#include "runtime/scheduler/watermark_alignment.h"

namespace pyflinkpp {

// Part of the JobManager: owned by it, runs on its loop.
//
//   read the checkpoint to start from -> start enumerators -> take slots -> deploy
//                     -> all open: sources get splits, checkpoints begin
//                     -> batch mode: producers have ended: deploy their consumers
//                     -> all prepared: a last checkpoint, commit -> FINISHED
//   a task fails: cancel the others -> all ended: RESTARTING, after a delay from enumerators on,
//                                      from the last checkpoint; or FAILED
//   cancel: the same -> CANCELED
class JobMaster : private CheckpointHost {
 public:
  JobMaster(JobManager& manager, idl::JobGraph graph, std::shared_ptr<JobListener> listener);
  ~JobMaster();

  void Start();
  void Cancel();
  void OnReport(const idl::TaskReport& report);
  void OnSplitRequest(const idl::SplitRequest& request);
  void OnWatermark(const idl::WatermarkProgress& progress);
  void OnCheckpointAnswer(const idl::CheckpointAnswer& answer);
  // `stop`: the job ends with it. `done` is told the path, or why there is none.
  void TriggerSavepoint(const std::string& directory, idl::AfterBarrier::type after,
                        CheckpointCoordinator::Done done);
  void OnSourceWatermark(const idl::ReportedWatermark& report);

 private:
  // ---- CheckpointHost ----
  void RunAfter(int64_t millis, std::function<void()> run) override;
  void RunOnExecutor(absl::AnyInvocable<absl::Status()> work,
                     std::function<void(absl::Status)> then) override;
  void Trigger(const idl::TaskId& task, const idl::Barrier& barrier) override;
  void Notify(const idl::TaskId& task, int64_t checkpoint, bool completed) override;
  absl::StatusOr<std::map<int, std::string>> SnapshotEnumerators() override;
  void OnCheckpointsFail(const idl::Failure& failure) override { Fail(failure); }
  void OnCheckpoint(const CheckpointStatistics& statistics) override {
    listener_->OnCheckpoint(statistics);
  }

  void StartEnumerators();
  absl::Status MakeEnumerator(const idl::OperatorNode& node);
  void Record(const idl::Failure& failure);
  bool MayRestart(const idl::Failure& failure);
  void RestartWhenAllEnded();
  TaskManagerGateway& GatewayOf(const idl::TaskId& task) {
    return *slot_owner_[execution_.find(task).slot]->gateway;
  }
  void OnEnumeratorStarted(const absl::Status& status);
  absl::Status TakeSlots();
  void Deploy();
  void CommitWhenPrepared();
  void DeployReady();
  void Fail(idl::Failure failure);
  void AnswerSplitRequest(const idl::SplitRequest& request);
  void CancelTasks();
  void StartAlignment();
  void AlignLater(const WatermarkAlignment::Source& source);
  void Align(const WatermarkAlignment::Source& source);
  void SetState(JobState state);
  void EndIfAllEnded();
  void End(JobState state);
  void TellEnd(JobState state);

  JobManager& manager_;
  const idl::JobGraph graph_;
  const std::shared_ptr<JobListener> listener_;
  ExecutionGraph execution_;
  WatermarkAlignment alignment_;
  JobState state_ = JobState::kCreated;
  int64_t started_nanos_ = 0;
  std::map<int, std::unique_ptr<SplitEnumeratorContext>> contexts_;  // by JobGraph operator
  std::map<int, std::unique_ptr<SplitEnumerator>>
      enumerators_;  // destroyed before the contexts they use
  size_t enumerators_starting_ = 0;
  bool deployed_ = false;
  bool ending_ = false;  // all tasks have processed their input
  bool committing_ = false;
  bool ended_ = false;
  const std::shared_ptr<IoStrand> files_;
  CheckpointCoordinator coordinator_;
  RestartStrategy restart_strategy_;
  std::optional<int64_t> restart_after_ms_;  // RESTARTING: once all tasks have ended
  std::string last_failure_;  // to tell one that repeats: what it said, and from where it ran
  int64_t restored_checkpoint_ = 0;
  bool aligning_ = false;
  std::vector<idl::SplitRequest> early_requests_;     // came before every task was open
  std::map<int, RegisteredTaskManager*> slot_owner_;  // by slot of ExecutionGraph
  std::map<std::pair<int, int>, std::vector<idl::OperatorMetrics>>
      metrics_;  // by vertex and subtask: the last report's
  std::map<std::pair<int, int>, idl::WatermarkHold> holds_;  // the same, of tasks that have ended
  JobResult result_;
};

}  // namespace pyflinkpp
