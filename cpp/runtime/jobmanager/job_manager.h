// Accepts jobs, knows the TaskManagers' slots, and runs a JobMaster for each job.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/checkpoint/checkpoint_coordinator.h"
#include "runtime/connectors/split_enumerator.h"
#include "runtime/mailbox/loop.h"
#include "runtime/operators/registry.h"
#include "runtime/rpc/gateways.h"
#include "runtime/scheduler/execution_graph.h"
#include "runtime/scheduler/task_holds.h"

namespace pyflinkpp {

// What a client learns of a job: by calls on the JobManager's loop, that must not block.
struct JobResult {
  JobState state = JobState::kCreated;
  int64_t runtime_ms = 0;
  idl::Failure failure;                         // FAILED
  std::vector<idl::Failure> failures;           // root causes, also those that it survived; the
                                                // last ones where there are many
  std::map<int, idl::OperatorMetrics> metrics;  // by JobGraph operator, summed over subtasks
  std::map<std::string, std::vector<std::string>> accumulators;
  std::vector<TaskHold> holds;  // by task; none of jobs without event time
};

// How far a task's event time is: names instead of numbers.
struct TaskWatermark {
  std::string task;   // "Window (2/4)"
  int64_t watermark;  // milliseconds since the epoch
  bool idle;
  std::string held_by;  // the task whose watermark is behind the others'; empty: the task's own
                        // source
  std::string split;    // of the task's own source: the split that is behind the others
  int64_t since_ms;     // wall clock: since when these are so
};

class JobListener {
 public:
  virtual ~JobListener() = default;
  virtual void OnState(JobState state) = 0;
  // Tasks are about to be deployed, the `restart`-th time after the first; those that feed the client
  // were so at the `client_restart`-th time, which is in the names of their channels.
  virtual void OnDeploy(int restart, int client_restart) { (void)restart, (void)client_restart; }
  // Where the client takes the channel of its results: "host:port"; empty: in this process.
  virtual std::string data_address() const { return {}; }
  // The task that feeds the client is about to be deployed, to the TaskManager that has its channels
  // there; `client_restart` is in the name of the channel.
  virtual void OnClientChannel(int client_restart, const std::string& task_manager) {
    (void)client_restart, (void)task_manager;
  }
  virtual void OnWatermark(const TaskWatermark& watermark) { (void)watermark; }
  virtual void OnCheckpoint(const CheckpointStatistics& statistics) { (void)statistics; }
  // A root cause, whether the job survives it or not. `at_ms`: wall clock.
  virtual void OnFailure(const idl::Failure& failure, int64_t at_ms) { (void)failure, (void)at_ms; }
  // The job goes on, but not as its user may expect.
  virtual void OnWarning(const std::string& message) { (void)message; }
  virtual void OnEnd(const JobResult& result) = 0;  // after the last OnState
};

class JobMaster;

// Slots of one TaskManager. Lives in the JobManager.
struct RegisteredTaskManager {
  TaskManagerGateway* gateway;
  int slots;  // kUnlimited: as many as are asked for
  int free;
  bool lost = false;
  std::string data_address = {};  // empty: it has no channels to others
};
inline constexpr int kUnlimitedSlots = 1 << 20;

class JobManager : public Loop,
                   public JobManagerGateway,
                   public std::enable_shared_from_this<JobManager> {
 public:
  JobManager(Env& env, const OperatorRegistry& registry);
  ~JobManager() override;

  // Takes the slots of a job from as many TaskManagers as there are, not from as few as have enough
  // (Flink: cluster.evenly-spread-out-slots). Before the loop starts.
  void SpreadOutSlots() { spreads_out_slots_ = true; }
  // Any thread. REQUIRES for the graph: ValidateAndComplete succeeded.
  void SubmitJob(idl::JobGraph graph, std::shared_ptr<JobListener> listener);
  void CancelJob(std::string job_id);
  // `done` is called on the loop, with the savepoint's path.
  void TriggerSavepoint(std::string job_id, std::string directory, idl::AfterBarrier::type after,
                        CheckpointCoordinator::Done done);
  // Cancels all jobs; when the last one has ended, calls `done` and ends the loop.
  void Shutdown(std::function<void()> done);

  using JobManagerGateway::RegisterTaskManager;
  void RegisterTaskManager(int slots, TaskManagerGateway* task_manager,
                           std::string data_address) override;
  // It is gone, and its tasks and slots with it. Not called any more once this has been processed.
  void TaskManagerLost(TaskManagerGateway* task_manager);
  void ReportTask(idl::TaskReport report) override;
  void RequestSplit(idl::SplitRequest request) override;
  void ReportWatermark(idl::WatermarkProgress progress) override;
  void AnswerCheckpoint(idl::CheckpointAnswer answer) override;
  void ReportSourceWatermark(idl::ReportedWatermark report) override;

 private:
  friend class JobMaster;
  void Forget(const std::string& job_id);
  void EndIfShutDown();
  // The TaskManager whose slot is taken next; null: none is free.
  RegisteredTaskManager* NextFree();

  Env& env_;
  const OperatorRegistry& registry_;
  std::deque<RegisteredTaskManager> task_managers_;  // jobs point to their members
  std::map<std::string, std::unique_ptr<JobMaster>> jobs_;
  bool spreads_out_slots_ = false;
  std::function<void()> shut_down_;  // set once shutting down
};

}  // namespace pyflinkpp
