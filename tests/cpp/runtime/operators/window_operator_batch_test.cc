// The window operator in batch mode: one key after the other.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "core/windowing/session_windows.h"
#include "core/windowing/time_window_assigners.h"
#include "core/windowing/untimed_windows.h"
#include "runtime/operators/window_driver.h"
#include "runtime/operators/window_operator.h"

namespace pyflinkpp {
namespace {

using harness::Emitted;
using harness::WindowDriver;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

WindowParts Parts(std::unique_ptr<WindowAssigner> assigner, std::unique_ptr<Trigger> trigger,
                  int64_t lateness = 0) {
  return {.assigner = std::move(assigner),
          .trigger = std::move(trigger),
          .function = nullptr,
          .allowed_lateness_ms = lateness,
          .late_output = {}};
}

// The key's end leaves nothing of it.
void ExpectNothingKept(const WindowDriver& driver) {
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  EXPECT_EQ(driver.live_values(), 0u);
  EXPECT_EQ(driver.next_processing_time(), kMaxTimestamp);
}

TEST(WindowOperatorBatchTest, AtAKeysEndItsWindowsEmitInTheOrderOfTheirTimes) {
  for (const bool plain : {true, false}) {
    WindowDriver driver(
        Parts(*MakeTumblingWindows(10, 0, true),
              plain ? MakeEventTimeTrigger() : MakePurgingTrigger(MakeEventTimeTrigger()),
              /*lateness=*/5));
    ASSERT_TRUE(driver.Push({{"j", "b", 15}, {"j", "a", 3}, {"j", "c", 12}}).ok());
    EXPECT_THAT(driver.emitted, IsEmpty());
    ASSERT_TRUE(driver.FinishKey().ok());
    EXPECT_THAT(driver.TakeEmitted(),
                ElementsAre(Emitted{"j [0,10) a,", 9}, Emitted{"j [10,20) b,c,", 19}));
    EXPECT_EQ(driver.log, "clear(j [0,10)) clear(j [10,20)) finish-key ");
    ExpectNothingKept(driver);

    // As if no watermark had come: nothing of the next key is late, nothing fires at once.
    ASSERT_TRUE(driver.Push({{"k", "d", 1}, {"k", "e", 2}}).ok());
    EXPECT_THAT(driver.emitted, IsEmpty());
    ASSERT_TRUE(driver.FinishKey().ok());
    EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"k [0,10) d,e,", 9}));
    EXPECT_THAT(driver.function().watermarks_seen, Each(kMaxTimestamp));
    EXPECT_EQ(driver.counters().late_dropped, 0);
    EXPECT_EQ(driver.counters().records_out, 3);
    ExpectNothingKept(driver);
  }
}

TEST(WindowOperatorBatchTest, AKeyWithoutTimersHasAnEnd) {
  WindowDriver driver(Parts(MakeGlobalWindows(), MakeNeverTrigger()));
  ASSERT_TRUE(driver.Push({{"k", "a"}}).ok());
  ASSERT_TRUE(driver.FinishKey().ok());
  EXPECT_THAT(driver.emitted, IsEmpty());
  ExpectNothingKept(driver);
}

TEST(WindowOperatorBatchTest, StopsWhenTheOutputIsFullAndGoesOn) {
  for (const bool yield : {false, true}) {
    WindowDriver driver(Parts(*MakeTumblingWindows(10, 0, true), MakeEventTimeTrigger()));
    driver.function().copies = 1000;  // each window fills the output
    ASSERT_TRUE(driver.Push({{"k", "a", 3}, {"k", "b", 13}, {"k", "c", 23}}).ok());
    driver.YieldAlways(yield);
    const int calls = driver.calls;
    ASSERT_TRUE(driver.FinishKey().ok());
    EXPECT_THAT(driver.emitted, SizeIs(3000));
    EXPECT_GE(driver.calls - calls, 3);
    ExpectNothingKept(driver);
  }
}

