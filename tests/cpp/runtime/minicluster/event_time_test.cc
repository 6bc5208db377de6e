// Event time of sources with several splits, on a stepped cluster under a clock of the test's.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "native/job_builder.h"
#include "native/timed_splits.h"
#include "runtime/minicluster/mini_cluster.h"

namespace pyflinkpp {
namespace {

using native::JobBuilder;
using native::ScriptedSplit;
using testing::ElementsAre;
using testing::Pair;

constexpr int64_t kStart = 1'000'000;  // what the clock shows at first

class SilentConsole final : public Console {
 public:
  void Write(absl::string_view, bool) override {}
};

// What passes: (clock since the start, watermark), idleness as -1; and the numbers.
struct Passed {
  std::vector<std::pair<int64_t, int64_t>> watermarks;
  std::vector<std::pair<int64_t, int64_t>> numbers;

  // The last watermark by then.
  int64_t WatermarkAt(int64_t time) const {
    int64_t watermark = kMinTimestamp;
    for (const auto& [at, each] : watermarks) watermark = at <= time ? each : watermark;
    return watermark;
  }
};

class Recorder final : public native::NativeOperator {
 public:
  explicit Recorder(Passed& passed) : passed_(passed) {}

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output&) override {
    Count(view.remaining(), 0);
    for (; !view.done(); ++view.position)
      passed_.numbers.emplace_back(Now(), view.batch->rows<int64_t>()[view.position]);
    return Progress::kDone;
  }
  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output&) override {
    passed_.watermarks.emplace_back(Now(), watermark.idle ? -1 : watermark.timestamp);
    return Progress::kDone;
  }

 private:
  int64_t Now() const { return context_->env.clock.NowMillis() - kStart; }
  Passed& passed_;
};

// `count` numbers: first, first + step …; one each `every_ms`.
ScriptedSplit Numbers(int64_t first, int64_t step, int64_t count, int64_t every_ms) {
  ScriptedSplit split;
  for (int64_t i = 0; i < count; ++i) split.push_back({kStart + i * every_ms, first + i * step});
  return split;
}

class EventTimeTest : public testing::Test {
 protected:
  static constexpr int64_t kInterval = 10;  // between watermarks

