#include "core/windowing/window.h"

#include <gtest/gtest.h>

namespace pyflinkpp {
namespace {

TEST(WindowTest, TheLastTimeOfAWindow) {
  EXPECT_EQ((Window{0, 10}.max_timestamp()), 9);
  EXPECT_EQ((Window{-20, -10}.max_timestamp()), -11);
  EXPECT_EQ(GlobalWindow().max_timestamp(), kMaxTimestamp);
  EXPECT_EQ(CountWindow(7).max_timestamp(), kMaxTimestamp);
  EXPECT_EQ((Window{0, kMaxTimestamp}.max_timestamp()), kMaxTimestamp - 1);
}

TEST(WindowTest, SumsStayInTheirRange) {
  EXPECT_EQ(SaturatingAdd(2, 3), 5);
  EXPECT_EQ(SaturatingAdd(kMaxTimestamp, 1), kMaxTimestamp);
  EXPECT_EQ(SaturatingAdd(kMinTimestamp, -1), kMinTimestamp);
  EXPECT_EQ(SaturatingAdd(kMinTimestamp, kMaxTimestamp), -1);
}

TEST(WindowTest, CleanupTimes) {
  EXPECT_EQ(CleanupTime({0, 10}, 5), 14);
  EXPECT_EQ(CleanupTime({0, 10}, kMaxTimestamp), kMaxTimestamp);
  EXPECT_EQ(CleanupTime(GlobalWindow(), 0), kMaxTimestamp);
  EXPECT_EQ(CleanupTime(GlobalWindow(), 5), kMaxTimestamp);
}

TEST(WindowTest, TheGridGoesOnBelowZero) {
  EXPECT_EQ(FloorToGrid(0, 0, 10), 0);
  EXPECT_EQ(FloorToGrid(9, 0, 10), 0);
  EXPECT_EQ(FloorToGrid(10, 0, 10), 10);
  EXPECT_EQ(FloorToGrid(-1, 0, 10), -10);
  EXPECT_EQ(FloorToGrid(-10, 0, 10), -10);
  EXPECT_EQ(FloorToGrid(-11, 0, 10), -20);
  EXPECT_EQ(FloorToGrid(1, 2, 10), -8);
  EXPECT_EQ(FloorToGrid(2, 2, 10), 2);
  EXPECT_EQ(FloorToGrid(7, -3, 10), 7);
  EXPECT_EQ(FloorToGrid(6, -3, 10), -3);
}

TEST(WindowTest, TheGridAtTheEndsOfTime) {
  for (const int64_t offset : {int64_t{0}, int64_t{3}, int64_t{-3}}) {
    for (const int64_t step : {int64_t{7}, int64_t{1'000'000'007}, kMaxTimestamp}) {
      EXPECT_LE(FloorToGrid(kMaxTimestamp, offset, step), kMaxTimestamp);
      EXPECT_GE(FloorToGrid(kMaxTimestamp, offset, step), kMaxTimestamp - step + 1);
      EXPECT_LE(FloorToGrid(kMinTimestamp + 1, offset, step), kMinTimestamp + 1);
    }
  }
}

TEST(WindowTest, SessionsThatTouchAreOne) {
  EXPECT_TRUE(Intersects({0, 10}, {10, 20}));
  EXPECT_TRUE(Intersects({10, 20}, {0, 10}));
  EXPECT_TRUE(Intersects({0, 10}, {3, 4}));
  EXPECT_FALSE(Intersects({0, 10}, {11, 20}));
  EXPECT_EQ(Cover({0, 10}, {5, 20}), (Window{0, 20}));
  EXPECT_EQ(Cover({3, 4}, {0, 10}), (Window{0, 10}));
}

}  // namespace
}  // namespace pyflinkpp
