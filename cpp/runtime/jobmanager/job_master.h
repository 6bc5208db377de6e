// One job: starts its sources, deploys its tasks, follows their states to the end.
#pragma once

#include "runtime/jobmanager/job_manager.h"
#include "runtime/scheduler/watermark_alignment.h"

namespace pyflinkpp {

// Part of the JobManager: owned by it, runs on its loop.
//
//   start enumerators -> take slots -> deploy -> all open: sources get splits
//                     -> all prepared: commit -> FINISHED
//   a task fails: cancel the others -> all ended: FAILED
//   cancel: the same -> CANCELED
class JobMaster {
 public:
  JobMaster(JobManager& manager, idl::JobGraph graph, std::shared_ptr<JobListener> listener);
  ~JobMaster();

  void Start();
  void Cancel();
  void OnReport(const idl::TaskReport& report);
  void OnSplitRequest(const idl::SplitRequest& request);
  void OnWatermark(const idl::WatermarkProgress& progress);
  void OnSourceWatermark(const idl::ReportedWatermark& report);

 private:
  void OnEnumeratorStarted(const absl::Status& status);
  absl::Status TakeSlots();
  void Deploy();
  void Fail(idl::Failure failure);
  void AnswerSplitRequest(const idl::SplitRequest& request);
  void CancelTasks();
  void StartAlignment();
  void AlignLater(const WatermarkAlignment::Source& source);
  void Align(const WatermarkAlignment::Source& source);
  void SetState(JobState state);
  void EndIfAllEnded();
  void End(JobState state);

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
  bool committing_ = false;
  bool aligning_ = false;
  std::vector<idl::SplitRequest> early_requests_;     // came before every task was open
  std::map<int, RegisteredTaskManager*> slot_owner_;  // by slot of ExecutionGraph
  std::map<std::pair<int, int>, std::vector<idl::OperatorMetrics>>
      metrics_;  // by vertex and subtask: the last report's
  std::map<std::pair<int, int>, idl::WatermarkHold> holds_;  // the same, of tasks that have ended
  JobResult result_;
};

}  // namespace pyflinkpp
