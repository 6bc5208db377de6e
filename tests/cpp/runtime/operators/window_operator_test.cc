#include "runtime/operators/window_operator.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "core/windowing/session_windows.h"
#include "core/windowing/time_window_assigners.h"
#include "core/windowing/untimed_windows.h"
#include "runtime/operators/window_driver.h"

namespace pyflinkpp {
namespace {

using harness::Element;
using harness::Emitted;
using harness::WindowDriver;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

WindowParts Tumbling(int64_t size, int64_t lateness = 0) {
  return {.assigner = *MakeTumblingWindows(size, 0, true),
          .trigger = MakeEventTimeTrigger(),
          .function = nullptr,
          .allowed_lateness_ms = lateness,
          .late_output = {}};
}
WindowParts Sessions(int64_t gap, int64_t lateness = 0) {
  WindowParts parts = Tumbling(1, lateness);
  parts.assigner = *MakeSessionWindows(gap, true);
  return parts;
}
WindowParts Parts(std::unique_ptr<WindowAssigner> assigner, std::unique_ptr<Trigger> trigger) {
  WindowParts parts = Tumbling(1);
  parts.assigner = std::move(assigner);
  parts.trigger = std::move(trigger);
  return parts;
}

// Counts the timers that fire; otherwise as the trigger inside.
class CountingTrigger final : public Trigger {
 public:
  CountingTrigger(std::unique_ptr<Trigger> trigger, std::vector<int64_t>* fired)
      : trigger_(std::move(trigger)), fired_(fired) {}
  absl::StatusOr<TriggerResult> OnElement(RecordBatch& batch, size_t i, int64_t timestamp,
                                          TriggerContext& context) override {
    return trigger_->OnElement(batch, i, timestamp, context);
  }
  absl::StatusOr<TriggerResult> OnEventTime(int64_t time, TriggerContext& context) override {
    fired_->push_back(time);
    return trigger_->OnEventTime(time, context);
  }
  absl::StatusOr<TriggerResult> OnProcessingTime(int64_t time, TriggerContext& context) override {
    fired_->push_back(time);
    return trigger_->OnProcessingTime(time, context);
  }
  bool can_merge() const override { return true; }
  absl::Status OnMerge(std::span<const Window> merged, TriggerContext& context) override {
    return trigger_->OnMerge(merged, context);
  }
  absl::Status Clear(TriggerContext& context) override { return trigger_->Clear(context); }

