#include "sim/simulation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"
#include "core/idl/codec.h"
#include "runtime/checkpoint/checkpoint_storage.h"
#include "runtime/operators/snapshot.h"
#include "sim/model_backend.h"
#include "sim/row_checks.h"
#include "sim/sim_cluster.h"

namespace pyflinkpp::sim {
namespace {

struct RunningJob {
  GeneratedJob job;
  std::vector<ExpectedOperator> expected;
  std::shared_ptr<SimClient> client;
  bool again = false;           // it was started more than once
  bool had_checkpoint = false;  // before the last crash
  bool over = false;            // it had ended when the cluster crashed, but nobody was told
  // It goes on under another name, from a checkpoint of the one before.
  struct Origin {
    idl::JobGraph graph;
    idl::RestoreSettings restore;
  };
  std::optional<Origin> origin = {};
  std::vector<std::string> borrowed = {};  // checkpoints that it started from and does not own
};

bool HasTimers(const idl::OperatorSpec& spec) {
  return spec.__isset.window || spec.__isset.process;
}

// The latest complete checkpoint below a directory; empty: there is none.
std::string LatestCheckpoint(const SimFileSystem& files, const std::string& directory) {
  int64_t latest = 0;
  for (const auto& [path, bytes] : files.FilesBelow(directory)) {
    const std::vector<std::string> parts = absl::StrSplit(path, '/');
    int64_t number;
    if (parts.back() == "_metadata" &&
        absl::SimpleAtoi(absl::StripPrefix(parts[parts.size() - 2], "chk-"), &number))
      latest = std::max(latest, number);
  }
  return latest == 0 ? "" : absl::StrCat(directory, "/chk-", latest);
}

class Simulation {
 public:
  explicit Simulation(const SimulationPlan& plan) : plan_(plan), random_(plan.seed, /*part=*/3) {
    SimRandom job_random(plan.job_seed, /*part=*/4);
    const bool recovers = plan.trouble >= Trouble::kFaults;
    jobs_.resize(job_random.Percent(20) && plan.limits.jobs > 1 ? 2 : 1);
    for (size_t i = 0; i < jobs_.size(); ++i) {
      jobs_[i].job =
          GenerateJob(job_random, static_cast<int>(i), recovers || plan.checkpoints, plan.limits);
      jobs_[i].expected = Evaluate(jobs_[i].job);
    }
    options_ = DrawCluster();
    OperatorRegistry registry = GeneratorOperators();
    registry.state_backends[kModelBackend] = ModelBackends(model_counts_);
    cluster_.emplace(plan.seed, std::move(registry), options_);
    if (!recovers && !plan.checkpoints) return;
    cluster_->world().files.SetLinks(random_.Percent(70));
    SimRandom settings(plan.job_seed, /*part=*/6);
    const int64_t step_nanos_max = cluster_->world().scheduler.temper().step_nanos_max;
    for (RunningJob& each : jobs_) {
      DrawCheckpoints(settings, step_nanos_max, each.job);
      // Of what was in memory a crash leaves nothing.
      if (plan.trouble == Trouble::kCrash || plan.trouble == Trouble::kStorm)
        each.job.graph.checkpoints.directory = "/checkpoints";
    }
  }

  SimulationOutcome Run() {
    Start();
    absl::Status status = MakeTrouble();
    if (status.ok() && plan_.trouble != Trouble::kShutDown) status = RunUntilEnded();
    if (status.ok()) status = cluster_->ShutDown();
    if (!status.ok()) {
      outcome_.problems.push_back(std::string(status.message()));
      for (const RunningJob& each : jobs_) {
        const std::vector<CheckpointStatistics>& all = each.client->checkpoints();
        if (!each.client->last_failure().empty())
          Problem(absl::StrCat("the last failure of job ", each.client->job_id(), ": ",
                               each.client->last_failure()));
        if (!all.empty())
          Problem(absl::StrCat("the last checkpoint of job ", each.client->job_id(), ": ",
                               all.back().id, " ", all.back().failure));
      }
    } else {
      for (RunningJob& each : jobs_) CheckJob(each);
      CheckFault();
    }
    for (const std::string& violation : cluster_->violations()) Problem(violation);
    outcome_.trace_hash = cluster_->trace().hash();
    outcome_.steps = cluster_->trace().size();
    outcome_.trace = cluster_->trace().Text();
    outcome_.elements = cluster_->transport().elements();
    AddCoverage();
    return std::move(outcome_);
  }

