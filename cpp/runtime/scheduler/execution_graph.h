// A job's subtasks and their states: pure bookkeeping, told of every event and asked what follows.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/graph/job_graph.h"

namespace pyflinkpp {

// CREATED -> RUNNING -> FINISHED, or by way of FAILING to FAILED, or of CANCELLING to CANCELED; from
// RUNNING by way of RESTARTING to RUNNING.
enum class JobState {
  kCreated,
  kRunning,
  kFailing,
  kFailed,
  kCancelling,
  kCanceled,
  kFinished,
  kRestarting
};
const char* NameOf(JobState state);
// In whatever way.
bool HasEnded(idl::TaskState::type state);
inline bool IsTerminal(JobState state) {
  return state == JobState::kFailed || state == JobState::kCanceled || state == JobState::kFinished;
}

// Owned by its JobMaster, used on its loop.
class ExecutionGraph {
 public:
  struct Execution {
    idl::TaskDeployment deployment;
    idl::TaskState::type state = idl::TaskState::CREATED;
    int slot = -1;
    bool deployed = false;
    bool committing = false;  // it was told to
    int region = 0;
  };
  // In batch mode a job can do with fewer slots than it can use.
  struct SlotNeed {
    int least;
    int most;
  };

  // REQUIRES: ValidateAndComplete(graph) succeeded.
  explicit ExecutionGraph(const idl::JobGraph& graph);

  const ChainedGraph& chained() const { return chained_; }
  std::vector<Execution>& executions() { return executions_; }
  Execution& find(const idl::TaskId& task) {
    return executions_[first_[task.vertex] + task.subtask];
  }

  // Whether the task is of the attempt that runs now.
  bool is_current(const idl::TaskId& task) { return find(task).deployment.task == task; }

  // Tasks that exchange data belong to one region, 0 ... regions() - 1: what one of them has lost
  // the others can't do without. The tasks that feed the client are of one region, too.
  int regions() const { return regions_; }
  const Execution& first_of(int region) const;
  // The tasks of these regions anew, as a further attempt, in the slots that were offered.
  void Reset(const std::set<int>& regions);
  // How often tasks were reset, and the last of these times for those that feed the client.
  int restart() const { return restart_; }
  int client_restart() const;

  // Subtasks of a slot sharing group with equal index share a slot. In batch mode a group has its
  // slots only while tasks of it run.
  SlotNeed slots() const;
  // The job's slots are 0 ... count - 1. REQUIRES: count >= slots().least, called once.
  void OfferSlots(int count);

  // The tasks that can be deployed now: all of them at first; in batch mode those of a vertex when
  // all tasks that it reads from have written their output, and slots are there. Sets their slot
  // and deployed. To be asked again after each report.
  std::vector<Execution*> TakeDeployable();
  // Those that were not deployed count as CANCELED.
  void CancelUndeployed();

  // Of the tasks that were deployed.
  bool all_open() const;
  bool all_ended() const;
  bool all_ended(const std::set<int>& regions) const;
  // Every task has finished its input, and none commits.
  bool all_prepared() const;

 private:
  std::span<Execution> executions_of(size_t vertex) {
    return std::span(executions_)
        .subspan(first_[vertex], static_cast<size_t>(chained_.vertices[vertex].parallelism));
  }
  void FindRegions();
  bool InputIsThere(const JobVertex& vertex);
  bool Holds(const std::string& group);
  bool TakeSlots(const std::string& group);

  const bool batch_mode_;
  ChainedGraph chained_;
  std::vector<Execution> executions_;
  int regions_ = 0;
  int restart_ = 0;
  std::vector<size_t> first_;                            // by vertex: its subtask 0 in executions_
  std::map<std::string, int> group_size_;                // slots of a slot sharing group
  std::map<std::string, std::vector<int>> group_slots_;  // those that it has now
  std::set<int> free_slots_;
};

// Whether barriers of the job's checkpoints may overtake data.
bool TakesUnaligned(const idl::JobGraph& graph);

// The edge that connects a job's collect sink with its client.
inline constexpr int kClientEdge = -1;
bool HasCollectSink(const idl::JobGraph& graph);

// The channels of an edge: which target subtasks a source subtask sends to.
std::vector<int> TargetsOf(idl::Partitioner::type partitioner, int source, int source_parallelism,
                           int target_parallelism);

}  // namespace pyflinkpp