 private:
  const std::unique_ptr<Trigger> trigger_;
  std::vector<int64_t>* const fired_;
};

// ---- event time ----

TEST(WindowOperatorTest, AWindowFiresOnceWhenTheWatermarkReachesItsLastTime) {
  WindowDriver driver(Tumbling(10));
  ASSERT_TRUE(driver.Push({{"k", "a", 3}, {"k", "b", 9}, {"j", "c", 0}, {"k", "d", 10}}).ok());
  ASSERT_TRUE(driver.PushWatermark(8).ok());
  EXPECT_THAT(driver.emitted, IsEmpty());
  ASSERT_TRUE(driver.PushWatermark(9).ok());
  EXPECT_THAT(driver.TakeEmitted(),
              ElementsAre(Emitted{"k [0,10) a,b,", 9}, Emitted{"j [0,10) c,", 9}));
  EXPECT_EQ(driver.log, "clear(k [0,10)) clear(j [0,10)) ");
  EXPECT_THAT(driver.StateSizes(), ElementsAre(Pair("window:contents", 1)));
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [10,20) d,", 19}));
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  EXPECT_EQ(driver.live_values(), 0u);
  EXPECT_EQ(driver.counters().records_in, 4);
  EXPECT_EQ(driver.counters().records_out, 3);
  EXPECT_EQ(driver.counters().late_dropped, 0);
}

TEST(WindowOperatorTest, WindowsFireInTheOrderOfTheirTimes) {
  WindowDriver driver(Tumbling(10));
  ASSERT_TRUE(driver.Push({{"k", "c", 25}, {"k", "a", 5}, {"j", "b", 15}, {"j", "a", -5}}).ok());
  ASSERT_TRUE(driver.PushWatermark(100).ok());
  EXPECT_THAT(driver.emitted,
              ElementsAre(Emitted{"j [-10,0) a,", -1}, Emitted{"k [0,10) a,", 9},
                          Emitted{"j [10,20) b,", 19}, Emitted{"k [20,30) c,", 29}));
  EXPECT_THAT(driver.function().watermarks_seen, ElementsAre(100, 100, 100, 100))
      << "the watermark is set before timers fire";
}

TEST(WindowOperatorTest, AnIdleWatermarkFiresNothing) {
  WindowDriver driver(Tumbling(10));
  ASSERT_TRUE(driver.PushWatermark(5).ok()) << "before the first batch";
  ASSERT_TRUE(driver.Push({{"k", "a", 3}}).ok());
  ASSERT_TRUE(driver.PushWatermark(100, /*idle=*/true).ok());
  EXPECT_THAT(driver.emitted, IsEmpty());
}

TEST(WindowOperatorTest, LateElementsAreDroppedAndCounted) {
  WindowDriver driver(Tumbling(10));
  ASSERT_TRUE(driver.PushWatermark(9).ok());
  ASSERT_TRUE(driver.Push({{"k", "late", 9}, {"k", "ok", 10}}).ok());
  ASSERT_TRUE(driver.PushWatermark(12).ok());
  ASSERT_TRUE(driver.Push({{"k", "behind the watermark", 10}, {"k", "late", 1}}).ok());
  ASSERT_TRUE(driver.PushWatermark(19).ok());
  EXPECT_THAT(driver.emitted, ElementsAre(Emitted{"k [10,20) ok,behind the watermark,", 19}));
  EXPECT_EQ(driver.counters().late_dropped, 2);
  EXPECT_EQ(driver.counters().records_in, 4);
}

TEST(WindowOperatorTest, LateElementsGoToTheirSideOutput) {
  WindowParts parts = Tumbling(10);
  parts.late_output = WindowDriver::kLate;
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.PushWatermark(9).ok());
  ASSERT_TRUE(driver.Push({{"k", "late", 3}, {"k", "ok", 10}, {"k", "too", 9}}).ok());
  EXPECT_THAT(driver.side[WindowDriver::kLate], ElementsAre(Emitted{"late", 3}, Emitted{"too", 9}));
  EXPECT_EQ(driver.counters().late_dropped, 0);
}

TEST(WindowOperatorTest, AllowedLatenessFiresAgainAndThenEverythingGoes) {
  for (const bool yield : {false, true}) {
    WindowDriver driver(Tumbling(100, 50));
    driver.YieldAlways(yield);
    ASSERT_TRUE(driver.Push({{"k", "10", 10}, {"k", "90", 90}}).ok());
    ASSERT_TRUE(driver.PushWatermark(104).ok());
    EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,100) 10,90,", 99}));
    ASSERT_TRUE(driver.Push({{"k", "50", 50}, {"j", "51", 51}}).ok());
    EXPECT_THAT(driver.TakeEmitted(),
                ElementsAre(Emitted{"k [0,100) 10,90,50,", 99}, Emitted{"j [0,100) 51,", 99}));
    ASSERT_TRUE(driver.PushWatermark(148).ok());
    ASSERT_TRUE(driver.Push({{"k", "60", 60}}).ok());
    EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,100) 10,90,50,60,", 99}));
    ASSERT_TRUE(driver.PushWatermark(149).ok());
    EXPECT_EQ(driver.log, "clear(k [0,100)) clear(j [0,100)) ");
    EXPECT_THAT(driver.StateSizes(), IsEmpty());
    ASSERT_TRUE(driver.Push({{"k", "70", 70}}).ok());
    EXPECT_THAT(driver.TakeEmitted(), IsEmpty());
    EXPECT_EQ(driver.counters().late_dropped, 1);
  }
}

