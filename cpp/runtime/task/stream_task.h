// One attempt of one subtask: a loop around an input gate or a source, an operator chain and result
// partitions.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "core/idl/pyflinkpp_types.h"
#include "runtime/mailbox/loop.h"
#include "runtime/network/input_gate.h"
#include "runtime/operators/registry.h"
#include "runtime/task/checkpoint_barrier_handler.h"
#include "runtime/task/operator_chain.h"
#include "runtime/task/status_watermark_valve.h"
#include "runtime/task/task_checkpoints.h"
#include "runtime/task/watermark_holds.h"

namespace pyflinkpp {

// What a task tells its TaskManager. Called on the task's loop; does not block.
class TaskListener {
 public:
  virtual ~TaskListener() = default;
  virtual void OnReport(idl::TaskReport report) = 0;
  virtual void OnSplitRequest(idl::SplitRequest request) = 0;
  virtual void OnWatermark(idl::WatermarkProgress progress) = 0;
  virtual void OnCheckpoint(idl::CheckpointAnswer answer) = 0;
  virtual void OnSourceWatermark(idl::ReportedWatermark report) = 0;
};

// Runs on its own loop; others only post mail (Cancel, AddSplits …) or set the tick.
//
//   restoring -> opening -> running -> ending -> prepared -> committing -> done
//         \_________\________\_________\__________\___________\-> done, after an error or Cancel
//
// A checkpoint reaches a task with its barriers, or, where there is no input (any more), by a message
// of the JobManager; either goes through the chain as soon as all before it has been processed.
//
// Close() of every opened operator runs before the final report, whatever the way there.
class StreamTask : public Loop,
                   public BarrierListener,
                   public std::enable_shared_from_this<StreamTask> {
 public:
  StreamTask(idl::TaskDeployment deployment, Env& env, Transport& transport,
             const OperatorRegistry& registry, TaskListener& listener);
  ~StreamTask() override;

  // Any thread.
  void Cancel();
  void AddSplits(idl::SplitAssignment assignment);
  void Commit();
  void TriggerCheckpoint(idl::Barrier barrier);
  void NotifyCheckpoint(int64_t checkpoint, bool completed);
  void AlignWatermark(int64_t max_watermark);
  // A millisecond has passed: a batch in hand is interrupted, what is gathered goes out.
  void Tick() { ticked_.store(true, std::memory_order_relaxed); }

  bool takes_turns() const override;
  const idl::TaskId& id() const { return deployment_.task; }

 protected:
  StepResult Work() override;

 private:
  enum class Phase { kRestoring, kOpening, kRunning, kEnding, kPrepared, kCommitting, kDone };

  void ReadState();
  struct ReadParts;
  KeyedStateBackendPlan PlanOf(const idl::OperatorNode& op,
                               const std::map<std::string, std::string>& configuration) const;
  absl::Status Build();
  StepResult RunChain();
  bool PushTriggered();
  absl::Status OnBarrierAt(size_t node, const CheckpointBarrier& barrier) override;
  void SendBarrier(const CheckpointBarrier& barrier, ResultPartition& partition,
                   bool ended) override;
  void OnBarrierPassed(const CheckpointBarrier& barrier) override;
  // Barriers that overtake data: stream_task_barriers.cc.
  void Announce(const CheckpointBarrier& barrier);
  void TakeAnnouncements();
  void PushBarrier(const CheckpointBarrier& barrier, int64_t deadline);
  bool Overtaking() const;
  bool PushOverdue();
  void RecordBehindBarrier();
  void RecordInFlight(int64_t checkpoint, size_t channel, const RecordBatch& batch,
                      size_t from = 0);
  void RecordOvertaken(int64_t checkpoint, int edge, int target, const RecordBatch& batch);
  void ReleaseRecorded();
  void FollowLeaving();
  StepResult PushRestored();
  StepResult TakeInput();
  StepResult PollSource();
  void Pace();
  void WakeAt(int64_t millis);
  void FollowWatermark();
  EventTimeState EventTime() const;
  void StartAlignment();
  void ReportInIntervals();
  void ReportSourceWatermark();
  void ConsumeElement(size_t channel, StreamElement element);
  StepResult PrepareCommit();
  void End(idl::TaskState::type state, std::optional<idl::Failure> failure);
  StepResult Fail(const absl::Status& status);
  void GiveUpCheckpoint(int64_t checkpoint);
  void TakeDeferredSplits();
  idl::Failure Named(idl::Failure failure) const;
  idl::Failure NamedFailure(const absl::Status& status) const;
  void Report(idl::TaskState::type state);
  idl::TaskReport ReportOf(idl::TaskState::type state, std::optional<idl::Failure> failure) const;

  const idl::TaskDeployment deployment_;
  const bool batch_mode_;
  Env& env_;
  Transport& transport_;
  const OperatorRegistry& registry_;
  TaskListener& listener_;

  Phase phase_ = Phase::kRestoring;
  bool reading_state_ = false;
  std::map<int, RestoredKeyedState> restored_keyed_;  // by JobGraph operator
  // The same, where a checkpoint had the backend's own files.
  std::map<int, std::unique_ptr<KeyedStateBackend>> restored_backends_;
  std::deque<ReadRun> restored_runs_;
  std::optional<RestoredBatches> restored_batches_;  // that are processed before anything else
  std::atomic<bool> ticked_{false};
  std::map<std::string, std::vector<std::string>> accumulators_;
  std::map<int, std::unique_ptr<KeyedStateBackend>> keyed_state_;  // by position in the chain
  InputGate gate_;
  std::optional<StatusWatermarkValve> valve_;
  std::optional<CheckpointBarrierHandler> barriers_;
  bool overtakes_ = false;  // all its inputs allow barriers to overtake
  // When the barrier in the chain goes in front of what waits for credit: the clock's nanoseconds.
  int64_t passing_deadline_ = CheckpointBarrierHandler::kNever;
  int64_t taken_ = 0;  // a checkpoint whose barrier has overtaken and is on its way to the head
  OperatorChain::Rest rest_;             // of the batch that it has interrupted
  std::optional<size_t> batch_channel_;  // of the batch in hand; none: it was restored,
  int restored_exchange_ = -1;           // of this exchange
  struct Leaving {
    CheckpointBarrier barrier;
    int64_t deadline;
  };
  std::map<int64_t, Leaving> leaving_;  // barriers that wait behind data, by checkpoint
  size_t open_channels_ = 0;
  std::unique_ptr<OperatorChain> chain_;
  SourceOperator* source_ = nullptr;  // the chain's head, if it is a source
  bool source_waits_ = false;
  bool paces_ = false;      // the source's batches are fitted to the chain's speed
  int64_t busy_nanos_ = 0;  // of the chain, with the last one
  bool split_requested_ = false;
  bool end_pushed_ = false;
  std::optional<TaskCheckpoints> checkpoints_;
  absl::Status snapshot_status_;             // of the barrier that passes
  std::deque<CheckpointBarrier> triggered_;  // by the JobManager, not yet pushed
  int64_t last_barrier_ = 0;                 // that went through the chain, or is on its way
  bool snapshotting_ = false;                // it is on its way, and was not given up
  std::set<int64_t> given_up_;               // checkpoints whose barriers may still come
  std::set<int64_t> before_source_;  // of these, with the one that is on its way to the head
  struct Deferred {
    int64_t behind;  // the barrier of this checkpoint
    idl::SplitAssignment assignment;
  };
  std::deque<Deferred> deferred_;
  bool deferred_ready_ = false;
  bool write_next_ = false;   // it is the turn of checkpoints_
  int64_t suspended_by_ = 0;  // a savepoint, after which nothing is read any more
  int64_t drained_by_ = 0;    // a savepoint, for which event time was brought to its end
  std::vector<std::pair<int, int>> channel_sources_;  // by channel: exchange and sending subtask
  WatermarkHolds holds_;
  EventTimeState told_;                              // of event time: as last reported,
  int64_t told_ms_ = 0;                              // at this time of the wall clock; 0: not yet
  const idl::WatermarkStrategy* aligned_ = nullptr;  // by which the source waits for others
  Watermark reached_;                                // what the source reported to them
  int64_t wake_at_ = kMaxTimestamp;                  // for which mail is on its way
};

}  // namespace pyflinkpp