 private:
  // Enough slots for all jobs at once, spread over the TaskManagers.
  SimClusterOptions DrawCluster() {
    SimClusterOptions options{.task_managers = static_cast<int>(random_.Between(1, 3))};
    int needed = 0;
    for (const RunningJob& each : jobs_) needed += SlotsOf(each.job.graph).most;
    // Alone, a job in batch mode may have to do with fewer: a part of it waits for the slots of
    // another.
    if (jobs_.size() == 1 && random_.Percent(50)) needed = SlotsOf(jobs_[0].job.graph).least;
    options.slots = (needed + options.task_managers - 1) / options.task_managers +
                    static_cast<int>(random_.Below(2));
    if (random_.Percent(20) || plan_.trouble >= Trouble::kFaults) options.slots = kUnlimitedSlots;
    return options;
  }

  void Start() {
    for (RunningJob& each : jobs_) {
      for (const auto& [path, bytes] : each.job.files) cluster_->world().files.Put(path, bytes);
      each.client = cluster_->Submit(each.job.graph);
      if (random_.Percent(10)) each.client->AbandonAfter(random_.Below(10));
    }
  }

  absl::Status MakeTrouble() {
    using At = Fault::At;
    const int64_t moment =
        random_.Below(int64_t{1} << random_.Between(3, 13));  // as often early as late
    switch (plan_.trouble) {
      case Trouble::kNone:
        break;
      case Trouble::kFault:
        cluster_->watch().faults = {
            {.at = random_.OneOf<At>({At::kOpen, At::kProcess, At::kPoll, At::kWatermark,
                                      At::kFinish, At::kCommit, At::kClose}),
             .nth = random_.Below(int64_t{1} << random_.Between(0, 8)),
             .happened = false}};
        break;
      case Trouble::kFaults:
        AddFaults(random_.Between(1, 6));
        break;
      case Trouble::kDisk:
        return TroubleDisk(moment);
      case Trouble::kSavepoint:
        return TakeSavepoint(moment);
      case Trouble::kCrash:
        return CrashAgainAndAgain();
      case Trouble::kTaskManager:
        return CrashTaskManagers();
      case Trouble::kStorm:
        return Storm();
      case Trouble::kCancel: {
        const absl::Status status = RunToStep(moment);
        if (status.ok()) cluster_->Cancel(random_.OneOf(jobs_).client->job_id());
        return status;
      }
      case Trouble::kShutDown:
        return RunToStep(moment);
    }
    return absl::OkStatus();
  }

  int64_t Troubles(int64_t least, int64_t most) {
    return std::min(random_.Between(least, most), plan_.limits.troubles);
  }

  void AddFaults(int64_t count) {
    using At = Fault::At;
    for (count = std::min(count, plan_.limits.troubles); count > 0; --count) {
      cluster_->watch().faults.push_back(
          {.at =
               random_.OneOf<At>({At::kOpen, At::kProcess, At::kProcess, At::kPoll, At::kWatermark,
                                  At::kFinish, At::kCommit, At::kClose, At::kSnapshot,
                                  At::kSnapshot, At::kCompleted, At::kCompleted, At::kAborted}),
           .nth = random_.Below(int64_t{1} << random_.Between(0, 8)),
           .happened = false});
    }
  }