// Flink asks the element's own time, not its windows': in one that is skipped but not late, it is
// neither dropped nor counted.
TEST(WindowOperatorTest, AnElementInNoWindowIsNotLate) {
  WindowParts parts = Tumbling(10);
  parts.assigner = *MakeSlidingWindows(5, 10, 0, true);  // 5 to 9 are in no window
  parts.late_output = WindowDriver::kLate;
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.Push({{"k", "none", 7}, {"k", "a", 4}}).ok());
  ASSERT_TRUE(driver.PushWatermark(6).ok());
  ASSERT_TRUE(driver.Push({{"k", "none", 7}, {"k", "late", 6}}).ok());
  EXPECT_THAT(driver.emitted, ElementsAre(Emitted{"k [0,5) a,", 4}));
  EXPECT_THAT(driver.side[WindowDriver::kLate], ElementsAre(Emitted{"late", 6}));
}

TEST(WindowOperatorTest, ASlidingElementThatIsLateForSomeWindowsIsNotLate) {
  WindowParts parts = Tumbling(10);
  parts.assigner = *MakeSlidingWindows(10, 5, 0, true);
  parts.late_output = WindowDriver::kLate;
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.PushWatermark(9).ok());
  ASSERT_TRUE(driver.Push({{"k", "a", 7}, {"k", "b", 2}}).ok());
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(driver.emitted, ElementsAre(Emitted{"k [5,15) a,", 14}));
  EXPECT_THAT(driver.side[WindowDriver::kLate], ElementsAre(Emitted{"b", 2}));
}

TEST(WindowOperatorTest, AnElementWithoutTimestampIsTheUsersError) {
  for (const bool with_column : {false, true}) {
    WindowDriver driver(Tumbling(10));
    const absl::Status status = driver.Push({{"k", "a"}}, with_column);
    EXPECT_EQ(FailureOf(status).kind, idl::FaultKind::USER);
    EXPECT_THAT(FailureOf(status).message, HasSubstr("assign_timestamps_and_watermarks"));
  }
  WindowDriver driver(Tumbling(10));
  EXPECT_FALSE(driver.Push({{"k", "a", 1}, {"k", "b", 2}, {"k", "c"}, {"k", "d", 3}}).ok());
  EXPECT_EQ(driver.counters().records_in, 2) << "those before it were processed";
}

TEST(WindowOperatorTest, AnErrorComesAfterWhatWasDoneBeforeIt) {
  WindowDriver driver(Tumbling(10));
  EXPECT_EQ(driver.Push({{"k", "a", 1}, {"k", "bad", 2}, {"k", "c", 3}}),
            absl::InvalidArgumentError("bad"));
  EXPECT_EQ(driver.counters().records_in, 1);
}

TEST(WindowOperatorTest, RecordsWithoutKeysShareOne) {
  WindowDriver driver(Tumbling(10));
  ASSERT_TRUE(driver.Push({{"", "a", 1}, {"", "b", 2}}, true, /*with_keys=*/false).ok());
  ASSERT_TRUE(driver.Push({{"", "c", 3}}, true, /*with_keys=*/true).ok());
  ASSERT_TRUE(driver.PushWatermark(9).ok());
  EXPECT_THAT(driver.emitted, ElementsAre(Emitted{" [0,10) a,b,c,", 9}));
  EXPECT_EQ(driver.live_values(), 0u);
}

TEST(WindowOperatorTest, ManyWindowsFireInBatches) {
  constexpr int64_t kWindows = 3 * kBatchRecordsMax + 5;
  for (const bool merging : {false, true}) {
    WindowDriver driver(merging ? Sessions(5) : Tumbling(5));
    for (int64_t i = 0; i < kWindows; ++i) {
      ASSERT_TRUE(driver.Push({{"k", std::to_string(i), i * 10}}).ok());
    }
    const int before = driver.calls;
    ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
    EXPECT_EQ(driver.calls - before, 4);
    EXPECT_EQ(driver.emitted.size(), static_cast<size_t>(kWindows));
    EXPECT_THAT(driver.StateSizes(), IsEmpty());
    driver.emitted.clear();
  }
}

