// The part of StreamTask that lets barriers overtake data.
//
// A barrier that may overtake has a deadline: its time, counted from when it came into a channel or
// from the JobManager. Until then it is aligned and waits its turn. Then the task
//   - brings what is in the chain to an end, also without credit, or takes back the batch in hand,
//   - lets the barrier pass the operators,
//   - sends it in front of all that waits for credit;
// what it has overtaken on either side is part of the checkpoint, and is processed all the same.
#include <algorithm>
#include <utility>

#include "runtime/task/stream_task.h"

namespace pyflinkpp {
namespace {

CheckpointBarrier Urgent(const CheckpointBarrier& barrier) {
  if (barrier.urgent()) return barrier;
  idl::Barrier told = *barrier.told;
  told.__set_aligned_timeout_ms(0);
  return {std::make_shared<const idl::Barrier>(std::move(told))};
}

}  // namespace

void StreamTask::Announce(const CheckpointBarrier& barrier) {
  const int64_t deadline = barriers_->OnAnnounced(barrier);
  if (deadline != CheckpointBarrierHandler::kNever)
    mailbox().PostAt(deadline, "barrier overtakes", [] {});
}

void StreamTask::TakeAnnouncements() {
  const auto record = [this](size_t channel, const RecordBatch& batch) {
    RecordInFlight(barriers_->recording(), channel, batch);
  };
  while (const std::optional<Announcement> announcement = gate_.PopAnnouncement()) {
    if (!overtakes_) continue;
    barriers_->OnArrived(
        announcement->channel,
        announcement->barrier ? announcement->barrier->checkpoint() : barriers_->recording(),
        record);
    if (announcement->barrier) Announce(*announcement->barrier);
  }
  ReleaseRecorded();
}

void StreamTask::PushBarrier(const CheckpointBarrier& barrier, int64_t deadline) {
  if (deadline == CheckpointBarrierHandler::kNever && barrier.told->unaligned) {
    // Its inputs had to be aligned. What follows need not.
    deadline = env_.clock.NowNanos() + barrier.told->aligned_timeout_ms * 1'000'000;
    mailbox().PostAt(deadline, "barrier overtakes", [] {});
  }
  passing_deadline_ = deadline;
  chain_->PushBarrier(barrier);
}

// Whether a barrier passes, or can pass as soon as the chain is drained, that does not wait for
// credit.
bool StreamTask::Overtaking() const {
  if (passing_deadline_ != CheckpointBarrierHandler::kNever) [[unlikely]]
    return passing_deadline_ <= env_.clock.NowNanos();
  if (!barriers_->announced()) [[likely]]
    return false;
  const CheckpointBarrier* overdue = barriers_->Overdue();
  if (overdue == nullptr || (restored_batches_ && !restored_batches_->can_be_kept())) return false;
  if (source_ == nullptr && open_channels_ > 0) return overtakes_ && suspended_by_ == 0;
  return !triggered_.empty() && triggered_.front().checkpoint() == overdue->checkpoint();
}

// A barrier that has waited for long enough in the channels goes through the operators now.
bool StreamTask::PushOverdue() {
  const CheckpointBarrier* overdue = barriers_->Overdue();
  if (overdue == nullptr || passing_deadline_ != CheckpointBarrierHandler::kNever ||
      rest_.batch != nullptr || chain_->overfull())
    return false;
  if (source_ != nullptr || (open_channels_ == 0 && !restored_batches_))
    return chain_->drained() && PushTriggered();
  if (suspended_by_ != 0) return false;
  if (!chain_->drained()) {
    if (!batch_channel_ && restored_exchange_ < 0) return false;
    rest_ = chain_->TakeRest();
    if (rest_.batch == nullptr) return false;
  }
  const CheckpointBarrier barrier = *overdue;
  const int64_t deadline = barriers_->DeadlineOf(barrier.checkpoint());
  taken_ = barrier.checkpoint();
  barriers_->Take(taken_);
  PushBarrier(barrier, deadline);
  return true;
}

// The barrier has reached the head: what is before it in the channels is part of the checkpoint.
void StreamTask::RecordBehindBarrier() {
  const int64_t checkpoint = std::exchange(taken_, 0);
  if (!snapshotting_) return;
  checkpoints_->SetUnaligned(checkpoint);
  checkpoints_->Hold(checkpoint);
  const auto record_restored = [&](int exchange, const RecordBatch& batch, size_t from) {
    const InFlightChannel first{
        .exchange = exchange, .source = -1, .target = deployment_.task.subtask, .of_sender = false};
    checkpoints_->AddInFlight(checkpoint, first, batch, from);
  };
  if (rest_.batch != nullptr && batch_channel_) {
    RecordInFlight(checkpoint, *batch_channel_, *rest_.batch, rest_.position);
  } else if (rest_.batch != nullptr) {
    record_restored(restored_exchange_, *rest_.batch, rest_.position);
  }
  if (restored_batches_) {
    RestoredBatches left = *restored_batches_;
    for (;;) {
      absl::StatusOr<RestoredBatches::Restored> restored = left.Next();
      if (!restored.ok()) snapshot_status_ = restored.status();  // nothing of it may be left out
      if (!restored.ok() || restored->batch == nullptr) break;
      record_restored(restored->exchange, *restored->batch, 0);
    }
  }
  barriers_->StartRecording(checkpoint, [&](size_t channel, const RecordBatch& batch) {
    RecordInFlight(checkpoint, channel, batch);
  });
  ReleaseRecorded();
}

void StreamTask::RecordInFlight(int64_t checkpoint, size_t channel, const RecordBatch& batch,
                                size_t from) {
  const auto [edge, source] = channel_sources_[channel];
  checkpoints_->AddInFlight(
      checkpoint,
      {.exchange = edge, .source = source, .target = deployment_.task.subtask, .of_sender = false},
      batch, from);
}

void StreamTask::RecordOvertaken(int64_t checkpoint, int edge, int target,
                                 const RecordBatch& batch) {
  checkpoints_->SetUnaligned(checkpoint);
  checkpoints_->AddInFlight(
      checkpoint,
      {.exchange = edge, .source = deployment_.task.subtask, .target = target, .of_sender = true},
      batch);
}

// Nothing more comes before the recorded checkpoint's barriers.
void StreamTask::ReleaseRecorded() {
  if (const std::optional<int64_t> checkpoint = barriers_->TakeRecorded())
    checkpoints_->Release(*checkpoint);
}

void StreamTask::SendBarrier(const CheckpointBarrier& barrier, ResultPartition& partition,
                             bool ended) {
  const bool urgent = passing_deadline_ <= env_.clock.NowNanos();
  const int64_t checkpoint = barrier.checkpoint();
  if (!urgent || !partition.overtakes()) {
    if (ended) return;
    partition.Broadcast(urgent ? Urgent(barrier) : barrier);
    if (!snapshotting_ || !partition.overtakes() || !barrier.told->unaligned ||
        !partition.Waits(checkpoint))
      return;
    if (leaving_.try_emplace(checkpoint, Leaving{Urgent(barrier), passing_deadline_}).second)
      checkpoints_->Hold(checkpoint);
    return;
  }
  partition.Overtake(Urgent(barrier), [&](int target, const RecordBatch& batch) {
    if (snapshotting_) RecordOvertaken(checkpoint, partition.edge(), target, batch);
  });
}

// A barrier that was sent aligned may wait behind data for so long only. The checkpoint is answered
// when it has left.
void StreamTask::FollowLeaving() {
  const auto waits = [&](int64_t checkpoint) {
    return std::any_of(chain_->partitions().begin(), chain_->partitions().end(),
                       [&](const auto& partition) {
                         return partition->overtakes() && partition->Waits(checkpoint);
                       });
  };
  for (auto entry = leaving_.begin(); entry != leaving_.end();) {
    const auto& [checkpoint, leaving] = *entry;
    const bool overdue = leaving.deadline <= env_.clock.NowNanos();
    if (!overdue && waits(checkpoint)) {
      ++entry;
      continue;
    }
    for (const auto& partition : chain_->partitions()) {
      if (!partition->overtakes()) continue;
      partition->OvertakeLate(leaving.barrier, [&](int target, const RecordBatch& batch) {
        RecordOvertaken(checkpoint, partition->edge(), target, batch);
      });
    }
    const int64_t done = checkpoint;
    entry = leaving_.erase(entry);
    checkpoints_->Release(done);
  }
}

StepResult StreamTask::PushRestored() {
  absl::StatusOr<RestoredBatches::Restored> restored = restored_batches_->Next();
  if (!restored.ok()) return Fail(restored.status());
  if (restored->batch == nullptr) {
    restored_batches_.reset();
  } else {
    batch_channel_.reset();
    restored_exchange_ = restored->exchange;
    chain_->PushRestored(restored->op, std::move(restored->batch), restored->input);
  }
  return {StepResult::State::kMore, "take restored batch"};
}

}  // namespace pyflinkpp
