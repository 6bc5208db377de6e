#include "core/graph/key_groups.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace pyflinkpp {
namespace {

// (parallelism, max parallelism): small ones whole, large ones at their borders.
std::vector<std::pair<int, int>> Pairs() {
  std::vector<std::pair<int, int>> pairs;
  for (int max = 1; max <= 40; ++max) {
    for (int parallelism = 1; parallelism <= max; ++parallelism)
      pairs.emplace_back(parallelism, max);
  }
  for (const int max : {127, 128, 129, 1000, 4096, 32767, 32768}) {
    for (const int parallelism : {1, 2, 3, 7, 100, 127, max / 2, max / 2 + 1, max - 1, max}) {
      if (parallelism <= max) pairs.emplace_back(parallelism, max);
    }
  }
  return pairs;
}

TEST(KeyGroupsTest, TheRangesOfTheSubtasksArePartsOfTheWhole) {
  for (const auto& [parallelism, max] : Pairs()) {
    int next = 0;
    for (int subtask = 0; subtask < parallelism; ++subtask) {
      const KeyGroupRange range = KeyGroupsOfSubtask(subtask, parallelism, max);
      ASSERT_EQ(range.first, next) << subtask << " of " << parallelism << "/" << max;
      ASSERT_GE(range.size(), max / parallelism);
      ASSERT_LE(range.size(), (max + parallelism - 1) / parallelism);
      next = range.last + 1;
    }
    ASSERT_EQ(next, max) << parallelism;
  }
}

TEST(KeyGroupsTest, AGroupsSubtaskHasItInItsRange) {
  for (const auto& [parallelism, max] : Pairs()) {
    for (int group = 0; group < max; ++group) {
      const int subtask = SubtaskOfKeyGroup(group, parallelism, max);
      ASSERT_GE(subtask, 0);
      ASSERT_LT(subtask, parallelism);
      ASSERT_TRUE(KeyGroupsOfSubtask(subtask, parallelism, max).contains(group))
          << group << " of " << parallelism << "/" << max;
    }
  }
}

// By the formulas of Flink's KeyGroupRangeAssignment, worked out by hand.
TEST(KeyGroupsTest, RangesAreFlinks) {
  struct Case {
    int subtask, parallelism, max, first, last;
  };
  for (const Case& each :
       {Case{0, 3, 10, 0, 3}, Case{1, 3, 10, 4, 6}, Case{2, 3, 10, 7, 9}, Case{0, 1, 128, 0, 127},
        Case{4, 5, 128, 103, 127}, Case{2, 5, 128, 52, 76}, Case{127, 128, 128, 127, 127}}) {
    const KeyGroupRange range = KeyGroupsOfSubtask(each.subtask, each.parallelism, each.max);
    EXPECT_EQ(range.first, each.first);
    EXPECT_EQ(range.last, each.last);
  }
}

TEST(KeyGroupsTest, AnEmptyRangeHasNothing) {
  const KeyGroupRange range;
  EXPECT_EQ(range.size(), 0);
  EXPECT_FALSE(range.contains(0));
  EXPECT_FALSE(range.contains(-1));
}

TEST(KeyGroupsTest, HashesAreUnsigned) {
  EXPECT_EQ(KeyGroupOf(0, 128), 0);
  EXPECT_EQ(KeyGroupOf(129, 128), 1);
  EXPECT_EQ(KeyGroupOf(0x80000000u, 3), 2);
  EXPECT_EQ(KeyGroupOf(0xffffffffu, 128), 127);
  EXPECT_EQ(KeyGroupOf(0xffffffffu, 32767), 3);
}

TEST(KeyGroupsTest, DefaultMaxParallelismIsFlinks) {
  const std::pair<int, int> cases[] = {
      {1, 128},       {2, 128},       {85, 128},      {86, 256},      {100, 256},
      {128, 256},     {170, 256},     {171, 256},     {172, 512},     {1000, 2048},
      {21844, 32768}, {21845, 32768}, {21846, 32768}, {30000, 32768}, {32768, 32768},
  };
  for (const auto& [parallelism, max] : cases)
    EXPECT_EQ(DefaultMaxParallelism(parallelism), max) << parallelism;
}

TEST(KeyGroupsDeathTest, ASubtaskMustExist) {
  EXPECT_DEATH(KeyGroupsOfSubtask(2, 2, 128), "broken invariant");
  EXPECT_DEATH(KeyGroupsOfSubtask(-1, 2, 128), "broken invariant");
  EXPECT_DEATH(KeyGroupsOfSubtask(0, 129, 128), "broken invariant");
}

}  // namespace
}  // namespace pyflinkpp