TEST(WindowOperatorTest, AYieldBetweenTimersLosesNone) {
  for (const bool merging : {false, true}) {
    WindowDriver driver(merging ? Sessions(5) : Tumbling(5));
    driver.YieldAlways(true);
    for (int64_t i = 0; i < 200; ++i) {
      ASSERT_TRUE(driver.Push({{"k", "x", i * 10}}).ok());
    }
    const int before = driver.calls;
    ASSERT_TRUE(driver.PushWatermark(1495).ok());
    EXPECT_EQ(driver.emitted.size(), 150u);
    EXPECT_EQ(driver.calls - before, 150);
    ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
    EXPECT_EQ(driver.emitted.size(), 200u);
  }
}

TEST(WindowOperatorTest, AFunctionMayEmitManyRecordsAndSideOutputs) {
  WindowDriver driver(Tumbling(10));
  driver.function().copies = 2;
  driver.function().side_output = 0;
  ASSERT_TRUE(driver.Push({{"k", "a", 1}, {"k", "b", 11}}).ok());
  ASSERT_TRUE(driver.PushWatermark(100).ok());
  EXPECT_THAT(driver.emitted,
              ElementsAre(Emitted{"k [0,10) a,", 9}, Emitted{"k [0,10) a,", 9},
                          Emitted{"k [10,20) b,", 19}, Emitted{"k [10,20) b,", 19}));
  EXPECT_THAT(driver.side[0], ElementsAre(Emitted{"side a,", 9}, Emitted{"side b,", 19}));
  EXPECT_EQ(driver.counters().records_out, 4) << "of the main output";
}

TEST(WindowOperatorTest, WindowsThatEndWithTimeAreKeptForEver) {
  WindowDriver driver(Tumbling(10, kMaxTimestamp));
  ASSERT_TRUE(driver.Push({{"k", "a", 1}}).ok());
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp - 1).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,10) a,", 9}));
  ASSERT_TRUE(driver.Push({{"k", "b", 2}}).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,10) a,b,", 9}));
  EXPECT_THAT(driver.log, IsEmpty());
}

// ---- sessions ----

TEST(WindowOperatorTest, SessionsBridgeAndKeepTheirFirstContentsInPlace) {
  WindowDriver driver(Sessions(20));
  ASSERT_TRUE(driver.Push({{"k", "0", 0}, {"k", "40", 40}}).ok());
  EXPECT_THAT(driver.StateSizes(),
              ElementsAre(Pair("window:contents", 2), Pair("window:sessions", 1)));
  ASSERT_TRUE(driver.Push({{"k", "20", 20}}).ok());
  EXPECT_EQ(driver.log, "merge(40,->0,) ");
  EXPECT_THAT(driver.StateSizes(),
              ElementsAre(Pair("window:contents", 1), Pair("window:sessions", 1)));
  ASSERT_TRUE(driver.Push({{"k", "81", 81}}).ok());  // 60 ends the session, 61 starts another
  ASSERT_TRUE(driver.PushWatermark(59).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,60) 0,40,20,", 59}));
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [81,101) 81,", 100}));
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  EXPECT_EQ(driver.live_values(), 0u);
}

TEST(WindowOperatorTest, ExtendingASessionMovesItsTimer) {
  std::vector<int64_t> fired;
  WindowParts parts = Sessions(20);
  parts.trigger = std::make_unique<CountingTrigger>(MakeEventTimeTrigger(), &fired);
  WindowDriver driver(std::move(parts));
  for (int64_t time = 0; time < 1000; time += 10) {
    ASSERT_TRUE(driver.Push({{"k", "x", time}}).ok());
    ASSERT_TRUE(driver.PushWatermark(time).ok());
  }
  EXPECT_THAT(fired, IsEmpty());
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(fired, ElementsAre(1009));
  EXPECT_THAT(driver.log, "clear(k [0,1010)) ");
}

TEST(WindowOperatorTest, ALateElementThatMeetsASessionIsNotLate) {
  WindowDriver driver(Sessions(20));
  ASSERT_TRUE(driver.Push({{"k", "30", 30}}).ok());
  ASSERT_TRUE(driver.PushWatermark(40).ok());
  ASSERT_TRUE(driver.Push({{"k", "15", 15}, {"j", "15", 15}}).ok());
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(driver.emitted, ElementsAre(Emitted{"k [15,50) 30,15,", 49}));
  EXPECT_EQ(driver.counters().late_dropped, 1);
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
}

