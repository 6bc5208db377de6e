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
//   a task fails: RESTARTING: cancel the others of its region -> all ended: after a delay
//                 give back their splits (all regions: from enumerators on), deploy them, from the
//                 last checkpoint
//                 or FAILING: cancel all -> all ended: FAILED
//   cancel: the same -> CANCELED
class JobMaster : private CheckpointHost {
 public:
  JobMaster(JobManager& manager, idl::JobGraph graph, std::shared_ptr<JobListener> listener);
  ~JobMaster();

  void Start();
  void Cancel();
  void OnReport(const idl::TaskReport& report);
  void OnTaskManagerLost(const RegisteredTaskManager& lost);
  void OnSlotsOffered();
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
  void OnCheckpointsFail(const idl::Failure& failure) override { Fail(failure, AllRegions()); }
  void OnCheckpoint(const CheckpointStatistics& statistics) override {
    listener_->OnCheckpoint(statistics);
  }

  void ReadStart(const std::string& path);
  void FallBack(const idl::Failure& damage);
  void TellFallBack(idl::Failure damage, const std::string& directory);
  std::set<int> AllRegions() const;
  absl::Status AssignLatest(const std::set<int>& regions);
  void StartEnumerators();
  absl::Status MakeEnumerator(const idl::OperatorNode& node);
  void Record(const idl::Failure& failure);
  bool MayRestart(const idl::Failure& failure, const std::set<int>& regions);
  void FailOfShutDown(const idl::TaskId& task);
  void RestartWhenEnded();
  bool ReplaceLostSlots();
  void Restart();
  void GiveSplitsBack(const idl::TaskId& task);
  TaskManagerGateway& GatewayOf(const idl::TaskId& task) {
    return *slot_owner_[execution_.find(task).slot]->gateway;
  }
  void OnEnumeratorStarted(const absl::Status& status);
  absl::Status TakeSlots();
  void Deploy();
  void CommitWhenPrepared();
  void DeployReady();
  void TellPeers(idl::TaskDeployment& deployment);
  std::string PeerOf(const RegisteredTaskManager& task_manager, size_t vertex, int subtask);
  // `regions`: may be started anew for it; none: it ends the job.
  void Fail(idl::Failure failure, std::set<int> regions = {});
  void AnswerSplitRequest(const idl::SplitRequest& request);
  void CancelTasks(const std::set<int>& regions);
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
  // What was dealt out, to give it back to the enumerator when its reader starts from a checkpoint
  // that was triggered before.
  struct Dealt {
    int64_t behind;  // the last checkpoint that was triggered before
    idl::SourceSplit split;
  };
  std::map<std::pair<int, int>, std::vector<Dealt>> dealt_;  // by JobGraph operator and subtask
  bool ending_ = false;                                      // all tasks have processed their input
  bool committing_ = false;
  bool ended_ = false;
  const std::shared_ptr<IoStrand> files_;
  CheckpointCoordinator coordinator_;
  RestartStrategy restart_strategy_;
  std::set<int> restarting_;      // RESTARTING: the regions
  int64_t restart_at_nanos_ = 0;  // the same: not before
  std::optional<std::set<int>>
      preparing_;                 // the same: those whose tasks have ended, after the delay
  bool falling_back_ = false;     // the same: a checkpoint is being looked for
  bool waits_for_slots_ = false;  // the same: in the place of those of a lost TaskManager
  struct KnownFailures {
    int64_t restored = 0;  // the checkpoint
    std::set<std::string> said;
  };
  std::map<int, KnownFailures> known_failures_;  // by region: to tell one that repeats
  bool aligning_ = false;
  std::vector<idl::SplitRequest> early_requests_;     // came before every task was open
  std::map<int, RegisteredTaskManager*> slot_owner_;  // by slot of ExecutionGraph
  std::map<std::pair<int, int>, std::vector<idl::OperatorMetrics>>
      metrics_;  // by vertex and subtask: the last report's
  std::map<std::pair<int, int>, std::map<std::string, std::vector<std::string>>>
      accumulators_;                                         // the same
  std::map<std::pair<int, int>, idl::WatermarkHold> holds_;  // the same, of tasks that have ended
  JobResult result_;
};

}  // namespace pyflinkpp
