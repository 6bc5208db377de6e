// A JobManager and a TaskManager in this process, and the client's end of the jobs that run on
// them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runtime/env/real_env.h"
#include "runtime/jobmanager/job_manager.h"
#include "runtime/mailbox/step_loop_runner.h"
#include "runtime/network/blocking_transport.h"
#include "runtime/network/local_transport.h"
#include "runtime/taskmanager/task_manager.h"

namespace pyflinkpp {

// A submitted job as its client sees it. Thread-safe. Results of a collect sink are read by one
// thread at a time.
class JobHandle : public JobListener, public std::enable_shared_from_this<JobHandle> {
 public:
  // `drive`: null when the cluster has threads of its own; else who waits runs it by this, until
  // something has happened or the clock shows that time (nanoseconds).
  JobHandle(std::string job_id, const Clock& clock, Transport& transport,
            std::shared_ptr<JobManager> job_manager, std::function<void(int64_t)> drive = nullptr);

  const std::string& job_id() const { return job_id_; }
  JobState state();
  void Cancel() { job_manager_->CancelJob(job_id_); }
  // Whether the job has ended, after waiting at most so long for it.
  bool Wait(int64_t timeout_ms);
  // REQUIRES: Wait returned true.
  JobResult result();

  // The next element for the client; none when none came in time or `*ended`: no more will come.
  std::optional<StreamElement> NextResult(int64_t timeout_ms, bool* ended);
  // Asked when no more will come: why some are missing, although the job has finished.
  absl::Status results_status();

  // Before the job is submitted.
  void OpenResults(const ChannelId& channel);
  // The same, where tasks run in other processes: the channel is opened when it is known in which.
  // `data_address`: where this process takes it; `serializers`: of the types that rows may have.
  void OpenRemoteResults(const ChannelId& channel, std::string data_address,
                         std::vector<std::shared_ptr<const TypeSerializer>> serializers);
  // `what` its transport and clock live in.
  void KeepAlive(std::shared_ptr<void> what) { kept_ = std::move(what); }
  // Gives up the results: what the job still produces is dropped.
  void CloseResults();

  // How far event time is, by task, as last heard.
  std::map<std::string, TaskWatermark> watermarks();

  // Root causes of failures and when they came (wall clock), the last one last; old ones are
  // forgotten.
  struct FailureAt {
    idl::Failure failure;
    int64_t at_ms;
  };
  std::vector<FailureAt> failures();
  // Those that came since the last call.
  std::vector<std::string> TakeWarnings();

  // Checkpoints that ended or are under way, the latest last; old ones are forgotten.
  std::vector<CheckpointStatistics> checkpoints();
  // Starts a savepoint; with `after` the job ends behind it. Waits for its end, at most so long; none
  // when it is not there yet: ask again with the same number.
  int64_t TriggerSavepoint(const std::string& directory, idl::AfterBarrier::type after);
  std::optional<absl::StatusOr<std::string>> WaitForSavepoint(int64_t number, int64_t timeout_ms);

  void OnState(JobState state) override;
  void OnWarning(const std::string& message) override;
  void OnDeploy(int restart, int client_restart) override;
  std::string data_address() const override { return data_address_; }
  void OnClientChannel(int client_restart, const std::string& task_manager) override;
  void OnWatermark(const TaskWatermark& watermark) override;
  void OnCheckpoint(const CheckpointStatistics& statistics) override;
  void OnFailure(const idl::Failure& failure, int64_t at_ms) override;
  void OnEnd(const JobResult& result) override;

 private:
  bool HasNextResults();
  bool DropKnown(StreamElement& element);
  bool MoreIsUnderWay();
  void OpenNextResults(int client_restart, const std::string& task_manager);

  std::shared_ptr<void> kept_;  // destroyed last
  const std::string job_id_;
  const Clock& clock_;
  Transport& transport_;
  const std::shared_ptr<JobManager> job_manager_;
  const std::function<void(int64_t)> drive_;
  Mutex mutex_;
  CondVar ended_;
  JobState state_ ABSL_GUARDED_BY(mutex_) = JobState::kCreated;
  std::optional<JobResult> result_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, TaskWatermark> watermarks_ ABSL_GUARDED_BY(mutex_);
  std::deque<CheckpointStatistics> checkpoints_ ABSL_GUARDED_BY(mutex_);
  std::deque<FailureAt> failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> warnings_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, absl::StatusOr<std::string>> savepoints_ ABSL_GUARDED_BY(mutex_);
  int64_t savepoint_number_ ABSL_GUARDED_BY(mutex_) = 0;
  int restart_ ABSL_GUARDED_BY(mutex_) = 0;  // of the tasks that were deployed last
  bool takes_results_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the attempts behind results_'s.
  std::deque<std::unique_ptr<InputChannel>> next_results_ ABSL_GUARDED_BY(mutex_);
  Mailbox mailbox_;  // notified of results and of the end
  ReadyChannels ready_;
  std::unique_ptr<InputChannel> results_;
  ChannelId channel_;     // of the first results
  int64_t next_row_ = 0;  // numbers below it are known (simple_sinks.cc)
  // Of results that come from other processes. Set before the job is submitted:
  bool remote_ = false;
  std::string data_address_;
  std::vector<std::shared_ptr<const TypeSerializer>> serializers_;
  // Used by who reads the results:
  bool results_ended_ = false;      // their end has come
  int64_t settle_until_nanos_ = 0;  // 0: the job has not ended
};

// The embedded cluster. Its destructor cancels all jobs and joins all threads.
class MiniCluster {
 public:
  // `slots`: kUnlimitedSlots, or what taskmanager.numberOfTaskSlots says.
  MiniCluster(OperatorRegistry registry, std::unique_ptr<Console> console, int slots,
              size_t blocking_memory_bytes = kBlockingMemoryBytes);
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
  LocalTransport pipelined_;
  ThreadLoopRunner loops_;
  ThreadExecutor io_;
  Env env_;
  BlockingTransport transport_;
  std::shared_ptr<JobManager> job_manager_;
  std::shared_ptr<TaskManager> task_manager_;
};

// The same components on the thread of who waits for them: for debugging, and under a clock of
// their own for tests.
class SteppedCluster {
 public:
  // `clock`: null for the machine's.
  SteppedCluster(OperatorRegistry registry, std::unique_ptr<Console> console,
                 std::unique_ptr<ManualClock> clock);
  ~SteppedCluster();

  std::shared_ptr<JobHandle> Submit(idl::JobGraph graph);
  // Runs until all wait: no time passes.
  void RunUntilIdle();
  // A manual clock: moves it, stopping at each timer.
  void Advance(int64_t millis);

  Env& env() { return env_; }

 private:
  void Drive(int64_t until_nanos);

  const OperatorRegistry registry_;
  const std::unique_ptr<Console> console_;
  const std::unique_ptr<ManualClock> manual_clock_;
  RealClock real_clock_;
  RealRandom random_;
  PosixFileSystem files_;
  LocalTransport pipelined_;
  InlineExecutor io_;
  StepLoopRunner loops_;
  Env env_;
  BlockingTransport transport_;
  std::shared_ptr<JobManager> job_manager_;
  std::shared_ptr<TaskManager> task_manager_;
};

}  // namespace pyflinkpp
