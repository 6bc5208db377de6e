#include "runtime/rpc/stubs.h"

#include "absl/strings/str_cat.h"
#include "core/idl/JobManagerService.h"
#include "core/idl/TaskManagerService.h"
#include "runtime/rpc/rpc_message.h"

namespace pyflinkpp {
namespace {

constexpr size_t kMegabyte = size_t{1} << 20;

// State without a folder travels in messages, which have a bound.
idl::Failure TooLong(const std::string& what, size_t bytes) {
  idl::Failure failure;
  failure.kind = idl::FaultKind::USER;
  failure.__set_fatal(true);
  failure.message = absl::StrCat(what, " is a message of ", bytes / kMegabyte, " MB, and ",
                                 kRpcMessageMaxBytes / kMegabyte,
                                 " MB are the most: set execution.checkpointing.dir, so that state "
                                 "goes to files, and read large data in functions, not from "
                                 "variables that they capture");
  return failure;
}

template <class Call>
std::string ToTaskManager(int64_t session, const Call& call) {
  return EncodeCall<idl::TaskManagerServiceClient>(session, call);
}

}  // namespace

void TaskManagerStub::Heartbeat() {
  connection_->Send(ToTaskManager(session_, [](auto& client) { client.Heartbeat(); }));
}

void TaskManagerStub::SubmitTask(idl::TaskDeployment deployment) {
  const std::string what = absl::StrCat("the deployment of task '", deployment.name, "'");
  idl::Failure failure;
  try {
    std::string message =
        ToTaskManager(session_, [&](auto& client) { client.SubmitTask(deployment); });
    if (message.size() <= kRpcMessageMaxBytes) return connection_->Send(std::move(message));
    failure = TooLong(what, message.size());
  } catch (const std::exception& error) {  // types within types without end
    failure.kind = idl::FaultKind::USER;
    failure.__set_fatal(true);
    failure.message = absl::StrCat(what, " can't be sent: ", error.what());
  }
  idl::TaskReport report;
  report.task = deployment.task;
  report.state = idl::TaskState::FAILED;
  report.__set_failure(failure);
  report.failure.operator_name = deployment.name;
  report.failure.subtask = deployment.task.subtask;
  on_refused_(std::move(report));
}

void TaskManagerStub::CancelTask(idl::TaskId task) {
  connection_->Send(ToTaskManager(session_, [&](auto& client) { client.CancelTask(task); }));
}

void TaskManagerStub::AssignSplits(idl::SplitAssignment assignment) {
  connection_->Send(
      ToTaskManager(session_, [&](auto& client) { client.AssignSplits(assignment); }));
}

void TaskManagerStub::CommitTask(idl::TaskId task) {
  connection_->Send(ToTaskManager(session_, [&](auto& client) { client.CommitTask(task); }));
}

void TaskManagerStub::TriggerCheckpoint(idl::CheckpointTrigger trigger) {
  connection_->Send(
      ToTaskManager(session_, [&](auto& client) { client.TriggerCheckpoint(trigger); }));
}

void TaskManagerStub::NotifyCheckpoint(idl::CheckpointNotice notice) {
  connection_->Send(
      ToTaskManager(session_, [&](auto& client) { client.NotifyCheckpoint(notice); }));
}

void TaskManagerStub::AlignWatermark(idl::WatermarkAlignment alignment) {
  connection_->Send(
      ToTaskManager(session_, [&](auto& client) { client.AlignWatermark(alignment); }));
}

void TaskManagerStub::ReleaseJob(std::string job_id) {
  connection_->Send(ToTaskManager(session_, [&](auto& client) { client.ReleaseJob(job_id); }));
}

template <class Call>
void JobManagerStub::Send(const Call& call) const {
  connection_->Send(EncodeCall<idl::JobManagerServiceClient>(session_, call));
}

void JobManagerStub::Heartbeat() const {
  Send([](auto& client) { client.Heartbeat(); });
}

void JobManagerStub::ReportTask(const idl::TaskReport& report) const {
  Send([&](auto& client) { client.ReportTask(report); });
}

void JobManagerStub::RequestSplit(const idl::SplitRequest& request) const {
  Send([&](auto& client) { client.RequestSplit(request); });
}

void JobManagerStub::ReportWatermark(const idl::WatermarkProgress& progress) const {
  Send([&](auto& client) { client.ReportWatermark(progress); });
}

void JobManagerStub::AnswerCheckpoint(const idl::CheckpointAnswer& answer) const {
  std::string message = EncodeCall<idl::JobManagerServiceClient>(
      session_, [&](auto& client) { client.AnswerCheckpoint(answer); });
  if (message.size() <= kRpcMessageMaxBytes) return connection_->Send(std::move(message));
  idl::CheckpointAnswer failed;
  failed.task = answer.task;
  failed.checkpoint = answer.checkpoint;
  failed.__set_failure(TooLong("the state of a task", message.size()));
  Send([&](auto& client) { client.AnswerCheckpoint(failed); });
}

void JobManagerStub::ReportSourceWatermark(const idl::ReportedWatermark& report) const {
  Send([&](auto& client) { client.ReportSourceWatermark(report); });
}

}  // namespace pyflinkpp
