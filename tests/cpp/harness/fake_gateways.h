// Both ends of the RPC as tests see them: what they were told, as texts.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/rpc/gateways.h"

namespace pyflinkpp::harness {

class RecordingTaskManager final : public TaskManagerGateway {
 public:
  void SubmitTask(idl::TaskDeployment deployment) override {
    Log("submit", deployment.task);
    deployments.push_back(std::move(deployment));
  }
  void CancelTask(idl::TaskId task) override { Log("cancel", task); }
  void AssignSplits(idl::SplitAssignment assignment) override {
    Log(absl::StrCat(assignment.splits.size(), " splits for"), assignment.task);
  }
  void CommitTask(idl::TaskId task) override { Log("commit", task); }
  void TriggerCheckpoint(idl::CheckpointTrigger trigger) override {
    Log(absl::StrCat("checkpoint ", trigger.barrier.checkpoint, " of"), trigger.task);
  }
  void NotifyCheckpoint(idl::CheckpointNotice notice) override {
    Log(absl::StrCat("notice ", notice.checkpoint, notice.completed ? " completed" : " aborted"),
        notice.task);
  }
  void AlignWatermark(idl::WatermarkAlignment alignment) override {
    Log(absl::StrCat("align to ", alignment.max_watermark), alignment.task);
  }
  void ReleaseJob(std::string job_id) override { heard_.push_back("release " + job_id); }

  std::vector<std::string> Take() { return std::exchange(heard_, {}); }
  std::vector<idl::TaskDeployment> deployments;

 private:
  void Log(const std::string& what, const idl::TaskId& task) {
    heard_.push_back(absl::StrCat(what, " ", task.vertex, ".", task.subtask, "#", task.attempt));
  }
  std::vector<std::string> heard_;
};

class RecordingJobManager final : public JobManagerGateway {
 public:
  void RegisterTaskManager(int slots, TaskManagerGateway*, std::string) override {
    heard_.push_back(absl::StrCat("register ", slots));
  }
  void ReportTask(idl::TaskReport report) override {
    Log(absl::StrCat("report ", report.state, report.failure.message), report.task);
  }
  void RequestSplit(idl::SplitRequest request) override { Log("split", request.task); }
  void ReportWatermark(idl::WatermarkProgress progress) override {
    Log(absl::StrCat("watermark ", progress.watermark), progress.task);
  }
  void AnswerCheckpoint(idl::CheckpointAnswer answer) override {
    Log(absl::StrCat("answer ", answer.checkpoint,
                     answer.__isset.failure ? " failed: " + answer.failure.message : ""),
        answer.task);
  }
  void ReportSourceWatermark(idl::ReportedWatermark report) override {
    Log(absl::StrCat("source at ", report.watermark), report.task);
  }

  std::vector<std::string> Take() { return std::exchange(heard_, {}); }

 private:
  void Log(const std::string& what, const idl::TaskId& task) {
    heard_.push_back(absl::StrCat(what, " ", task.vertex, ".", task.subtask, "#", task.attempt));
  }
  std::vector<std::string> heard_;
};

inline idl::TaskId Task(int vertex, int subtask, int attempt = 0) {
  idl::TaskId task;
  task.job_id = "job";
  task.vertex = vertex;
  task.subtask = subtask;
  task.attempt = attempt;
  return task;
}

}  // namespace pyflinkpp::harness
