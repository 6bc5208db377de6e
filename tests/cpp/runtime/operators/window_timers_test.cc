#include "runtime/operators/window_timers.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/batches.h"

namespace pyflinkpp {
namespace {

using harness::KeyOf;
using testing::ElementsAre;
using testing::IsEmpty;

std::string Text(const WindowTimers::Timer& timer) {
  EXPECT_EQ(timer.key.hash, MurmurHash(timer.key.bytes()));
  return absl::StrCat(timer.key.bytes(), "@", timer.time, "#", timer.window.start);
}
std::vector<std::string> Peek(const WindowTimers& timers, int64_t time, size_t count) {
  std::vector<WindowTimers::Timer> due;
  timers.Peek(time, count, due);
  std::vector<std::string> texts;
  for (const WindowTimers::Timer& timer : due) texts.push_back(Text(timer));
  return texts;
}

TEST(WindowTimersTest, InTheOrderOfTimeThenOfAddition) {
  WindowTimers timers;
  EXPECT_FALSE(timers.due(kMaxTimestamp));
  timers.Add(19, KeyOf("b"), {10, 20});
  timers.Add(9, KeyOf("c"), {0, 10});
  timers.Add(19, KeyOf(""), {10, 20});
  timers.Add(19, KeyOf("a"), {15, 20});
  EXPECT_EQ(timers.size(), 4u);
  EXPECT_FALSE(timers.due(8));
  EXPECT_TRUE(timers.due(9));
  EXPECT_THAT(Peek(timers, 8, 10), IsEmpty());
  EXPECT_THAT(Peek(timers, 18, 10), ElementsAre("c@9#0"));
  EXPECT_THAT(Peek(timers, 100, 3), ElementsAre("c@9#0", "b@19#10", "@19#10"));
  timers.DropFirst();
  timers.DropFirst();
  EXPECT_THAT(Peek(timers, 100, 10), ElementsAre("@19#10", "a@19#15"));
  timers.Add(19, KeyOf("z"), {10, 20});
  EXPECT_EQ(timers.size(), 3u);
  for (int i = 0; i < 3; ++i) timers.DropFirst();
  EXPECT_FALSE(timers.due(kMaxTimestamp));
  timers.Add(19, KeyOf("again"), {10, 20});
  EXPECT_THAT(Peek(timers, 19, 10), ElementsAre("again@19#10"));
}

TEST(WindowTimersTest, AgreesWithASortedList) {
  std::mt19937 random(5);
  WindowTimers timers;
  std::vector<std::pair<int64_t, std::string>> model;  // stable by time
  for (int step = 0; step < 5000; ++step) {
    if (random() % 2 == 0) {
      const auto time = static_cast<int64_t>(random() % 40);
      const std::string key(random() % 30, static_cast<char>('a' + step % 26));
      timers.Add(time, KeyOf(key), {step, time});
      const auto behind =
          std::upper_bound(model.begin(), model.end(), time,
                           [](int64_t t, const auto& each) { return t < each.first; });
      model.insert(behind, {time, absl::StrCat(key, "@", time, "#", step)});
    } else if (!model.empty()) {
      timers.DropFirst();
      model.erase(model.begin());
    }
    ASSERT_EQ(timers.size(), model.size());
    const auto time = static_cast<int64_t>(random() % 41);
    std::vector<std::string> expected, all;
    for (const auto& [at, text] : model) {
      if (at <= time && expected.size() < 7) expected.push_back(text);
    }
    ASSERT_EQ(Peek(timers, time, 7), expected);
    ASSERT_EQ(timers.due(time), !expected.empty());
    size_t seen = 0;
    timers.ForEach(
        [&](const WindowTimers::Timer& timer) { seen += Text(timer) == model[seen].second; });
    ASSERT_EQ(seen, model.size());
  }
}

TEST(WindowTimersTest, WhatWasFrozenStaysAsItWas) {
  auto timers = std::make_unique<WindowTimers>();
  for (int i = 0; i < 100; ++i)
    timers->Add(i % 3, KeyOf(std::string(static_cast<size_t>(i), 'k')), {i, i + 1});
  for (int i = 0; i < 20; ++i) timers->DropFirst();
  std::vector<std::string> expected;
  timers->ForEach([&](const WindowTimers::Timer& timer) { expected.push_back(Text(timer)); });
  const std::unique_ptr<FrozenEntries> frozen = timers->Freeze();
  for (int i = 0; i < 50; ++i) timers->Add(1, KeyOf("more"), {i, i});
  for (int i = 0; i < 70; ++i) timers->DropFirst();
  timers = nullptr;
  WindowTimers restored;
  while (!frozen->WriteSome(
      9, [&](uint32_t, absl::string_view entry) { EXPECT_TRUE(restored.ReadEntry(entry).ok()); })) {
  }
  std::vector<std::string> read;
  restored.ForEach([&](const WindowTimers::Timer& timer) { read.push_back(Text(timer)); });
  EXPECT_EQ(read, expected);
}

}  // namespace
}  // namespace pyflinkpp
