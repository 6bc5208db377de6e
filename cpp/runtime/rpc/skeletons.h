// The near ends of the gateways: calls that came as messages go on to the local gateway. Who owns a
// connection adds what concerns the connection itself.
#pragma once

#include "core/idl/JobManagerService.h"
#include "core/idl/TaskManagerService.h"
#include "runtime/rpc/gateways.h"

namespace pyflinkpp {

class TaskManagerSkeleton : public idl::TaskManagerServiceIf {
 public:
  void SubmitTask(const idl::TaskDeployment& deployment) override {
    task_manager().SubmitTask(deployment);
  }
  void CancelTask(const idl::TaskId& task) override { task_manager().CancelTask(task); }
  void AssignSplits(const idl::SplitAssignment& assignment) override {
    task_manager().AssignSplits(assignment);
  }
  void CommitTask(const idl::TaskId& task) override { task_manager().CommitTask(task); }
  void TriggerCheckpoint(const idl::CheckpointTrigger& trigger) override {
    task_manager().TriggerCheckpoint(trigger);
  }
  void NotifyCheckpoint(const idl::CheckpointNotice& notice) override {
    task_manager().NotifyCheckpoint(notice);
  }
  void AlignWatermark(const idl::WatermarkAlignment& alignment) override {
    task_manager().AlignWatermark(alignment);
  }
  void ReleaseJob(const std::string& job_id) override { task_manager().ReleaseJob(job_id); }

 protected:
  virtual TaskManagerGateway& task_manager() = 0;
};

class JobManagerSkeleton : public idl::JobManagerServiceIf {
 public:
  void ReportTask(const idl::TaskReport& report) override { job_manager().ReportTask(report); }
  void RequestSplit(const idl::SplitRequest& request) override {
    job_manager().RequestSplit(request);
  }
  void ReportWatermark(const idl::WatermarkProgress& progress) override {
    job_manager().ReportWatermark(progress);
  }
  void AnswerCheckpoint(const idl::CheckpointAnswer& answer) override {
    job_manager().AnswerCheckpoint(answer);
  }
  void ReportSourceWatermark(const idl::ReportedWatermark& report) override {
    job_manager().ReportSourceWatermark(report);
  }

 protected:
  virtual JobManagerGateway& job_manager() = 0;
};

}  // namespace pyflinkpp
