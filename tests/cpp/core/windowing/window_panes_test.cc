#include "core/windowing/window_panes.h"

#include <gmock/gmock.h>

#include <random>
#include <set>
#include <vector>

#include "core/windowing/time_window_assigners.h"

namespace pyflinkpp {
namespace {

std::vector<Window> WindowsAt(const WindowPanes& panes, int64_t time) {
  std::vector<Window> windows;
  panes.AppendWindows(time, windows);
  return windows;
}

// All that is said of the pane that holds `time`.
void Check(const WindowPanes& panes, int64_t time) {
  const Pane pane = panes.Of(time);
  ASSERT_LE(pane.start, time);
  ASSERT_TRUE(time < pane.end || pane.end == kMaxTimestamp);
  const std::vector<Window> windows = WindowsAt(panes, time);
  ASSERT_FALSE(windows.empty());
  EXPECT_EQ(pane.last, windows.front());
  EXPECT_EQ(pane.first, windows.back());
  // Every time that is said to be in the pane is in the same one.
  for (const int64_t other : {pane.start, time, pane.end - 1}) {
    EXPECT_EQ(WindowsAt(panes, other), windows) << other;
    EXPECT_EQ(panes.Of(other).start, pane.start) << other;
  }
  for (const Window& window : windows) {
    EXPECT_TRUE(panes.IsPartOf(pane.start, window));
    EXPECT_EQ(panes.EndsWith(pane.start, window), window == windows.front());
  }
}

TEST(WindowPanesTest, OneASlideWhereItDividesTheSize) {
  const WindowPanes panes(10, 5, 2);
  const Pane pane = panes.Of(9);
  EXPECT_EQ(pane.start, 7);
  EXPECT_EQ(pane.end, 12);
  EXPECT_EQ(pane.first, (Window{2, 12}));
  EXPECT_EQ(pane.last, (Window{7, 17}));
  EXPECT_FALSE(panes.IsPartOf(7, {12, 22}));
  EXPECT_FALSE(panes.IsPartOf(7, {-3, 7}));
}

TEST(WindowPanesTest, ElseTwo) {
  const WindowPanes panes(10'001, 1000, 0);
  EXPECT_EQ(panes.Of(0).start, 0);
  EXPECT_EQ(panes.Of(0).end, 1);
  EXPECT_EQ(panes.Of(1).start, 1);
  EXPECT_EQ(panes.Of(999).start, 1);
  EXPECT_EQ(panes.Of(999).end, 1000);
  std::set<int64_t> of_a_window;
  for (int64_t time = 3000; time < 13'001; ++time) of_a_window.insert(panes.Of(time).start);
  EXPECT_EQ(of_a_window.size(), 21u);
}

TEST(WindowPanesTest, TimesOfAPaneHaveTheSameWindows) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    const int64_t slide = 1 + random() % 20;
    const int64_t size = slide + 1 + random() % 60;
    const int64_t offset = static_cast<int64_t>(random() % (2 * slide - 1)) - slide + 1;
    const WindowPanes panes(size, slide, offset);
    ASSERT_NO_FATAL_FAILURE(Check(panes, static_cast<int64_t>(random() % 400) - 200));
  }
}

TEST(WindowPanesTest, AtTheEndsOfTime) {
  std::mt19937 random(2);
  for (int i = 0; i < 3000; ++i) {
    const int64_t slide = 1 + random() % 20;
    const int64_t size = slide + 1 + random() % 60;
    const WindowPanes panes(size, slide, static_cast<int64_t>(random() % slide));
    ASSERT_NO_FATAL_FAILURE(Check(panes, kMinTimestamp + 1 + random() % 200));
    ASSERT_NO_FATAL_FAILURE(Check(panes, kMaxTimestamp - 1 - random() % 200));
  }
  for (const int64_t time : {kMinTimestamp + 1, int64_t{-1}, int64_t{0}, kMaxTimestamp - 1}) {
    ASSERT_NO_FATAL_FAILURE(Check(WindowPanes(kMaxTimestamp, kMaxTimestamp - 1, 0), time));
    ASSERT_NO_FATAL_FAILURE(Check(WindowPanes(kMaxTimestamp, kMaxTimestamp / 2, 0), time));
  }
}

TEST(WindowPanesTest, OnlyWindowsThatOverlapHaveThem) {
  EXPECT_NE((*MakeSlidingWindows(10, 5, 0, true))->panes(), nullptr);
  EXPECT_EQ((*MakeSlidingWindows(10, 10, 0, true))->panes(), nullptr);
  EXPECT_EQ((*MakeSlidingWindows(5, 10, 0, true))->panes(), nullptr);
  EXPECT_EQ((*MakeTumblingWindows(10, 0, true))->panes(), nullptr);
}

TEST(WindowPanesTest, AnAssignersAreItsElements) {
  const auto windows = *MakeSlidingWindows(20, 8, 3, true);
  std::mt19937 random(3);
  std::vector<int64_t> times;
  for (int i = 0; i < 200; ++i) times.push_back(static_cast<int64_t>(random() % 60) - 30);
  std::vector<Pane> panes;
  ASSERT_TRUE(windows->AssignPanes(times, panes).ok());
  ASSERT_EQ(panes.size(), times.size());
  for (size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(panes[i].start, windows->panes()->Of(times[i]).start);
  }
  panes.clear();
  times = {1, 2, kMinTimestamp, 3};
  EXPECT_TRUE(windows->AssignPanes(times, panes).ok());
  EXPECT_EQ(panes.size(), 2u);
  panes.clear();
  EXPECT_FALSE(windows->AssignPanes(std::span<const int64_t>(times).subspan(2), panes).ok());
}

}  // namespace
}  // namespace pyflinkpp
