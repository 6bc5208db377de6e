#include "state/keyed/timer_queue.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/batches.h"

namespace pyflinkpp {
namespace {

using harness::KeyOf;

std::string Take(TimerQueue& timers) {
  const TimerQueue::TimerPtr timer = timers.Pop();
  const absl::string_view key = timer->record_key().bytes();
  EXPECT_EQ(timer->hash, MurmurHash(key));
  return std::string(key.data(), key.size()) + "@" + std::to_string(timer->timestamp) + "#" +
         std::to_string(timer->space.first);
}

TEST(TimerQueueTest, FiresInTheOrderOfTimeThenOfRegistration) {
  TimerQueue timers;
  EXPECT_EQ(timers.next(), kMaxTimestamp);
  EXPECT_FALSE(timers.due(kMaxTimestamp));
  EXPECT_TRUE(timers.Register(20, KeyOf("b"), {1, 2}));
  EXPECT_TRUE(timers.Register(10, KeyOf("c")));
  EXPECT_TRUE(timers.Register(20, KeyOf("a"), {3, 4}));
  EXPECT_TRUE(timers.Register(-5, KeyOf("")));
  EXPECT_EQ(timers.size(), 4u);
  EXPECT_EQ(timers.next(), -5);
  EXPECT_TRUE(timers.due(-5));
  EXPECT_FALSE(timers.due(-6));
  EXPECT_EQ(Take(timers), "@-5#0");
  EXPECT_EQ(Take(timers), "c@10#0");
  EXPECT_EQ(Take(timers), "b@20#1");
  EXPECT_EQ(Take(timers), "a@20#3");
  EXPECT_TRUE(timers.empty());
}

TEST(TimerQueueTest, ATimerExistsOnce) {
  TimerQueue timers;
  EXPECT_TRUE(timers.Register(1, KeyOf("k"), {1, 1}));
  EXPECT_FALSE(timers.Register(1, KeyOf("k"), {1, 1}));
  EXPECT_TRUE(timers.Register(2, KeyOf("k"), {1, 1}));
  EXPECT_TRUE(timers.Register(1, KeyOf("j"), {1, 1}));
  EXPECT_TRUE(timers.Register(1, KeyOf("k"), {1, 2}));
  EXPECT_TRUE(timers.Register(1, KeyOf("k"), {2, 1}));
  EXPECT_EQ(timers.size(), 5u);
  Take(timers);
  EXPECT_TRUE(timers.Register(1, KeyOf("k"), {1, 1})) << "it has fired";
}

TEST(TimerQueueTest, DeletedTimersDoNotFire) {
  TimerQueue timers;
  timers.Register(1, KeyOf("a"));
  timers.Register(2, KeyOf("b"));
  timers.Register(3, KeyOf("c"));
  timers.Delete(2, KeyOf("b"));
  timers.Delete(2, KeyOf("b"));
  timers.Delete(9, KeyOf("z"));
  EXPECT_EQ(timers.size(), 2u);
  timers.Delete(1, KeyOf("a"));
  EXPECT_EQ(timers.next(), 3);
  EXPECT_TRUE(timers.Register(2, KeyOf("b"))) << "a deleted one may come again";
  EXPECT_EQ(Take(timers), "b@2#0");
  EXPECT_EQ(Take(timers), "c@3#0");
  EXPECT_EQ(timers.next(), kMaxTimestamp);
}

TEST(TimerQueueTest, TheTimersAtTheEndOfTime) {
  TimerQueue timers;
  timers.Register(kMaxTimestamp, KeyOf("k"));
  EXPECT_FALSE(timers.due(kMaxTimestamp - 1));
  EXPECT_TRUE(timers.due(kMaxTimestamp));
}

TEST(TimerQueueTest, ShowsAllThatAreThere) {
  TimerQueue timers;
  for (int i = 0; i < 10; ++i) timers.Register(i, KeyOf("k"));
  timers.Delete(4, KeyOf("k"));
  int64_t sum = 0;
  timers.ForEach([&](const TimerQueue::Timer& timer) { sum += timer.timestamp; });
  EXPECT_EQ(sum, 45 - 4);
}

TEST(TimerQueueTest, AgreesWithASortedMap) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    TimerQueue timers;
    std::map<std::pair<int64_t, int>, std::string> model;  // time and number: what fires
    std::map<std::tuple<int64_t, std::string, int64_t>, int> registered;  // its number
    int number = 0;
    for (int step = 0; step < 2000; ++step) {
      const auto time = static_cast<int64_t>(random() % 50);
      const std::string key(random() % 3 * 9, static_cast<char>('a' + random() % 5));
      const auto space = static_cast<int64_t>(random() % 3);
      const std::tuple timer{time, key, space};
      switch (random() % (step % 400 < 200 ? 4 : 3)) {  // it grows, and shrinks again
        case 0:
          timers.Delete(time, KeyOf(key), {space, 0});
          if (const auto found = registered.find(timer); found != registered.end()) {
            model.erase({time, found->second});
            registered.erase(found);
          }
          break;
        case 1:
          if (model.empty()) break;
          ASSERT_EQ(timers.next(), model.begin()->first.first);
          ASSERT_EQ(Take(timers), model.begin()->second);
          std::erase_if(registered, [&](const auto& each) {
            return each.second == model.begin()->first.second;
          });
          model.erase(model.begin());
          break;
        default:
          ASSERT_EQ(timers.Register(time, KeyOf(key), {space, 0}),
                    registered.emplace(timer, number).second);
          if (registered[timer] == number) {
            model[{time, number}] = key + "@" + std::to_string(time) + "#" + std::to_string(space);
          }
          ++number;
      }
      ASSERT_EQ(timers.size(), model.size());
    }
  }
}

