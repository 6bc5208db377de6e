// What JobManager and TaskManagers say to each other. Calls return at once; answers are calls in
// the other direction. Messages are the IDL's structs, so they can cross a process as they are.
#pragma once

#include <string>
#include <utility>

#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

class TaskManagerGateway {
 public:
  virtual ~TaskManagerGateway() = default;
  virtual void SubmitTask(idl::TaskDeployment deployment) = 0;
  virtual void CancelTask(idl::TaskId task) = 0;
  virtual void AssignSplits(idl::SplitAssignment assignment) = 0;
  // Every task of the job has finished its input: make the effects visible.
  virtual void CommitTask(idl::TaskId task) = 0;
  virtual void TriggerCheckpoint(idl::CheckpointTrigger trigger) = 0;
  virtual void NotifyCheckpoint(idl::CheckpointNotice notice) = 0;
  // How far a source of an alignment group may read.
  virtual void AlignWatermark(idl::WatermarkAlignment alignment) = 0;
  // The job has ended: what is kept for it can go.
  virtual void ReleaseJob(std::string job_id) { (void)job_id; }
};

class JobManagerGateway {
 public:
  virtual ~JobManagerGateway() = default;
  // `data_address`: where it listens for channels of other processes, "host:port"; empty: it has only
  // channels within its own.
  virtual void RegisterTaskManager(int slots, TaskManagerGateway* task_manager,
                                   std::string data_address) = 0;
  void RegisterTaskManager(int slots, TaskManagerGateway* task_manager) {
    RegisterTaskManager(slots, task_manager, {});
  }
  virtual void ReportTask(idl::TaskReport report) = 0;
  virtual void RequestSplit(idl::SplitRequest request) = 0;
  virtual void ReportWatermark(idl::WatermarkProgress progress) = 0;
  virtual void AnswerCheckpoint(idl::CheckpointAnswer answer) = 0;
  virtual void ReportSourceWatermark(idl::ReportedWatermark report) = 0;
};

}  // namespace pyflinkpp
