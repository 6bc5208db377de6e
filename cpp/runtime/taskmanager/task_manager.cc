#include "runtime/taskmanager/task_manager.h"

#include <utility>

namespace pyflinkpp {
namespace {
constexpr int64_t kTickNanos = 1'000'000;
}

TaskManager::TaskManager(std::string name, Env& env, Transport& transport,
                         const OperatorRegistry& registry,
                         std::shared_ptr<JobManagerGateway> job_manager)
    : Loop(std::move(name), env.clock),
      env_(env),
      transport_(transport),
      registry_(registry),
      job_manager_(std::move(job_manager)) {}

void TaskManager::SubmitTask(idl::TaskDeployment deployment) {
  mailbox().Post("submit task", [this, deployment = std::move(deployment)]() mutable {
    const idl::TaskId id = deployment.task;
    auto task =
        std::make_shared<StreamTask>(std::move(deployment), env_, transport_, registry_, *this);
    tasks_.emplace(id, task);
    env_.loops.Start(std::move(task));
    if (!std::exchange(ticking_, true)) Tick();
  });
}

template <class Action>
void TaskManager::WithTask(const char* name, idl::TaskId task, Action action) {
  mailbox().Post(name, [this, task = std::move(task), action = std::move(action)]() mutable {
    if (const auto found = tasks_.find(task); found != tasks_.end()) action(*found->second);
  });
}

void TaskManager::CancelTask(idl::TaskId task) {
  WithTask("cancel task", std::move(task), [](StreamTask& found) { found.Cancel(); });
}

void TaskManager::AssignSplits(idl::SplitAssignment assignment) {
  idl::TaskId task = assignment.task;
  WithTask("assign splits", std::move(task),
           [assignment = std::move(assignment)](StreamTask& found) mutable {
             found.AddSplits(std::move(assignment));
           });
}

void TaskManager::CommitTask(idl::TaskId task) {
  WithTask("commit task", std::move(task), [](StreamTask& found) { found.Commit(); });
}

void TaskManager::TriggerCheckpoint(idl::CheckpointTrigger trigger) {
  idl::TaskId task = trigger.task;
  WithTask("trigger checkpoint", std::move(task),
           [barrier = std::move(trigger.barrier)](StreamTask& found) mutable {
             found.TriggerCheckpoint(std::move(barrier));
           });
}

void TaskManager::NotifyCheckpoint(idl::CheckpointNotice notice) {
  WithTask("notify checkpoint", notice.task, [notice](StreamTask& found) {
    found.NotifyCheckpoint(notice.checkpoint, notice.completed);
  });
}

void TaskManager::AlignWatermark(idl::WatermarkAlignment alignment) {
  const int64_t max_watermark = alignment.max_watermark;
  WithTask("align watermark", std::move(alignment.task),
           [max_watermark](StreamTask& found) { found.AlignWatermark(max_watermark); });
}

void TaskManager::OnReport(idl::TaskReport report) {
  mailbox().Post("task report", [this, report = std::move(report)]() mutable {
    const bool ended = report.state == idl::TaskState::FINISHED ||
                       report.state == idl::TaskState::CANCELED ||
                       report.state == idl::TaskState::FAILED;
    if (ended) tasks_.erase(report.task);
    job_manager_->ReportTask(std::move(report));
    TellIfEmpty();
  });
}

void TaskManager::TellIfEmpty() {
  if (!tasks_.empty()) return;
  for (const auto& done : std::exchange(lost_, {})) done();
  if (!shutting_down_) return;
  if (shut_down_) std::exchange(shut_down_, nullptr)();
  EndLoop();
}

void TaskManager::Tick() {
  if (tasks_.empty()) {
    ticking_ = false;
    return;
  }
  for (auto& [id, task] : tasks_) task->Tick();
  env_.loops.Tick();
  mailbox().PostAt(env_.clock.NowNanos() + kTickNanos, "tick", [this] { Tick(); });
}

void TaskManager::ReleaseJob(std::string job_id) {
  mailbox().Post("release job", [this, job_id = std::move(job_id)] { transport_.Release(job_id); });
}

void TaskManager::Shutdown(std::function<void()> done) {
  mailbox().Post("shut down", [this, done = std::move(done)]() mutable {
    shutting_down_ = true;
    if (done) shut_down_ = std::move(done);
    for (auto& [id, task] : tasks_) task->Cancel();
    TellIfEmpty();
  });
}

void TaskManager::JobManagerLost(std::function<void()> done) {
  mailbox().Post("JobManager lost", [this, done = std::move(done)]() mutable {
    lost_.push_back(std::move(done));
    for (auto& [id, task] : tasks_) task->Cancel();
    TellIfEmpty();
  });
}

}  // namespace pyflinkpp
