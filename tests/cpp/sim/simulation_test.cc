// The production JobManager, TaskManagers, tasks and channels in a simulated world, by seeds.
//
//   PFPP_SIM_SEEDS=20000 pfpp_tests --gtest_filter='Simulation.*'     more seeds than the usual 300
//   PFPP_SIM_FROM=5000                                                starting with this one
//   PFPP_SIM_SEED=17                                                  this one only, and its trace
//   PFPP_SIM_LIMITS=1,40,2,1                                          with so few jobs, records of a
//                                                                     source, operators, troubles
#include "sim/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/check.h"

namespace pyflinkpp::sim {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// A broken invariant ends the process: the seed must be known all the same.
char now_running[128] = "";
void TellSeed(int signal) {
  [[maybe_unused]] const ssize_t written =
      ::write(STDERR_FILENO, now_running, std::char_traits<char>::length(now_running));
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

Limits LimitsFromEnvironment() {
  Limits limits;
  const char* text = std::getenv("PFPP_SIM_LIMITS");
  if (text == nullptr) return limits;
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  PFPP_CHECK(parts.size() == 4);
  int64_t* const to[] = {&limits.jobs, &limits.records, &limits.operators, &limits.troubles};
  for (size_t i = 0; i < 4; ++i) PFPP_CHECK(absl::SimpleAtoi(parts[i], to[i]));
  return limits;
}

// The least with which the plan still goes wrong, one limit after the other.
SimulationPlan Shrunk(SimulationPlan plan) {
  const auto lower = [&](int64_t Limits::*limit, std::initializer_list<int64_t> values) {
    for (const int64_t value : values) {
      SimulationPlan smaller = plan;
      smaller.limits.*limit = value;
      if (value >= plan.limits.*limit || Simulate(smaller).problems.empty()) continue;
      plan = smaller;
      return;
    }
  };
  lower(&Limits::jobs, {1});
  lower(&Limits::troubles, {0, 1, 2, 3, 4, 6});
  lower(&Limits::operators, {0, 1, 2, 4});
  lower(&Limits::records, {0, 1, 3, 10, 30, 100, 300});
  lower(&Limits::troubles, {0, 1, 2, 3, 4, 6});
  return plan;
}

// Runs the plans of many seeds; `usual`: so many, unless the environment says otherwise. Gives up
// after a few problems.
template <class PlanOf, class Look>
void RunSeeds(const char* test, uint64_t usual, PlanOf plan_of, Look look) {
  uint64_t from = FromEnvironment("PFPP_SIM_FROM", 0);
  uint64_t count = FromEnvironment("PFPP_SIM_SEEDS", usual);
  const uint64_t only = FromEnvironment("PFPP_SIM_SEED", ~uint64_t{0});
  if (only != ~uint64_t{0}) {
    from = only;
    count = 1;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS}) ::signal(signal, TellSeed);
  const int failures_max = static_cast<int>(FromEnvironment("PFPP_SIM_FAILURES", 5));
  int failed = 0;
  for (uint64_t seed = from; seed < from + count && failed < failures_max; ++seed) {
    std::snprintf(now_running, sizeof(now_running),
                  "PFPP_SIM_SEED=%" PRIu64 " --gtest_filter=Simulation.%s\n", seed, test);
    SimulationPlan plan = plan_of(seed);
    plan.limits = LimitsFromEnvironment();
    const SimulationOutcome outcome = Simulate(plan);
    if (only != ~uint64_t{0}) std::printf("%s", outcome.trace.c_str());
    if (!outcome.problems.empty()) {
      ++failed;
      ADD_FAILURE() << now_running << absl::StrJoin(outcome.problems, "\n");
      const SimulationPlan least = Shrunk(plan);
      const Limits& limits = least.limits;
      ADD_FAILURE() << "shrunk: PFPP_SIM_LIMITS=" << limits.jobs << "," << limits.records << ","
                    << limits.operators << "," << limits.troubles << " " << now_running
                    << absl::StrJoin(Simulate(least).problems, "\n");
    }
    look(outcome);
  }
  now_running[0] = 0;
}

void Ignore(const SimulationOutcome&) {}

TEST(Simulation, JobsGiveWhatTheOracleSays) {
  int64_t records = 0;
  int64_t elements = 0;
  RunSeeds(
      "JobsGiveWhatTheOracleSays", 300,
      [](uint64_t seed) { return SimulationPlan{.seed = seed, .job_seed = seed}; },
      [&](const SimulationOutcome& outcome) {
        records += outcome.records;
        elements += outcome.elements;
      });
  RecordProperty("records", absl::StrCat(records));
  RecordProperty("elements", absl::StrCat(elements));
}

TEST(Simulation, CancelEndsAJobAtAnyStep) {
  int canceled = 0;
  RunSeeds(
      "CancelEndsAJobAtAnyStep", 200,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kCancel};
      },
      [&](const SimulationOutcome& outcome) {
        for (const JobState state : outcome.states)
          canceled += state == JobState::kCanceled ? 1 : 0;
      });
  EXPECT_GT(canceled, 0);
}

