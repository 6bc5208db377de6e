#include "runtime/task/stream_task.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/graph/job_graph.h"
#include "runtime/task/state_backends.h"

namespace pyflinkpp {
namespace {
constexpr int64_t kFollowWatermarkMs = 100;
constexpr int64_t kBatchNanos = 2'000'000;  // of a source, while checkpoints are taken
constexpr size_t kFirstBatch = 8;           // records, when nothing is known of the chain
}  // namespace

StreamTask::StreamTask(idl::TaskDeployment deployment, Env& env, Transport& transport,
                       const OperatorRegistry& registry, TaskListener& listener)
    : Loop(deployment.name, env.clock),
      deployment_(std::move(deployment)),
      batch_mode_(IsBatch(deployment_.configuration)),
      env_(env),
      transport_(transport),
      registry_(registry),
      listener_(listener),
      gate_(mailbox()) {}

StreamTask::~StreamTask() = default;

bool StreamTask::takes_turns() const {
  return std::any_of(deployment_.chain.begin(), deployment_.chain.end(),
                     [&](const idl::ChainNode& node) {
                       const auto entry = registry_.entries.find(KindOf(node.op.spec));
                       return entry != registry_.entries.end() && entry->second.takes_turns;
                     });
}

void StreamTask::Cancel() {
  mailbox().Post("cancel", [this] {
    if (phase_ != Phase::kDone) End(idl::TaskState::CANCELED, std::nullopt);
  });
}

void StreamTask::AddSplits(idl::SplitAssignment assignment) {
  mailbox().Post("add splits", [this, assignment = std::move(assignment)]() mutable {
    if (source_ == nullptr || phase_ != Phase::kRunning) return;
    split_requested_ = false;
    // The enumerator dealt it out behind the checkpoint: to the source it comes behind it as well.
    if (!before_source_.empty())
      return deferred_.push_back({*before_source_.rbegin(), std::move(assignment)});
    source_->AddSplits(std::move(assignment.splits), assignment.no_more_splits);
    source_waits_ = false;
  });
}

void StreamTask::AlignWatermark(int64_t max_watermark) {
  mailbox().Post("align watermark", [this, max_watermark] {
    if (source_ == nullptr || phase_ != Phase::kRunning) return;
    source_->splits().Limit(max_watermark);
    source_waits_ = false;
  });
}

void StreamTask::Commit() {
  mailbox().Post("commit", [this] {
    if (phase_ == Phase::kPrepared) phase_ = Phase::kCommitting;
  });
}

void StreamTask::TriggerCheckpoint(idl::Barrier barrier) {
  mailbox().Post("trigger checkpoint", [this, barrier = std::move(barrier)]() mutable {
    if (phase_ == Phase::kDone || phase_ == Phase::kCommitting) return;
    before_source_.insert(barrier.checkpoint);
    triggered_.push_back({std::make_shared<const idl::Barrier>(std::move(barrier))});
    if (barriers_) Announce(triggered_.back());
  });
}

void StreamTask::NotifyCheckpoint(int64_t checkpoint, bool completed) {
  mailbox().Post("notify checkpoint", [this, checkpoint, completed] {
    if (chain_ == nullptr || phase_ == Phase::kDone || phase_ == Phase::kOpening) return;
    if (!completed) {
      GiveUpCheckpoint(checkpoint);
      if (drained_by_ == checkpoint) {
        return void(Fail(ExternalError(
            "the savepoint failed after event time had been brought to its end for it")));
      }
    }
    for (const auto& node : chain_->nodes()) {
      const absl::Status status = completed ? node->op->CheckpointCompleted(checkpoint)
                                            : node->op->CheckpointAborted(checkpoint);
      if (!status.ok()) return void(Fail(status));
    }
    if (suspended_by_ != checkpoint) return;
    if (completed) phase_ = Phase::kCommitting;  // the job ends here
    suspended_by_ = 0;
  });
}

void StreamTask::GiveUpCheckpoint(int64_t checkpoint) {
  if (checkpoint > last_barrier_) given_up_.insert(checkpoint);
  if (checkpoint == last_barrier_) snapshotting_ = false;
  checkpoints_->Abort(checkpoint);
  barriers_->Abort(checkpoint);
  leaving_.erase(checkpoint);
  for (const auto& partition : chain_->partitions()) {
    if (partition->overtakes()) partition->Forget(checkpoint);
  }
  if (std::erase_if(triggered_, [&](const CheckpointBarrier& barrier) {
        return barrier.checkpoint() == checkpoint;
      }) == 0)
    return;
  before_source_.erase(checkpoint);
  TakeDeferredSplits();
}

// Those before which no barrier has to reach the source any more.
void StreamTask::TakeDeferredSplits() {
  while (!deferred_.empty() &&
         (before_source_.empty() || *before_source_.begin() > deferred_.front().behind)) {
    idl::SplitAssignment assignment = std::move(deferred_.front().assignment);
    deferred_.pop_front();
    source_->AddSplits(std::move(assignment.splits), assignment.no_more_splits);
  }
  source_waits_ = false;
}

StepResult StreamTask::Work() {
  switch (phase_) {
    case Phase::kRestoring:
      if (deployment_.restored) {
        if (!reading_state_) ReadState();
        return {StepResult::State::kWait, "read state"};
      }
      phase_ = Phase::kOpening;
      [[fallthrough]];
    case Phase::kOpening: {
      absl::Status status = Build();
      if (status.ok()) status = chain_->Open();
      if (!status.ok()) return Fail(status);
      restored_keyed_.clear();
      restored_backends_.clear();
      phase_ = Phase::kRunning;
      Report(idl::TaskState::RUNNING);
      if (deployment_.finished) {
        phase_ = Phase::kEnding;
        end_pushed_ = true;
        open_channels_ = 0;  // nothing is read
        chain_->SendEnd();
        return {StepResult::State::kMore, "open"};
      }
      if (source_ != nullptr) {
        paces_ = deployment_.checkpoints;
        if (paces_) source_->SetBatchLimit(kFirstBatch);
        source_->request_split();
      }
      StartAlignment();
      return {StepResult::State::kMore, "open"};
    }
    case Phase::kRunning:
    case Phase::kEnding:
    case Phase::kPrepared: {
      // State is written in turn with the chain's work, so that neither waits for the other.
      write_next_ = !write_next_ && checkpoints_->has_work();
      if (write_next_) {
        checkpoints_->WriteSome();
        return {StepResult::State::kMore, "write state"};
      }
      StepResult result = RunChain();
      if (result.state == StepResult::State::kWait) {
        if (phase_ != Phase::kPrepared) FollowWatermark();
        if (checkpoints_->has_work()) result.state = StepResult::State::kMore;
      }
      return result;
    }
    case Phase::kDone:
      return {StepResult::State::kWait, "idle"};
    case Phase::kCommitting: {
      const absl::StatusOr<Progress> progress = chain_->Commit();
      if (!progress.ok()) return Fail(progress.status());
      if (*progress == Progress::kDone) {
        End(idl::TaskState::FINISHED, std::nullopt);
      } else if (const int64_t next = chain_->next_processing_time(); next != kMaxTimestamp) {
        WakeAt(std::max(next, env_.clock.NowMillis() + 1));  // a committer tries again
      }
      return {*progress == Progress::kWait ? StepResult::State::kWait : StepResult::State::kMore,
              "commit files"};
    }
  }
  return {StepResult::State::kWait, "idle"};
}

StepResult StreamTask::RunChain() {
  if (ticked_.load(std::memory_order_relaxed)) {
    ticked_.store(false, std::memory_order_relaxed);
    chain_->Flush();
    if (phase_ != Phase::kPrepared) FollowWatermark();
  }
  const int64_t next = phase_ == Phase::kPrepared || suspended_by_ != 0
                           ? kMaxTimestamp
                           : chain_->next_processing_time();
  if (next != kMaxTimestamp) {
    if (const int64_t now = env_.clock.NowMillis(); next <= now) {
      const absl::Status status = chain_->RunProcessingTime(now);
      return status.ok() ? StepResult{StepResult::State::kMore, "processing time"} : Fail(status);
    }
    WakeAt(next);
  }
  if (gate_.announced()) [[unlikely]]
    TakeAnnouncements();
  const bool overtaking = Overtaking();
  if (overtaking && PushOverdue()) [[unlikely]]
    return {StepResult::State::kMore, "barrier overtakes"};
  chain_->set_over_credit(overtaking);
  const int64_t began = paces_ ? env_.clock.NowNanos() : 0;
  const absl::StatusOr<Progress> progress = chain_->Run();
  if (paces_) busy_nanos_ += env_.clock.NowNanos() - began;
  if (!progress.ok()) return Fail(progress.status());
  if (!leaving_.empty()) [[unlikely]]
    FollowLeaving();
  if (*progress == Progress::kMore) return {StepResult::State::kMore, "run chain"};
  if (*progress == Progress::kWait) {
    chain_->Flush();
    return {StepResult::State::kWait, "wait for credit"};
  }
  if (rest_.batch != nullptr) [[unlikely]] {
    chain_->PushBatch(std::move(rest_.batch), rest_.input, rest_.position);
    return {StepResult::State::kMore, "go on behind barrier"};
  }
  if (restored_batches_) [[unlikely]]
    return PushRestored();
  // What has sent its end already goes on: those behind it get no barrier from it, so the JobManager
  // has to know.
  const bool suspended = suspended_by_ != 0 && !end_pushed_;
  // A task that is slower than checkpoints come would never end if barriers went before its end.
  if (phase_ == Phase::kEnding && !suspended) return PrepareCommit();
  if (PushTriggered()) return {StepResult::State::kMore, "barrier"};
  if (phase_ == Phase::kPrepared) return {StepResult::State::kWait, "idle"};
  if (suspended) {
    chain_->Flush();
    return {StepResult::State::kWait, "suspended"};
  }
  return source_ != nullptr ? PollSource() : TakeInput();
}

// The JobManager's triggers, where there is no input that could bring a barrier.
bool StreamTask::PushTriggered() {
  // Its barriers may have come all the same, before the end of the inputs.
  while (!triggered_.empty() && triggered_.front().checkpoint() <= last_barrier_) {
    before_source_.erase(triggered_.front().checkpoint());
    triggered_.pop_front();
  }
  if (triggered_.empty() || (source_ == nullptr && open_channels_ > 0)) return false;
  const CheckpointBarrier barrier = triggered_.front();
  if (barrier.told->after == idl::AfterBarrier::DRAIN && phase_ == Phase::kRunning &&
      drained_by_ != barrier.checkpoint()) {
    drained_by_ = barrier.checkpoint();
    chain_->PushWatermark({kMaxTimestamp, false});
    return true;
  }
  triggered_.pop_front();
  const int64_t deadline = barriers_->DeadlineOf(barrier.checkpoint());
  barriers_->Take(barrier.checkpoint());
  PushBarrier(barrier, deadline);
  return true;
}

absl::Status StreamTask::OnBarrierAt(size_t position, const CheckpointBarrier& barrier) {
  if (position == 0) {
    last_barrier_ = barrier.checkpoint();
    snapshotting_ = !given_up_.contains(last_barrier_);
    given_up_.erase(given_up_.begin(), given_up_.upper_bound(last_barrier_));
    if (snapshotting_)
      checkpoints_->Begin(barrier, gate_.size() > 0 ? barriers_->alignment_ms() : 0);
    snapshot_status_ = absl::OkStatus();
    deferred_ready_ = before_source_.erase(last_barrier_) > 0 && source_ != nullptr;
    if (taken_ == last_barrier_) RecordBehindBarrier();
  }
  if (!snapshotting_ || !snapshot_status_.ok()) return absl::OkStatus();
  const OperatorChain::Node& node = *chain_->nodes()[position];
  std::vector<idl::OperatorState> states(node.operator_ids.size());
  SnapshotContext context(*barrier.told, states);
  snapshot_status_ = node.op->Snapshot(context);
  if (snapshot_status_.ok())
    snapshot_status_ = checkpoints_->Add(node.operator_ids, std::move(states), node.keyed_state,
                                         std::move(context.waits()));
  return absl::OkStatus();
}

void StreamTask::OnBarrierPassed(const CheckpointBarrier& barrier) {
  passing_deadline_ = CheckpointBarrierHandler::kNever;
  if (std::exchange(deferred_ready_, false)) TakeDeferredSplits();
  if (!std::exchange(snapshotting_, false)) return;  // it was given up meanwhile
  if (barrier.told->after != idl::AfterBarrier::GO_ON) suspended_by_ = barrier.checkpoint();
  if (snapshot_status_.ok()) {
    checkpoints_->Seal(end_pushed_);
  } else {
    checkpoints_->Fail(snapshot_status_);
  }
}

// Tells the JobManager, now and then, how far event time is and which input holds it.
void StreamTask::FollowWatermark() {
  const int64_t now = env_.clock.NowMillis();
  holds_.Look(now, EventTime());
  if (told_ms_ != 0 && holds_.state() == told_) return;
  if (now - told_ms_ < kFollowWatermarkMs) {
    return WakeAt(told_ms_ + kFollowWatermarkMs);  // also when the task sleeps
  }
  told_ms_ = now;
  told_ = holds_.state();
  idl::WatermarkProgress progress;
  progress.task = deployment_.task;
  progress.watermark = told_.watermark.timestamp;
  progress.idle = told_.watermark.idle;
  progress.held_by_edge = told_.edge;
  progress.held_by_subtask = told_.subtask;
  progress.held_by_split = told_.split;
  progress.since_ms = holds_.since_ms();
  listener_.OnWatermark(std::move(progress));
}

EventTimeState StreamTask::EventTime() const {
  EventTimeState state;
  state.watermark = chain_->watermark();
  if (const std::optional<size_t> holder = valve_->holder()) {
    state.edge = channel_sources_[*holder].first;
    state.subtask = channel_sources_[*holder].second;
  }
  if (source_ != nullptr) {
    if (const SourceSplits::Split* split = source_->splits().holder()) state.split = split->name;
  }
  return state;
}

// A source that waits for others reads one batch, tells them how far it is, and goes on when they
// have been compared.
void StreamTask::StartAlignment() {
  aligned_ = AlignedStrategyOf(deployment_.chain);
  if (aligned_ == nullptr) return;
  source_->splits().Limit(kMinTimestamp);
  ReportInIntervals();
}

void StreamTask::ReportInIntervals() {
  mailbox().PostAt(env_.clock.NowNanos() + aligned_->alignment_interval_ms * 1'000'000,
                   "report source watermark", [this] {
                     if (phase_ != Phase::kRunning) return;
                     ReportSourceWatermark();
                     ReportInIntervals();
                   });
}

void StreamTask::ReportSourceWatermark() {
  if (!source_->splits().live().empty()) {  // between two splits it stays
    const Watermark reached = source_->splits().reached();
    reached_.idle = reached.idle;
    if (!reached.idle) reached_.timestamp = std::max(reached_.timestamp, reached.timestamp);
  }
  idl::ReportedWatermark report;
  report.task = deployment_.task;
  report.watermark = reached_.timestamp;
  report.idle = reached_.idle;
  listener_.OnSourceWatermark(std::move(report));
}

// Makes the task step when the wall clock shows `millis`.
void StreamTask::WakeAt(int64_t millis) {
  if (wake_at_ <= millis) return;
  wake_at_ = millis;
  const int64_t wait_ms = millis - env_.clock.NowMillis();
  mailbox().PostAt(env_.clock.NowNanos() + wait_ms * 1'000'000, "processing time",
                   [this] { wake_at_ = kMaxTimestamp; });
}

// A barrier waits for the batch in hand: one that keeps the chain busy for long is followed by
// shorter ones.
void StreamTask::Pace() {
  size_t limit = source_->batch_limit();
  if (busy_nanos_ > 2 * kBatchNanos) {
    limit = std::max<size_t>(
        limit * static_cast<size_t>(kBatchNanos) / static_cast<size_t>(busy_nanos_), 1);
  } else if (busy_nanos_ < kBatchNanos / 2) {
    limit = std::min(limit * 2, kBatchRecordsMax);
  }
  source_->SetBatchLimit(limit);
  busy_nanos_ = 0;
}

StepResult StreamTask::PollSource() {
  SourceSplits& splits = source_->splits();
  if (splits.Settle()) return {StepResult::State::kMore, "settle splits"};
  if (aligned_ != nullptr && reached_.timestamp == kMinTimestamp && !reached_.idle) {
    const Watermark reached = splits.reached();
    if (reached.idle || reached.timestamp != kMinTimestamp) ReportSourceWatermark();
  }
  if (splits.all_paused()) {
    chain_->Flush();
    return {StepResult::State::kWait, "wait for alignment"};
  }
  if (source_waits_) {
    chain_->Flush();
    return {StepResult::State::kWait, "wait for source"};
  }
  if (paces_) Pace();
  const absl::StatusOr<Progress> progress = chain_->PollSource();
  if (!progress.ok()) return Fail(progress.status());
  if (*progress == Progress::kDone) {
    if (aligned_ != nullptr) {
      reached_ = {kMaxTimestamp, false};
      ReportSourceWatermark();
    }
    phase_ = Phase::kEnding;
    if (!batch_mode_) chain_->PushWatermark({kMaxTimestamp, false});
    return {StepResult::State::kMore, "end of source"};
  }
  source_waits_ = *progress == Progress::kWait;
  return {StepResult::State::kMore, "poll source"};
}

StepResult StreamTask::TakeInput() {
  std::optional<InputGate::Element> next = gate_.Poll();
  if (!next) {
    if (!gate_.status().ok()) return Fail(gate_.status());
    chain_->Flush();
    return {StepResult::State::kWait, "wait for input"};
  }
  ConsumeElement(next->channel, std::move(next->element));
  return {StepResult::State::kMore, "take input"};
}

void StreamTask::ConsumeElement(size_t channel, StreamElement element) {
  std::visit(Overloaded{
                 [&](std::unique_ptr<RecordBatch>& batch) {
                   if (barriers_->records(channel)) [[unlikely]]
                     RecordInFlight(barriers_->recording(), channel, *batch);
                   batch_channel_ = channel;
                   chain_->PushBatch(std::move(batch), gate_.input_of(channel));
                 },
                 [&](Watermark& watermark) {
                   const auto advanced = valve_->Advance(channel, watermark);
                   // In batch mode there is only the last one, which the end brings.
                   if (advanced && !batch_mode_) chain_->PushWatermark(*advanced);
                 },
                 [&](CheckpointBarrier& barrier) {
                   const int64_t deadline = barriers_->DeadlineOf(barrier.checkpoint());
                   if (auto aligned = barriers_->OnBarrier(channel, barrier))
                     PushBarrier(*aligned, deadline);
                   ReleaseRecorded();
                 },
                 [&](EndOfInput&) {
                   const int64_t deadline = barriers_->PendingDeadline();
                   if (auto aligned = barriers_->OnEnd(channel)) PushBarrier(*aligned, deadline);
                   ReleaseRecorded();
                   if (--open_channels_ == 0) phase_ = Phase::kEnding;
                 },
             },
             element);
}

// Runs once all data has passed: first the end of input goes through the chain, then the task waits
// for its job.
StepResult StreamTask::PrepareCommit() {
  if (!end_pushed_) {
    end_pushed_ = true;
    if (batch_mode_) {
      chain_->PushEndWithWatermark();
    } else {
      chain_->PushEnd();
    }
    return {StepResult::State::kMore, "end of input"};
  }
  if (chain_->needs_commit()) {
    phase_ = Phase::kPrepared;
    Report(idl::TaskState::PREPARED);
    return {StepResult::State::kMore, "end of input"};
  }
  // What it has promised to a checkpoint is written first.
  if (!checkpoints_->empty()) return {StepResult::State::kWait, "write state"};
  End(idl::TaskState::FINISHED, std::nullopt);
  return {StepResult::State::kDone, "end"};
}

// The failure with what it lacks of where it happened.
idl::Failure StreamTask::Named(idl::Failure failure) const {
  if (failure.subtask < 0) failure.subtask = deployment_.task.subtask;
  if (failure.operator_name.empty()) failure.operator_name = deployment_.name;
  return failure;
}

idl::Failure StreamTask::NamedFailure(const absl::Status& status) const {
  return Named(FailureOf(status));
}

StepResult StreamTask::Fail(const absl::Status& status) {
  End(idl::TaskState::FAILED, NamedFailure(status));
  return {StepResult::State::kDone, "fail"};
}

void StreamTask::End(idl::TaskState::type state, std::optional<idl::Failure> failure) {
  phase_ = Phase::kDone;
  if (checkpoints_) checkpoints_->Clear();
  if (chain_ != nullptr) {
    if (told_ms_ != 0) holds_.Look(env_.clock.NowMillis(), EventTime());
    const absl::Status closed = chain_->Close();
    if (!closed.ok() && state == idl::TaskState::FINISHED) {
      state = idl::TaskState::FAILED;
      failure = NamedFailure(closed);
    }
  }
  // Whoever hears of the end finds everything gone: files of state, threads, channels.
  idl::TaskReport report = ReportOf(state, std::move(failure));
  if (told_ms_ != 0) report.__set_longest_hold(holds_.Longest(env_.clock.NowMillis()));
  chain_.reset();
  keyed_state_.clear();
  restored_backends_.clear();
  gate_.Close();
  listener_.OnReport(std::move(report));
  EndLoop();
}

void StreamTask::Report(idl::TaskState::type state) {
  listener_.OnReport(ReportOf(state, std::nullopt));
}

idl::TaskReport StreamTask::ReportOf(idl::TaskState::type state,
                                     std::optional<idl::Failure> failure) const {
  idl::TaskReport report;
  report.task = deployment_.task;
  report.state = state;
  if (failure) report.__set_failure(*std::move(failure));
  if (chain_ != nullptr) {
    for (const auto& node : chain_->nodes()) {
      for (size_t i = 0; i < node->counters.size(); ++i) {
        idl::OperatorMetrics metrics;
        metrics.op = node->operator_ids[i];
        metrics.records_in = node->counters[i].records_in;
        metrics.records_out = node->counters[i].records_out;
        metrics.late_dropped = node->counters[i].late_dropped;
        metrics.state_accesses = node->counters[i].state_accesses;
        report.metrics.push_back(metrics);
      }
    }
  }
  report.accumulators = accumulators_;
  return report;
}

}  // namespace pyflinkpp
