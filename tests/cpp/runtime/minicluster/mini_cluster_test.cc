// The whole engine on its real threads, with native operators. Waits are for events, with a
// generous deadline.
#include "runtime/minicluster/mini_cluster.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "harness/batches.h"
#include "harness/graphs.h"
#include "runtime/connectors/file/file_test_env.h"

namespace pyflinkpp {
namespace {

using harness::GraphBuilder;
using testing::HasSubstr;

constexpr int64_t kDeadlineMs = 60'000;

// Doubles numbers; fails at 13 when told to.
class Doubler final : public Operator {
 public:
  Doubler(bool fails, std::atomic<int>& open) : fails_(fails), open_(open) {}
  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    ++open_;
    return absl::OkStatus();
  }
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    for (; !view.done(); ++view.position) {
      const int64_t value = view.batch->rows<int64_t>()[view.position];
      if (fails_ && value == 13) return UserError("unlucky");
      output.batch(LongSerializer()).AppendRow(2 * value);
      ++context_->counters[0].records_in;
      ++context_->counters[0].records_out;
    }
    return Progress::kDone;
  }
  absl::Status Close() override {
    --open_;
    return absl::OkStatus();
  }

 private:
  const bool fails_;
  std::atomic<int>& open_;
  OperatorContext* context_ = nullptr;
};

class SilentConsole final : public Console {
 public:
  void Write(absl::string_view, bool) override {}
};

class MiniClusterTest : public testing::Test {
 protected:
  void Start(int slots = kUnlimitedSlots, size_t blocking_memory_bytes = kBlockingMemoryBytes) {
    OperatorRegistry registry = BuiltinOperators();
    for (const bool fails : {false, true}) {
      registry.entries[fails ? "native:failing" : "native:doubler"] = {
          .make = [this, fails](auto,
                                const auto&) { return std::make_unique<Doubler>(fails, open_); },
          .make_enumerator = {}};
    }
    cluster_.emplace(std::move(registry), std::make_unique<SilentConsole>(), slots,
                     blocking_memory_bytes);
  }
  // numbers -> (rebalance) -> function -> sink, the function at parallelism 2.
  static GraphBuilder Job(int64_t last, const std::string& function) {
    GraphBuilder builder;
    builder.Source("numbers");
    builder.op(0).spec.number_sequence_source.last = last;
    builder.Then(builder.Native(function, 2), idl::Partitioner::REBALANCE);
    return builder;
  }
  static idl::JobGraph Discarding(int64_t last, const std::string& function) {
    GraphBuilder builder = Job(last, function);
    builder.Then(builder.Sink("out", 2));
    return builder.Complete();
  }
  static idl::JobGraph Collecting(int64_t last, const std::string& function) {
    GraphBuilder builder = Job(last, function);
    builder.Then(builder.Collect("collect"), idl::Partitioner::REBALANCE);
    return builder.Complete();
  }

  std::atomic<int> open_ = 0;
  std::optional<MiniCluster> cluster_;
};

