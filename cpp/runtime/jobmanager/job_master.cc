#include "runtime/jobmanager/job_master.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/idl/codec.h"
#include "runtime/checkpoint/checkpoint_storage.h"
#include "runtime/checkpoint/state_assignment.h"

namespace pyflinkpp {
namespace {
constexpr int64_t kRetryFinalMs = 100;
constexpr size_t kFailuresKept = 16;  // as in Flink (web.exception-history-size)
}  // namespace

JobMaster::JobMaster(JobManager& manager, idl::JobGraph graph,
                     std::shared_ptr<JobListener> listener)
    : manager_(manager),
      graph_(std::move(graph)),
      listener_(std::move(listener)),
      execution_(graph_),
      files_(std::make_shared<IoStrand>(manager.env_.io, [] {})),
      coordinator_(graph_.checkpoints, graph_, execution_, manager.env_, *this),
      restart_strategy_(graph_.restart_strategy, manager.env_.random),
      alignment_(execution_.chained()) {}

JobMaster::~JobMaster() = default;

void JobMaster::Start() {
  started_nanos_ = manager_.env_.clock.NowNanos();
  if (!graph_.__isset.restore || graph_.restore.path.empty()) return StartEnumerators();
  auto read = std::make_shared<absl::StatusOr<idl::Checkpoint>>(absl::UnknownError("not read"));
  RunOnExecutor(
      [read, &files = manager_.env_.files, path = graph_.restore.path] {
        *read = ReadCheckpoint(files, path);
        return read->status();
      },
      [this, read](const absl::Status& status) {
        if (state_ != JobState::kCreated) return EndIfAllEnded();
        if (!status.ok()) return Fail(FailureOf(status));
        coordinator_.StartFrom(**read, CheckpointDirectory(graph_.restore.path),
                               graph_.restore.claim_mode == idl::ClaimMode::CLAIM);
        StartEnumerators();
      });
}

// Each source begins where the last checkpoint was, or from its start.
void JobMaster::StartEnumerators() {
  enumerators_.clear();
  contexts_.clear();
  if (const idl::Checkpoint* checkpoint = coordinator_.latest()) {
    std::vector<idl::TaskDeployment*> deployments;
    for (auto& execution : execution_.executions()) deployments.push_back(&execution.deployment);
    const absl::Status assigned =
        AssignState(*checkpoint, graph_, graph_.restore.ignore_unclaimed, deployments);
    if (!assigned.ok()) return Fail(FailureOf(assigned));
    restored_checkpoint_ = checkpoint->id;
  }
  for (const idl::OperatorNode& node : graph_.operators) {
    if (!IsSource(node.spec)) continue;
    if (const absl::Status made = MakeEnumerator(node); !made.ok()) return Fail(FailureOf(made));
  }
  enumerators_starting_ = enumerators_.size();
  for (auto& [op, enumerator] : enumerators_) {
    enumerator->Start(*contexts_[op],
                      [this](const absl::Status& status) { OnEnumeratorStarted(status); });
  }
}

absl::Status JobMaster::MakeEnumerator(const idl::OperatorNode& node) {
  const auto entry = manager_.registry_.entries.find(KindOf(node.spec));
  if (entry == manager_.registry_.entries.end() || !entry->second.make_enumerator)
    return absl::UnimplementedError(absl::StrCat("no source of kind '", KindOf(node.spec), "'"));
  ASSIGN_OR_RETURN(auto enumerator, entry->second.make_enumerator(node));
  if (const idl::Checkpoint* checkpoint = coordinator_.latest()) {
    const idl::OperatorCheckpoint* op = FindOperator(*checkpoint, node);
    if (op != nullptr && op->__isset.enumerator) {
      ASSIGN_OR_RETURN(auto state, idl::Decode<idl::EnumeratorState>(op->enumerator));
      enumerator->Restore(std::move(state));
    }
  }
  enumerators_[node.id] = std::move(enumerator);
  auto context = std::make_unique<SplitEnumeratorContext>(SplitEnumeratorContext{
      .env = manager_.env_, .parallelism = node.parallelism, .post = {}, .assign = {}});
  // Work of the executor that comes back after the job has ended finds it gone.
  context->post = [manager = manager_.weak_from_this(),
                   job = graph_.job_id](absl::AnyInvocable<void()> run) {
    if (auto alive = manager.lock()) {
      alive->mailbox().Post("enumerator",
                            [self = alive.get(), job, run = std::move(run)]() mutable {
                              if (self->jobs_.contains(job)) run();
                            });
    }
  };
  const int vertex = [&] {
    for (size_t v = 0; v < execution_.chained().vertices.size(); ++v) {
      if (execution_.chained().vertices[v].chain[0].op.id == node.id) return static_cast<int>(v);
    }
    PFPP_CHECK(false);
  }();
  context->assign = [this, vertex, op = node.id](int subtask, std::vector<idl::SourceSplit> splits,
                                                 bool no_more) {
    idl::TaskId task;
    task.vertex = vertex;
    task.subtask = subtask;
    idl::SplitAssignment assignment;
    assignment.task = execution_.find(task).deployment.task;
    assignment.op = op;
    assignment.splits = std::move(splits);
    assignment.no_more_splits = no_more;
    auto& gateway = GatewayOf(task);
    gateway.AssignSplits(std::move(assignment));
  };
  contexts_[node.id] = std::move(context);
  return absl::OkStatus();
}

void JobMaster::OnEnumeratorStarted(const absl::Status& status) {
  --enumerators_starting_;
  if (state_ != JobState::kCreated && state_ != JobState::kRestarting) return EndIfAllEnded();
  if (!status.ok()) return Fail(FailureOf(status));
  if (enumerators_starting_ > 0) return;
  if (state_ == JobState::kRestarting) return Deploy();  // in the slots it has
  if (const absl::Status taken = TakeSlots(); !taken.ok()) return Fail(FailureOf(taken));
  Deploy();
}

absl::Status JobMaster::TakeSlots() {
  const ExecutionGraph::SlotNeed need = execution_.slots();
  int next = 0;
  int offered = 0;
  for (RegisteredTaskManager& task_manager : manager_.task_managers_) {
    offered += task_manager.free;
    for (int taken = 0; taken < task_manager.free && next < need.most; ++taken)
      slot_owner_[next++] = &task_manager;
  }
  if (next < need.least) {
    slot_owner_.clear();
    return UserError(
        absl::StrCat("the job needs ", need.least, " slots and ", offered,
                     " are free; lower the parallelism or raise taskmanager.numberOfTaskSlots"));
  }
  for (auto& [slot, owner] : slot_owner_) --owner->free;
  execution_.OfferSlots(next);
  return absl::OkStatus();
}

void JobMaster::Deploy() {
  listener_->OnDeploy(execution_.restart());
  SetState(JobState::kRunning);
  deployed_ = true;
  DeployReady();
}

void JobMaster::DeployReady() {
  for (const ExecutionGraph::Execution* execution : execution_.TakeDeployable()) {
    slot_owner_[execution->slot]->gateway->SubmitTask(execution->deployment);
  }
}

void JobMaster::OnSplitRequest(const idl::SplitRequest& request) {
  if (state_ != JobState::kRunning || !execution_.is_current(request.task)) return;
  // No record flows before every function of the job has been opened.
  if (!execution_.all_open()) {
    early_requests_.push_back(request);
    return;
  }
  AnswerSplitRequest(request);
}

void JobMaster::AnswerSplitRequest(const idl::SplitRequest& request) {
  if (const auto enumerator = enumerators_.find(request.op); enumerator != enumerators_.end()) {
    enumerator->second->HandleSplitRequest(request.task.subtask);
  }
}

void JobMaster::OnReport(const idl::TaskReport& report) {
  if (!execution_.is_current(report.task)) return;  // of an attempt before the restart
  const bool was_open = execution_.all_open();
  execution_.find(report.task).state = report.state;
  metrics_[{report.task.vertex, report.task.subtask}] = report.metrics;
  if (report.state == idl::TaskState::FINISHED || report.state == idl::TaskState::CANCELED ||
      report.state == idl::TaskState::FAILED) {
    for (const auto& [name, values] : report.accumulators) {
      auto& all = result_.accumulators[name];
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  if (report.__isset.longest_hold && report.longest_hold.until_ms > report.longest_hold.since_ms)
    holds_[{report.task.vertex, report.task.subtask}] = report.longest_hold;
  if (report.state == idl::TaskState::FAILED) return Fail(report.failure);
  if (state_ == JobState::kRunning && !was_open && execution_.all_open()) {
    StartAlignment();
    for (const idl::SplitRequest& request : std::exchange(early_requests_, {}))
      AnswerSplitRequest(request);
    if (graph_.__isset.checkpoints) coordinator_.Start();
  }
  coordinator_.OnTaskState(report.task);
  if (report.state == idl::TaskState::PREPARED || report.state == idl::TaskState::FINISHED) {
    if (state_ == JobState::kRunning) DeployReady();
    if (state_ == JobState::kRunning && !ending_ && execution_.all_prepared()) {
      ending_ = true;
      CommitWhenPrepared();
    }
  }
  EndIfAllEnded();
}

// What tasks hold back becomes visible with a last checkpoint, or at once where there are none.
void JobMaster::CommitWhenPrepared() {
  const auto commit = [this] {
    committing_ = true;
    for (auto& execution : execution_.executions()) {
      if (execution.state == idl::TaskState::PREPARED)
        GatewayOf(execution.deployment.task).CommitTask(execution.deployment.task);
    }
  };
  if (!graph_.__isset.checkpoints || graph_.checkpoints.interval_ms <= 0) return commit();
  const bool waits =
      std::any_of(execution_.executions().begin(), execution_.executions().end(),
                  [](const auto& each) { return each.state == idl::TaskState::PREPARED; });
  if (!waits) return;
  coordinator_.TriggerFinal([this, commit](const absl::StatusOr<std::string>& written) {
    if (state_ != JobState::kRunning || !ending_) return;
    if (written.ok()) return commit();
    // Its failure has been counted; the next one may do better.
    RunAfter(kRetryFinalMs, [this] {
      if (state_ == JobState::kRunning && ending_ && !committing_) CommitWhenPrepared();
    });
  });
}

void JobMaster::OnCheckpointAnswer(const idl::CheckpointAnswer& answer) {
  if (!execution_.is_current(answer.task)) return coordinator_.Discard(answer);
  coordinator_.OnAnswer(answer);
}

void JobMaster::TriggerSavepoint(const std::string& directory, idl::AfterBarrier::type after,
                                 CheckpointCoordinator::Done done) {
  if (!graph_.__isset.checkpoints)
    return done(UserError("a job in batch mode takes no savepoints: run it again instead"));
  if (ended_) return done(UserError("the job has ended: there is nothing to take a savepoint of"));
  if (state_ != JobState::kRunning && state_ != JobState::kCreated &&
      state_ != JobState::kRestarting) {
    return done(UserError(absl::StrCat(
        "a savepoint can be taken only of a job that runs; this one is ", NameOf(state_))));
  }
  coordinator_.TriggerSavepoint(directory, after, std::move(done));
}

void JobMaster::RunAfter(int64_t millis, std::function<void()> run) {
  manager_.mailbox().PostAt(manager_.env_.clock.NowNanos() + millis * 1'000'000, "job timer",
                            [&manager = manager_, job = graph_.job_id, run = std::move(run)] {
                              if (manager.jobs_.contains(job)) run();
                            });
}

void JobMaster::RunOnExecutor(absl::AnyInvocable<absl::Status()> work,
                              std::function<void(absl::Status)> then) {
  files_->PostAlways([manager = manager_.weak_from_this(), job = graph_.job_id,
                      work = std::move(work), then = std::move(then)]() mutable {
    absl::Status status = work();
    if (auto alive = manager.lock()) {
      alive->mailbox().Post("files", [self = alive.get(), job, then = std::move(then), status] {
        if (self->jobs_.contains(job)) then(status);
      });
    }
  });
}

void JobMaster::Trigger(const idl::TaskId& task, const idl::Barrier& barrier) {
  idl::CheckpointTrigger trigger;
  trigger.task = task;
  trigger.barrier = barrier;
  GatewayOf(task).TriggerCheckpoint(std::move(trigger));
}

void JobMaster::Notify(const idl::TaskId& task, int64_t checkpoint, bool completed) {
  idl::CheckpointNotice notice;
  notice.task = task;
  notice.checkpoint = checkpoint;
  notice.completed = completed;
  GatewayOf(task).NotifyCheckpoint(std::move(notice));
}

absl::StatusOr<std::map<int, std::string>> JobMaster::SnapshotEnumerators() {
  std::map<int, std::string> states;
  for (const auto& [op, enumerator] : enumerators_) {
    ASSIGN_OR_RETURN(const idl::EnumeratorState state, enumerator->Snapshot());
    states[op] = idl::Encode(state);
  }
  return states;
}

void JobMaster::OnWatermark(const idl::WatermarkProgress& progress) {
  const auto name_of = [this](int vertex, int subtask) {
    return TaskName(execution_.chained().vertices[vertex], subtask);
  };
  TaskWatermark told{.task = name_of(progress.task.vertex, progress.task.subtask),
                     .watermark = progress.watermark,
                     .idle = progress.idle,
                     .held_by = {},
                     .split = progress.held_by_split,
                     .since_ms = progress.since_ms};
  if (progress.held_by_edge >= 0) {
    told.held_by = name_of(execution_.chained().exchanges[progress.held_by_edge].source,
                           progress.held_by_subtask);
  }
  listener_->OnWatermark(told);
}

void JobMaster::OnSourceWatermark(const idl::ReportedWatermark& report) {
  if (!execution_.is_current(report.task)) return;
  const std::string complete = alignment_.Report(report);
  if (complete.empty()) return;
  // The first comparison does not wait for the interval: until then nobody reads on.
  for (const WatermarkAlignment::Source& source : alignment_.sources()) {
    if (source.group == complete) Align(source);
  }
}

void JobMaster::StartAlignment() {
  if (std::exchange(aligning_, true)) return;
  for (const WatermarkAlignment::Source& source : alignment_.sources()) AlignLater(source);
}

void JobMaster::AlignLater(const WatermarkAlignment::Source& source) {
  const int64_t at = manager_.env_.clock.NowNanos() + source.update_interval_ms * 1'000'000;
  manager_.mailbox().PostAt(at, "align watermarks",
                            [manager = &manager_, job = graph_.job_id, source] {
                              const auto found = manager->jobs_.find(job);
                              if (found == manager->jobs_.end()) return;
                              found->second->Align(source);
                              found->second->AlignLater(source);
                            });
}

// Tells the subtasks of a source how far they may read.
void JobMaster::Align(const WatermarkAlignment::Source& source) {
  const int64_t limit = alignment_.LimitOf(source);
  if (state_ != JobState::kRunning || limit == kMinTimestamp) return;
  for (auto& execution : execution_.executions()) {
    if (execution.deployment.task.vertex != source.vertex ||
        execution.state != idl::TaskState::RUNNING)
      continue;
    idl::WatermarkAlignment alignment;
    alignment.task = execution.deployment.task;
    alignment.max_watermark = limit;
    slot_owner_[execution.slot]->gateway->AlignWatermark(std::move(alignment));
  }
}

void JobMaster::Fail(idl::Failure failure) {
  if (ended_) return;
  if (state_ == JobState::kRunning && MayRestart(failure)) {
    Record(failure);
    SetState(JobState::kRestarting);
    coordinator_.Stop();
    CancelTasks();
  } else if (state_ == JobState::kCreated || state_ == JobState::kRunning ||
             (state_ == JobState::kRestarting && !deployed_)) {
    result_.failure = std::move(failure);  // the root cause: what comes later are its consequences
    Record(result_.failure);
    SetState(JobState::kFailing);
    coordinator_.Stop();
    CancelTasks();
  }
  EndIfAllEnded();
}

void JobMaster::Record(const idl::Failure& failure) {
  listener_->OnFailure(failure, manager_.env_.clock.NowMillis());
  // A job may survive any number of failures, each with its traceback.
  if (result_.failures.size() == kFailuresKept) result_.failures.erase(result_.failures.begin());
  result_.failures.push_back(failure);
}

// The same exception at the same place, on what was restored from the same checkpoint, will come
// again and again: that is no reason to restart.
bool JobMaster::MayRestart(const idl::Failure& failure) {
  if (graph_.restart_strategy.kind == idl::RestartKind::NONE || failure.fatal ||
      coordinator_.drained())
    return false;
  if (failure.kind == idl::FaultKind::USER) {
    const std::string what = absl::StrCat(restored_checkpoint_, "|", failure.operator_name, "|",
                                          failure.subtask, "|", failure.message);
    if (std::exchange(last_failure_, what) == what) return false;
  }
  restart_after_ms_ = restart_strategy_.OnFailure(manager_.env_.clock.NowMillis());
  return restart_after_ms_.has_value();
}

void JobMaster::RestartWhenAllEnded() {
  if (!restart_after_ms_.has_value()) return;
  RunAfter(*std::exchange(restart_after_ms_, std::nullopt), [this] {
    if (state_ != JobState::kRestarting) return;
    execution_.Reset();
    alignment_ = WatermarkAlignment(execution_.chained());
    deployed_ = false;
    ending_ = false;
    committing_ = false;
    early_requests_.clear();
    metrics_.clear();
    result_.accumulators.clear();
    StartEnumerators();
  });
}

void JobMaster::Cancel() {
  if (ended_) return;
  if (state_ == JobState::kCreated || state_ == JobState::kRunning ||
      state_ == JobState::kRestarting) {
    SetState(JobState::kCancelling);
    coordinator_.Stop();
    CancelTasks();
  }
  EndIfAllEnded();
}

void JobMaster::CancelTasks() {
  if (!deployed_) return;
  execution_.CancelUndeployed();
  for (auto& execution : execution_.executions()) {
    if (execution.deployed)
      GatewayOf(execution.deployment.task).CancelTask(execution.deployment.task);
  }
}

void JobMaster::SetState(JobState state) {
  state_ = state;
  listener_->OnState(state);
}

void JobMaster::EndIfAllEnded() {
  if (deployed_ ? !execution_.all_ended()
                : enumerators_starting_ > 0 && state_ == JobState::kCreated)
    return;
  switch (state_) {
    case JobState::kRunning:
      return End(JobState::kFinished);
    case JobState::kFailing:
      return End(JobState::kFailed);
    case JobState::kCancelling:
      return End(JobState::kCanceled);
    case JobState::kRestarting:
      return RestartWhenAllEnded();
    default:
      return;
  }
}

void JobMaster::End(JobState state) {
  if (std::exchange(ended_, true)) return;
  // Whoever hears of the end finds files gone that are not to be kept.
  coordinator_.EndJob(state, [this, state] { TellEnd(state); });
}

void JobMaster::TellEnd(JobState state) {
  for (auto& [slot, owner] : slot_owner_) ++owner->free;
  slot_owner_.clear();
  result_.state = state;
  result_.runtime_ms = (manager_.env_.clock.NowNanos() - started_nanos_) / 1'000'000;
  for (const auto& [task, all] : metrics_) {
    for (const idl::OperatorMetrics& each : all) {
      idl::OperatorMetrics& sum = result_.metrics[each.op];
      sum.op = each.op;
      sum.records_in += each.records_in;
      sum.records_out += each.records_out;
      sum.late_dropped += each.late_dropped;
      sum.state_accesses += each.state_accesses;
    }
  }
  if (UsesEventTime(graph_)) result_.holds = NameHolds(execution_.chained(), holds_);
  SetState(state);
  listener_->OnEnd(result_);
  manager_.Forget(graph_.job_id);
}

}  // namespace pyflinkpp
