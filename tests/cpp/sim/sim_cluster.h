// A JobManager, TaskManagers and clients in a simulated world: all of it production code but the
// clients and the Env.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/jobmanager/job_manager.h"
#include "runtime/taskmanager/task_manager.h"
#include "sim/sim_env.h"
#include "sim/watched_operators.h"
#include "sim/watched_transport.h"

namespace pyflinkpp::sim {

// The client of one job, as a loop of its own: it takes what the collect sink sends, drops rows
// that come a second time after a restart, looks at each checkpoint, and learns how the job ends.
// Ends when the job has ended and all results have been taken, or were given up.
class SimClient final : public Loop, public JobListener {
 public:
  SimClient(const idl::JobGraph& graph, SimEnv& world, WatchedTransport& transport,
            std::vector<std::string>& violations);

  // Of a job that goes on where another one was: what that one's client has stays known.
  // `rewinds`: the other one went on itself; its rows behind the first of this job's go.
  void GoOnFrom(const SimClient& before, bool rewinds = false) {
    rows_ = before.rows_;
    next_row_ = before.next_row_;
    rewinds_ = rewinds;
    abandoned_ = before.abandoned_;  // what that one threw away is not there
    if (abandoned_) results_.reset();
  }
  // Its process is gone, with what was on its way to it: that counts as taken.
  void Crash();
  // Gives the results up after so many elements.
  void AbandonAfter(int64_t elements) { abandon_after_ = elements; }

  const std::string& job_id() const { return job_id_; }
  bool ended() const { return result_.has_value(); }
  bool has_all() const { return has_all_; }  // the job has ended, and all results were taken
  JobState state() const { return state_; }
  const JobResult& result() const { return *result_; }
  const std::vector<std::string>& rows() const {
    return rows_;
  }  // as sinks print them, in their order
  bool abandoned() const { return abandoned_; }
  int restarts() const { return restart_; }
  const std::vector<CheckpointStatistics>& checkpoints() const { return checkpoints_; }
  int64_t completed() const { return completed_; }  // of them
  const std::string& last_failure() const { return last_failure_; }
  struct SharedFiles {  // of completed checkpoints
    int64_t reused = 0;
    int64_t deleted = 0;  // while the job was running
  };
  const SharedFiles& shared_files() const { return shared_files_; }

  void OnDeploy(int restart, int client_restart) override;
  void OnCheckpoint(const CheckpointStatistics& statistics) override;
  void OnState(JobState state) override;
  void OnFailure(const idl::Failure& failure, int64_t at_ms) override;
  void OnEnd(const JobResult& result) override;

 private:
  StepResult Work() override;
  void Take(StreamElement& element);
  void TakeRest();
  void FollowRestart();

  const std::string job_id_;
  SimEnv& world_;
  WatchedTransport& transport_;
  std::vector<std::string>& violations_;
  ReadyChannels ready_;
  std::unique_ptr<InputChannel> results_;
  std::deque<std::unique_ptr<InputChannel>> next_results_;  // of later restarts
  JobState state_ = JobState::kCreated;
  std::optional<JobResult> result_;
  bool told_end_ = false;
  bool has_all_ = false;
  int64_t abandon_after_ = -1;
  bool abandoned_ = false;
  const bool collects_;
  int restart_ = 0;
  int client_restart_ = 0;
  int64_t next_row_ = 0;
  bool rewinds_ = false;
  std::vector<std::string> rows_;
  std::vector<CheckpointStatistics> checkpoints_;  // that have ended
  int64_t completed_ = 0;
  std::string last_failure_;
  std::set<std::string> seen_;  // shared files that have not been deleted
  SharedFiles shared_files_;
};

struct SimClusterOptions {
  int task_managers = 1;
  int slots = kUnlimitedSlots;  // of each TaskManager
};

// Everything that one seed runs. What breaks a rule is told by violations().
class SimCluster {
 public:
  SimCluster(uint64_t seed, OperatorRegistry registry, const SimClusterOptions& options);
  ~SimCluster();

  std::shared_ptr<SimClient> Submit(const idl::JobGraph& graph);
  void Cancel(const std::string& job_id) { job_manager_->CancelJob(job_id); }
  JobManager& job_manager() { return *job_manager_; }
  // All processes are gone between two steps, and what files had that was not synced; then new ones
  // start. Their jobs are not submitted again.
  void CrashAndBoot(const SimClusterOptions& options);
  // One process is gone between two steps. The JobManager hears of it with Lose; nothing was lost
  // that was written to files.
  void CrashTaskManager(size_t index);
  void Lose(size_t index);
  void BootTaskManager(int slots);
  // From now on nothing gets through between the JobManager and a TaskManager, which both live on, until
  // each has heard of it: the JobManager with Lose, the TaskManager, which cancels its tasks and then
  // registers anew, with Reconnect.
  void CutConnection(size_t index);
  void Reconnect(size_t index);
  // The JobManager is gone between two steps, and its jobs' clients. Returns when another one has
  // started and all TaskManagers have come to it. Jobs are not submitted again.
  absl::Status CrashJobManager();
  size_t task_managers() const { return members_.size(); }
  bool alive(size_t index) const { return members_[index].task_manager != nullptr; }

  // Lets the cluster run until the job has ended and its client has seen it, or until `steps` steps
  // have been made in all.
  absl::Status RunUntilEnded(const SimClient& client);
  absl::Status RunUntilStep(size_t steps);
  // Shuts the cluster down and runs until nothing is left; then checks that all is closed and
  // accounted for.
  absl::Status ShutDown();

  SimEnv& world() { return world_; }
  const Trace& trace() const { return world_.scheduler.trace(); }
  OperatorWatch& watch() { return watch_; }
  const std::vector<std::string>& violations() const { return violations_; }
  // Each checkpoint that is on disk can be read.
  void CheckCheckpoints();
  WatchedTransport& transport() { return transport_; }

 private:
  class Connection;
  class Uplink;
  struct Member {
    std::shared_ptr<TaskManager> task_manager;  // null: it has crashed
    std::shared_ptr<Uplink> uplink;
    int slots;
  };
  void Boot(const SimClusterOptions& options);
  void StartJobManager();
  void Connect(Member& member);
  void CheckFiles();
  // Shared files to which checkpoints on disk refer.
  std::set<std::string> ReferredFiles();

  SimEnv world_;
  std::vector<std::string> violations_;
  OperatorWatch watch_;
  const OperatorRegistry registry_;
  WatchedTransport transport_;
  std::shared_ptr<JobManager> job_manager_;
  std::deque<Member> members_;                            // TaskManagers
  std::vector<std::shared_ptr<Connection>> connections_;  // of now and before
  std::vector<std::shared_ptr<SimClient>> clients_;       // of the jobs since the last crash
  bool crashed_ = false;
};

}  // namespace pyflinkpp::sim