TEST(WindowOperatorBatchTest, ProcessingTimeTimersFireAtTheKeysEnd) {
  WindowDriver driver(Parts(*MakeTumblingWindows(1000, 0, false), MakeProcessingTimeTrigger()));
  const int64_t start = driver.Now() - driver.Now() % 1000;
  ASSERT_TRUE(driver.Push({{"k", "a"}}).ok());
  driver.Advance(1000);
  ASSERT_TRUE(driver.Push({{"k", "b"}, {"k", "c"}}).ok());
  driver.YieldAlways(true);
  ASSERT_TRUE(driver.FinishKey().ok());
  const auto window = [&](int64_t at) { return absl::StrCat("[", at, ",", at + 1000, ") "); };
  EXPECT_THAT(driver.emitted,
              ElementsAre(Emitted{"k " + window(start) + "a,", start + 999},
                          Emitted{"k " + window(start + 1000) + "b,c,", start + 1999}));
  ExpectNothingKept(driver);
}

TEST(WindowOperatorBatchTest, CountsBeginAnewWithEachKey) {
  WindowDriver driver(Parts(*MakeCountWindows(2, 2), MakePurgingTrigger(MakeCountTrigger(2))));
  ASSERT_TRUE(driver.Push({{"j", "a"}, {"j", "b"}, {"j", "c"}}).ok());
  ASSERT_TRUE(driver.FinishKey().ok());
  ExpectNothingKept(driver);
  ASSERT_TRUE(driver.Push({{"j", "d"}, {"j", "e"}}).ok());
  ASSERT_TRUE(driver.FinishKey().ok());
  EXPECT_THAT(driver.emitted,
              ElementsAre(Emitted{"j #0 a,b,", kMaxTimestamp}, Emitted{"j #0 d,e,", kMaxTimestamp}))
      << "windows that are not full emit nothing";
  ExpectNothingKept(driver);
}

TEST(WindowOperatorBatchTest, AGlobalWindowFiresAtTheEndOfEventTime) {
  WindowDriver driver(Parts(MakeGlobalWindows(), MakeEventTimeTrigger()));
  ASSERT_TRUE(driver.Push({{"k", "a", 1}, {"k", "b", 2}}).ok());
  ASSERT_TRUE(driver.FinishKey().ok());
  EXPECT_THAT(driver.emitted, ElementsAre(Emitted{"k #0 a,b,", kMaxTimestamp}));
  ExpectNothingKept(driver);
}

TEST(WindowOperatorBatchTest, TimersRegisteredAtTheKeysEndAreRefused) {
  WindowDriver by_event(
      Parts(*MakeTumblingWindows(100, 0, true), MakeContinuousEventTimeTrigger(10)));
  ASSERT_TRUE(by_event.Push({{"k", "a", 3}, {"k", "b", 77}}).ok());
  ASSERT_TRUE(by_event.FinishKey().ok());
  EXPECT_THAT(by_event.emitted,
              ElementsAre(Emitted{"k [0,100) a,b,", 99}, Emitted{"k [0,100) a,b,", 99}))
      << "at 10 and at the window's end, as in Flink";
  ExpectNothingKept(by_event);

  // Global windows: the trigger would register the next timer for ever.
  WindowDriver by_clock(Parts(MakeGlobalWindows(), MakeContinuousProcessingTimeTrigger(10)));
  ASSERT_TRUE(by_clock.Push({{"k", "a"}}).ok());
  ASSERT_TRUE(by_clock.FinishKey().ok());
  EXPECT_THAT(by_clock.emitted, ElementsAre(Emitted{"k #0 a,", kMaxTimestamp}));
  ExpectNothingKept(by_clock);
  // The next key's elements register theirs again.
  ASSERT_TRUE(by_clock.Push({{"j", "b"}}).ok());
  EXPECT_NE(by_clock.next_processing_time(), kMaxTimestamp);
  ASSERT_TRUE(by_clock.FinishKey().ok());
  EXPECT_THAT(by_clock.emitted, SizeIs(2));
}

TEST(WindowOperatorBatchTest, SessionsEndWithTheirKey) {
  WindowDriver driver(Parts(*MakeSessionWindows(10, true), MakeEventTimeTrigger()));
  ASSERT_TRUE(driver.Push({{"k", "a", 1}, {"k", "b", 8}, {"k", "c", 30}}).ok());
  driver.YieldAlways(true);
  ASSERT_TRUE(driver.FinishKey().ok());
  EXPECT_THAT(driver.emitted,
              ElementsAre(Emitted{"k [1,18) a,b,", 17}, Emitted{"k [30,40) c,", 39}));
  ExpectNothingKept(driver);
}

}  // namespace
}  // namespace pyflinkpp