TEST(WindowOperatorTest, AllowedLatenessOfSessions) {
  WindowDriver driver(Sessions(10, 100));
  ASSERT_TRUE(driver.Push({{"k", "0", 0}, {"k", "30", 30}}).ok());
  ASSERT_TRUE(driver.PushWatermark(50).ok());
  EXPECT_THAT(driver.TakeEmitted(),
              ElementsAre(Emitted{"k [0,10) 0,", 9}, Emitted{"k [30,40) 30,", 39}));
  ASSERT_TRUE(driver.Push({{"k", "10", 10}}).ok());  // fires at once
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,20) 0,10,", 19}));
  ASSERT_TRUE(driver.Push({{"k", "20", 20}}).ok());  // bridges
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,40) 0,10,30,20,", 39}));
  ASSERT_TRUE(driver.PushWatermark(138).ok());
  EXPECT_THAT(driver.log, "merge(30,->0,10,) ");
  ASSERT_TRUE(driver.PushWatermark(139).ok());
  EXPECT_THAT(driver.log, "merge(30,->0,10,) clear(k [0,40)) ");
  EXPECT_THAT(driver.emitted, IsEmpty());
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
}

TEST(WindowOperatorTest, PurgedSessionsMerge) {
  WindowParts parts = Sessions(20);
  parts.trigger = MakePurgingTrigger(MakeCountTrigger(2));
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.Push({{"k", "a", 0}, {"k", "b", 1}}).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,21) a,b,", 20}));
  ASSERT_TRUE(driver.Push({{"k", "c", 40}, {"k", "d", 20}}).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,60) c,d,", 59}))
      << "the counts of both sessions add up; the purged one adds no contents";
  EXPECT_THAT(driver.StateSizes(), ElementsAre(Pair("window:sessions", 1)));
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(driver.emitted, IsEmpty());
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
}

// Flink merges the sources into their first one, then that into the one that stays.
TEST(WindowOperatorTest, ManySessionsMergeIntoTheFirst) {
  class LongGapForLong final : public SessionGap {  // rows are equal here: by their order
    absl::StatusOr<int64_t> Of(const RecordBatch&, size_t) override {
      return ++seen_ == 5 ? 100 : 2;
    }
    int seen_ = 0;
  };
  WindowParts parts = Sessions(1);
  parts.assigner = MakeSessionWindows(std::make_unique<LongGapForLong>(), true);
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(
      driver.Push({{"k", "a", 10}, {"k", "b", 20}, {"k", "c", 30}, {"k", "d", 40}, {"k", "all", 5}})
          .ok());
  EXPECT_EQ(driver.log, "merge(c,->b,) merge(d,->b,c,) merge(b,c,d,->a,) ");
  EXPECT_EQ(driver.live_values(), 1u);
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(driver.emitted, ElementsAre(Emitted{"k [5,105) a,b,c,d,all,", 104}));
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
}

// A trigger without timers leaves the window's own one, which moves as well.
TEST(WindowOperatorTest, AGrowingSessionMovesItsCleanupTimer) {
  WindowDriver driver(Parts(*MakeSessionWindows(100, false), MakeCountTrigger(10)));
  const int64_t start = driver.Now();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(driver.Push({{"k", "a"}}, false).ok());
    EXPECT_EQ(driver.next_processing_time(), start + i * 60 + 99);
    ASSERT_TRUE(driver.AdvanceClock(60).ok());
  }
  ASSERT_TRUE(driver.AdvanceClock(40).ok());
  EXPECT_THAT(driver.emitted, IsEmpty());
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  EXPECT_EQ(driver.live_values(), 0u);
}