TEST(Simulation, AFailureEndsItsJobAtAnyCall) {
  int failed = 0;
  RunSeeds(
      "AFailureEndsItsJobAtAnyCall", 200,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kFault};
      },
      [&](const SimulationOutcome& outcome) {
        for (const JobState state : outcome.states) failed += state == JobState::kFailed ? 1 : 0;
      });
  EXPECT_GT(failed, 0);
}

TEST(Simulation, AClusterShutsDownAtAnyStep) {
  RunSeeds(
      "AClusterShutsDownAtAnyStep", 200,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kShutDown};
      },
      Ignore);
}

// Where jobs take checkpoints, nothing else may change.
TEST(Simulation, CheckpointsChangeNoResult) {
  RunSeeds(
      "CheckpointsChangeNoResult", 200,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .checkpoints = true};
      },
      Ignore);
}

TEST(Simulation, CancelEndsAJobWithCheckpoints) {
  RunSeeds(
      "CancelEndsAJobWithCheckpoints", 100,
      [](uint64_t seed) {
        return SimulationPlan{
            .seed = seed, .job_seed = seed, .trouble = Trouble::kCancel, .checkpoints = true};
      },
      Ignore);
}

// What has happened in all seeds; none of `these` may be missing.
class Coverage {
 public:
  void Add(const SimulationOutcome& outcome) {
    for (const auto& [what, count] : outcome.coverage) all_[what] += count;
    const auto of = [&](const char* what) {
      return outcome.coverage.contains(what) ? outcome.coverage.at(what) : 0;
    };
    records_.push_back(of("records"));
    checkpoints_.push_back(of("checkpoints completed"));
    faults_.push_back(outcome.faults);
  }
  bool of_many() const { return records_.size() >= 100; }
  // Of the median seed.
  int64_t records() { return Median(records_); }
  int64_t checkpoints() { return Median(checkpoints_); }
  int64_t faults() { return Median(faults_); }
  void Check(const std::vector<std::string>& these) {
    for (const auto& [what, count] : all_)
      std::printf("  %-28s %" PRId64 "\n", what.c_str(), count);
    std::printf("  median seed: %" PRId64 " records, %" PRId64 " checkpoints, %" PRId64 " faults\n",
                records(), checkpoints(), faults());
    if (!of_many()) return;
    for (const std::string& what : these) EXPECT_GT(all_[what], 0) << what;
  }

 private:
  static int64_t Median(std::vector<int64_t> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }
  std::map<std::string, int64_t> all_;
  std::vector<int64_t> records_;
  std::vector<int64_t> checkpoints_;
  std::vector<int64_t> faults_;
};

TEST(Simulation, JobsSurviveFailures) {
  Coverage coverage;
  RunSeeds(
      "JobsSurviveFailures", 500,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kFaults};
      },
      [&](const SimulationOutcome& outcome) { coverage.Add(outcome); });
  coverage.Check({"checkpoints completed", "checkpoints aborted",        "restarts",
                  "operators restored",    "failures in open",           "failures in process",
                  "failures in poll",      "failures in watermark",      "failures in finish",
                  "failures in commit",    "failures in close",          "failures in snapshot",
                  "failures in completed", "failures in aborted",        "window operators",
                  "two-phase commits",     "incremental checkpoints",    "shared files reused",
                  "shared files deleted",  "restores of files in place", "unaligned checkpoints",
                  "unaligned bytes"});
}