TEST_F(MiniClusterTest, AJobRunsToItsEnd) {
  Start();
  const auto job = cluster_->Submit(Discarding(10'000, "doubler"));
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  EXPECT_EQ(job->state(), JobState::kFinished);
  const JobResult result = job->result();
  EXPECT_EQ(result.state, JobState::kFinished);
  EXPECT_GE(result.runtime_ms, 0);
  EXPECT_EQ(result.metrics.at(0).records_out, 10'000);
  EXPECT_EQ(result.metrics.at(1).records_in, 10'000);
  EXPECT_EQ(result.metrics.at(2).records_in, 10'000);
  EXPECT_EQ(open_.load(), 0) << "what was opened was closed";
}

TEST_F(MiniClusterTest, TheClientCollectsResults) {
  Start();
  const auto job = cluster_->Submit(Collecting(5000, "doubler"));
  std::map<int64_t, int> seen;
  for (bool ended = false; !ended;) {
    auto element = job->NextResult(kDeadlineMs, &ended);
    if (!element) {
      ASSERT_TRUE(ended);
      break;
    }
    const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&*element);
    if (batch == nullptr) continue;
    for (const int64_t value : harness::LongsOf(**batch)) ++seen[value];
  }
  EXPECT_EQ(job->state(), JobState::kFinished);
  ASSERT_EQ(seen.size(), 5000u);
  for (const auto& [value, count] : seen) ASSERT_TRUE(value % 2 == 0 && count == 1) << value;
  EXPECT_EQ(seen.rbegin()->first, 10'000);
}

TEST_F(MiniClusterTest, AFailureEndsTheJobAndClosesEverything) {
  Start();
  const auto job = cluster_->Submit(Discarding(std::numeric_limits<int64_t>::max() - 1, "failing"));
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  const JobResult result = job->result();
  EXPECT_EQ(result.state, JobState::kFailed);
  EXPECT_EQ(result.failure.message, "unlucky");
  EXPECT_EQ(result.failure.kind, idl::FaultKind::USER);
  EXPECT_THAT(result.failure.operator_name, HasSubstr("failing"));
  EXPECT_EQ(open_.load(), 0);
}

TEST_F(MiniClusterTest, AnEndlessJobIsCanceled) {
  Start();
  const auto job = cluster_->Submit(Discarding(std::numeric_limits<int64_t>::max() - 1, "doubler"));
  EXPECT_FALSE(job->Wait(1));
  job->Cancel();
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  EXPECT_EQ(job->result().state, JobState::kCanceled);
  EXPECT_EQ(open_.load(), 0);
}

TEST_F(MiniClusterTest, ResultsThatNobodyReadsHoldTheJobUntilTheyAreGivenUp) {
  Start();
  const auto job = cluster_->Submit(Collecting(100'000, "doubler"));
  bool ended = false;
  ASSERT_TRUE(job->NextResult(kDeadlineMs, &ended).has_value());
  job->CloseResults();
  ASSERT_TRUE(job->Wait(kDeadlineMs)) << "what it still makes is dropped";
  EXPECT_EQ(job->result().state, JobState::kFinished);
  EXPECT_EQ(job->result().metrics.at(1).records_out, 100'000);
  EXPECT_FALSE(job->NextResult(kDeadlineMs, &ended).has_value());
  EXPECT_TRUE(ended);
}

TEST_F(MiniClusterTest, TheDestructorCancelsWhatRuns) {
  Start();
  const auto job = cluster_->Submit(Discarding(std::numeric_limits<int64_t>::max() - 1, "doubler"));
  cluster_.reset();
  EXPECT_EQ(job->state(), JobState::kCanceled);
  EXPECT_EQ(open_.load(), 0);
}

TEST_F(MiniClusterTest, SlotsAreAsManyAsWereAskedFor) {
  Start(1);
  const auto job = cluster_->Submit(Discarding(10, "doubler"));
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  EXPECT_EQ(job->result().state, JobState::kFailed);
  EXPECT_THAT(job->result().failure.message, HasSubstr("needs 2 slots and 1 are free"));
}

TEST_F(MiniClusterTest, JobsRunOneAfterTheOtherAndSideBySide) {
  Start();
  for (int round = 0; round < 5; ++round) {
    std::vector<std::shared_ptr<JobHandle>> jobs;
    for (int i = 0; i < 3; ++i) {
      idl::JobGraph graph = Discarding(1000, "doubler");
      graph.job_id = absl::StrCat("job ", round, ".", i);
      jobs.push_back(cluster_->Submit(std::move(graph)));
      EXPECT_EQ(jobs.back()->job_id(), absl::StrCat("job ", round, ".", i));
    }
    for (const auto& job : jobs) {
      ASSERT_TRUE(job->Wait(kDeadlineMs));
      EXPECT_EQ(job->result().state, JobState::kFinished);
    }
  }
}

// ---- batch mode ----

// numbers (2) -> doubler (2) -> a function (1) -> the end, in stages. The parameter: memory for what
// lies between them.
class BatchModeTest : public MiniClusterTest, public testing::WithParamInterface<size_t> {
 protected:
  BatchModeTest() {
    ::setenv("TMPDIR", directory_.path().c_str(), 1);
    Start(2, GetParam());
  }
  ~BatchModeTest() override {
    cluster_.reset();
    ::unsetenv("TMPDIR");
    EXPECT_THAT(directory_.Files(), testing::IsEmpty());
    EXPECT_EQ(open_.load(), 0);
  }
  static GraphBuilder Stages(int64_t last, const std::string& first, const std::string& second) {
    GraphBuilder builder;
    builder.graph().configuration["execution.runtime-mode"] = "BATCH";
    builder.Source("numbers", 2);
    builder.op(0).spec.number_sequence_source.last = last;
    builder.Then(builder.Native(first, 2), idl::Partitioner::REBALANCE);
    builder.Then(builder.Native(second, 1), idl::Partitioner::REBALANCE);
    return builder;
  }

  const file_test::TempDirectory directory_;
};

TEST_P(BatchModeTest, EveryRecordPassesAllStages) {
  GraphBuilder builder = Stages(100'000, "doubler", "doubler");
  builder.Then(builder.Collect("collect"), idl::Partitioner::FORWARD);
  const auto job = cluster_->Submit(builder.Complete());
  std::vector<int> seen(100'001);
  for (bool ended = false; !ended;) {
    auto element = job->NextResult(kDeadlineMs, &ended);
    if (!element) {
      ASSERT_TRUE(ended);
      break;
    }
    const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&*element);
    if (batch == nullptr) continue;
    for (const int64_t value : harness::LongsOf(**batch)) ++seen.at(value / 4);
  }
  EXPECT_EQ(job->result().state, JobState::kFinished);
  EXPECT_EQ(std::count(seen.begin() + 1, seen.end(), 1), 100'000);
}

TEST_P(BatchModeTest, AFailureInTheSecondStageLeavesNothing) {
  GraphBuilder builder = Stages(100'000, "failing", "doubler");
  builder.Then(builder.Sink("out"));
  const auto job = cluster_->Submit(builder.Complete());
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  EXPECT_EQ(job->result().state, JobState::kFailed);
  EXPECT_EQ(job->result().failure.message, "unlucky");
  EXPECT_EQ(job->result().metrics.at(0).records_out, 100'000) << "the first stage had ended";
  EXPECT_EQ(job->result().metrics.count(2), 0u) << "the third never began";
}

TEST_P(BatchModeTest, AJobIsCanceledWhileAStageWrites) {
  GraphBuilder builder = Stages(std::numeric_limits<int64_t>::max() - 1, "doubler", "doubler");
  builder.Then(builder.Sink("out"));
  const auto job = cluster_->Submit(builder.Complete());
  EXPECT_FALSE(job->Wait(1));
  job->Cancel();
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  EXPECT_EQ(job->result().state, JobState::kCanceled);
}

INSTANTIATE_TEST_SUITE_P(Memory, BatchModeTest, testing::Values(0, 100'000, kBlockingMemoryBytes));

}  // namespace
}  // namespace pyflinkpp
