#include "runtime/checkpoint/checkpoint_coordinator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "runtime/checkpoint/checkpoint_storage.h"
#include "runtime/checkpoint/in_flight_assignment.h"
#include "runtime/checkpoint/state_assignment.h"

namespace pyflinkpp {
namespace {

std::pair<int, int> KeyOf(const idl::TaskId& task) { return {task.vertex, task.subtask}; }

constexpr int64_t kAlignedTimeoutMaxMs =
    int64_t{365} * 24 * 3'600'000;  // in nanoseconds it is no overflow

bool HasFinished(idl::TaskState::type state) { return state == idl::TaskState::FINISHED; }
// Its last element has been sent.
bool SendsNoMore(idl::TaskState::type state) {
  return state == idl::TaskState::FINISHED || state == idl::TaskState::PREPARED;
}

}  // namespace

CheckpointCoordinator::CheckpointCoordinator(const idl::CheckpointSettings& settings,
                                             const idl::JobGraph& graph, ExecutionGraph& execution,
                                             Env& env, CheckpointHost& host)
    : settings_(settings),
      unaligned_(TakesUnaligned(graph)),
      max_concurrent_(unaligned_ ? 1 : std::max(settings.max_concurrent, 1)),
      graph_(graph),
      execution_(execution),
      env_(env),
      host_(host),
      directory_(settings.directory.empty() ? ""
                                            : absl::StrCat(settings.directory, "/", graph.job_id)) {
}

void CheckpointCoordinator::StartFrom(idl::Checkpoint checkpoint, const std::string& directory,
                                      bool claim, const std::vector<idl::Checkpoint>& beside) {
  // A damaged one behind it keeps its number.
  next_id_ = std::max(next_id_, checkpoint.id + 1);
  claim |= !directory_.empty() && absl::StartsWith(directory, directory_ + "/");
  for (const idl::Checkpoint& other : beside) shared_.Protect(other);
  Retain(checkpoint, claim);
  completed_.push_back({std::move(checkpoint), directory, claim});
}

void CheckpointCoordinator::FallBackTo(idl::Checkpoint checkpoint, const std::string& directory) {
  const bool owned = completed_.back().owned;
  while (!completed_.empty() && completed_.back().checkpoint.id > checkpoint.id)
    completed_.pop_back();
  if (!completed_.empty() && completed_.back().checkpoint.id == checkpoint.id) return;
  Retain(checkpoint, owned);
  completed_.push_back({std::move(checkpoint), directory, owned});
}

// The files that a checkpoint shares are the job's, or are left alone.
void CheckpointCoordinator::Retain(const idl::Checkpoint& checkpoint, bool owned) {
  if (owned) {
    DeleteFiles(shared_.Complete(checkpoint));
  } else {
    shared_.Protect(checkpoint);
  }
}

void CheckpointCoordinator::Start() {
  running_ = true;
  stops_job_ = false;
  last_trigger_ms_ = env_.clock.NowMillis();
  for (auto& savepoint : std::exchange(early_savepoints_, {})) savepoint(/*runs=*/true);
  if (!periodic()) return;
  ScheduleNext();
  if (directory_.empty()) return;
  // Flink's layout; what lies in them belongs to several checkpoints, or to none.
  host_.RunOnExecutor(
      [&files = env_.files, directory = directory_] {
        absl::Status status = files.CreateDirectories(directory + "/shared");
        status.Update(files.CreateDirectories(directory + "/taskowned"));
        return status;
      },
      [](const absl::Status&) {});  // the first checkpoint tells what is wrong
}

void CheckpointCoordinator::Stop() {
  ++timer_;
  while (!pending_.empty()) {
    Pending& pending = pending_.front();
    GiveUp(pending.checkpoint.id, absl::CancelledError("the job's tasks have stopped"),
           /*counts=*/false);
  }
  running_ = false;
}

// Called whenever something has changed that the next trigger depends on.
void CheckpointCoordinator::ScheduleNext() {
  if (!running_ || !periodic()) return;
  const int64_t next =
      std::max(last_trigger_ms_ + settings_.interval_ms, last_end_ms_ + settings_.min_pause_ms);
  const uint64_t timer = ++timer_;
  host_.RunAfter(std::max<int64_t>(next - env_.clock.NowMillis(), 0), [this, timer] {
    if (timer == timer_ && running_) TriggerPeriodic();
  });
}

std::string CheckpointCoordinator::NextDirectory() const {
  return directory_.empty() ? "" : absl::StrCat(directory_, "/chk-", next_id_);
}

// Nothing happens behind a savepoint that stops the job; another checkpoint must not be complete
// before it.
bool CheckpointCoordinator::StopIsPending() const {
  return std::any_of(pending_.begin(), pending_.end(), [](const Pending& each) {
    return each.barrier.after != idl::AfterBarrier::GO_ON;
  });
}

void CheckpointCoordinator::TriggerPeriodic() {
  if (StopIsPending()) return;  // if it is given up, the next one is scheduled then
  const auto periodic_ones =
      std::count_if(pending_.begin(), pending_.end(),
                    [](const Pending& each) { return !each.barrier.savepoint; });
  if (periodic_ones >= max_concurrent_) return;  // the end of one schedules
  last_trigger_ms_ = env_.clock.NowMillis();
  const bool ended =
      std::all_of(execution_.executions().begin(), execution_.executions().end(),
                  [](const ExecutionGraph::Execution& each) { return HasFinished(each.state); });
  if (ended) return;
  Trigger(/*savepoint=*/false, NextDirectory(), idl::AfterBarrier::GO_ON, nullptr);
  if (max_concurrent_ > 1) ScheduleNext();
}

void CheckpointCoordinator::TriggerSavepoint(const std::string& target,
                                             idl::AfterBarrier::type after, Done done) {
  const std::string& parent = target.empty() ? settings_.savepoint_directory : target;
  if (parent.empty()) {
    return done(UserError(
        "a savepoint needs a directory: give one, or set execution.checkpointing.savepoint-dir"));
  }
  if (!running_) {
    early_savepoints_.push_back([this, parent, after, done = std::move(done)](bool runs) mutable {
      if (runs) return TriggerSavepoint(parent, after, std::move(done));
      done(
          UserError("the job has ended before all its tasks were running: there is nothing to "
                    "take a savepoint of"));
    });
    return;
  }
  Trigger(/*savepoint=*/true,
          absl::StrCat(parent, "/savepoint-", graph_.job_id.substr(0, 6), "-",
                       absl::Hex(env_.random.Next() & 0xffffffffffff, absl::kZeroPad12)),
          after, std::move(done));
}

void CheckpointCoordinator::TriggerFinal(Done done) {
  if (StopIsPending()) return done(absl::CancelledError("a savepoint stops the job"));
  Trigger(/*savepoint=*/false, NextDirectory(), idl::AfterBarrier::GO_ON, std::move(done));
}

void CheckpointCoordinator::Trigger(bool savepoint, const std::string& directory,
                                    idl::AfterBarrier::type after, Done done) {
  Pending& pending = pending_.emplace_back();
  idl::Checkpoint& checkpoint = pending.checkpoint;
  checkpoint.version = 1;
  checkpoint.id = next_id_++;
  checkpoint.timestamp = env_.clock.NowMillis();
  checkpoint.savepoint = savepoint;
  pending.barrier.checkpoint = checkpoint.id;
  pending.barrier.timestamp = checkpoint.timestamp;
  pending.barrier.directory = directory;
  pending.barrier.savepoint = savepoint;
  pending.barrier.after = after;
  if (settings_.incremental && !savepoint && !directory_.empty()) {
    pending.barrier.__set_shared_directory(directory_ + "/shared");
    // What the job only borrows may go at any time: the first one of its own has all files.
    if (!completed_.empty() && completed_.back().owned) {
      pending.barrier.__set_base(completed_.back().checkpoint.id);
      shared_.Begin(checkpoint.id, pending.barrier.base);
    }
  }
  if (unaligned_ && !savepoint) {
    pending.barrier.__set_unaligned(true);
    pending.barrier.__set_aligned_timeout_ms(
        std::clamp<int64_t>(settings_.aligned_timeout_ms, 0, kAlignedTimeoutMaxMs));
  }
  pending.done = std::move(done);
  pending.statistics.id = checkpoint.id;
  pending.statistics.savepoint = savepoint;
  pending.statistics.triggered_ms = checkpoint.timestamp;
  pending.statistics.path = directory;

  const absl::StatusOr<std::map<int, std::string>> enumerators = host_.SnapshotEnumerators();
  if (!enumerators.ok()) return GiveUp(checkpoint.id, enumerators.status());
  for (const idl::OperatorNode& node : graph_.operators) {
    idl::OperatorCheckpoint& op = checkpoint.operators.emplace_back();
    op.uid = UidOf(node);
    op.name = node.name;
    op.parallelism = node.parallelism;
    op.max_parallelism = node.max_parallelism;
    if (const auto found = enumerators->find(node.id); found != enumerators->end())
      op.__set_enumerator(found->second);
  }
  for (const auto& execution : execution_.executions()) {
    if (!HasFinished(execution.state)) pending.waiting.insert(KeyOf(execution.deployment.task));
  }
  pending.deadline_nanos = env_.clock.NowNanos() + settings_.timeout_ms * 1'000'000;
  WatchTimeouts();
  TriggerWhereNoBarrierComes(pending);
  CompleteIfAllAnswered(pending);
}

// One timer for all of them: the first that is pending is the first that can be too late.
void CheckpointCoordinator::WatchTimeouts() {
  if (pending_.empty() || std::exchange(watching_, true)) return;
  const int64_t left_nanos = pending_.front().deadline_nanos - env_.clock.NowNanos();
  host_.RunAfter(std::max<int64_t>((left_nanos + 999'999) / 1'000'000, 0), [this] {
    watching_ = false;
    while (!pending_.empty() && pending_.front().deadline_nanos <= env_.clock.NowNanos()) {
      GiveUp(pending_.front().checkpoint.id,
             absl::DeadlineExceededError(absl::StrCat("it was not complete after ",
                                                      settings_.timeout_ms, " ms, the timeout")));
    }
    WatchTimeouts();
  });
}

bool CheckpointCoordinator::FeedHasEnded(const idl::TaskId& task) const {
  const idl::TaskDeployment& deployment = execution_.find(task).deployment;
  for (const idl::InputDescriptor& input : deployment.inputs) {
    const int vertex = execution_.chained().exchanges[input.edge].source;
    for (const int source : input.sources) {
      idl::TaskId from = task;
      from.vertex = vertex;
      from.subtask = source;
      if (!SendsNoMore(execution_.find(from).state)) return false;
    }
  }
  return true;
}

void CheckpointCoordinator::TriggerWhereNoBarrierComes(Pending& pending) {
  for (const auto& execution : execution_.executions()) {
    const idl::TaskId& task = execution.deployment.task;
    if (!pending.waiting.contains(KeyOf(task)) || !FeedHasEnded(task)) continue;
    if (pending.told.insert(KeyOf(task)).second) host_.Trigger(task, pending.barrier);
  }
}

void CheckpointCoordinator::OnTaskState(const idl::TaskId& task) {
  if (!SendsNoMore(execution_.find(task).state)) return;
  std::vector<int64_t> ids;
  for (const Pending& pending : pending_) ids.push_back(pending.checkpoint.id);
  for (const int64_t id : ids) {
    Pending* pending = Find(id);
    if (pending == nullptr || pending->writing) continue;
    // It had processed all its input before a barrier reached it.
    if (HasFinished(execution_.find(task).state)) pending->waiting.erase(KeyOf(task));
    TriggerWhereNoBarrierComes(*pending);
    CompleteIfAllAnswered(*pending);
  }
}

void CheckpointCoordinator::OnAnswer(const idl::CheckpointAnswer& answer) {
  Pending* pending = Find(answer.checkpoint);
  if (pending == nullptr) return Discard(answer);
  if (pending->waiting.erase(KeyOf(answer.task)) == 0) return;
  if (answer.__isset.failure) {
    return GiveUp(answer.checkpoint, FailureStatus(answer.failure));
  }
  const idl::TaskSnapshot& snapshot = answer.snapshot;
  CheckpointStatistics::Subtask& told = pending->statistics.subtasks.emplace_back();
  told.task = execution_.find(answer.task).deployment.name;
  told.sync_nanos = snapshot.sync_nanos;
  told.async_ms = snapshot.async_ms;
  told.alignment_ms = snapshot.alignment_ms;
  told.bytes = snapshot.bytes;
  told.full_bytes = snapshot.__isset.full_bytes ? snapshot.full_bytes : snapshot.bytes;
  pending->statistics.full_bytes += told.full_bytes;
  shared_.Add(answer.checkpoint, snapshot);
  told.in_flight_bytes = snapshot.in_flight_bytes;
  told.unaligned = snapshot.unaligned;
  pending->statistics.bytes += told.bytes;
  pending->statistics.in_flight_bytes += snapshot.in_flight_bytes;
  pending->statistics.unaligned |= snapshot.unaligned;
  pending->answers[KeyOf(answer.task)] = snapshot;
  CompleteIfAllAnswered(*pending);
}

void CheckpointCoordinator::Discard(const idl::CheckpointAnswer& answer) {
  std::vector<std::string> paths;
  for (const auto& [op, state] : answer.snapshot.operators) {
    for (const idl::KeyedStateHandle& handle : state.keyed) {
      if (!handle.file.path.empty()) paths.push_back(handle.file.path);
      if (!handle.__isset.backend) continue;
      for (const idl::NativeFile& file : handle.backend.files) {
        if (!file.shared && !file.file.path.empty()) paths.push_back(file.file.path);
      }
    }
  }
  for (const idl::InFlightHandle& handle : answer.snapshot.in_flight) {
    if (!handle.file.path.empty()) paths.push_back(handle.file.path);
  }
  DeleteFiles(shared_.Unused(answer.snapshot));
  if (paths.empty()) return;
  const std::string directory = paths[0].substr(0, paths[0].rfind('/'));
  DeleteFiles(std::move(paths));
  host_.RunOnExecutor([&files = env_.files, directory] { return files.DeleteDirectory(directory); },
                      [](const absl::Status&) {});
}

void CheckpointCoordinator::DeleteFiles(std::vector<std::string> paths) {
  if (paths.empty()) return;
  host_.RunOnExecutor(
      [&files = env_.files, paths = std::move(paths)] {
        for (const std::string& path : paths) files.Delete(path).IgnoreError();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
}

void CheckpointCoordinator::AddInFlight(idl::Checkpoint& checkpoint,
                                        const idl::TaskSnapshot& snapshot) const {
  for (const idl::InFlightHandle& handle : snapshot.in_flight) {
    const idl::Edge& edge =
        execution_.chained().exchanges[static_cast<size_t>(handle.exchange)].edge;
    idl::InFlightExchange exchange = ExchangeOf(graph_, edge);
    auto found =
        std::find_if(checkpoint.in_flight.begin(), checkpoint.in_flight.end(),
                     [&](const idl::InFlightExchange& each) { return SameEnds(each, exchange); });
    if (found == checkpoint.in_flight.end()) {
      checkpoint.__isset.in_flight = true;
      found = checkpoint.in_flight.insert(found, std::move(exchange));
    }
    found->handles.push_back(handle);
  }
}

void CheckpointCoordinator::CompleteIfAllAnswered(Pending& pending) {
  if (!pending.waiting.empty() || pending.writing) return;
  pending.writing = true;
  for (const auto& execution : execution_.executions()) {
    const idl::TaskId& task = execution.deployment.task;
    const auto answer = pending.answers.find(KeyOf(task));
    if (answer != pending.answers.end()) AddInFlight(pending.checkpoint, answer->second);
    for (const idl::ChainNode& member : execution.deployment.chain) {
      idl::OperatorCheckpoint& op = pending.checkpoint.operators[static_cast<size_t>(member.op.id)];
      if (answer == pending.answers.end() || answer->second.finished)
        op.finished.push_back(task.subtask);
      if (answer == pending.answers.end()) continue;
      const auto state = answer->second.operators.find(member.op.id);
      if (state != answer->second.operators.end()) op.subtasks[task.subtask] = state->second;
    }
  }
  pending.answers.clear();
  const int64_t id = pending.checkpoint.id;
  if (pending.barrier.directory.empty()) return OnWritten(id, absl::OkStatus());
  host_.RunOnExecutor(
      [&files = env_.files, directory = pending.barrier.directory,
       checkpoint = pending.checkpoint] { return WriteCheckpoint(files, directory, checkpoint); },
      [this, id](const absl::Status& status) { OnWritten(id, status); });
}

void CheckpointCoordinator::OnWritten(int64_t id, const absl::Status& status) {
  Pending* found = Find(id);
  if (found == nullptr) return;
  if (!status.ok()) return GiveUp(id, status);
  Pending pending = std::move(*found);
  pending_.remove_if([&](const Pending& each) { return &each == found; });
  failures_in_a_row_ = 0;
  pending.statistics.state = CheckpointStatistics::State::kCompleted;
  Finish(pending);
  const bool goes_on = pending.barrier.after == idl::AfterBarrier::GO_ON;
  // A savepoint is its user's: a job is restarted from its own checkpoints, and nothing becomes
  // visible with one that another run may start from. But behind one that ends the job there is
  // nothing to go back to.
  if (!pending.barrier.savepoint || !goes_on) {
    // An older one must not become the latest any more: what this one has is visible.
    std::vector<int64_t> older;
    for (const Pending& each : pending_) {
      if (each.checkpoint.id < id && !each.barrier.savepoint) older.push_back(each.checkpoint.id);
    }
    for (const int64_t each : older) {
      GiveUp(each, absl::CancelledError(absl::StrCat("checkpoint ", id, " was complete before it")),
             /*counts=*/false);
    }
    stops_job_ |= !goes_on;
    DeleteFiles(shared_.Complete(pending.checkpoint));
    drained_ |= pending.barrier.after == idl::AfterBarrier::DRAIN;
    completed_.push_back({std::move(pending.checkpoint), pending.barrier.directory,
                          /*owned=*/!pending.barrier.savepoint});
    DropOld();
    NotifyAll(id, /*completed=*/true);
  }
  if (pending.done) pending.done(pending.barrier.directory);
  ScheduleNext();
}

void CheckpointCoordinator::GiveUp(int64_t id, const absl::Status& why, bool counts) {
  Pending* found = Find(id);
  if (found == nullptr) return;
  Pending pending = std::move(*found);
  pending_.remove_if([&](const Pending& each) { return &each == found; });
  idl::Failure failure = FailureOf(why);
  failure.message = absl::StrCat("checkpoint ", id, " failed: ", failure.message);
  pending.statistics.state = CheckpointStatistics::State::kFailed;
  pending.statistics.failure = failure.message;
  Finish(pending);
  DiscardFiles(id, pending.barrier.directory);
  if (running_) NotifyAll(id, /*completed=*/false);
  if (pending.done) pending.done(FailureStatus(failure));
  if (!counts) return;
  if (!pending.barrier.savepoint && settings_.tolerable_failures >= 0 &&
      ++failures_in_a_row_ > settings_.tolerable_failures)
    return host_.OnCheckpointsFail(failure);
  ScheduleNext();
}

void CheckpointCoordinator::Finish(Pending& pending) {
  last_end_ms_ = env_.clock.NowMillis();
  pending.statistics.duration_ms = last_end_ms_ - pending.statistics.triggered_ms;
  host_.OnCheckpoint(pending.statistics);
}

void CheckpointCoordinator::NotifyAll(int64_t id, bool completed) {
  for (const auto& execution : execution_.executions()) {
    if (execution.deployed && !HasFinished(execution.state))
      host_.Notify(execution.deployment.task, id, completed);
  }
}

void CheckpointCoordinator::DropOld() {
  while (static_cast<int>(completed_.size()) > std::max(settings_.retained, 1)) {
    const Completed old = std::move(completed_.front());
    completed_.pop_front();
    if (old.owned) DiscardFiles(old.checkpoint.id, old.directory);
  }
}

void CheckpointCoordinator::DiscardFiles(int64_t id, const std::string& directory) {
  if (directory.empty()) return;
  host_.RunOnExecutor(
      [&files = env_.files, directory] { return DiscardCheckpoint(files, directory); },
      [this, id](const absl::Status& status) {
        // What can't be deleted is a checkpoint still, and keeps its files.
        if (status.ok()) DeleteFiles(shared_.Drop(id));
      });
}

void CheckpointCoordinator::EndJob(JobState state, std::function<void()> then) {
  Stop();
  for (auto& savepoint : std::exchange(early_savepoints_, {})) savepoint(/*runs=*/false);
  using idl::CheckpointRetention;
  const bool keep = state == JobState::kFailed
                        ? settings_.retention != CheckpointRetention::NO_EXTERNALIZED
                        : state == JobState::kCanceled &&
                              settings_.retention == CheckpointRetention::RETAIN_ON_CANCELLATION;
  std::vector<std::string> claimed;
  for (const Completed& each : completed_) {
    if (each.owned && !each.directory.empty()) claimed.push_back(each.directory);
  }
  if (directory_.empty() && claimed.empty()) return then();
  // What was discarded lately takes two rounds: metadata, shared files.
  host_.RunOnExecutor(
      [] { return absl::OkStatus(); },
      [this, keep, claimed = std::move(claimed), then = std::move(then)](const absl::Status&) {
        host_.RunOnExecutor(
            [&files = env_.files, keep, directory = directory_, claimed, shared = shared_.All()] {
              if (keep) return absl::OkStatus();
              absl::Status status;
              for (const std::string& each : claimed) status.Update(DiscardCheckpoint(files, each));
              // With what was given up and written all the same.
              if (!directory.empty()) status.Update(DiscardCheckpoints(files, directory));
              if (!status.ok()) return status;
              // Of a claimed one they are elsewhere.
              for (const std::string& path : shared) files.Delete(path).IgnoreError();
              return absl::OkStatus();
            },
            [then](const absl::Status&) { then(); });
      });
}

CheckpointCoordinator::Pending* CheckpointCoordinator::Find(int64_t id) {
  for (Pending& pending : pending_) {
    if (pending.checkpoint.id == id) return &pending;
  }
  return nullptr;
}

}  // namespace pyflinkpp
