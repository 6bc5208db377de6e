// When checkpoints of a job are taken, and what becomes of them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"
#include "runtime/checkpoint/shared_state_registry.h"
#include "runtime/scheduler/execution_graph.h"

namespace pyflinkpp {

// What a client learns of one checkpoint.
struct CheckpointStatistics {
  int64_t id = 0;
  enum class State { kInProgress, kCompleted, kFailed } state = State::kInProgress;
  bool savepoint = false;
  int64_t triggered_ms = 0;     // wall clock
  int64_t duration_ms = 0;      // from there to its end
  int64_t bytes = 0;            // that were written
  int64_t in_flight_bytes = 0;  // a part of them
  int64_t full_bytes = 0;       // with files of earlier checkpoints that it refers to
  bool unaligned = false;       // a barrier has overtaken data
  std::string path;             // of its directory; empty when it is in memory
  std::string failure;          // kFailed: why
  struct Subtask {
    std::string task;
    int64_t sync_nanos = 0;
    int64_t async_ms = 0;
    int64_t alignment_ms = 0;
    int64_t bytes = 0;
    int64_t full_bytes = 0;
    int64_t in_flight_bytes = 0;  // a part of them
    bool unaligned = false;       // its barrier has overtaken data
  };
  std::vector<Subtask> subtasks;  // that have answered
};

// What the coordinator needs of its job. Calls come and go on the JobManager's loop.
class CheckpointHost {
 public:
  virtual ~CheckpointHost() = default;
  // Runs it on the loop, so many milliseconds from now, if the job is still there.
  virtual void RunAfter(int64_t millis, std::function<void()> run) = 0;
  // Runs `work` on the executor, in the order of calls, then `then` on the loop, if the job is still
  // there.
  virtual void RunOnExecutor(absl::AnyInvocable<absl::Status()> work,
                             std::function<void(absl::Status)> then) = 0;
  virtual void Trigger(const idl::TaskId& task, const idl::Barrier& barrier) = 0;
  virtual void Notify(const idl::TaskId& task, int64_t checkpoint, bool completed) = 0;
  // What the enumerators of sources have not dealt out, by JobGraph operator.
  virtual absl::StatusOr<std::map<int, std::string>> SnapshotEnumerators() = 0;
  // Too many checkpoints have failed.
  virtual void OnCheckpointsFail(const idl::Failure& failure) = 0;
  virtual void OnCheckpoint(const CheckpointStatistics& statistics) = 0;
};

// Owned by its JobMaster, used on its loop. A checkpoint:
//
//   trigger -> enumerators -> barriers from the tasks without input ... answers of all tasks
//           -> _metadata is durable -> completed: tasks are told, older ones go; of a savepoint
//                                      after which the job goes on they are not told
//           \-> one answers with a failure, or too late: given up: tasks are told, files go
//
// A task that has ended takes part as finished. Where all that feeds a task has ended, no barrier
// can come, so it is triggered itself.
class CheckpointCoordinator {
 public:
  // `directory`: for this job's checkpoints; empty: they stay in memory.
  CheckpointCoordinator(const idl::CheckpointSettings& settings, const idl::JobGraph& graph,
                        ExecutionGraph& execution, Env& env, CheckpointHost& host);

  // All tasks run: checkpoints may be triggered from now on.
  void Start();
  // Tasks are about to go: what is under way is given up, and the others are told.
  void Stop();

  void OnAnswer(const idl::CheckpointAnswer& answer);
  // It came too late, of a checkpoint that was given up: its files go.
  void Discard(const idl::CheckpointAnswer& answer);
  // A task's state has changed: it may have ended.
  void OnTaskState(const idl::TaskId& task);

  // Takes one beside the periodic ones: now, or as soon as all tasks run. `done` is told of its end:
  // the path, or why there is none.
  using Done = std::function<void(absl::StatusOr<std::string>)>;
  void TriggerSavepoint(const std::string& target, idl::AfterBarrier::type after, Done done);
  // The last one of a bounded job, whose tasks all have processed their input.
  void TriggerFinal(Done done);

