// Sliding windows that share panes: as without, with fewer calls.
#include "runtime/operators/sliced_windows.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "core/windowing/time_window_assigners.h"
#include "runtime/operators/window_driver.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"

namespace pyflinkpp {
namespace {

using harness::Element;
using harness::Emitted;
using harness::WindowDriver;
using testing::ElementsAre;
using testing::IsEmpty;

WindowParts Sliding(int64_t size, int64_t slide, int64_t offset = 0, int64_t lateness = 0) {
  return {.assigner = *MakeSlidingWindows(size, slide, offset, true),
          .trigger = MakeEventTimeTrigger(),
          .function = nullptr,
          .allowed_lateness_ms = lateness,
          .late_output = WindowDriver::kLate};
}
std::unique_ptr<KeyedStateBackend> Memory() { return MakeMemoryKeyedStateBackend({0, 127}, 128); }

// A result's texts, the first in its place and the others sorted: with panes the first element of a
// window is still its first.
Emitted Normal(Emitted emitted) {
  const size_t first = emitted.text.find(',', emitted.text.rfind(' ')) + 1;
  std::vector<std::string> texts;
  for (size_t at = first; at < emitted.text.size();) {
    const size_t comma = emitted.text.find(',', at);
    texts.push_back(emitted.text.substr(at, comma - at));
    at = comma + 1;
  }
  std::sort(texts.begin(), texts.end());
  emitted.text.resize(first);
  for (const std::string& text : texts) emitted.text += text + ",";
  return emitted;
}
std::vector<Emitted> Normal(std::vector<Emitted> all) {
  for (Emitted& each : all) each = Normal(each);
  return all;
}
// The calls since the last time, without the merges, which only windows with panes have.
std::string TakeCalls(std::string& log) {
  std::string calls;
  for (size_t at = 0; at < log.size();) {
    const size_t merge = std::min(log.find("merge(", at), log.size());
    calls += log.substr(at, merge - at);
    at = merge == log.size() ? merge : log.find(") ", merge) + 2;
  }
  log.clear();
  return calls;
}

// The same random input to windows with panes and to others: after each step both have emitted the
// same in the same order, and made the same calls.
void Compare(std::mt19937& random, WindowDriver& sliced, WindowDriver& plain) {
  int64_t time = -300;
  int64_t watermark = kMinTimestamp;
  int number = 0;
  const auto same = [&] {
    EXPECT_EQ(Normal(sliced.TakeEmitted()), Normal(plain.TakeEmitted()));
    EXPECT_EQ(TakeCalls(sliced.log), TakeCalls(plain.log));
    EXPECT_EQ(sliced.side[WindowDriver::kLate], plain.side[WindowDriver::kLate]);
  };
  for (int step = 0; step < 25; ++step) {
    std::vector<Element> elements;
    for (uint32_t i = random() % 20; i > 0; --i) {
      time += static_cast<int64_t>(random() % 6);
      elements.push_back({std::string(1, static_cast<char>('a' + random() % 3)),
                          std::to_string(number++), time - static_cast<int64_t>(random() % 90)});
    }
    sliced.YieldAlways(random() % 3 == 0);
    plain.YieldAlways(random() % 3 == 0);
    ASSERT_TRUE(sliced.Push(elements).ok());
    ASSERT_TRUE(plain.Push(elements).ok());
    ASSERT_NO_FATAL_FAILURE(same());
    if (random() % 2 == 0) continue;
    watermark = std::max(watermark, time - static_cast<int64_t>(random() % 50));
    ASSERT_TRUE(sliced.PushWatermark(watermark).ok());
    ASSERT_TRUE(plain.PushWatermark(watermark).ok());
    ASSERT_NO_FATAL_FAILURE(same());
  }
  ASSERT_TRUE(sliced.PushWatermark(kMaxTimestamp).ok());
  ASSERT_TRUE(plain.PushWatermark(kMaxTimestamp).ok());
  ASSERT_NO_FATAL_FAILURE(same());
  EXPECT_THAT(sliced.StateSizes(), IsEmpty());
}

TEST(SlicedWindowsTest, NobodySeesThem) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    const int64_t slide = 1 + random() % 20;
    const int64_t size = slide + 1 + random() % 60;
    const int64_t offset = static_cast<int64_t>(random() % (2 * slide - 1)) - slide + 1;
    const int64_t lateness = random() % 2 == 0 ? 0 : random() % 50;
    WindowDriver sliced(Sliding(size, slide, offset, lateness), Memory(), true);
    WindowDriver plain(Sliding(size, slide, offset, lateness), Memory(), false);
    ASSERT_NO_FATAL_FAILURE(Compare(random, sliced, plain));
    EXPECT_GT(sliced.function().merges, 0);
    EXPECT_EQ(plain.function().merges, 0);
    EXPECT_LT(sliced.function().adds, plain.function().adds);
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST(SlicedWindowsTest, StateOnDisk) {
  std::mt19937 random(1);
  const auto directory = std::filesystem::path(testing::TempDir()) / "pfpp-sliced-windows";
  std::filesystem::remove_all(directory);
  auto backend = OpenRocksDbKeyedStateBackend(
      {.key_groups = {0, 127}, .max_parallelism = 128, .directory = directory});
  ASSERT_TRUE(backend.ok()) << backend.status();
  WindowDriver sliced(Sliding(23, 7, 2, 10), *std::move(backend), true);
  WindowDriver plain(Sliding(23, 7, 2, 10));
  ASSERT_NO_FATAL_FAILURE(Compare(random, sliced, plain));
}

TEST(SlicedWindowsTest, OneAddAnElementAndStateOfPanesOnly) {
  WindowDriver driver(Sliding(100, 10), Memory(), true);
  std::vector<Element> elements;
  for (int i = 0; i < 100; ++i) elements.push_back({"a", std::to_string(i), 200 + i});
  ASSERT_TRUE(driver.Push(elements).ok());
  EXPECT_EQ(driver.function().adds, 100);
  EXPECT_EQ(driver.function().merges, 0);
  EXPECT_THAT(driver.StateSizes(), ElementsAre(testing::Pair("window:pane-lists", 1),
                                               testing::Pair("window:panes", 10)));
  // The first window has one pane, each further one has one more; then each has one less.
  ASSERT_TRUE(driver.PushWatermark(1000).ok());
  EXPECT_EQ(driver.emitted.size(), 19u);
  EXPECT_EQ(driver.function().merges, 2 * (0 + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8) + 9);
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
  EXPECT_EQ(driver.live_values(), 0u);

  WindowDriver plain(Sliding(100, 10));
  ASSERT_TRUE(plain.Push(elements).ok());
  EXPECT_EQ(plain.function().adds, 1000);
}

// Its earlier windows are gone, the later ones have it; and those that have passed fire again.
TEST(SlicedWindowsTest, AnElementThatIsLateForSomeOfItsWindows) {
  WindowDriver driver(Sliding(20, 5, 0, 5), Memory(), true);
  ASSERT_TRUE(driver.Push({{"a", "x", 18}, {"a", "y", 21}}).ok());
  ASSERT_TRUE(driver.PushWatermark(25).ok());
  EXPECT_THAT(driver.TakeEmitted(),
              ElementsAre(Emitted{"a [0,20) x,", 19}, Emitted{"a [5,25) x,y,", 24}));
  ASSERT_TRUE(driver.Push({{"a", "z", 17}}).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"a [5,25) x,z,y,", 24}));
  ASSERT_TRUE(driver.PushWatermark(28).ok());
  ASSERT_TRUE(driver.Push({{"a", "w", 9}, {"a", "v", 4}}).ok());
  EXPECT_THAT(driver.TakeEmitted(), ElementsAre(Emitted{"a [5,25) x,z,y,w,", 24}));
  EXPECT_THAT(driver.side[WindowDriver::kLate], ElementsAre(Emitted{"v", 4}));
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  EXPECT_THAT(driver.TakeEmitted(),
              ElementsAre(Emitted{"a [10,30) x,z,y,", 29}, Emitted{"a [15,35) x,z,y,", 34},
                          Emitted{"a [20,40) y,", 39}));
  EXPECT_THAT(driver.StateSizes(), IsEmpty());
}