TEST(WindowOperatorTest, MergingToAWindowThatHasEndedIsTheUsersError) {
  class Shrinking final : public WindowAssigner {
   public:
    bool event_time() const override { return true; }
    bool merging() const override { return true; }
    absl::Status Assign(const RecordBatch&, size_t, int64_t timestamp, AssignerContext&,
                        std::vector<Window>& windows) override {
      windows.push_back({timestamp, timestamp + 10});
      return absl::OkStatus();
    }
    absl::Status MergeWindows(std::span<const Window> windows, WindowMerges& merges) override {
      merges.Clear();
      if (windows.size() < 2) return absl::OkStatus();
      merges.merged.assign(windows.begin(), windows.end());
      merges.ends.push_back(static_cast<uint32_t>(windows.size()));
      merges.results.push_back({0, 1});
      return absl::OkStatus();
    }
  };
  WindowParts parts = Sessions(1);
  parts.assigner = std::make_unique<Shrinking>();
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.PushWatermark(5).ok());
  ASSERT_TRUE(driver.Push({{"k", "a", 10}}).ok());
  const absl::Status status = driver.Push({{"k", "b", 20}});
  EXPECT_EQ(FailureOf(status).kind, idl::FaultKind::USER);
  EXPECT_THAT(FailureOf(status).message, HasSubstr("[0, 1)"));
}

TEST(WindowOperatorTest, AMergingAssignerNeedsATriggerThatMerges) {
  class Stubborn final : public Trigger {
    absl::StatusOr<TriggerResult> OnElement(RecordBatch&, size_t, int64_t,
                                            TriggerContext&) override {
      return TriggerResult::kFire;
    }
    absl::Status Clear(TriggerContext&) override { return absl::OkStatus(); }
  };
  WindowParts parts = Sessions(10);
  parts.trigger = std::make_unique<Stubborn>();
  WindowDriver driver(std::move(parts));
  EXPECT_EQ(FailureOf(driver.opened).kind, idl::FaultKind::USER);
}

TEST(WindowOperatorTest, AnElementWithoutTimestampStartsASessionAtTheFirstOfAllTimes) {
  WindowDriver driver(Sessions(20));
  ASSERT_TRUE(driver.Push({{"k", "a"}, {"k", "b"}}, /*with_timestamps=*/false).ok());
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  ASSERT_EQ(driver.emitted.size(), 1u);
  EXPECT_EQ(driver.emitted[0].timestamp, kMinTimestamp + 19);
}

// ---- processing time ----

TEST(WindowOperatorTest, ProcessingTimeWindowsFireByTheClock) {
  WindowDriver driver(Parts(*MakeTumblingWindows(1000, 0, false), MakeProcessingTimeTrigger()));
  EXPECT_EQ(driver.next_processing_time(), kMaxTimestamp);
  const int64_t start = driver.Now();  // a multiple of 1000
  ASSERT_TRUE(driver.Push({{"k", "a"}, {"k", "b"}}, false).ok());
  EXPECT_EQ(driver.next_processing_time(), start + 999);
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok()) << "means nothing to it";
  ASSERT_TRUE(driver.AdvanceClock(998).ok());
  EXPECT_THAT(driver.emitted, IsEmpty());
  ASSERT_TRUE(driver.AdvanceClock(1).ok());
  const std::string window = absl::StrCat("[", start, ",", start + 1000, ")");
  EXPECT_THAT(driver.emitted, ElementsAre(Emitted{"k " + window + " a,b,", start + 999}));
  EXPECT_EQ(driver.log, "clear(k " + window + ") ");
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  EXPECT_EQ(driver.next_processing_time(), kMaxTimestamp);
}

TEST(WindowOperatorTest, ProcessingTimeSessions) {
  WindowDriver driver(Parts(*MakeSessionWindows(100, false), MakeProcessingTimeTrigger()));
  const int64_t start = driver.Now();
  ASSERT_TRUE(driver.Push({{"k", "a"}}, false).ok());
  ASSERT_TRUE(driver.AdvanceClock(80).ok());
  ASSERT_TRUE(driver.Push({{"k", "b"}}, false).ok());
  EXPECT_EQ(driver.next_processing_time(), start + 179) << "the first timer is gone";
  ASSERT_TRUE(driver.AdvanceClock(99).ok());
  EXPECT_THAT(
      driver.TakeEmitted(),
      ElementsAre(Emitted{absl::StrCat("k [", start, ",", start + 180, ") a,b,"), start + 179}));
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
}

