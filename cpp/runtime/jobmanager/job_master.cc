#include "runtime/jobmanager/job_master.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp {

JobMaster::JobMaster(JobManager& manager, idl::JobGraph graph,
                     std::shared_ptr<JobListener> listener)
    : manager_(manager),
      graph_(std::move(graph)),
      listener_(std::move(listener)),
      execution_(graph_),
      alignment_(execution_.chained()) {}

JobMaster::~JobMaster() = default;

void JobMaster::Start() {
  started_nanos_ = manager_.env_.clock.NowNanos();
  for (const idl::OperatorNode& node : graph_.operators) {
    if (!IsSource(node.spec)) continue;
    const auto entry = manager_.registry_.entries.find(KindOf(node.spec));
    if (entry == manager_.registry_.entries.end() || !entry->second.make_enumerator) {
      return Fail(FailureOf(
          absl::UnimplementedError(absl::StrCat("no source of kind '", KindOf(node.spec), "'"))));
    }
    auto enumerator = entry->second.make_enumerator(node);
    if (!enumerator.ok()) return Fail(FailureOf(enumerator.status()));
    enumerators_[node.id] = *std::move(enumerator);
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
    context->assign = [this, vertex, op = node.id](
                          int subtask, std::vector<idl::SourceSplit> splits, bool no_more) {
      idl::SplitAssignment assignment;
      assignment.task.job_id = graph_.job_id;
      assignment.task.vertex = vertex;
      assignment.task.subtask = subtask;
      assignment.task.attempt = 0;
      assignment.op = op;
      assignment.splits = std::move(splits);
      assignment.no_more_splits = no_more;
      auto& gateway = *slot_owner_[execution_.find(assignment.task).slot]->gateway;
      gateway.AssignSplits(std::move(assignment));
    };
    contexts_[node.id] = std::move(context);
  }
  enumerators_starting_ = enumerators_.size();
  for (auto& [op, enumerator] : enumerators_) {
    enumerator->Start(*contexts_[op],
                      [this](const absl::Status& status) { OnEnumeratorStarted(status); });
  }
}

void JobMaster::OnEnumeratorStarted(const absl::Status& status) {
  --enumerators_starting_;
  if (state_ != JobState::kCreated) return EndIfAllEnded();
  if (!status.ok()) return Fail(FailureOf(status));
  if (enumerators_starting_ > 0) return;
  if (const absl::Status taken = TakeSlots(); !taken.ok()) return Fail(FailureOf(taken));
  Deploy();
}

absl::Status JobMaster::TakeSlots() {
  const int needed = execution_.AssignSlots();
  int next = 0;
  int offered = 0;
  for (RegisteredTaskManager& task_manager : manager_.task_managers_) {
    offered += task_manager.free;
    for (int taken = 0; taken < task_manager.free && next < needed; ++taken)
      slot_owner_[next++] = &task_manager;
  }
  if (next < needed) {
    slot_owner_.clear();
    return UserError(
        absl::StrCat("the job needs ", needed, " slots and ", offered,
                     " are free; lower the parallelism or raise taskmanager.numberOfTaskSlots"));
  }
  for (auto& [slot, owner] : slot_owner_) --owner->free;
  return absl::OkStatus();
}

void JobMaster::Deploy() {
  SetState(JobState::kRunning);
  deployed_ = true;
  for (auto& execution : execution_.executions()) {
    slot_owner_[execution.slot]->gateway->SubmitTask(execution.deployment);
  }
}

void JobMaster::OnSplitRequest(const idl::SplitRequest& request) {
  if (state_ != JobState::kRunning) return;
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
  if (state_ == JobState::kRunning && execution_.all_open()) {
    StartAlignment();
    for (const idl::SplitRequest& request : std::exchange(early_requests_, {}))
      AnswerSplitRequest(request);
  }
  if (report.state == idl::TaskState::PREPARED || report.state == idl::TaskState::FINISHED) {
    if (state_ == JobState::kRunning && !committing_ && execution_.all_prepared()) {
      committing_ = true;
      for (auto& execution : execution_.executions()) {
        if (execution.state == idl::TaskState::PREPARED) {
          slot_owner_[execution.slot]->gateway->CommitTask(execution.deployment.task);
        }
      }
    }
  }
  EndIfAllEnded();
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
  if (state_ == JobState::kCreated || state_ == JobState::kRunning) {
    result_.failure = std::move(failure);  // the root cause: what comes later are its consequences
    SetState(JobState::kFailing);
    CancelTasks();
  }
  EndIfAllEnded();
}

void JobMaster::Cancel() {
  if (state_ == JobState::kCreated || state_ == JobState::kRunning) {
    SetState(JobState::kCancelling);
    CancelTasks();
  }
  EndIfAllEnded();
}

void JobMaster::CancelTasks() {
  if (!deployed_) return;
  for (auto& execution : execution_.executions()) {
    slot_owner_[execution.slot]->gateway->CancelTask(execution.deployment.task);
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
    default:
      return;
  }
}

void JobMaster::End(JobState state) {
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