TEST(SlicedWindowsTest, BatchMode) {
  for (const bool merges : {false, true}) {
    WindowDriver driver(Sliding(20, 10), Memory(), merges);
    ASSERT_TRUE(driver.Push({{"a", "x", 5}, {"a", "y", 15}}).ok());
    ASSERT_TRUE(driver.FinishKey().ok());
    ASSERT_TRUE(driver.Push({{"b", "x", 5}}).ok());
    ASSERT_TRUE(driver.FinishKey().ok());
    EXPECT_THAT(driver.TakeEmitted(),
                ElementsAre(Emitted{"a [-10,10) x,", 9}, Emitted{"a [0,20) x,y,", 19},
                            Emitted{"a [10,30) y,", 29}, Emitted{"b [-10,10) x,", 9},
                            Emitted{"b [0,20) x,", 19}));
    EXPECT_THAT(driver.StateSizes(), IsEmpty());
  }
}

// What a snapshot says, as it is given to a backend that is restored from it.
class Gathered final : public KeyedStateWriter {
 public:
  int AddState(const idl::KeyedStateDescription& description) override {
    names_.push_back(description.name);
    restored.states[description.name].description = description;
    return static_cast<int>(names_.size()) - 1;
  }
  void AddBlock(int state, int key_group, int64_t entries, std::string bytes) override {
    RestoredKeyedState::State& of = restored.states[names_[static_cast<size_t>(state)]];
    of.blocks[key_group].push_back(std::move(bytes));
    of.entries[key_group] += entries;
  }
  void SetFiles(NativeFiles) override { FAIL() << "a snapshot in blocks has no files"; }
  RestoredKeyedState restored;