TEST(WindowOperatorTest, ProcessingTimeTimersStopWhenAskedTo) {
  WindowDriver driver(Parts(*MakeTumblingWindows(1000, 0, false), MakeProcessingTimeTrigger()));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(driver.Push({{std::to_string(i), "a"}}, false).ok());
  driver.YieldAlways(true);
  const int before = driver.calls;
  ASSERT_TRUE(driver.AdvanceClock(1000).ok());
  EXPECT_EQ(driver.calls - before, 100);
  EXPECT_EQ(driver.emitted.size(), 100u);
}

// ---- counts, global windows, triggers ----

TEST(WindowOperatorTest, CountWindowsEmitFullWindowsOnly) {
  struct Case {
    int64_t size, slide;
    std::vector<std::string> expected;
  };
  for (const Case& c :
       {Case{4, 4, {"a #0 0,1,2,3,", "a #1 4,5,6,7,"}},
        Case{4, 2, {"a #0 0,1,2,3,", "a #1 2,3,4,5,", "a #2 4,5,6,7,", "a #3 6,7,8,9,"}},
        Case{3, 5, {"a #0 0,1,2,", "b #0 0,1,2,", "a #1 5,6,7,"}}}) {
    for (const bool yield : {false, true}) {
      WindowDriver driver(
          Parts(*MakeCountWindows(c.size, c.slide), MakePurgingTrigger(MakeCountTrigger(c.size))));
      driver.YieldAlways(yield);
      std::vector<Element> elements;
      for (int i = 0; i < 10; ++i) {
        elements.push_back({"a", std::to_string(i)});
        if (i < 3) elements.push_back({"b", std::to_string(i)});
      }
      ASSERT_TRUE(driver.Push(elements, false).ok());
      ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
      std::vector<std::string> texts;
      for (const Emitted& each : driver.emitted) {
        texts.push_back(each.text);
        EXPECT_EQ(each.timestamp, kMaxTimestamp);
      }
      EXPECT_EQ(texts, c.expected);
      EXPECT_EQ(driver.counters().late_dropped, 0);
    }
  }
}

TEST(WindowOperatorTest, AFullCountWindowIsGoneForGood) {
  WindowDriver driver(Parts(*MakeCountWindows(2, 2), MakePurgingTrigger(MakeCountTrigger(2))));
  ASSERT_TRUE(driver.Push({{"k", "a"}, {"k", "b"}, {"k", "c"}, {"k", "d"}}, false).ok());
  EXPECT_EQ(driver.log, "clear(k #0) clear(k #1) ");
  EXPECT_THAT(driver.StateSizes(), ElementsAre(Pair("window:element-counts", 1)));
}

TEST(WindowOperatorTest, GlobalWindowsGrowUntilTheyArePurged) {
  const std::vector<Element> seven = {{"k", "0"}, {"k", "1"}, {"k", "2"}, {"k", "3"},
                                      {"k", "4"}, {"k", "5"}, {"k", "6"}};
  WindowDriver growing(Parts(MakeGlobalWindows(), MakeCountTrigger(3)));
  ASSERT_TRUE(growing.Push(seven, false).ok());
  EXPECT_THAT(growing.emitted, ElementsAre(Emitted{"k #0 0,1,2,", kMaxTimestamp},
                                           Emitted{"k #0 0,1,2,3,4,5,", kMaxTimestamp}));
  WindowDriver purged(Parts(MakeGlobalWindows(), MakePurgingTrigger(MakeCountTrigger(3))));
  ASSERT_TRUE(purged.Push(seven, false).ok());
  EXPECT_THAT(purged.emitted, ElementsAre(Emitted{"k #0 0,1,2,", kMaxTimestamp},
                                          Emitted{"k #0 3,4,5,", kMaxTimestamp}));
  WindowDriver never(Parts(MakeGlobalWindows(), MakeNeverTrigger()));
  ASSERT_TRUE(never.Push(seven, false).ok());
  ASSERT_TRUE(never.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(never.emitted, IsEmpty());
}

TEST(WindowOperatorTest, TriggerStateGoesWithItsWindow) {
  WindowParts parts = Tumbling(10);
  parts.trigger = MakeCountTrigger(2);
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.Push({{"k", "a", 1}, {"k", "b", 11}, {"k", "c", 2}, {"k", "d", 3}}).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,10) a,c,", 9}));
  EXPECT_THAT(driver.StateSizes(),
              ElementsAre(Pair("window:contents", 2), Pair("window:trigger-0", 2)));
  ASSERT_TRUE(driver.PushWatermark(9).ok());
  EXPECT_THAT(driver.StateSizes(),
              ElementsAre(Pair("window:contents", 1), Pair("window:trigger-0", 1)));
  ASSERT_TRUE(driver.PushWatermark(19).ok());
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  EXPECT_THAT(driver.emitted, IsEmpty()) << "no firing at the end";
}