  // The last completed one, or what the job was restored from; null when there is none.
  const idl::Checkpoint* latest() const {
    return completed_.empty() ? nullptr : &completed_.back().checkpoint;
  }
  // The number of the last one that was triggered; 0: none was.
  int64_t last_triggered() const { return next_id_ - 1; }
  // The job starts from this one. `claim`: it is the job's from now on, and goes when a later one
  // takes its place. One in the job's own directory is so anyway. `beside`: what is in its directory
  // besides, which keeps the files that it shares with it.
  void StartFrom(idl::Checkpoint checkpoint, const std::string& directory, bool claim,
                 const std::vector<idl::Checkpoint>& beside);
  // The latest one, whose directory is given here, can't be read: it is left alone, and the one
  // before it takes its place.
  const std::string& latest_directory() const { return completed_.back().directory; }
  void FallBackTo(idl::Checkpoint checkpoint, const std::string& directory);
  // The latest one ends the job, and event time was brought to its end for it: there is no going on.
  bool drained() const { return drained_; }
  // The latest one ends the job: tasks may have ended with it, without having read everything.
  bool stops_job() const { return stops_job_; }
  // The job has ended: what is not to be kept goes, then `then` is called.
  void EndJob(JobState state, std::function<void()> then);

 private:
  struct Pending {
    idl::Checkpoint checkpoint;
    idl::Barrier barrier;
    std::map<std::pair<int, int>, idl::TaskSnapshot> answers;  // by vertex and subtask
    std::set<std::pair<int, int>> waiting;                     // the same: have not answered
    std::set<std::pair<int, int>> told;                        // were triggered themselves
    bool writing = false;                                      // the metadata
    int64_t deadline_nanos = 0;                                // of its timeout
    Done done;
    CheckpointStatistics statistics;
  };
  struct Completed {
    idl::Checkpoint checkpoint;
    std::string directory;
    bool owned;  // may be deleted
  };

  bool periodic() const { return settings_.interval_ms > 0; }
  void ScheduleNext();
  bool StopIsPending() const;
  void TriggerPeriodic();
  // `directory`: empty: none.
  void Trigger(bool savepoint, const std::string& directory, idl::AfterBarrier::type after,
               Done done);
  void WatchTimeouts();
  void TriggerWhereNoBarrierComes(Pending& pending);
  bool FeedHasEnded(const idl::TaskId& task) const;
  void AddInFlight(idl::Checkpoint& checkpoint, const idl::TaskSnapshot& snapshot) const;
  void CompleteIfAllAnswered(Pending& pending);
  void OnWritten(int64_t id, const absl::Status& status);
  void GiveUp(int64_t id, const absl::Status& why, bool counts = true);
  void NotifyAll(int64_t id, bool completed);
  void DropOld();
  // The checkpoint's directory (empty: there is none) and the shared files that only it refers to.
  void DiscardFiles(int64_t id, const std::string& directory);
  void DeleteFiles(std::vector<std::string> paths);
  void Retain(const idl::Checkpoint& checkpoint, bool owned);
  // Of the next periodic or final checkpoint; empty: in memory.
  std::string NextDirectory() const;
  Pending* Find(int64_t id);
  void Finish(Pending& pending);

  const idl::CheckpointSettings settings_;
  const bool unaligned_;
  const int max_concurrent_;  // one that may overtake is alone
  const idl::JobGraph& graph_;
  ExecutionGraph& execution_;
  Env& env_;
  CheckpointHost& host_;
  const std::string directory_;  // of this job's checkpoints
  int64_t next_id_ = 1;
  bool running_ = false;
  bool watching_ = false;  // timeouts
  uint64_t timer_ = 0;     // the one that counts: later ones make earlier ones void
  int64_t last_trigger_ms_ = 0;
  int64_t last_end_ms_ = 0;
  int failures_in_a_row_ = 0;
  bool drained_ = false;
  bool stops_job_ = false;
  std::list<Pending> pending_;
  std::vector<std::function<void(bool runs)>> early_savepoints_;  // asked for before Start
  std::deque<Completed> completed_;                               // retained, oldest first
  SharedStateRegistry shared_;
};

}  // namespace pyflinkpp
