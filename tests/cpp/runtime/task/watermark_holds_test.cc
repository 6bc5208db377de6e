#include "runtime/task/watermark_holds.h"

#include <gtest/gtest.h>

namespace pyflinkpp {
namespace {

EventTimeState HeldBy(int subtask, int64_t watermark) {
  EventTimeState state;
  state.watermark = {watermark, false};
  state.edge = 0;
  state.subtask = subtask;
  return state;
}

TEST(WatermarkHolds, AHoldLastsWhileNeitherWatermarkNorHolderChanges) {
  WatermarkHolds holds;
  holds.Look(1000, HeldBy(0, 5));
  holds.Look(1200, HeldBy(0, 5));
  EXPECT_EQ(holds.since_ms(), 1000);
  holds.Look(1300, HeldBy(1, 5));
  EXPECT_EQ(holds.since_ms(), 1300);
  holds.Look(1400, HeldBy(1, 6));
  EXPECT_EQ(holds.since_ms(), 1400);
  const idl::WatermarkHold& longest = holds.Longest(1500);
  EXPECT_EQ(longest.subtask, 0);
  EXPECT_EQ(longest.watermark, 5);
  EXPECT_EQ(longest.since_ms, 1000);
  EXPECT_EQ(longest.until_ms, 1300);
}

TEST(WatermarkHolds, TheLastOneCountsUntilNow) {
  WatermarkHolds holds;
  holds.Look(1000, HeldBy(0, 5));
  holds.Look(1300, HeldBy(1, 7));
  EXPECT_EQ(holds.Longest(2000).subtask, 1);
  EXPECT_EQ(holds.Longest(2000).until_ms, 2000);
}

TEST(WatermarkHolds, IdleTasksAndTheEndOfTimeAreNotHeld) {
  WatermarkHolds holds;
  EventTimeState idle;
  idle.watermark = {7, true};
  holds.Look(1000, idle);
  holds.Look(2000, HeldBy(0, kMaxTimestamp));
  const idl::WatermarkHold& longest = holds.Longest(5000);
  EXPECT_EQ(longest.since_ms, longest.until_ms);
}

}  // namespace
}  // namespace pyflinkpp
