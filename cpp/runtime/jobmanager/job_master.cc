#include "runtime/jobmanager/job_master.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/idl/codec.h"
#include "runtime/checkpoint/checkpoint_storage.h"
#include "runtime/checkpoint/in_flight_assignment.h"
#include "runtime/checkpoint/state_assignment.h"

namespace pyflinkpp {
namespace {
constexpr int64_t kRetryFinalMs = 100;
constexpr int64_t kSlotTimeoutMs = 300'000;  // as in Flink (slot.request.timeout)
constexpr size_t kFailuresKept = 16;         // as in Flink (web.exception-history-size)

// `how` the TaskManager went; `execution`: one that ran there, if any did.
idl::Failure GoneWithItsTaskManager(absl::string_view how,
                                    const ExecutionGraph::Execution* execution = nullptr) {
  idl::Failure failure;
  failure.kind = idl::FaultKind::EXTERNAL;
  failure.message = absl::StrCat("the TaskManager that ran it ", how);
  if (execution == nullptr) return failure;
  failure.operator_name = execution->deployment.name;
  failure.subtask = execution->deployment.task.subtask;
  return failure;
}

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
  ReadStart(graph_.restore.path);
}

void JobMaster::ReadStart(const std::string& path) {
  auto read = std::make_shared<absl::StatusOr<FoundCheckpoint>>(absl::UnknownError("not read"));
  auto beside = std::make_shared<std::vector<idl::Checkpoint>>();
  auto damage = std::make_shared<absl::Status>();
  RunOnExecutor(
      [read, beside, damage, &files = manager_.env_.files, path]() -> absl::Status {
        absl::StatusOr<idl::Checkpoint> checkpoint = ReadCheckpoint(files, path);
        if (checkpoint.ok()) {
          *read = FoundCheckpoint{*std::move(checkpoint), CheckpointDirectory(path)};
        } else {
          *read = checkpoint.status();
          if (!FailureOf(checkpoint.status()).damaged_state) return read->status();
          *damage = checkpoint.status();
          if (auto before = ReadCheckpointBefore(files, path); before.ok())
            *read = *std::move(before);
        }
        RETURN_IF_ERROR(read->status());
        ASSIGN_OR_RETURN(*beside,
                         ReadCheckpointsBeside(files, (*read)->directory, (*read)->checkpoint));
        return absl::OkStatus();
      },
      [this, read, beside, damage](const absl::Status& status) {
        if (state_ != JobState::kCreated) return EndIfAllEnded();
        if (status.ok() && !damage->ok()) TellFallBack(FailureOf(*damage), (*read)->directory);
        if (!status.ok()) return Fail(FailureOf(status));
        coordinator_.StartFrom((*read)->checkpoint, (*read)->directory,
                               graph_.restore.claim_mode == idl::ClaimMode::CLAIM, *beside);
        StartEnumerators();
      });
}

// The latest checkpoint is damaged: the job goes on from the one before it, if there is one.
void JobMaster::FallBack(const idl::Failure& damage) {
  SetState(JobState::kRestarting);
  restarting_ = AllRegions();
  CancelTasks(restarting_);
  coordinator_.Stop();
  falling_back_ = true;
  auto found = std::make_shared<absl::StatusOr<FoundCheckpoint>>(absl::UnknownError("not read"));
  RunOnExecutor(
      [found, &files = manager_.env_.files, damaged = coordinator_.latest_directory()] {
        *found = ReadCheckpointBefore(files, damaged);
        return found->status();
      },
      [this, found, damage](const absl::Status& status) {
        falling_back_ = false;
        if (state_ != JobState::kRestarting) return EndIfAllEnded();
        if (!status.ok()) return Fail(damage);
        TellFallBack(damage, (*found)->directory);
        coordinator_.FallBackTo(std::move((*found)->checkpoint), (*found)->directory);
        EndIfAllEnded();
      });
}

void JobMaster::TellFallBack(idl::Failure damage, const std::string& directory) {
  absl::StrAppend(&damage.message, "; the job goes on from the checkpoint before it, ", directory,
                  ": what sinks have made visible since then may come again");
  Record(damage);
  listener_->OnWarning(damage.message);
}

std::set<int> JobMaster::AllRegions() const {
  std::set<int> all;
  for (int region = 0; region < execution_.regions(); ++region) all.insert(region);
  return all;
}

// Gives the tasks what the last checkpoint has for them.
absl::Status JobMaster::AssignLatest(const std::set<int>& regions) {
  const idl::Checkpoint* checkpoint = coordinator_.latest();
  if (checkpoint == nullptr) return absl::OkStatus();
  std::vector<idl::TaskDeployment*> deployments;
  for (auto& execution : execution_.executions()) {
    if (regions.contains(execution.region)) deployments.push_back(&execution.deployment);
  }
  return AssignState(*checkpoint, graph_, graph_.restore.ignore_unclaimed, deployments);
}

// Each source begins where the last checkpoint was, or from its start.
void JobMaster::StartEnumerators() {
  enumerators_.clear();
  contexts_.clear();
  dealt_.clear();
  if (const absl::Status assigned = AssignLatest(AllRegions()); !assigned.ok())
    return Fail(FailureOf(assigned));
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
    std::vector<Dealt>& dealt = dealt_[{op, subtask}];
    if (const idl::Checkpoint* latest = coordinator_.latest())
      std::erase_if(dealt, [&](const Dealt& each) { return each.behind < latest->id; });
    for (const idl::SourceSplit& split : splits)
      dealt.push_back({coordinator_.last_triggered(), split});
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
  if (state_ == JobState::kRestarting) return Deploy();
  if (const absl::Status taken = TakeSlots(); !taken.ok()) return Fail(FailureOf(taken));
  Deploy();
}

absl::Status JobMaster::TakeSlots() {
  const ExecutionGraph::SlotNeed need = execution_.slots();
  int next = 0;
  int offered = 0;
  for (const RegisteredTaskManager& task_manager : manager_.task_managers_)
    offered += task_manager.free;
  while (next < need.most) {
    RegisteredTaskManager* task_manager = manager_.NextFree();
    if (task_manager == nullptr) break;
    --task_manager->free;
    slot_owner_[next++] = task_manager;
  }
  if (next < need.least) {
    for (auto& [slot, owner] : slot_owner_) ++owner->free;
    slot_owner_.clear();
    return UserError(
        absl::StrCat("the job needs ", need.least, " slots and ", offered,
                     " are free; lower the parallelism or raise taskmanager.numberOfTaskSlots"));
  }
  execution_.OfferSlots(next);
  return absl::OkStatus();
}

void JobMaster::Deploy() {
  // Another region may have failed meanwhile, or a TaskManager whose slots were taken.
  const bool lost = std::any_of(slot_owner_.begin(), slot_owner_.end(),
                                [](const auto& slot) { return slot.second->lost; });
  if (const auto prepared = std::exchange(preparing_, std::nullopt);
      prepared && (*prepared != restarting_ || lost))
    return EndIfAllEnded();
  restarting_.clear();
  listener_->OnDeploy(execution_.restart(), execution_.client_restart());
  SetState(JobState::kRunning);
  DeployReady();
}

void JobMaster::DeployReady() {
  for (ExecutionGraph::Execution* execution : execution_.TakeDeployable()) {
    TellPeers(execution->deployment);
    slot_owner_[execution->slot]->gateway->SubmitTask(execution->deployment);
  }
}

// The other ends of its channels: those that pass elements on are deployed with it, those of blocking
// exchanges that it reads were before; who will read what it writes there comes and says so.
void JobMaster::TellPeers(idl::TaskDeployment& deployment) {
  const RegisteredTaskManager& own = *slot_owner_[execution_.find(deployment.task).slot];
  for (idl::OutputDescriptor& output : deployment.outputs) {
    output.__set_peers({});
    if (output.edge == kClientEdge) {
      const std::string client = listener_->data_address();
      output.peers.push_back(client == own.data_address ? std::string() : client);
      listener_->OnClientChannel(execution_.client_restart(), own.data_address);
      continue;
    }
    if (output.blocking) continue;
    const Exchange& exchange = execution_.chained().exchanges[output.edge];
    for (const int target : output.targets)
      output.peers.push_back(PeerOf(own, exchange.target, target));
  }
  for (idl::InputDescriptor& input : deployment.inputs) {
    const Exchange& exchange = execution_.chained().exchanges[input.edge];
    input.__set_peers({});
    for (const int source : input.sources)
      input.peers.push_back(PeerOf(own, exchange.source, source));
    input.__set_types(TypesOf(graph_, exchange.edge));
  }
}

// Empty: the same process.
std::string JobMaster::PeerOf(const RegisteredTaskManager& task_manager, size_t vertex,
                              int subtask) {
  idl::TaskId task;
  task.vertex = static_cast<int>(vertex);
  task.subtask = subtask;
  const auto owner = slot_owner_.find(execution_.find(task).slot);
  if (owner == slot_owner_.end() || owner->second->data_address == task_manager.data_address)
    return {};
  return owner->second->data_address;
}

void JobMaster::OnSplitRequest(const idl::SplitRequest& request) {
  if ((state_ != JobState::kRunning && state_ != JobState::kRestarting) ||
      !execution_.is_current(request.task))
    return;
  // No record flows before every function of the job has been opened.
  if (state_ == JobState::kRestarting || !execution_.all_open()) {
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
  if (HasEnded(report.state)) {
    for (const auto& [name, values] : report.accumulators) {
      accumulators_[{report.task.vertex, report.task.subtask}][name] = values;
    }
  }
  if (report.__isset.longest_hold && report.longest_hold.until_ms > report.longest_hold.since_ms)
    holds_[{report.task.vertex, report.task.subtask}] = report.longest_hold;
  const int region = execution_.find(report.task).region;
  if (report.state == idl::TaskState::FAILED) return Fail(report.failure, {region});
  const bool works = state_ == JobState::kRunning ||
                     (state_ == JobState::kRestarting && !restarting_.contains(region));
  if (report.state == idl::TaskState::CANCELED && works) return FailOfShutDown(report.task);
  if (state_ == JobState::kRunning && !was_open && execution_.all_open()) {
    StartAlignment();
    for (const idl::SplitRequest& request : std::exchange(early_requests_, {})) {
      if (execution_.is_current(request.task)) AnswerSplitRequest(request);
    }
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
      if (execution.state != idl::TaskState::PREPARED) continue;
      execution.committing = true;
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

void JobMaster::Fail(idl::Failure failure, std::set<int> regions) {
  if (ended_) return;
  // Tasks of other regions may have ended with the savepoint, without having read everything.
  if (!regions.empty() && coordinator_.stops_job()) regions = AllRegions();
  const bool lives = state_ == JobState::kRunning || state_ == JobState::kRestarting;
  // What comes from a region that is being stopped is a consequence.
  const bool known =
      state_ == JobState::kRestarting && !regions.empty() &&
      std::includes(restarting_.begin(), restarting_.end(), regions.begin(), regions.end());
  if (known || (!lives && state_ != JobState::kCreated)) return EndIfAllEnded();
  if (failure.damaged_state && lives && !regions.empty()) return FallBack(failure);
  if (lives && !regions.empty() && MayRestart(failure, regions)) {
    Record(failure);
    if (state_ == JobState::kRunning) SetState(JobState::kRestarting);
    restarting_.insert(regions.begin(), regions.end());
    CancelTasks(regions);
    coordinator_.Stop();
  } else {
    result_.failure = std::move(failure);  // the root cause: what comes later are its consequences
    Record(result_.failure);
    SetState(JobState::kFailing);
    coordinator_.Stop();
    CancelTasks(AllRegions());
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
bool JobMaster::MayRestart(const idl::Failure& failure, const std::set<int>& regions) {
  if (graph_.restart_strategy.kind == idl::RestartKind::NONE || failure.fatal ||
      coordinator_.drained())
    return false;
  if (failure.kind == idl::FaultKind::USER) {
    const int region = *regions.begin();
    const int64_t restored = execution_.first_of(region).deployment.restored_checkpoint;
    KnownFailures& known = known_failures_[region];
    if (known.restored != restored) known = {.restored = restored, .said = {}};
    const auto [said, is_new] = known.said.insert(
        absl::StrCat(failure.operator_name, "|", failure.subtask, "|", failure.message));
    if (!is_new) return false;
  }
  const std::optional<int64_t> delay_ms =
      restart_strategy_.OnFailure(manager_.env_.clock.NowMillis());
  if (!delay_ms) return false;
  restart_at_nanos_ =
      std::max(restart_at_nanos_, manager_.env_.clock.NowNanos() + *delay_ms * 1'000'000);
  return true;
}

void JobMaster::RestartWhenEnded() {
  if (preparing_ || falling_back_ || !execution_.all_ended(restarting_)) return;
  const int64_t wait_nanos = restart_at_nanos_ - manager_.env_.clock.NowNanos();
  if (wait_nanos <= 0) {
    if (ReplaceLostSlots()) return Restart();
    if (std::exchange(waits_for_slots_, true)) return;
    return RunAfter(kSlotTimeoutMs, [this] {
      if (!waits_for_slots_ || state_ != JobState::kRestarting) return;
      Fail(
          FailureOf(ExternalError("no slots have come in 5 minutes for those of a TaskManager that "
                                  "was lost: start another one")));
    });
  }
  RunAfter((wait_nanos + 999'999) / 1'000'000, [this] { EndIfAllEnded(); });
}

void JobMaster::OnTaskManagerLost(const RegisteredTaskManager& lost) {
  std::set<int> regions;
  idl::Failure failure = GoneWithItsTaskManager("was lost");
  for (auto& execution : execution_.executions()) {
    if (!execution.deployed || slot_owner_[execution.slot] != &lost || HasEnded(execution.state))
      continue;
    if (regions.empty()) failure = GoneWithItsTaskManager("was lost", &execution);
    execution.state = idl::TaskState::FAILED;
    regions.insert(execution.region);
  }
  // What lay between stages is gone with it.
  const bool had_slots = std::any_of(slot_owner_.begin(), slot_owner_.end(),
                                     [&](const auto& slot) { return slot.second == &lost; });
  if (IsBatch(graph_.configuration) && had_slots) regions = AllRegions();
  if (!regions.empty()) Fail(std::move(failure), std::move(regions));
}

// Nobody here has cancelled it.
void JobMaster::FailOfShutDown(const idl::TaskId& task) {
  const ExecutionGraph::Execution& execution = execution_.find(task);
  Fail(GoneWithItsTaskManager("was shut down", &execution), {execution.region});
}

void JobMaster::OnSlotsOffered() {
  if (state_ == JobState::kRestarting) RestartWhenEnded();
}

// False: there are too few; the next TaskManager that registers may have some.
bool JobMaster::ReplaceLostSlots() {
  for (auto& [slot, owner] : slot_owner_) {
    if (!owner->lost) continue;
    RegisteredTaskManager* other = manager_.NextFree();
    if (other == nullptr) return false;
    --other->free;
    owner = other;
  }
  waits_for_slots_ = false;
  return true;
}

void JobMaster::Restart() {
  preparing_ = restarting_;
  ending_ = false;
  committing_ = false;
  execution_.Reset(restarting_);
  for (auto& execution : execution_.executions()) {
    if (!restarting_.contains(execution.region)) continue;
    const idl::TaskId& task = execution.deployment.task;
    alignment_.Forget(task.vertex, task.subtask);
    metrics_.erase({task.vertex, task.subtask});
    accumulators_.erase({task.vertex, task.subtask});
  }
  if (restarting_ == AllRegions()) return StartEnumerators();
  if (const absl::Status assigned = AssignLatest(restarting_); !assigned.ok())
    return Fail(FailureOf(assigned));
  for (auto& execution : execution_.executions()) {
    if (restarting_.contains(execution.region)) GiveSplitsBack(execution.deployment.task);
  }
  Deploy();
}

// Those that the checkpoint does not know to be the reader's.
void JobMaster::GiveSplitsBack(const idl::TaskId& task) {
  const int op = execution_.find(task).deployment.chain[0].op.id;
  const auto dealt = dealt_.find({op, task.subtask});
  if (dealt == dealt_.end()) return;
  const int64_t restored = coordinator_.latest() == nullptr ? 0 : coordinator_.latest()->id;
  std::vector<idl::SourceSplit> splits;
  for (Dealt& each : dealt->second) {
    if (each.behind >= restored) splits.push_back(std::move(each.split));
  }
  dealt_.erase(dealt);
  if (!splits.empty()) enumerators_[op]->AddSplitsBack(std::move(splits));
}

void JobMaster::Cancel() {
  if (ended_) return;
  if (state_ == JobState::kCreated || state_ == JobState::kRunning ||
      state_ == JobState::kRestarting) {
    SetState(JobState::kCancelling);
    coordinator_.Stop();
    CancelTasks(AllRegions());
  }
  EndIfAllEnded();
}

void JobMaster::CancelTasks(const std::set<int>& regions) {
  if (state_ != JobState::kRestarting) execution_.CancelUndeployed();
  for (auto& execution : execution_.executions()) {
    if (execution.deployed && regions.contains(execution.region))
      GatewayOf(execution.deployment.task).CancelTask(execution.deployment.task);
  }
}

void JobMaster::SetState(JobState state) {
  state_ = state;
  listener_->OnState(state);
}

void JobMaster::EndIfAllEnded() {
  if (state_ == JobState::kRestarting) return RestartWhenEnded();
  if (!execution_.all_ended()) return;
  switch (state_) {
    case JobState::kRunning:
      return End(JobState::kFinished);
    case JobState::kFailing:
      return End(JobState::kFailed);
    case JobState::kCancelling:
      return End(JobState::kCanceled);
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
  for (auto& [slot, owner] : slot_owner_) owner->free += owner->lost ? 0 : 1;
  slot_owner_.clear();
  for (const RegisteredTaskManager& each : manager_.task_managers_)
    each.gateway->ReleaseJob(graph_.job_id);
  result_.state = state;
  result_.runtime_ms = (manager_.env_.clock.NowNanos() - started_nanos_) / 1'000'000;
  for (const auto& [task, accumulators] : accumulators_) {
    for (const auto& [name, values] : accumulators) {
      auto& all = result_.accumulators[name];
      all.insert(all.end(), values.begin(), values.end());
    }
  }
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
  // Before anybody hears of it: who does may submit a job of the same id at once.
  manager_.Forget(graph_.job_id);
  listener_->OnEnd(result_);
}

}  // namespace pyflinkpp