  // Runs source -> recorder for each source of the script; `strategy` is that of all.
  void Start(const native::Script& script, idl::WatermarkStrategy strategy,
             idl::Partitioner::type partitioner = idl::Partitioner::FORWARD) {
    OperatorRegistry registry = native::NativeOperators();
    native::AddTimedSplits(registry, script);
    strategy.generator = idl::WatermarkGeneratorKind::BOUNDED;
    strategy.interval_ms = kInterval;
    JobBuilder job("00000000000000000000000000000001");
    for (const auto& [source, subtasks] : script) {
      const int parallelism = static_cast<int>(subtasks.size());
      const std::string name = absl::StrCat("record", source);
      native::AddNative(registry, name, [this, source = source](const idl::OperatorNode&) {
        return std::make_unique<Recorder>(passed_[source]);
      });
      const int timed = native::AddTimedSource(job, source, parallelism, strategy);
      job.Then(timed, partitioner, job.Native(name, parallelism));
    }
    cluster_ =
        std::make_unique<SteppedCluster>(std::move(registry), std::make_unique<SilentConsole>(),
                                         std::make_unique<ManualClock>(kStart));
    job_ = cluster_->Submit(job.Build());
  }
  JobResult End() {
    EXPECT_TRUE(job_->Wait(600'000));
    return job_->result();
  }
  // By how much numbers of one source were ahead of another one's when they came, while both read.
  static int64_t Drift(const Passed& ahead, const Passed& behind) {
    int64_t drift = 0;
    for (const auto& [at, number] : ahead.numbers) {
      if (at >= behind.numbers.back().first) break;
      int64_t other = behind.numbers.front().second;
      for (const auto& [when, each] : behind.numbers) {
        if (when < at) other = each;
      }
      drift = std::max(drift, number - other);
    }
    return drift;
  }

  std::map<int64_t, Passed> passed_;
  std::unique_ptr<SteppedCluster> cluster_;
  std::shared_ptr<JobHandle> job_;
};

TEST_F(EventTimeTest, TheSplitThatIsBehindHoldsItsSource) {
  Start({{1, {{Numbers(0, 10, 100, 1), Numbers(0, 1, 100, 1)}}}}, {});
  EXPECT_EQ(End().state, JobState::kFinished);
  EXPECT_EQ(passed_[1].numbers.size(), 200u);
  EXPECT_LE(passed_[1].WatermarkAt(90), 90);
  EXPECT_GE(passed_[1].WatermarkAt(90), 60);
  EXPECT_EQ(passed_[1].watermarks.back().second, kMaxTimestamp);
}

TEST_F(EventTimeTest, AnIdleSplitIsLeftOutAndTimeDoesNotTurnBack) {
  ScriptedSplit silent = {{kStart, 5}, {kStart + 1000, 6}, {kStart + 1100, 5000}};
  idl::WatermarkStrategy strategy;
  strategy.idle_timeout_ms = 200;
  Start({{1, {{Numbers(0, 1, 1500, 1), silent}}}}, strategy);
  EXPECT_EQ(End().state, JobState::kFinished);
  const Passed& passed = passed_[1];
  EXPECT_EQ(passed.WatermarkAt(150), 4);  // the silent one holds
  EXPECT_GE(passed.WatermarkAt(300), 280);
  EXPECT_GE(passed.WatermarkAt(999), 970);
  // It came back far behind: it holds again, at where time is.
  EXPECT_LE(passed.WatermarkAt(1090), 1010);
  EXPECT_GE(passed.WatermarkAt(1200), 1100);
  EXPECT_TRUE(std::is_sorted(passed.watermarks.begin(), passed.watermarks.end(),
                             [](auto& a, auto& b) { return a.second < b.second; }));
}

TEST_F(EventTimeTest, WhenAllSplitsAreIdleSoIsTheSource) {
  idl::WatermarkStrategy strategy;
  strategy.idle_timeout_ms = 50;
  ScriptedSplit a = {{kStart, 5}, {kStart + 300, 7}}, b = {{kStart, 6}, {kStart + 300, 8}};
  Start({{1, {{a, b}}}}, strategy);
  cluster_->Advance(200);
  EXPECT_EQ(passed_[1].WatermarkAt(200), -1);
  EXPECT_EQ(End().state, JobState::kFinished);
}

TEST_F(EventTimeTest, AFinishedSplitIsGone) {
  Start({{1, {{Numbers(0, 1, 1000, 1), Numbers(0, 1, 100, 1)}}}}, {});
  EXPECT_EQ(End().state, JobState::kFinished);
  EXPECT_GE(passed_[1].WatermarkAt(90), 60);
  EXPECT_GE(passed_[1].WatermarkAt(900), 880);
}

TEST_F(EventTimeTest, WithoutAlignmentAFastSourceRunsAhead) {
  Start({{1, {{Numbers(0, 10, 2000, 0)}}}, {2, {{Numbers(0, 100, 200, 10)}}}}, {});
  EXPECT_EQ(End().state, JobState::kFinished);
  EXPECT_GT(Drift(passed_[1], passed_[2]), 10'000);
}

TEST_F(EventTimeTest, AlignedSourcesStayTogetherAndTheJobEnds) {
  idl::WatermarkStrategy strategy;
  strategy.alignment_group = "group";
  strategy.max_drift_ms = 1000;
  strategy.alignment_interval_ms = 50;
  Start({{1, {{Numbers(0, 10, 2000, 0)}}}, {2, {{Numbers(0, 100, 200, 10)}}}}, strategy);
  EXPECT_EQ(End().state, JobState::kFinished);
  EXPECT_EQ(passed_[1].numbers.size(), 2000u);
  EXPECT_EQ(passed_[2].numbers.size(), 200u);
  const int64_t drift = Drift(passed_[1], passed_[2]);
  EXPECT_LE(drift, 1000 + 10);  // one batch: a number
  EXPECT_GT(drift, 400);
}

TEST_F(EventTimeTest, ASourceThatHasEndedDoesNotHoldItsGroup) {
  idl::WatermarkStrategy strategy;
  strategy.alignment_group = "group";
  strategy.max_drift_ms = 100;
  strategy.alignment_interval_ms = 50;
  Start({{1, {{Numbers(0, 10, 2000, 0)}}}, {2, {{Numbers(0, 1, 5, 10)}, {}}}}, strategy);
  EXPECT_EQ(End().state, JobState::kFinished);
  EXPECT_EQ(passed_[1].numbers.size(), 2000u);
}

TEST_F(EventTimeTest, AnIdleSourceDoesNotHoldItsGroup) {
  idl::WatermarkStrategy strategy;
  strategy.alignment_group = "group";
  strategy.max_drift_ms = 100;
  strategy.alignment_interval_ms = 50;
  strategy.idle_timeout_ms = 200;
  ScriptedSplit silent = {{kStart, 0}, {kStart + 3'600'000, 1}};
  Start({{1, {{Numbers(0, 10, 2000, 0)}}}, {2, {{silent}}}}, strategy);
  cluster_->Advance(100);
  EXPECT_LT(passed_[1].numbers.size(), 20u);
  cluster_->Advance(60'000);
  EXPECT_EQ(passed_[1].numbers.size(), 2000u);
}

TEST_F(EventTimeTest, OnlyTheSplitThatIsAheadIsPaused) {
  idl::WatermarkStrategy strategy;
  strategy.alignment_group = "group";
  strategy.max_drift_ms = 1000;
  strategy.alignment_interval_ms = 50;
  Start({{1, {{Numbers(0, 20, 1000, 0), Numbers(1, 50, 100, 10)}}}}, strategy);
  EXPECT_EQ(End().state, JobState::kFinished);
  Passed even, odd;
  for (const auto& each : passed_[1].numbers)
    (each.second % 2 == 0 ? even : odd).numbers.push_back(each);
  EXPECT_EQ(even.numbers.size(), 1000u);
  EXPECT_EQ(odd.numbers.size(), 100u);
  EXPECT_EQ(odd.numbers.back().first, 990);  // was never paused
  EXPECT_LE(Drift(even, odd), 1000 + 20);
}

TEST_F(EventTimeTest, ClientsLearnWhichSplitHoldsAndSinceWhen) {
  const ScriptedSplit late = {{kStart, 3}, {kStart + 5000, 4}};
  Start({{1, {{Numbers(0, 1, 6000, 1), late}}}}, {}, idl::Partitioner::REBALANCE);
  cluster_->Advance(2000);
  const std::map<std::string, TaskWatermark> told = job_->watermarks();
  ASSERT_EQ(told.size(), 2u);
  for (const auto& [task, watermark] : told) {
    const bool is_source = task.starts_with("numbers");
    EXPECT_EQ(watermark.watermark, 2) << task;
    EXPECT_EQ(watermark.split, is_source ? "split 0.1" : "");
    EXPECT_EQ(watermark.held_by.starts_with("numbers"), !is_source);
    EXPECT_GE(watermark.since_ms, kStart);
    EXPECT_LE(watermark.since_ms, kStart + 30);
  }
  const JobResult result = End();
  ASSERT_EQ(result.holds.size(), 2u);
  for (const TaskHold& hold : result.holds) {
    EXPECT_EQ(hold.split, "split 0.1") << hold.task;
    EXPECT_TRUE(hold.source.starts_with("numbers"));
    EXPECT_EQ(hold.held_by == hold.source, hold.task != hold.source);
    EXPECT_EQ(hold.watermark, 2);
    EXPECT_GE(hold.until_ms - hold.since_ms, 4950);
    EXPECT_LE(hold.until_ms - hold.since_ms, 5050);
  }
}

}  // namespace
}  // namespace pyflinkpp