  absl::Status TroubleDisk(int64_t moment) {
    SimFileSystem& files = cluster_->world().files;
    files.FailAtRandom(random_, random_.OneOf<int64_t>({0, 5, 30, 200}), Troubles(1, 20));
    if (random_.Percent(30)) AddFaults(random_.Between(1, 2));
    if (random_.Percent(50)) return absl::OkStatus();
    RETURN_IF_ERROR(RunToStep(moment));
    files.SetFull(true);
    const absl::Status status =
        RunToStep(static_cast<int64_t>(cluster_->trace().size()) + random_.Below(3'000));
    files.SetFull(false);
    return status;
  }

  // Of the first job, at any moment; then that job again, from there.
  absl::Status TakeSavepoint(int64_t moment) {
    RunningJob& each = jobs_[0];
    if (random_.Percent(30)) AddFaults(random_.Between(1, 2));
    RETURN_IF_ERROR(RunToStep(moment));
    const auto after = random_.OneOf<idl::AfterBarrier::type>(
        {idl::AfterBarrier::GO_ON, idl::AfterBarrier::SUSPEND, idl::AfterBarrier::SUSPEND,
         idl::AfterBarrier::DRAIN});
    drains_ = after == idl::AfterBarrier::DRAIN;
    struct Taken {
      std::optional<absl::StatusOr<std::string>> path;
      std::set<std::string> visible;  // when it was complete
      int64_t latest = 0;             // the same: checkpoint
      int restarts = 0;               // the same
    };
    auto taken = std::make_shared<Taken>();  // also when this run goes wrong before
    cluster_->job_manager().TriggerSavepoint(
        each.client->job_id(), "", after,
        [this, &each, taken](const absl::StatusOr<std::string>& done) {
          taken->path = done;
          taken->restarts = each.client->restarts();
          for (const auto& [file, bytes] : VisibleFiles(each)) taken->visible.insert(file);
          for (const CheckpointStatistics& checkpoint : each.client->checkpoints()) {
            if (checkpoint.state == CheckpointStatistics::State::kCompleted)
              taken->latest = std::max(taken->latest, checkpoint.id);
          }
        });
    const std::optional<absl::StatusOr<std::string>>& path = taken->path;
    std::set<std::string>& visible = taken->visible;
    const int64_t& latest = taken->latest;
    RETURN_IF_ERROR(cluster_->RunUntilEnded(*each.client));
    RETURN_IF_ERROR(cluster_->world().scheduler.RunUntil(
        [&] { return path.has_value() && each.client->has_all(); }));
    if (!path->ok()) return absl::OkStatus();
    ++outcome_.coverage["savepoints"];
    // It failed before it could end, and went on from the savepoint itself.
    if (after == idl::AfterBarrier::SUSPEND && each.client->restarts() > taken->restarts)
      return absl::OkStatus();
    const bool timers =
        std::any_of(each.job.graph.operators.begin(), each.job.graph.operators.end(),
                    [](const auto& node) { return HasTimers(node.spec); });
    // Behind a drained savepoint there is no going on: a failure ends the job.
    const bool failed = each.client->state() == JobState::kFailed && FaultHappened();
    if (after == idl::AfterBarrier::DRAIN && (timers || failed)) {
      drained_ = true;  // they have rung early
      return absl::OkStatus();
    }
    // What the savepoint had made its client's is lost with the client, or with a failure that it was
    // told of.
    if ((failed || each.client->abandoned()) && HasCollectSink(each.job.graph)) {
      drained_ = true;
      return absl::OkStatus();
    }
    if (after == idl::AfterBarrier::GO_ON && each.client->state() == JobState::kFinished) {
      // What was visible then, and what the savepoint makes visible, and what follows.
      CheckJob(each);
      outcome_.states.pop_back();
      outcome_.results.pop_back();
      const SimFileSystem::TestAccess access(cluster_->world().files);
      ASSIGN_OR_RETURN(const idl::Checkpoint savepoint,
                       ReadCheckpoint(cluster_->world().files, **path));
      if (latest > savepoint.id) return absl::OkStatus();  // more was visible than it knows
      for (const idl::OperatorCheckpoint& op : savepoint.operators) {
        for (const auto& [subtask, state] : op.subtasks) {
          const idl::OperatorListState* pending = FindList(state, "pending-files");
          if (pending == nullptr) continue;
          for (const std::string& element : pending->elements) {
            ASSIGN_OR_RETURN(const auto file, idl::Decode<idl::PendingFile>(element));
            visible.insert(file.path);
          }
        }
      }
      for (const auto& [file, bytes] : VisibleFiles(each)) {
        if (!visible.contains(file)) RETURN_IF_ERROR(cluster_->world().files.Delete(file));
      }
    }
    const std::shared_ptr<SimClient> before = each.client;
    idl::JobGraph graph =
        Rescaled(random_, each.job, absl::StrFormat("%032x", 1000 + random_.Below(1000)));
    idl::RestoreSettings restore;
    restore.path = **path;
    graph.__set_restore(restore);
    each.again = true;
    each.client = cluster_->Submit(graph);
    each.client->GoOnFrom(*before, /*rewinds=*/after == idl::AfterBarrier::GO_ON);
    ++outcome_.coverage["rescales"];
    return absl::OkStatus();
  }

  std::map<std::string, std::string> VisibleFiles(const RunningJob& each) {
    std::map<std::string, std::string> files;
    for (const SinkPlan& sink : each.job.sinks) {
      if (sink.kind != SinkPlan::Kind::kFiles) continue;
      for (auto& [path, bytes] : cluster_->world().files.FilesBelow(sink.place)) {
        if (!absl::StrContains(path, "/.")) files[path] = std::move(bytes);
      }
    }
    return files;
  }

  absl::Status CrashAgainAndAgain() {
    if (random_.Percent(30)) AddFaults(random_.Between(1, 2));
    for (int64_t left = Troubles(1, 3); left > 0; --left) {
      const int64_t steps = random_.Below(int64_t{1} << random_.Between(3, 13));
      // Rows that are on their way to a client are lost with it, and they leave with a checkpoint.
      const bool collects = std::any_of(jobs_.begin(), jobs_.end(), [](const RunningJob& each) {
        return HasCollectSink(each.job.graph);
      });
      if (!collects && random_.Percent(60)) RETURN_IF_ERROR(RunToCheckpoint());
      RETURN_IF_ERROR(RunToStep(static_cast<int64_t>(cluster_->trace().size()) + steps));
      if (AnyHasEnded()) return absl::OkStatus();
      CrashAll();
      if (AnyIsOver()) return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  bool AnyIsOver() {
    return std::any_of(jobs_.begin(), jobs_.end(),
                       [](const RunningJob& each) { return each.over; });
  }

  void CrashAll() {
    options_.task_managers = static_cast<int>(random_.Between(1, 3));
    cluster_->CrashAndBoot(options_);
    ++outcome_.coverage["crashes"];
    Resubmit();
  }

  // After a crash: each job from its latest checkpoint.
  void Resubmit() {
    for (RunningJob& each : jobs_) {
      AddCoverageOf(*each.client);
      idl::JobGraph graph = each.origin ? each.origin->graph : each.job.graph;
      idl::RestoreSettings restore;
      restore.path =
          LatestCheckpoint(cluster_->world().files, absl::StrCat("/checkpoints/", graph.job_id));
      // From its beginning it starts as it is: of several splits one reader would later make events
      // that are late.
      bool rescales = !each.origin && !restore.path.empty() && random_.Percent(50);
      if (rescales) graph = Rescaled(random_, each.job, graph.job_id);
      each.had_checkpoint |= each.client->completed() > 0;
      // It had ended, but for telling so.
      each.over = restore.path.empty() && each.had_checkpoint;
      if (each.over) continue;
      const std::string latest = restore.path;
      if (restore.path.empty() && each.origin) {
        restore = each.origin->restore;
      } else if (!restore.path.empty() && !HasCollectSink(each.job.graph) && random_.Percent(40)) {
        // As another job, of which the checkpoint is or is not.
        graph = Rescaled(random_, each.job, absl::StrFormat("%032x", 2000 + next_name_++));
        restore.claim_mode = random_.Percent(50) ? idl::ClaimMode::CLAIM : idl::ClaimMode::NO_CLAIM;
        if (restore.claim_mode == idl::ClaimMode::NO_CLAIM) each.borrowed.push_back(restore.path);
        each.origin = {graph, restore};
        each.had_checkpoint = false;
        ++outcome_.coverage["rescales"];
        rescales = true;
      }
      if (!restore.path.empty()) graph.__set_restore(restore);
      if (!latest.empty()) CountRestored(latest, rescales);
      const std::shared_ptr<SimClient> before = each.client;
      each.again = true;
      each.client = cluster_->Submit(graph);
      each.client->GoOnFrom(*before);
    }
  }

  // One process after the other; others take its place, now or later.
  absl::Status CrashTaskManagers() {
    if (random_.Percent(30)) AddFaults(random_.Between(1, 2));
    for (int64_t left = Troubles(1, 4); left > 0; --left) {
      RETURN_IF_ERROR(RunSteps(random_.Below(int64_t{1} << random_.Between(3, 12))));
      RETURN_IF_ERROR(CrashTaskManager(AnyTaskManager()));
    }
    return absl::OkStatus();
  }

  absl::Status CrashTaskManager(size_t index) {
    const bool before = random_.Percent(50);
    if (before) cluster_->BootTaskManager(options_.slots);
    cluster_->CrashTaskManager(index);
    ++outcome_.coverage["crashes of TaskManagers"];
    // Where no other one is left, minutes would pass at once: nothing happens any more.
    if (Others(index) && random_.Percent(50)) RETURN_IF_ERROR(RunSteps(random_.Below(300)));
    cluster_->Lose(index);
    if (before) return absl::OkStatus();
    if (Others(index) && random_.Percent(50)) RETURN_IF_ERROR(RunSteps(random_.Below(300)));
    cluster_->BootTaskManager(options_.slots);
    return absl::OkStatus();
  }

  bool Others(size_t than) {
    bool others = false;
    for (size_t i = 0; i < cluster_->task_managers(); ++i)
      others |= i != than && cluster_->alive(i);
    return others;
  }

  // Whatever can happen to a cluster, one thing after the other, while work goes on.
  absl::Status Storm() {
    SimFileSystem& files = cluster_->world().files;
    for (int64_t left = Troubles(4, 9); left > 0; --left) {
      RETURN_IF_ERROR(RunUntilDeployed());
      if (random_.Percent(50)) RETURN_IF_ERROR(RunToNewCheckpoint());
      RETURN_IF_ERROR(RunSteps(random_.Below(int64_t{1} << random_.Between(3, 10))));
      if (AnyHasEnded()) return absl::OkStatus();
      switch (random_.Below(7)) {
        case 0:
          AddFaults(random_.Between(1, 3));
          break;
        case 1:
          files.FailAtRandom(random_, random_.OneOf<int64_t>({5, 30, 200}), Troubles(1, 5));
          break;
        case 2:
          files.SetFull(true);
          RETURN_IF_ERROR(RunSteps(random_.Below(1'000)));
          files.SetFull(false);
          break;
        case 3:
          RETURN_IF_ERROR(CrashTaskManager(AnyTaskManager()));
          break;
        case 4:
          RETURN_IF_ERROR(BreakConnection(AnyTaskManager()));
          break;
        case 5:
          files.FailAtRandom(random_, 0, 0);
          RETURN_IF_ERROR(cluster_->CrashJobManager());
          ++outcome_.coverage["crashes of JobManagers"];
          Resubmit();
          break;
        default:
          files.FailAtRandom(random_, 0, 0);
          CrashAll();
      }
      if (AnyIsOver()) return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  bool AnyHasEnded() {
    return std::any_of(jobs_.begin(), jobs_.end(),
                       [](const RunningJob& each) { return each.client->ended(); });
  }

  size_t AnyTaskManager() {
    for (;;) {
      const auto index =
          static_cast<size_t>(random_.Below(static_cast<int64_t>(cluster_->task_managers())));
      if (cluster_->alive(index)) return index;
    }
  }

  // The JobManager may hear of it before or after the TaskManager, which lives on and does what it had
  // to do until it hears.
  absl::Status BreakConnection(size_t index) {
    ++outcome_.coverage["broken connections"];
    cluster_->CutConnection(index);
    RETURN_IF_ERROR(RunSteps(random_.Below(300)));
    // As above: minutes would pass at once.
    const bool first = Others(index) && random_.Percent(50);
    if (first) cluster_->Lose(index);
    RETURN_IF_ERROR(RunSteps(random_.Below(300)));
    if (!first) cluster_->Lose(index);
    cluster_->Reconnect(index);
    return absl::OkStatus();
  }

  // A job that finds too few slots when it is submitted ends at once.
  absl::Status RunUntilDeployed() {
    return cluster_->world().scheduler.RunUntil([&] {
      return std::all_of(jobs_.begin(), jobs_.end(), [](const RunningJob& each) {
        return each.client->state() != JobState::kCreated;
      });
    });
  }

  // Until a job has one checkpoint more.
  absl::Status RunToNewCheckpoint() {
    const auto completed = [this] {
      int64_t count = 0;
      for (const RunningJob& each : jobs_) count += each.client->completed();
      return count;
    };
    const int64_t before = completed();
    const size_t last = cluster_->trace().size() + 5'000;
    return Patient(cluster_->world().scheduler.RunUntil(
        [&] { return AnyHasEnded() || completed() > before || cluster_->trace().size() > last; }));
  }

  absl::Status RunSteps(int64_t steps) {
    const int64_t until = static_cast<int64_t>(cluster_->trace().size()) + steps;
    return Patient(RunToStep(until));
  }

  // While a process is missing there may be nothing to do.
  static absl::Status Patient(const absl::Status& status) {
    return absl::IsInternal(status) ? absl::OkStatus() : status;
  }

  void CountRestored(const std::string& path, bool rescales) {
    const SimFileSystem::TestAccess access(cluster_->world().files);
    const absl::StatusOr<idl::Checkpoint> checkpoint =
        ReadCheckpoint(cluster_->world().files, path);
    if (!checkpoint.ok()) return Problem(std::string(checkpoint.status().message()));
    if (checkpoint->in_flight.empty()) return;
    ++outcome_.coverage[rescales ? "rescales with in-flight" : "restores with in-flight"];
  }

  absl::Status RunUntilEnded() {
    for (RunningJob& each : jobs_) {
      if (!each.over) RETURN_IF_ERROR(cluster_->RunUntilEnded(*each.client));
    }
    return absl::OkStatus();
  }

  absl::Status RunToStep(int64_t steps) {
    return cluster_->world().scheduler.RunUntil([&] {
      return cluster_->trace().size() >= static_cast<size_t>(steps) ||
             std::all_of(jobs_.begin(), jobs_.end(),
                         [](const RunningJob& each) { return each.client->ended(); });
    });
  }

  // Until a job has a checkpoint of its present run.
  absl::Status RunToCheckpoint() {
    return cluster_->world().scheduler.RunUntil([&] {
      return std::any_of(jobs_.begin(), jobs_.end(), [](const RunningJob& each) {
        return each.client->ended() || each.client->completed() > 0;
      });
    });
  }

  // ---- checks ----

  void Problem(absl::string_view what) {
    outcome_.problems.push_back(absl::StrCat("seed ", plan_.seed, ": ", what));
  }

  void Expect(const std::string& problem) {
    if (!problem.empty()) Problem(problem);
  }

  void CheckJob(const RunningJob& each) {
    const JobState state = each.over ? JobState::kFinished : each.client->state();
    outcome_.states.push_back(state);
    outcome_.results.emplace_back();
    outcome_.abandoned |= each.client->abandoned();
    const bool finished = state == JobState::kFinished;
    const bool may_be_canceled =
        plan_.trouble == Trouble::kCancel || plan_.trouble == Trouble::kShutDown;
    const bool may_fail = plan_.trouble == Trouble::kFault && FaultHappened();
    // A row may be printed again by each further attempt.
    const bool again = each.again || each.client->restarts() > 0;
    if (!finished && !(state == JobState::kCanceled && may_be_canceled) &&
        !(state == JobState::kFailed && (may_fail || drained_))) {
      Problem(absl::StrCat("job ", each.client->job_id(), " is ", NameOf(state), ": ",
                           each.client->result().failure.message));
    }
    for (const SinkPlan& sink : each.job.sinks) {
      const std::vector<std::string> rows = RowsOf(each, sink);
      Bag found;
      for (const std::string& row : rows) ++found[row];
      const bool all = finished && !drained_ && sink.kind != SinkPlan::Kind::kDiscard &&
                       !(sink.kind == SinkPlan::Kind::kCollect &&
                         (each.client->abandoned() || (each.over && again)));
      // What windows print early for a savepoint that then fails was never.
      if (!drained_ && !(drains_ && again && sink.kind == SinkPlan::Kind::kPrint)) {
        Expect(WrongRow(
            absl::StrCat("sink ", sink.op, " of job ", each.client->job_id(), ", ", rows.size(),
                         " rows, after ", each.client->restarts(), " restarts,"),
            found, each.expected[sink.op].rows, all,
            /*may_repeat=*/again && sink.kind == SinkPlan::Kind::kPrint));
      }
      if (sink.keeps_order && !each.job.batch && !(again && sink.kind == SinkPlan::Kind::kPrint))
        CheckOrder(each, sink, rows);
      outcome_.results.back()[sink.op] = std::move(found);
    }
    if (finished && !again && !drained_ && !each.over) CheckMetrics(each);
    CheckFailures(each);
    CheckRetained(each, state);
  }

  bool FaultHappened() {
    const std::vector<Fault>& faults = cluster_->watch().faults;
    return std::any_of(faults.begin(), faults.end(),
                       [](const Fault& fault) { return fault.happened; });
  }

  // Nothing failed but what was to fail.
  void CheckFailures(const RunningJob& each) {
    if (plan_.trouble < Trouble::kFaults || each.over) return;
    if (cluster_->world().files.failed() > 0) return;
    for (const idl::Failure& failure : each.client->result().failures) {
      const bool tolerated = each.job.graph.checkpoints.tolerable_failures >= 0 &&
                             absl::StartsWith(failure.message, "checkpoint ");
      if (!absl::StrContains(failure.message, Fault::kMessage) && !tolerated &&
          !absl::StrContains(failure.message, "TaskManager that ran it was lost") &&
          !absl::StrContains(failure.message, "brought to its end"))
        Problem(absl::StrCat("a failure that nobody wanted: ", failure.message));
    }
  }

  void CheckRetained(const RunningJob& each, JobState state) {
    for (const std::string& path : each.borrowed) {
      if (!cluster_->world().files.FilesBelow("/checkpoints").contains(path + "/_metadata"))
        Problem(absl::StrCat("the checkpoint ", path, " is gone, which the job did not own"));
    }
    if (!each.job.graph.__isset.checkpoints || each.over || cluster_->world().files.failed() > 0)
      return;
    const idl::CheckpointSettings& settings = each.job.graph.checkpoints;
    std::set<std::string> left;
    for (const auto& [path, bytes] :
         cluster_->world().files.FilesBelow(absl::StrCat("/checkpoints/", each.client->job_id())))
      if (!absl::StrContains(path, "/shared/")) left.insert(path.substr(0, path.rfind('/')));
    const bool keeps =
        state == JobState::kFailed
            ? settings.retention != idl::CheckpointRetention::NO_EXTERNALIZED
            : state == JobState::kCanceled &&
                  settings.retention == idl::CheckpointRetention::RETAIN_ON_CANCELLATION;
    if (static_cast<int>(left.size()) > (keeps ? settings.retained : 0))
      Problem(absl::StrCat(left.size(), " checkpoints of a job that is ", NameOf(state),
                           " are left, one of them ", *left.begin()));
  }

  void CheckMetrics(const RunningJob& each) {
    for (const idl::OperatorNode& node : each.job.graph.operators) {
      const auto found = each.client->result().metrics.find(node.id);
      const idl::OperatorMetrics metrics =
          found == each.client->result().metrics.end() ? idl::OperatorMetrics() : found->second;
      const ExpectedOperator& expected = each.expected[node.id];
      outcome_.records += metrics.records_in;
      if (metrics.records_in != expected.records_in ||
          metrics.records_out != expected.records_out) {
        Problem(absl::StrCat(node.name, " counts ", metrics.records_in, " in, ",
                             metrics.records_out, " out instead of ", expected.records_in, ", ",
                             expected.records_out));
      }
    }
  }

  void CheckFault() {
    if (plan_.trouble != Trouble::kFault || !FaultHappened()) return;
    int failed = 0;
    for (const RunningJob& each : jobs_) {
      if (each.client->state() != JobState::kFailed) continue;
      ++failed;
      const idl::Failure& failure = each.client->result().failure;
      if (failure.message != Fault::kMessage || failure.operator_name.empty() ||
          failure.subtask < 0) {
        Problem(absl::StrCat("the failure says '", failure.message, "' of '", failure.operator_name,
                             "' ", failure.subtask));
      }
    }
    if (failed != 1)
      Problem(absl::StrCat("after one failure of an operator ", failed, " jobs have failed"));
  }

  void AddCoverageOf(const SimClient& client) {
    std::map<std::string, int64_t>& coverage = outcome_.coverage;
    coverage["shared files reused"] += client.shared_files().reused;
    coverage["shared files deleted"] += client.shared_files().deleted;
    coverage["restarts"] += client.restarts();
    for (const CheckpointStatistics& checkpoint : client.checkpoints()) {
      const bool completed = checkpoint.state == CheckpointStatistics::State::kCompleted;
      ++coverage[completed ? "checkpoints completed" : "checkpoints aborted"];
      if (!completed) continue;
      coverage["incremental checkpoints"] += checkpoint.full_bytes > checkpoint.bytes ? 1 : 0;
      coverage["unaligned checkpoints"] += checkpoint.unaligned ? 1 : 0;
      coverage["unaligned bytes"] += checkpoint.in_flight_bytes;
    }
  }

  // In the order in which the sink showed them, at least within a subtask.
  std::vector<std::string> RowsOf(const RunningJob& each, const SinkPlan& sink) {
    std::vector<std::string> rows;
    switch (sink.kind) {
      case SinkPlan::Kind::kDiscard:
        break;
      case SinkPlan::Kind::kCollect:
        return each.client->rows();
      case SinkPlan::Kind::kPrint:
        for (const std::string* text :
             {&cluster_->world().console.output(), &cluster_->world().console.error()}) {
          for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
            if (!absl::StartsWith(line, sink.place + ">") &&
                !absl::StartsWith(line, sink.place + ":"))
              continue;
            rows.emplace_back(line.substr(line.find("> ") + 2));
          }
        }
        break;
      case SinkPlan::Kind::kFiles:
        for (const auto& [path, bytes] : InOrder(VisibleFiles(each))) {
          if (!absl::StartsWith(path, sink.place + "/")) continue;
          std::vector<std::string> lines = absl::StrSplit(bytes, '\n');
          if (!lines.back().empty()) Problem(absl::StrCat(path, " ends within a line"));
          lines.pop_back();
          rows.insert(rows.end(), lines.begin(), lines.end());
        }
        break;
    }
    return rows;
  }

  // Part 10 of a subtask comes behind part 9.
  static std::vector<std::pair<std::string, std::string>> InOrder(
      const std::map<std::string, std::string>& files) {
    std::vector<std::pair<std::string, std::string>> ordered(files.begin(), files.end());
    const auto place = [](const std::string& path) {
      return std::tuple(path.substr(0, path.rfind('-')), path.size(), path);
    };
    std::sort(ordered.begin(), ordered.end(),
              [&](const auto& a, const auto& b) { return place(a.first) < place(b.first); });
    return ordered;
  }

  // The updates of each word count 1, 2, 3 …; where there are files of several checkpoints, within
  // each of them.
  void CheckOrder(const RunningJob& each, const SinkPlan& sink,
                  const std::vector<std::string>& rows) {
    if (sink.kind != SinkPlan::Kind::kFiles || !each.job.graph.__isset.checkpoints)
      return Expect(WrongUpdate(absl::StrCat("sink ", sink.op), rows, /*from_one=*/true));
    for (const auto& [path, bytes] : VisibleFiles(each)) {
      if (!absl::StartsWith(path, sink.place + "/")) continue;
      Expect(WrongUpdate(path, absl::StrSplit(bytes, '\n', absl::SkipEmpty()), /*from_one=*/false));
    }
  }

  void AddCoverage() {
    std::map<std::string, int64_t>& coverage = outcome_.coverage;
    coverage["model snapshots of files"] += model_counts_.snapshots;
    coverage["model merges"] += model_counts_.merges;
    coverage["restores of files in place"] += model_counts_.restores_in_place;
    coverage["restores of parts of files"] += model_counts_.restores_of_parts;
    for (const RunningJob& each : jobs_) {
      AddCoverageOf(*each.client);
      coverage["two-phase commits"] += static_cast<int64_t>(VisibleFiles(each).size());
      for (const idl::OperatorNode& node : each.job.graph.operators) {
        coverage["window operators"] += node.spec.__isset.window ? 1 : 0;
        if (node.spec.__isset.process) coverage["timers"] += each.expected[node.id].records_out;
      }
      for (const idl::Edge& edge : each.job.graph.edges)
        coverage["broadcast states"] += edge.input == 1 ? 1 : 0;
      for (const ExpectedOperator& expected : each.expected)
        coverage["records"] += expected.records_in;
    }
    for (const Fault& fault : cluster_->watch().faults)
      if (fault.happened) ++coverage[absl::StrCat("failures in ", NameOf(fault.at))];
    coverage["operators restored"] += cluster_->watch().restored;
    coverage["disk faults"] += cluster_->world().files.failed();
    for (const auto& [what, count] : coverage) {
      if (absl::StartsWith(what, "failures in ") || absl::StartsWith(what, "crashes") ||
          what == "disk faults" || what == "broken connections")
        outcome_.faults += count;
    }
  }

  const SimulationPlan plan_;
  SimRandom random_;
  SimClusterOptions options_;
  bool drains_ = false;  // a savepoint was to bring event time to its end
  bool drained_ = false;
  int64_t next_name_ = 0;
  std::vector<RunningJob> jobs_;
  ModelBackendCounts model_counts_;
  std::optional<SimCluster> cluster_;
  SimulationOutcome outcome_;
};

}  // namespace

SimulationOutcome Simulate(const SimulationPlan& plan) { return Simulation(plan).Run(); }

}  // namespace pyflinkpp::sim
