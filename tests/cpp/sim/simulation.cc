#include "sim/simulation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sim/sim_cluster.h"

namespace pyflinkpp::sim {
namespace {

struct RunningJob {
  GeneratedJob job;
  std::vector<ExpectedOperator> expected;
  std::shared_ptr<SimClient> client;
};

class Simulation {
 public:
  explicit Simulation(const SimulationPlan& plan) : plan_(plan), random_(plan.seed, /*part=*/3) {
    SimRandom job_random(plan.job_seed, /*part=*/4);
    jobs_.resize(job_random.Percent(20) ? 2 : 1);
    for (size_t i = 0; i < jobs_.size(); ++i) {
      jobs_[i].job = GenerateJob(job_random, static_cast<int>(i));
      jobs_[i].expected = Evaluate(jobs_[i].job);
    }
    cluster_.emplace(plan.seed, GeneratorOperators(), DrawCluster());
  }

  SimulationOutcome Run() {
    Start();
    absl::Status status = MakeTrouble();
    for (RunningJob& each : jobs_) {
      if (status.ok() && plan_.trouble != Trouble::kShutDown)
        status = cluster_->RunUntilEnded(*each.client);
    }
    if (status.ok()) status = cluster_->ShutDown();
    if (!status.ok()) {
      outcome_.problems.push_back(std::string(status.message()));
    } else {
      for (RunningJob& each : jobs_) CheckJob(each);
      CheckFault();
    }
    for (const std::string& violation : cluster_->violations()) Problem(violation);
    outcome_.trace_hash = cluster_->trace().hash();
    outcome_.steps = cluster_->trace().size();
    outcome_.trace = cluster_->trace().Text();
    outcome_.elements = cluster_->transport().elements();
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
    if (random_.Percent(20)) options.slots = kUnlimitedSlots;
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
        cluster_->watch().fault = {
            .at = random_.OneOf<At>({At::kOpen, At::kProcess, At::kPoll, At::kWatermark,
                                     At::kFinish, At::kCommit, At::kClose}),
            .nth = random_.Below(int64_t{1} << random_.Between(0, 8)),
            .happened = false};
        break;
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

  absl::Status RunToStep(int64_t steps) {
    return cluster_->world().scheduler.RunUntil([&] {
      return cluster_->trace().size() >= static_cast<size_t>(steps) ||
             std::all_of(jobs_.begin(), jobs_.end(),
                         [](const RunningJob& each) { return each.client->ended(); });
    });
  }

  // ---- checks ----

  void Problem(absl::string_view what) {
    outcome_.problems.push_back(absl::StrCat("seed ", plan_.seed, ": ", what));
  }

  void CheckJob(const RunningJob& each) {
    const JobState state = each.client->state();
    outcome_.states.push_back(state);
    outcome_.results.emplace_back();
    outcome_.abandoned |= each.client->abandoned();
    const bool finished = state == JobState::kFinished;
    const bool may_be_canceled =
        plan_.trouble == Trouble::kCancel || plan_.trouble == Trouble::kShutDown;
    const bool may_fail = plan_.trouble == Trouble::kFault && cluster_->watch().fault.happened;
    if (!finished && !(state == JobState::kCanceled && may_be_canceled) &&
        !(state == JobState::kFailed && may_fail)) {
      Problem(absl::StrCat("job ", each.client->job_id(), " is ", NameOf(state), ": ",
                           each.client->result().failure.message));
    }
    for (const SinkPlan& sink : each.job.sinks) {
      const std::vector<std::string> rows = RowsOf(each, sink);
      Bag found;
      for (const std::string& row : rows) ++found[row];
      const bool all = finished && sink.kind != SinkPlan::Kind::kDiscard &&
                       !(sink.kind == SinkPlan::Kind::kCollect && each.client->abandoned());
      Compare(absl::StrCat("sink ", sink.op), found, each.expected[sink.op].rows, all);
      if (sink.keeps_order && !each.job.batch) CheckOrder(sink, rows);
      outcome_.results.back()[sink.op] = std::move(found);
    }
    if (finished) CheckMetrics(each);
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
    if (!cluster_->watch().fault.happened) return;
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
        for (const auto& [path, bytes] : cluster_->world().files.FilesBelow(sink.place)) {
          std::vector<std::string> lines = absl::StrSplit(bytes, '\n');
          if (!lines.back().empty()) Problem(absl::StrCat(path, " ends within a line"));
          lines.pop_back();
          rows.insert(rows.end(), lines.begin(), lines.end());
        }
        break;
    }
    return rows;
  }

  // `all`: the bags are equal; else there may be less, but never more.
  void Compare(const std::string& where, const Bag& found, const Bag& expected, bool all) {
    for (const auto& [row, count] : found) {
      const auto wanted = expected.find(row);
      const int64_t times = wanted == expected.end() ? 0 : wanted->second;
      if (count > times)
        return Problem(
            absl::StrCat(where, " has ", count, " times '", row, "' instead of ", times));
    }
    if (!all) return;
    for (const auto& [row, count] : expected) {
      const auto have = found.find(row);
      const int64_t times = have == found.end() ? 0 : have->second;
      if (count > times)
        return Problem(
            absl::StrCat(where, " has ", times, " times '", row, "' instead of ", count));
    }
  }

  // The updates of each word count 1, 2, 3 ….
  void CheckOrder(const SinkPlan& sink, const std::vector<std::string>& rows) {
    std::map<std::string, int64_t> counts;
    for (const std::string& row : rows) {
      const std::string word = row.substr(0, row.rfind(','));
      if (row != absl::StrCat(word, ",", ++counts[word], ")")) {
        return Problem(absl::StrCat("sink ", sink.op, " has '", row, "' as the update number ",
                                    counts[word], " of its word"));
      }
    }
  }

  const SimulationPlan plan_;
  SimRandom random_;
  std::vector<RunningJob> jobs_;
  std::optional<SimCluster> cluster_;
  SimulationOutcome outcome_;
};

}  // namespace

SimulationOutcome Simulate(const SimulationPlan& plan) { return Simulation(plan).Run(); }

}  // namespace pyflinkpp::sim
