// A JobManager and a TaskManager in this process, and the client's end of the jobs that run on
// them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/env/real_env.h"
#include "runtime/jobmanager/job_manager.h"
#include "runtime/network/local_transport.h"
#include "runtime/taskmanager/task_manager.h"

namespace pyflinkpp {

// A submitted job as its client sees it. Thread-safe. Results of a collect sink are read by one
// thread at a time.
class JobHandle : public JobListener {
 public:
  JobHandle(std::string job_id, const Clock& clock, Transport& transport,
            std::shared_ptr<JobManager> job_manager);

  const std::string& job_id() const { return job_id_; }
  JobState state();
  void Cancel() { job_manager_->CancelJob(job_id_); }
  // Whether the job has ended, after waiting at most so long for it.
  bool Wait(int64_t timeout_ms);
  // REQUIRES: Wait returned true.
  JobResult result();

  // The next element for the client; none when none came in time or `*ended`: no more will come.
  std::optional<StreamElement> NextResult(int64_t timeout_ms, bool* ended);

  // Before the job is submitted.
  void OpenResults(const ChannelId& channel) {
    results_ = transport_.OpenInput(channel, ready_, 0);
  }
  // Gives up the results: what the job still produces is dropped.
  void CloseResults() { results_.reset(); }

  void OnState(JobState state) override;
  void OnEnd(const JobResult& result) override;

 private:
  const std::string job_id_;
  const Clock& clock_;
  Transport& transport_;
  const std::shared_ptr<JobManager> job_manager_;
  Mutex mutex_;
  CondVar ended_;
  JobState state_ ABSL_GUARDED_BY(mutex_) = JobState::kCreated;
  std::optional<JobResult> result_ ABSL_GUARDED_BY(mutex_);
  Mailbox mailbox_;  // notified of results and of the end
  ReadyChannels ready_;
  std::unique_ptr<InputChannel> results_;
};

// The embedded cluster. Its destructor cancels all jobs and joins all threads.
class MiniCluster {
 public:
  // `slots`: kUnlimitedSlots, or what taskmanager.numberOfTaskSlots says.
  MiniCluster(OperatorRegistry registry, std::unique_ptr<Console> console, int slots);
  ~MiniCluster();

  // Takes a graph that ValidateAndComplete has accepted.
  std::shared_ptr<JobHandle> Submit(idl::JobGraph graph);

  Env& env() { return env_; }

 private:
  const OperatorRegistry registry_;
  const std::unique_ptr<Console> console_;
  RealClock clock_;
  RealRandom random_;
  PosixFileSystem files_;
  LocalTransport transport_;
  ThreadLoopRunner loops_;
  ThreadExecutor io_;
  Env env_;
  std::shared_ptr<JobManager> job_manager_;
  std::shared_ptr<TaskManager> task_manager_;
};

}  // namespace pyflinkpp