std::vector<std::string> Written(FrozenEntries& frozen) {
  std::vector<std::string> entries;
  while (!frozen.WriteSome(3, [&](uint32_t hash, absl::string_view entry) {
    EXPECT_EQ(ReadTimerEntry(entry)->key.hash, hash);
    entries.emplace_back(entry);
  })) {
  }
  return entries;
}

// What was frozen stays, whatever the queue does meanwhile: under ASan nothing is read after it went.
TEST(TimerQueueTest, WhatWasFrozenStaysAsItWas) {
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    auto timers = std::make_unique<TimerQueue>();
    std::deque<std::pair<std::unique_ptr<FrozenEntries>, std::vector<std::string>>> frozen;
    for (int step = 0; step < 600; ++step) {
      const auto time = static_cast<int64_t>(random() % 50);
      const std::string key(1, static_cast<char>('a' + random() % 20));
      switch (random() % 40) {
        case 0: {
          std::unique_ptr<FrozenEntries> now = timers->Freeze();
          frozen.emplace_back(timers->Freeze(), Written(*now));
          break;
        }
        case 1:
          if (!frozen.empty()) {
            ASSERT_EQ(Written(*frozen.front().first), frozen.front().second);
            frozen.pop_front();
          }
          break;
        default:
          if (random() % 3 != 0) {
            timers->Register(time, KeyOf(key));
          } else if (random() % 2 != 0) {
            timers->Delete(time, KeyOf(key));
          } else if (!timers->empty()) {
            timers->Pop();
          }
      }
    }
    timers = nullptr;  // its task may end before all is written
    for (auto& [entries, expected] : frozen) ASSERT_EQ(Written(*entries), expected);
  }
}

TEST(TimerQueueTest, TheOrderOfRegistrationIsRestored) {
  TimerQueue timers;
  for (const int64_t space : {5, 2, 9, 1}) timers.Register(7, KeyOf("k"), {space, 0});
  timers.Pop();
  std::vector<std::string> entries = Written(*timers.Freeze());
  std::sort(entries.begin(), entries.end());
  TimerQueue restored;
  for (const std::string& entry : entries) ASSERT_TRUE(restored.ReadEntry(entry).ok());
  restored.Register(7, KeyOf("k"), {5, 0});
  for (const char* expected : {"k@7#2", "k@7#9", "k@7#1", "k@7#5"})
    EXPECT_EQ(Take(restored), expected);
  EXPECT_FALSE(restored.ReadEntry("torn").ok());
}

}  // namespace
}  // namespace pyflinkpp
