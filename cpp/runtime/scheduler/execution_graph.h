// A job's subtasks and their states: pure bookkeeping, told of every event and asked what follows.
#pragma once

#include <map>
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
  // All tasks anew, as a further attempt.
  void Reset();
  int restart() const { return restart_; }

  // Slots that a job needs: subtasks of a slot sharing group with equal index share one. Sets
  // Execution.slot.
  int AssignSlots();

  bool all_open() const;
  bool all_ended() const;
  // Every task has finished its input, and some wait to commit.
  bool all_prepared() const;

 private:
  ChainedGraph chained_;
  std::vector<Execution> executions_;
  int restart_ = 0;
  std::vector<size_t> first_;  // by vertex: its subtask 0 in executions_
};

// The edge that connects a job's collect sink with its client.
inline constexpr int kClientEdge = -1;
bool HasCollectSink(const idl::JobGraph& graph);

// The channels of an edge: which target subtasks a source subtask sends to.
std::vector<int> TargetsOf(idl::Partitioner::type partitioner, int source, int source_parallelism,
                           int target_parallelism);

}  // namespace pyflinkpp
