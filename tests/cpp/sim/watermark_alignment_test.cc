// Sources that wait for each other, under many orders of steps.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "native/job_builder.h"
#include "native/timed_splits.h"
#include "sim/sim_cluster.h"

namespace pyflinkpp::sim {
namespace {

using native::JobBuilder;
using native::ScriptedSplit;
using testing::IsEmpty;

constexpr uint64_t kSeeds = 30;
constexpr int64_t kDriftMs = 1000;
constexpr int64_t kStepMs = 10;       // between two numbers of the fast sources
constexpr int64_t kSlowStepMs = 100;  // of the slow one
// A batch more than the drift; and a slow one may have told of a number that is not recorded yet.
constexpr int64_t kAheadMax = kDriftMs + kStepMs + kSlowStepMs;
constexpr int64_t kLast = 10'000;

// How far each subtask is, and by how much one was ahead of one that still read.
struct Account {
  std::map<std::string, int64_t> reached;
  int64_t drift = 0;
  size_t numbers = 0;

  void Add(const std::string& task, int64_t number) {
    reached[task] = number;
    ++numbers;
    for (const auto& [other, at] : reached) {
      if (at < kLast) drift = std::max(drift, number - at);
    }
  }
};

class Recorder final : public native::NativeOperator {
 public:
  explicit Recorder(Account& account) : account_(account) {}
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output&) override {
    Count(view.remaining(), 0);
    for (; !view.done(); ++view.position)
      account_.Add(context_->task_name, view.batch->rows<int64_t>()[view.position]);
    return Progress::kDone;
  }

 private:
  Account& account_;
};

// 0, step … kLast; one each `every_ms` of the simulated clock.
ScriptedSplit Numbers(int64_t step, int64_t start_ms, int64_t every_ms) {
  ScriptedSplit split;
  for (int64_t i = 0; i * step <= kLast; ++i) split.push_back({start_ms + i * every_ms, i * step});
  return split;
}

void RunFastAndSlow(uint64_t seed, const std::string& group, Account& account) {
  constexpr int64_t kNow = 1'700'000'000'000;  // SimClock's start
  const ScriptedSplit fast = Numbers(kStepMs, kNow, 0);
  const ScriptedSplit slow = Numbers(kSlowStepMs, kNow, 100);
  OperatorRegistry registry = native::NativeOperators();
  native::AddTimedSplits(registry, {{1, {{fast}, {fast}}}, {2, {{slow}, {fast}}}});
  native::AddNative(registry, "record", [&account](const idl::OperatorNode&) {
    return std::make_unique<Recorder>(account);
  });
  SimCluster cluster(seed, std::move(registry), {.task_managers = 2});

  idl::WatermarkStrategy strategy;
  strategy.generator = idl::WatermarkGeneratorKind::BOUNDED;
  strategy.interval_ms = 200;
  strategy.alignment_group = group;
  strategy.max_drift_ms = kDriftMs;
  // Long enough for all to have read something before the first comparison, whatever the seed.
  strategy.alignment_interval_ms = 1000;
  JobBuilder job("00000000000000000000000000000001");
  for (const int64_t source : {1, 2}) {
    const int timed = native::AddTimedSource(job, source, 2, strategy);
    job.Then(timed, idl::Partitioner::FORWARD, job.Native("record", 2));
  }
  const auto client = cluster.Submit(job.Build());
  const absl::Status status = cluster.RunUntilEnded(*client);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(client->state(), JobState::kFinished);
  EXPECT_EQ(account.numbers, 3 * fast.size() + slow.size());
  ASSERT_TRUE(cluster.ShutDown().ok());
  EXPECT_THAT(cluster.violations(), IsEmpty());
}

TEST(SimWatermarkAlignment, NobodyIsFurtherAheadThanTheDriftAndABatch) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Account account;
    RunFastAndSlow(seed, "group", account);
    EXPECT_LE(account.drift, kAheadMax) << "seed " << seed;
  }
}

TEST(SimWatermarkAlignment, WithoutAGroupTheyRunAhead) {
  Account account;
  RunFastAndSlow(0, "", account);
  EXPECT_GT(account.drift, kAheadMax);
}

}  // namespace
}  // namespace pyflinkpp::sim