TEST(Simulation, JobsSurviveABadDisk) {
  Coverage coverage;
  RunSeeds(
      "JobsSurviveABadDisk", 300,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kDisk};
      },
      [&](const SimulationOutcome& outcome) { coverage.Add(outcome); });
  coverage.Check({"disk faults", "restarts", "checkpoints aborted", "incremental checkpoints",
                  "shared files deleted"});
}

TEST(Simulation, JobsGoOnFromSavepoints) {
  Coverage coverage;
  RunSeeds(
      "JobsGoOnFromSavepoints", 300,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kSavepoint};
      },
      [&](const SimulationOutcome& outcome) { coverage.Add(outcome); });
  coverage.Check({"savepoints", "rescales", "operators restored"});
}

TEST(Simulation, JobsGoOnAfterACrash) {
  Coverage coverage;
  RunSeeds(
      "JobsGoOnAfterACrash", 300,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kCrash};
      },
      [&](const SimulationOutcome& outcome) { coverage.Add(outcome); });
  coverage.Check({"crashes", "operators restored", "rescales", "incremental checkpoints",
                  "shared files reused", "shared files deleted", "model merges",
                  "restores of files in place", "restores of parts of files",
                  "unaligned checkpoints", "unaligned bytes", "restores with in-flight",
                  "rescales with in-flight"});
}

TEST(Simulation, JobsGoOnWithoutTheTaskManagersThatCrash) {
  Coverage coverage;
  RunSeeds(
      "JobsGoOnWithoutTheTaskManagersThatCrash", 300,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kTaskManager};
      },
      [&](const SimulationOutcome& outcome) { coverage.Add(outcome); });
  coverage.Check({"crashes of TaskManagers", "operators restored", "restarts"});
}

TEST(Simulation, JobsSurviveAStorm) {
  Coverage coverage;
  RunSeeds(
      "JobsSurviveAStorm", 500,
      [](uint64_t seed) {
        return SimulationPlan{.seed = seed, .job_seed = seed, .trouble = Trouble::kStorm};
      },
      [&](const SimulationOutcome& outcome) { coverage.Add(outcome); });
  coverage.Check({"checkpoints completed", "checkpoints aborted", "unaligned bytes", "restarts",
                  "rescales", "crashes", "crashes of TaskManagers", "crashes of JobManagers",
                  "broken connections", "disk faults", "timers", "broadcast states",
                  "window operators", "two-phase commits", "incremental checkpoints"});
  if (!coverage.of_many() || testing::Test::HasFailure()) return;
  EXPECT_GE(coverage.records(), 1'000);
  EXPECT_GE(coverage.checkpoints(), 3);
  EXPECT_GE(coverage.faults(), 3);
}

TEST(Simulation, ASeedRunTwiceGivesTheSameTrace) {
  for (const Trouble trouble :
       {Trouble::kNone, Trouble::kCancel, Trouble::kFault, Trouble::kFaults, Trouble::kDisk,
        Trouble::kSavepoint, Trouble::kCrash, Trouble::kTaskManager, Trouble::kStorm}) {
    for (uint64_t seed = 0; seed < 15; ++seed) {
      const SimulationPlan plan{.seed = seed, .job_seed = seed, .trouble = trouble};
      const SimulationOutcome first = Simulate(plan);
      const SimulationOutcome second = Simulate(plan);
      EXPECT_GT(first.steps, 10u);
      EXPECT_EQ(first.trace_hash, second.trace_hash);
      ASSERT_EQ(first.trace, second.trace) << "seed " << seed;
    }
  }
}

TEST(Simulation, OtherSeedsGiveOtherTracesAndTheSameResults) {
  for (uint64_t job_seed = 0; job_seed < 15; ++job_seed) {
    const SimulationOutcome first = Simulate({.seed = 1000, .job_seed = job_seed});
    for (uint64_t seed = 1001; seed < 1004; ++seed) {
      const SimulationOutcome other = Simulate({.seed = seed, .job_seed = job_seed});
      EXPECT_NE(first.trace_hash, other.trace_hash);
      EXPECT_NE(first.trace, other.trace);
      bool abandoned = false;  // a client that gives up early has other rows
      for (const SimulationOutcome* outcome : {&first, &other}) {
        EXPECT_THAT(outcome->problems, testing::IsEmpty());
        abandoned |= outcome->abandoned;
      }
      if (!abandoned) {
        EXPECT_EQ(first.results, other.results) << "job " << job_seed << ", seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace pyflinkpp::sim
