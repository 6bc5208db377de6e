// The far ends of the gateways: each call becomes a message on a connection. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/env/network.h"
#include "runtime/rpc/gateways.h"

namespace pyflinkpp {

// A TaskManager in another process, as the JobManager sees it.
class TaskManagerStub final : public TaskManagerGateway {
 public:
  // `on_refused`: a task that can't be sent, as if its TaskManager reported it failed.
  TaskManagerStub(std::shared_ptr<Connection> connection, int64_t session,
                  std::function<void(idl::TaskReport)> on_refused)
      : connection_(std::move(connection)), session_(session), on_refused_(std::move(on_refused)) {}

  void Heartbeat();
  void SubmitTask(idl::TaskDeployment deployment) override;
  void CancelTask(idl::TaskId task) override;
  void AssignSplits(idl::SplitAssignment assignment) override;
  void CommitTask(idl::TaskId task) override;
  void TriggerCheckpoint(idl::CheckpointTrigger trigger) override;
  void NotifyCheckpoint(idl::CheckpointNotice notice) override;
  void AlignWatermark(idl::WatermarkAlignment alignment) override;
  void ReleaseJob(std::string job_id) override;

 private:
  const std::shared_ptr<Connection> connection_;
  const int64_t session_;
  const std::function<void(idl::TaskReport)> on_refused_;
};

// The JobManager, as a TaskManager in another process sees it within one registration.
class JobManagerStub {
 public:
  JobManagerStub(std::shared_ptr<Connection> connection, int64_t session)
      : connection_(std::move(connection)), session_(session) {}

  void Heartbeat() const;
  void ReportTask(const idl::TaskReport& report) const;
  void RequestSplit(const idl::SplitRequest& request) const;
  void ReportWatermark(const idl::WatermarkProgress& progress) const;
  void AnswerCheckpoint(const idl::CheckpointAnswer& answer) const;
  void ReportSourceWatermark(const idl::ReportedWatermark& report) const;

 private:
  template <class Call>
  void Send(const Call& call) const;

  const std::shared_ptr<Connection> connection_;
  const int64_t session_;
};

}  // namespace pyflinkpp