 private:
  std::vector<std::string> names_;
};

// A job that goes on from a checkpoint gives what it would have given.
TEST(SlicedWindowsTest, PanesAreInSnapshots) {
  const std::vector<Element> before = {{"a", "x", 18}, {"b", "y", 21}, {"a", "z", 7}};
  const std::vector<Element> after = {{"a", "v", 19}, {"a", "w", 33}};
  std::vector<Emitted> wanted;
  for (const bool restart : {false, true}) {
    WindowDriver first(Sliding(23, 7, 2, 10), Memory(), true);
    ASSERT_TRUE(first.Push(before).ok());
    ASSERT_TRUE(first.PushWatermark(20).ok());
    std::vector<Emitted> emitted = first.TakeEmitted();
    auto backend = Memory();
    if (restart) {
      Gathered gathered;
      const auto snapshot = first.backend().Snapshot();
      ASSERT_TRUE(snapshot.ok()) << snapshot.status();
      while (!*(*snapshot)->WriteSome(gathered)) {
      }
      EXPECT_EQ(gathered.restored.states.count("window:panes"), 1u);
      backend->Restore(std::move(gathered.restored));
    }
    WindowDriver second(Sliding(23, 7, 2, 10), std::move(backend), true);
    WindowDriver& driver = restart ? second : first;
    ASSERT_TRUE(driver.PushWatermark(20).ok());
    ASSERT_TRUE(driver.Push(after).ok());
    ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
    EXPECT_THAT(driver.StateSizes(), IsEmpty());
    for (const Emitted& each : driver.emitted) emitted.push_back(Normal(each));
    std::sort(emitted.begin(), emitted.end());
    if (!restart) wanted = emitted;
    EXPECT_EQ(emitted, wanted);
    EXPECT_GT(wanted.size(), 8u);
  }
}

TEST(SlicedWindowsTest, OnlyWithThePlainTriggerAndWindowsThatOverlap) {
  const auto merges = [](WindowParts parts) {
    WindowDriver driver(std::move(parts), Memory(), true);
    EXPECT_TRUE(driver.Push({{"a", "x", 5}, {"a", "y", 15}}).ok());
    EXPECT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
    return driver.function().merges;
  };
  EXPECT_GT(merges(Sliding(20, 10)), 0);
  WindowParts purging = Sliding(20, 10);
  purging.trigger = MakePurgingTrigger(MakeEventTimeTrigger());
  EXPECT_EQ(merges(std::move(purging)), 0);
  WindowParts counting = Sliding(20, 10);
  counting.trigger = MakeCountTrigger(1);
  EXPECT_EQ(merges(std::move(counting)), 0);
  WindowParts by_clock = Sliding(20, 10);
  by_clock.assigner = *MakeSlidingWindows(20, 10, 0, false);
  by_clock.trigger = MakeProcessingTimeTrigger();
  EXPECT_EQ(merges(std::move(by_clock)), 0);
  EXPECT_EQ(merges(Sliding(20, 20)), 0);
}

// What an element's add or a merge fails at does not leak.
TEST(SlicedWindowsTest, AnErrorStops) {
  WindowDriver driver(Sliding(20, 10), Memory(), true);
  ASSERT_TRUE(driver.Push({{"a", "x", 5}}).ok());
  EXPECT_FALSE(driver.Push({{"a", "bad", 6}}).ok());
}

TEST(SlicedWindowsTest, NoTimestamps) {
  WindowDriver driver(Sliding(20, 10), Memory(), true);
  const absl::Status status = driver.Push({{"a", "x"}}, /*with_timestamps=*/false);
  EXPECT_EQ(FailureOf(status).kind, idl::FaultKind::USER);
}

}  // namespace
}  // namespace pyflinkpp
