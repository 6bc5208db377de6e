// Aligns the barriers of a task's channels, or lets them overtake what is before them.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "core/env/env.h"
#include "runtime/network/input_gate.h"

namespace pyflinkpp {

// Exactly once by alignment: a channel whose barrier has come is not read until all others' have.
//
//   channel 0  r r |n| . .        the task goes on reading channel 1 only,
//   channel 1  r r r r |n|        then the barrier n passes, and both are read again
//
// At least once: the same, but all channels are read meanwhile. A checkpoint that was given up is
// let go, by Abort or by the first barrier of a later one.
//
// Unaligned: a barrier is announced when it comes into a channel. When it has waited for so long as
// it may, the checkpoint is taken as it is (Take): what lies before the barriers in the channels is
// part of it (StartRecording), and so is what is read afterwards, until each channel's barrier.
//
//   channel 0  r r |n| . .        part of n: the two on channel 0
//   channel 1  r r . . . .                   and all on channel 1 until its barrier has come
//
// A barrier does not overtake another one: while an earlier one is announced, later ones wait.
class CheckpointBarrierHandler {
 public:
  // Is told of a batch that belongs to the recorded checkpoint, in the order of each channel.
  using Record = absl::FunctionRef<void(size_t channel, const RecordBatch& batch)>;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  CheckpointBarrierHandler(InputGate& gate, const Clock& clock, bool at_least_once)
      : gate_(gate),
        clock_(clock),
        blocks_(!at_least_once),
        ended_(gate.size()),
        arrived_(gate.size()),
        behind_(gate.size()),
        open_(gate.size()) {}

  // A barrier is on its way to the operators. Returns when it may overtake what is before it, by the
  // clock's nanoseconds; kNever: not at all, or it is known.
  int64_t OnAnnounced(const CheckpointBarrier& barrier) {
    if (Stale(barrier.checkpoint())) return kNever;
    const auto [entry, first] =
        announced_.try_emplace(barrier.checkpoint(), Announced{barrier, clock_.NowNanos()});
    if (!first && !barrier.urgent()) return kNever;
    entry->second.barrier = barrier;
    return entry->second.deadline();
  }
  // Since when a barrier that is announced does; kNever: it is not.
  int64_t DeadlineOf(int64_t checkpoint) const {
    const auto entry = announced_.find(checkpoint);
    return entry == announced_.end() ? kNever : entry->second.deadline();
  }
  // The same of the one that is being aligned.
  int64_t PendingDeadline() const { return pending_ ? DeadlineOf(pending_->checkpoint()) : kNever; }
  // The barrier that waits no longer; null: there is none.
  const CheckpointBarrier* Overdue() const {
    if (announced_.empty()) return nullptr;
    const Announced& first = announced_.begin()->second;
    return first.deadline() <= clock_.NowNanos() ? &first.barrier : nullptr;
  }
  // It goes through the operators without waiting for others. All channels are read again.
  void Take(int64_t checkpoint) {
    const auto announced = announced_.find(checkpoint);
    if (announced != announced_.end())
      alignment_ms_ = (clock_.NowNanos() - announced->second.began_nanos) / 1'000'000;
    for (size_t i = 0; i < ended_.size(); ++i)
      behind_[i] = ended_[i] || (arrived_[i] && pending_->checkpoint() == checkpoint);
    if (pending_ && pending_->checkpoint() <= checkpoint) Release();
    LetGo(checkpoint);
  }
  // The operators' state was taken, nothing has been read since Take: tells what is there of the
  // checkpoint, and from now on looks for more.
  void StartRecording(int64_t checkpoint, Record record) {
    recording_ = checkpoint;
    for (size_t i = 0; i < open_.size(); ++i) {
      open_[i] = !behind_[i];
      if (open_[i]) LookAhead(i, record);
    }
  }
  // Whether a barrier is on its way to the operators.
  bool announced() const { return !announced_.empty(); }
  // Whether what is read from this channel belongs to the recorded checkpoint.
  bool records(size_t channel) const { return open_[channel]; }
  int64_t recording() const { return recording_; }  // 0: none
  // The barrier or the end has come into the channel; told again when it is read.
  void OnArrived(size_t channel, int64_t checkpoint, Record record) {
    if (checkpoint == recording_ && open_[channel]) LookAhead(channel, record);
  }
  // The recorded checkpoint, when nothing more can come of it; once.
  std::optional<int64_t> TakeRecorded() {
    if (recording_ == 0 || std::find(open_.begin(), open_.end(), true) != open_.end())
      return std::nullopt;
    return std::exchange(recording_, 0);
  }

