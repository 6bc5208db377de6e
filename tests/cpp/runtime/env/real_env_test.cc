#include "runtime/env/real_env.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace pyflinkpp {
namespace {

TEST(RealClockTest, ItsNanosecondsNeverGoBack) {
  RealClock clock;
  int64_t last = clock.NowNanos();
  for (int i = 0; i < 10'000; ++i) {
    const int64_t now = clock.NowNanos();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(RealClockTest, ItsMillisecondsAreThoseOfTheCalendar) {
  const int64_t now = RealClock().NowMillis();
  EXPECT_GT(now, 1'577'836'800'000);  // 2020
  EXPECT_LT(now, 7'258'118'400'000);  // 2200
}

TEST(RealRandomTest, NumbersDifferBetweenCallsThreadsAndInstances) {
  constexpr int kThreads = 4, kNumbers = 1000;
  RealRandom shared, other;
  std::vector<std::vector<uint64_t>> drawn(kThreads);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : drawn) {
      threads.emplace_back([&] {
        for (int i = 0; i < kNumbers; ++i) mine.push_back(shared.Next());
      });
    }
  }
  std::set<uint64_t> all;
  for (const auto& mine : drawn) all.insert(mine.begin(), mine.end());
  for (int i = 0; i < kNumbers; ++i) all.insert(other.Next());
  EXPECT_EQ(all.size(), static_cast<size_t>((kThreads + 1) * kNumbers));
  uint64_t ones = 0, zeros = 0;
  for (const uint64_t number : all) {
    ones |= number;
    zeros |= ~number;
  }
  EXPECT_EQ(ones, ~uint64_t{0});
  EXPECT_EQ(zeros, ~uint64_t{0});
}

TEST(ThreadExecutorTest, RunsAllWorkBeforeItIsGone) {
  std::atomic<int> ran = 0;
  {
    ThreadExecutor executor(2);
    for (int i = 0; i < 1000; ++i) executor.Run([&] { ran.fetch_add(1); });
  }
  EXPECT_EQ(ran.load(), 1000);
}

TEST(ThreadExecutorTest, OneThreadKeepsTheOrderAndWorkMayQueueWork) {
  std::vector<int> order;  // only the executor's thread touches it
  {
    ThreadExecutor executor(1);
    std::atomic<bool> all_queued = false;
    executor.Run([&] {
      while (!all_queued) std::this_thread::yield();
      order.push_back(1);
      executor.Run([&] { order.push_back(3); });
    });
    executor.Run([&] { order.push_back(2); });
    all_queued = true;
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

// Two pieces of work that wait for each other: with two threads both get on.
TEST(ThreadExecutorTest, SeveralThreadsRunAtOnce) {
  std::atomic<int> arrived = 0;
  {
    ThreadExecutor executor(2);
    for (int i = 0; i < 2; ++i) {
      executor.Run([&] {
        arrived.fetch_add(1);
        while (arrived.load() < 2) std::this_thread::yield();
      });
    }
  }
  EXPECT_EQ(arrived.load(), 2);
}

TEST(StdioConsoleTest, WritesToTheStreamItIsTold) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  StdioConsole console;
  console.Write("to out\n", false);
  console.Write("to err\n", true);
  console.Write(absl::string_view("zero\0byte", 9), false);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), std::string("to out\nzero\0byte", 16));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "to err\n");
}

}  // namespace
}  // namespace pyflinkpp
