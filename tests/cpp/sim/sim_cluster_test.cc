// What becomes of jobs that cannot run, cannot go on, or follow each other: small scenes on a
// simulated cluster.
#include "sim/sim_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "native/job_builder.h"
#include "native/registry.h"

namespace pyflinkpp::sim {
namespace {

using idl::Partitioner;
using native::JobBuilder;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kSeeds = 30;

std::string JobId(int number) { return absl::StrFormat("%032x", number); }

// numbers -> LONG sink, over an edge that is an exchange.
idl::JobGraph NumbersJob(int number, int64_t count, int parallelism) {
  JobBuilder job(JobId(number));
  const int numbers = job.Numbers(1, count, parallelism);
  const int odd = job.Then(numbers, Partitioner::REBALANCE, job.Native("odd_longs", parallelism));
  job.Then(odd, Partitioner::GLOBAL, job.Collect());
  return job.Build();
}

idl::JobGraph FilesJob(const std::string& path) {
  JobBuilder job(JobId(1));
  const int files = job.Files({path}, 2);
  job.Then(files, Partitioner::GLOBAL, job.Collect());
  return job.Build();
}

TEST(SimCluster, AJobWithTooFewSlotsFailsAndSaysSo) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimCluster cluster(seed, native::NativeOperators(), {.task_managers = 2, .slots = 1});
    const auto client = cluster.Submit(NumbersJob(1, 100, 3));
    ASSERT_TRUE(cluster.RunUntilEnded(*client).ok());
    EXPECT_EQ(client->state(), JobState::kFailed);
    EXPECT_THAT(client->result().failure.message, HasSubstr("needs 3 slots and 2 are free"));
    ASSERT_TRUE(cluster.ShutDown().ok());
    EXPECT_THAT(cluster.violations(), IsEmpty());
  }
}

TEST(SimCluster, SlotsComeBack) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimCluster cluster(seed, native::NativeOperators(), {.task_managers = 2, .slots = 2});
    for (int number = 1; number <= 5; ++number) {
      const auto client = cluster.Submit(NumbersJob(number, 100, 4));
      if (number % 2 == 0) cluster.Cancel(client->job_id());
      ASSERT_TRUE(cluster.RunUntilEnded(*client).ok());
      EXPECT_EQ(client->state(), number % 2 == 0 ? JobState::kCanceled : JobState::kFinished)
          << "seed " << seed;
    }
    ASSERT_TRUE(cluster.ShutDown().ok());
    EXPECT_THAT(cluster.violations(), IsEmpty());
  }
}

TEST(SimCluster, AMissingInputFailsTheJobBeforeItRuns) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimCluster cluster(seed, native::NativeOperators(), {});
    const auto client = cluster.Submit(FilesJob("/in/nowhere"));
    ASSERT_TRUE(cluster.RunUntilEnded(*client).ok());
    EXPECT_EQ(client->state(), JobState::kFailed);
    EXPECT_THAT(client->result().failure.message,
                HasSubstr("cannot read /in/nowhere: No such file or directory"));
    EXPECT_EQ(cluster.watch().made, 0);
    ASSERT_TRUE(cluster.ShutDown().ok());
    EXPECT_THAT(cluster.violations(), IsEmpty());
  }
}

TEST(SimCluster, BrokenTextFailsTheJobAndNamesThePlace) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimCluster cluster(seed, native::NativeOperators(), {});
    cluster.world().files.Put("/in/a", "fine\nnot \xff fine\nfine\n");
    const auto client = cluster.Submit(FilesJob("/in"));
    ASSERT_TRUE(cluster.RunUntilEnded(*client).ok());
    EXPECT_EQ(client->state(), JobState::kFailed);
    EXPECT_THAT(client->result().failure.message,
                testing::AllOf(HasSubstr("/in/a"), HasSubstr("9")));
    ASSERT_TRUE(cluster.ShutDown().ok());
    EXPECT_THAT(cluster.violations(), IsEmpty());
  }
}

TEST(SimCluster, AnOperatorThatNobodyKnowsFailsTheJob) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimCluster cluster(seed, native::NativeOperators(), {});
    JobBuilder job(JobId(1));
    const int numbers = job.Numbers(1, 10, 2);
    const int unknown = job.Then(numbers, Partitioner::REBALANCE, job.Native("nobody_knows", 1));
    job.Then(unknown, Partitioner::FORWARD, job.Discard(1));
    const auto client = cluster.Submit(job.Build());
    ASSERT_TRUE(cluster.RunUntilEnded(*client).ok());
    EXPECT_EQ(client->state(), JobState::kFailed);
    EXPECT_THAT(client->result().failure.message, HasSubstr("native:nobody_knows"));
    ASSERT_TRUE(cluster.ShutDown().ok());
    EXPECT_THAT(cluster.violations(), IsEmpty());
  }
}

TEST(SimCluster, AbandonedResultsDoNotHoldTheJob) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimCluster cluster(seed, native::NativeOperators(), {});
    const auto client = cluster.Submit(NumbersJob(1, 20'000, 2));
    client->AbandonAfter(1);
    ASSERT_TRUE(cluster.RunUntilEnded(*client).ok());
    EXPECT_EQ(client->state(), JobState::kFinished);
    EXPECT_EQ(client->result().metrics.at(2).records_in, 10'000);
    EXPECT_LT(client->rows().size(), 10'000u);
    ASSERT_TRUE(cluster.ShutDown().ok());
    EXPECT_THAT(cluster.violations(), IsEmpty());
  }
}

// Waits for ever, as an operator whose wake-up gets lost would.
class StuckOperator final : public native::NativeOperator {
 public:
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView&, Output&) override {
    return Progress::kWait;
  }
};

TEST(SimCluster, AStuckJobIsNoticedAndCanBeCanceled) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    OperatorRegistry registry = native::NativeOperators();
    native::AddNative(registry, "stuck",
                      [](const idl::OperatorNode&) { return std::make_unique<StuckOperator>(); });
    SimCluster cluster(seed, std::move(registry), {});
    JobBuilder job(JobId(1));
    const int numbers = job.Numbers(1, 100'000, 2);
    const int stuck = job.Then(numbers, Partitioner::REBALANCE, job.Native("stuck", 2));
    job.Then(stuck, Partitioner::FORWARD, job.Discard(2));
    const auto client = cluster.Submit(job.Build());
    const absl::Status status = cluster.RunUntilEnded(*client);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrFormat("seed %d: nothing but upkeep happens", seed)));
    cluster.Cancel(client->job_id());
    ASSERT_TRUE(cluster.RunUntilEnded(*client).ok());
    EXPECT_EQ(client->state(), JobState::kCanceled);
    ASSERT_TRUE(cluster.ShutDown().ok());
    EXPECT_THAT(cluster.violations(), IsEmpty());
  }
}

}  // namespace
}  // namespace pyflinkpp::sim