  // Takes a barrier from a channel; returns it when it is the last one.
  std::optional<CheckpointBarrier> OnBarrier(size_t channel, const CheckpointBarrier& barrier) {
    if (recording_ != 0 && open_[channel]) {
      if (barrier.checkpoint() == recording_) open_[channel] = false;
      // Its barrier does not come any more: it was given up.
      if (barrier.checkpoint() > recording_) StopRecording();
    }
    if (Stale(barrier.checkpoint())) return std::nullopt;
    if (pending_ && barrier.checkpoint() < pending_->checkpoint()) return std::nullopt;
    if (pending_ && barrier.checkpoint() > pending_->checkpoint()) Release();
    if (!pending_) {
      pending_ = barrier;
      started_nanos_ = clock_.NowNanos();
    }
    arrived_[channel] = true;
    if (blocks_) gate_.SetBlocked(channel, true);
    return Complete();
  }

  // A channel that has ended sends no barrier any more: it counts as aligned.
  std::optional<CheckpointBarrier> OnEnd(size_t channel) {
    ended_[channel] = true;
    open_[channel] = false;
    return Complete();
  }

  // The checkpoint was given up: nobody waits for its barriers any more.
  void Abort(int64_t checkpoint) {
    if (pending_ && pending_->checkpoint() == checkpoint) Release();
    announced_.erase(checkpoint);
    if (recording_ == checkpoint) StopRecording();
    // An earlier one may still be under way.
    if (checkpoint > done_) given_up_.insert(checkpoint);
  }

  // From the first barrier to the last, or to when it waited no longer: of the checkpoint that was
  // aligned or taken last.
  int64_t alignment_ms() const { return alignment_ms_; }

 private:
  struct Announced {
    CheckpointBarrier barrier;
    int64_t began_nanos;
    int64_t deadline() const {
      return barrier.told->unaligned ? began_nanos + barrier.told->aligned_timeout_ms * 1'000'000
                                     : kNever;
    }
  };

  bool Stale(int64_t checkpoint) const {
    return checkpoint <= done_ || given_up_.contains(checkpoint);
  }

  // What is in the channel before its barrier; the channel is done with if that is there.
  void LookAhead(size_t channel, Record record) {
    std::vector<const RecordBatch*> batches;
    open_[channel] = !gate_.Ahead(channel, recording_, batches);
    // What is queued before a barrier that is not there yet is recorded when it is read.
    if (open_[channel]) return;
    for (const RecordBatch* batch : batches) record(channel, *batch);
  }

  void StopRecording() {
    recording_ = 0;
    std::fill(open_.begin(), open_.end(), false);
  }

  std::optional<CheckpointBarrier> Complete() {
    if (!pending_) return std::nullopt;
    for (size_t i = 0; i < arrived_.size(); ++i) {
      if (!arrived_[i] && !ended_[i]) return std::nullopt;
    }
    alignment_ms_ = (clock_.NowNanos() - started_nanos_) / 1'000'000;
    return Release();
  }

  std::optional<CheckpointBarrier> Release() {
    for (size_t i = 0; i < arrived_.size(); ++i) {
      arrived_[i] = false;
      gate_.SetBlocked(i, false);
    }
    LetGo(pending_->checkpoint());
    return std::exchange(pending_, std::nullopt);
  }

  void LetGo(int64_t checkpoint) {
    done_ = std::max(done_, checkpoint);
    given_up_.erase(given_up_.begin(), given_up_.upper_bound(done_));
    announced_.erase(announced_.begin(), announced_.upper_bound(done_));
  }

  InputGate& gate_;
  const Clock& clock_;
  const bool blocks_;
  std::vector<bool> ended_;
  std::vector<bool> arrived_;
  std::optional<CheckpointBarrier> pending_;
  std::map<int64_t, Announced> announced_;  // that have not passed
  std::vector<bool> behind_;  // when a checkpoint was taken: its barrier had been read
  std::vector<bool> open_;    // the recorded checkpoint's barrier is still to come
  int64_t recording_ = 0;
  int64_t done_ = 0;            // the last checkpoint that was aligned or let go
  std::set<int64_t> given_up_;  // later ones whose barriers may still come
  int64_t started_nanos_ = 0;
  int64_t alignment_ms_ = 0;
};

}  // namespace pyflinkpp
