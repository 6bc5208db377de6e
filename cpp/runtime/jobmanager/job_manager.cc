#include "runtime/jobmanager/job_manager.h"

#include <utility>

#include "core/base/status.h"
#include "runtime/jobmanager/job_master.h"

namespace pyflinkpp {
namespace {

// Stands for a TaskManager that was lost: nobody hears.
class NoTaskManager final : public TaskManagerGateway {
 public:
  void SubmitTask(idl::TaskDeployment) override {}
  void CancelTask(idl::TaskId) override {}
  void AssignSplits(idl::SplitAssignment) override {}
  void CommitTask(idl::TaskId) override {}
  void TriggerCheckpoint(idl::CheckpointTrigger) override {}
  void NotifyCheckpoint(idl::CheckpointNotice) override {}
  void AlignWatermark(idl::WatermarkAlignment) override {}
};
NoTaskManager no_task_manager;

}  // namespace

JobManager::JobManager(Env& env, const OperatorRegistry& registry)
    : Loop("JobManager", env.clock), env_(env), registry_(registry) {}

JobManager::~JobManager() = default;

void JobManager::SubmitJob(idl::JobGraph graph, std::shared_ptr<JobListener> listener) {
  mailbox().Post("submit job", [this, graph = std::move(graph),
                                listener = std::move(listener)]() mutable {
    const std::string id = graph.job_id;
    if (jobs_.contains(id)) {
      JobResult refused;
      refused.state = JobState::kFailed;
      refused.failure.message = "a job of the id " + id + " is running already";
      listener->OnState(refused.state);
      return listener->OnEnd(refused);
    }
    JobMaster& job =
        *jobs_
             .emplace(id, std::make_unique<JobMaster>(*this, std::move(graph), std::move(listener)))
             .first->second;
    job.Start();
  });
}

void JobManager::CancelJob(std::string job_id) {
  mailbox().Post("cancel job", [this, job_id = std::move(job_id)] {
    if (const auto job = jobs_.find(job_id); job != jobs_.end()) job->second->Cancel();
  });
}

void JobManager::Shutdown(std::function<void()> done) {
  mailbox().Post("shut down", [this, done = std::move(done)] {
    shut_down_ = done;
    std::vector<JobMaster*> running;
    for (auto& [id, job] : jobs_) running.push_back(job.get());
    for (JobMaster* job : running) job->Cancel();
    EndIfShutDown();
  });
}

void JobManager::RegisterTaskManager(int slots, TaskManagerGateway* task_manager,
                                     std::string data_address) {
  mailbox().Post(
      "register TaskManager", [this, slots, task_manager, data_address = std::move(data_address)] {
        task_managers_.push_back(
            {.gateway = task_manager, .slots = slots, .free = slots, .data_address = data_address});
        for (auto& [id, job] : jobs_) job->OnSlotsOffered();
      });
}

RegisteredTaskManager* JobManager::NextFree() {
  RegisteredTaskManager* found = nullptr;
  for (RegisteredTaskManager& each : task_managers_) {
    if (each.free <= 0) continue;
    if (found == nullptr || (spreads_out_slots_ && each.free > found->free)) found = &each;
    if (!spreads_out_slots_) break;
  }
  return found;
}

void JobManager::TaskManagerLost(TaskManagerGateway* task_manager) {
  mailbox().Post("TaskManager lost", [this, task_manager] {
    for (RegisteredTaskManager& each : task_managers_) {
      if (each.gateway != task_manager) continue;
      each = {.gateway = &no_task_manager, .slots = 0, .free = 0, .lost = true};
      for (auto& [id, job] : jobs_) job->OnTaskManagerLost(each);
    }
  });
}

void JobManager::ReportTask(idl::TaskReport report) {
  mailbox().Post("task report", [this, report = std::move(report)] {
    if (const auto job = jobs_.find(report.task.job_id); job != jobs_.end())
      job->second->OnReport(report);
  });
}

void JobManager::RequestSplit(idl::SplitRequest request) {
  mailbox().Post("split request", [this, request = std::move(request)] {
    if (const auto job = jobs_.find(request.task.job_id); job != jobs_.end())
      job->second->OnSplitRequest(request);
  });
}

void JobManager::ReportWatermark(idl::WatermarkProgress progress) {
  mailbox().Post("watermark", [this, progress = std::move(progress)] {
    if (const auto job = jobs_.find(progress.task.job_id); job != jobs_.end()) {
      job->second->OnWatermark(progress);
    }
  });
}

void JobManager::AnswerCheckpoint(idl::CheckpointAnswer answer) {
  mailbox().Post("checkpoint answer", [this, answer = std::move(answer)] {
    if (const auto job = jobs_.find(answer.task.job_id); job != jobs_.end())
      job->second->OnCheckpointAnswer(answer);
  });
}

void JobManager::TriggerSavepoint(std::string job_id, std::string directory,
                                  idl::AfterBarrier::type after, CheckpointCoordinator::Done done) {
  mailbox().Post("trigger savepoint",
                 [this, job_id = std::move(job_id), directory = std::move(directory), after,
                  done = std::move(done)] {
                   if (const auto job = jobs_.find(job_id); job != jobs_.end())
                     return job->second->TriggerSavepoint(directory, after, done);
                   done(UserError("the job has ended: there is nothing to take a savepoint of"));
                 });
}

void JobManager::ReportSourceWatermark(idl::ReportedWatermark report) {
  mailbox().Post("source watermark", [this, report = std::move(report)] {
    if (const auto job = jobs_.find(report.task.job_id); job != jobs_.end())
      job->second->OnSourceWatermark(report);
  });
}

// Posted, because the JobMaster that ends is still on the call stack.
void JobManager::Forget(const std::string& job_id) {
  mailbox().Post("forget job", [this, job_id] {
    jobs_.erase(job_id);
    EndIfShutDown();
  });
}

void JobManager::EndIfShutDown() {
  if (!shut_down_ || !jobs_.empty()) return;
  std::exchange(shut_down_, nullptr)();  // it may own who owns us
  EndLoop();
}

}  // namespace pyflinkpp
