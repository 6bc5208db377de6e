// Runs tasks: takes deployments from the JobManager, starts a loop for each, passes messages on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/mailbox/loop.h"
#include "runtime/rpc/gateways.h"
#include "runtime/task/stream_task.h"

namespace pyflinkpp {

struct TaskIdLess {
  bool operator()(const idl::TaskId& a, const idl::TaskId& b) const {
    return std::tie(a.job_id, a.vertex, a.subtask, a.attempt) <
           std::tie(b.job_id, b.vertex, b.subtask, b.attempt);
  }
};

// Gateway calls and task listeners' calls come from any thread and become mail. Ends after
// Shutdown, when its last task has ended.
class TaskManager : public Loop, public TaskManagerGateway, public TaskListener {
 public:
  TaskManager(std::string name, Env& env, Transport& transport, const OperatorRegistry& registry,
              std::shared_ptr<JobManagerGateway> job_manager);

  // Offers its slots to the JobManager. Before the loop starts.
  void Register(int slots, const std::string& data_address = {}) {
    job_manager_->RegisterTaskManager(slots, this, data_address);
  }
  // Cancels all tasks and ends the loop when the last one has ended; `done` is called on it then.
  void Shutdown(std::function<void()> done = {});
  // The JobManager is gone, or has given this TaskManager up: all tasks are cancelled. `done` is called
  // on the loop when the last one has ended; only then it may register anew.
  void JobManagerLost(std::function<void()> done);

  void SubmitTask(idl::TaskDeployment deployment) override;
  void CancelTask(idl::TaskId task) override;
  void AssignSplits(idl::SplitAssignment assignment) override;
  void CommitTask(idl::TaskId task) override;
  void TriggerCheckpoint(idl::CheckpointTrigger trigger) override;
  void NotifyCheckpoint(idl::CheckpointNotice notice) override;
  void AlignWatermark(idl::WatermarkAlignment alignment) override;
  void ReleaseJob(std::string job_id) override;

 private:
  void OnReport(idl::TaskReport report) override;
  void OnSplitRequest(idl::SplitRequest request) override {
    job_manager_->RequestSplit(std::move(request));
  }
  void OnWatermark(idl::WatermarkProgress progress) override {
    job_manager_->ReportWatermark(std::move(progress));
  }
  void OnCheckpoint(idl::CheckpointAnswer answer) override {
    job_manager_->AnswerCheckpoint(std::move(answer));
  }
  void OnSourceWatermark(idl::ReportedWatermark report) override {
    job_manager_->ReportSourceWatermark(std::move(report));
  }
  void Tick();
  void TellIfEmpty();
  // Runs `action` on the task if it is still here.
  template <class Action>
  void WithTask(const char* name, idl::TaskId task, Action action);

  Env& env_;
  Transport& transport_;
  const OperatorRegistry& registry_;
  const std::shared_ptr<JobManagerGateway> job_manager_;
  std::map<idl::TaskId, std::shared_ptr<StreamTask>, TaskIdLess> tasks_;
  bool ticking_ = false;
  bool shutting_down_ = false;
  std::vector<std::function<void()>> lost_;  // wait for the last task to end
  std::function<void()> shut_down_;          // the caller's `done`
};

}  // namespace pyflinkpp