TEST(WindowOperatorTest, ContinuousEventTimeFiresOnTheWayAndAtTheEnd) {
  WindowParts parts = Tumbling(100);
  parts.trigger = MakeContinuousEventTimeTrigger(30);
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.Push({{"k", "a", 5}}).ok());
  ASSERT_TRUE(driver.PushWatermark(29).ok());
  EXPECT_THAT(driver.emitted, IsEmpty());
  ASSERT_TRUE(driver.PushWatermark(30).ok());
  EXPECT_EQ(driver.TakeEmitted().size(), 1u);
  ASSERT_TRUE(driver.PushWatermark(89).ok());  // 60
  EXPECT_EQ(driver.TakeEmitted().size(), 1u);
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());  // 90 and 99
  EXPECT_THAT(driver.TakeEmitted(),
              ElementsAre(Emitted{"k [0,100) a,", 99}, Emitted{"k [0,100) a,", 99}));
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
}

TEST(WindowOperatorTest, ContinuousProcessingTimeInEventTimeWindowsEnds) {
  WindowParts parts = Tumbling(100);
  parts.trigger = MakeContinuousProcessingTimeTrigger(30);
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.Push({{"k", "a", 5}}).ok());  // its window ended long ago by the clock
  ASSERT_TRUE(driver.AdvanceClock(1000).ok());
  EXPECT_EQ(driver.TakeEmitted().size(), 1u);
  ASSERT_TRUE(driver.PushWatermark(99).ok());
  EXPECT_THAT(driver.emitted, IsEmpty());
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  EXPECT_EQ(driver.next_processing_time(), kMaxTimestamp);
}

TEST(WindowOperatorTest, ContinuousTriggersOfMergedSessionsLeaveNoTimers) {
  std::vector<int64_t> fired;
  WindowParts parts = Sessions(20);
  parts.trigger = std::make_unique<CountingTrigger>(MakeContinuousEventTimeTrigger(50), &fired);
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.Push({{"k", "a", 60}, {"k", "b", 30}, {"k", "c", 45}, {"k", "d", 80}}).ok());
  ASSERT_TRUE(driver.PushWatermark(50).ok());
  EXPECT_THAT(fired, ElementsAre(49)) << "the earliest of the merged: the end of [30,50)";
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(fired, ElementsAre(49, 99));
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
}

TEST(WindowOperatorTest, PurgingKeepsTheWindowAlive) {
  WindowParts parts = Tumbling(10, 20);
  parts.trigger = MakePurgingTrigger(MakeEventTimeTrigger());
  WindowDriver driver(std::move(parts));
  ASSERT_TRUE(driver.Push({{"k", "a", 1}}).ok());
  ASSERT_TRUE(driver.PushWatermark(9).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,10) a,", 9}));
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  ASSERT_TRUE(driver.Push({{"k", "b", 2}}).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,10) b,", 9}));
  EXPECT_THAT(driver.log, IsEmpty());
  ASSERT_TRUE(driver.PushWatermark(29).ok());
  EXPECT_EQ(driver.log, "clear(k [0,10)) ");
}

// The driver's end checks that no value is left.
TEST(WindowOperatorTest, ReleasesWhatIsLeftWhenItCloses) {
  for (const bool merging : {false, true}) {
    WindowDriver driver(merging ? Sessions(5) : Tumbling(10));
    ASSERT_TRUE(driver.Push({{"k", "a", 1}, {"k", "b", 100}, {"j", "c", 1}}).ok());
    EXPECT_EQ(driver.live_values(), 3u);
  }
}

}  // namespace
}  // namespace pyflinkpp
