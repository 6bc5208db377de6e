#include "core/windowing/merging_window_set.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/windowing/session_windows.h"

namespace pyflinkpp {
namespace {

using testing::IsEmpty;

std::string Text(const Window& window) {
  return absl::StrCat("[", window.start, ",", window.end, ")");
}

class MergingWindowSetTest : public testing::Test {
 protected:
  ~MergingWindowSetTest() override { serializer_.Release(row_, 1); }

  // What came of it: the window, and the merge if there was one.
  std::string Add(const Window& window) {
    std::string log;
    const auto result = set_.Add(window, *assigner_, scratch_,
                                 [&](const Window& merged, std::span<const Window> windows,
                                     const Window& state, std::span<const Window> states) {
                                   absl::StrAppend(&log, " ", Text(merged), " of");
                                   for (const Window& each : windows)
                                     absl::StrAppend(&log, " ", Text(each));
                                   absl::StrAppend(&log, ", kept under ", Text(state));
                                   for (const Window& each : states)
                                     absl::StrAppend(&log, " ", Text(each));
                                   return absl::OkStatus();
                                 });
    EXPECT_TRUE(result.ok()) << result.status();
    return Text(*result) + log;
  }

  const TypeSerializer& serializer_ = *MergingWindowSet::Serializer();
  alignas(8) std::byte row_[MergingWindowSet::kStride] = {};
  MergingWindowSet set_{row_};
  MergingWindowSet::Scratch scratch_;
  std::unique_ptr<WindowAssigner> assigner_ = *MakeSessionWindows(10, true);
};

TEST_F(MergingWindowSetTest, KeepsTheContentsWhereTheyAre) {
  EXPECT_EQ(Add({0, 10}), "[0,10)");
  EXPECT_EQ(Add({5, 15}), "[0,15) [0,15) of [0,10), kept under [0,10)");
  EXPECT_EQ(Add({6, 14}), "[0,15)") << "nothing changes";
  EXPECT_EQ(Add({-5, 5}), "[-5,15) [-5,15) of [0,15), kept under [0,10)");
  EXPECT_EQ(*set_.StateOf({-5, 15}), (Window{0, 10}));
  EXPECT_EQ(set_.StateOf({0, 15}), nullptr);
}

TEST_F(MergingWindowSetTest, ABridgeMergesContents) {
  Add({0, 10});
  Add({40, 50});
  Add({20, 30});
  EXPECT_EQ(set_.windows().size(), 3u);
  EXPECT_EQ(Add({11, 19}), "[11,19)");
  EXPECT_EQ(Add({10, 11}), "[0,19) [0,19) of [0,10) [11,19), kept under [0,10) [11,19)");
  EXPECT_EQ(Add({19, 40}),
            "[0,50) [0,50) of [0,19) [20,30) [40,50), kept under [0,10) [20,30) [40,50)");
  EXPECT_EQ(set_.windows().size(), 1u);
}

// Flink's set would start new contents here and lose the old ones.
TEST_F(MergingWindowSetTest, AnEqualWindowKeepsItsContents) {
  Add({0, 10});
  Add({5, 15});
  EXPECT_EQ(Add({0, 15}), "[0,15)");
  EXPECT_EQ(*set_.StateOf({0, 15}), (Window{0, 10}));
  EXPECT_EQ(set_.windows().size(), 1u);
}

TEST_F(MergingWindowSetTest, RetiringLeavesZeros) {
  Add({0, 10});
  Add({20, 30});
  Add({40, 50});
  set_.Retire({20, 30});
  EXPECT_EQ(*set_.StateOf({40, 50}), (Window{40, 50}));
  set_.Retire({0, 10});
  set_.Retire({40, 50});
  EXPECT_TRUE(set_.empty());
  EXPECT_TRUE(
      std::all_of(row_, row_ + sizeof(row_), [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST_F(MergingWindowSetTest, RoundTrip) {
  for (int64_t i = 0; i < 5; ++i) {
    std::string bytes;
    BinaryWriter out(bytes);
    ASSERT_TRUE(serializer_.Write(row_, 1, out).ok());
    Arena arena;
    alignas(8) std::byte copies[2 * MergingWindowSet::kStride];
    std::byte* const copy = copies + MergingWindowSet::kStride;
    ASSERT_TRUE(serializer_.Copy(row_, 1, copies, arena).ok());
    BinaryReader in(bytes);
    ASSERT_TRUE(serializer_.Read(in, 1, copy, arena).ok());
    EXPECT_EQ(in.remaining(), 0u);
    std::string text;
    std::vector<size_t> ends;
    ASSERT_TRUE(serializer_.Format(row_, 1, text, ends).ok());
    ASSERT_TRUE(serializer_.Format(copies, 2, text, ends).ok());
    EXPECT_EQ(text.substr(0, ends[0]), text.substr(ends[0], ends[1] - ends[0]));
    EXPECT_EQ(text.substr(0, ends[0]), text.substr(ends[1]));
    serializer_.Release(copies, 2);
    for (size_t size = 0; size < bytes.size(); ++size) {
      BinaryReader part(absl::string_view(bytes).substr(0, size));
      EXPECT_FALSE(serializer_.Read(part, 1, copy, arena).ok());
    }
    Add({i * 100, i * 100 + 10});
  }
}

// The golden bytes: a count, then start and end of the window and of the one its contents lie
// under.
TEST_F(MergingWindowSetTest, Format) {
  Add({1, 2});
  Add({2, 3});
  std::string bytes;
  BinaryWriter out(bytes);
  ASSERT_TRUE(serializer_.Write(row_, 1, out).ok());
  const auto word = [](char low) { return std::string(1, low) + std::string(7, '\0'); };
  EXPECT_EQ(bytes, "\x01" + word(1) + word(3) + word(1) + word(2));
}

TEST_F(MergingWindowSetTest, AgreesWithIntervals) {
  std::mt19937 random(3);
  std::vector<Window> model;
  for (int i = 0; i < 2000; ++i) {
    if (random() % 10 == 0 && !model.empty()) {
      const size_t gone = random() % model.size();
      set_.Retire(model[gone]);
      model.erase(model.begin() + static_cast<int64_t>(gone));
    } else {
      const auto start = static_cast<int64_t>(random() % 1000);
      Window window{start, start + 1 + static_cast<int64_t>(random() % 30)};
      Add(window);
      for (size_t k = 0; k < model.size();) {
        if (!Intersects(window, model[k])) {
          ++k;
          continue;
        }
        window = Cover(window, model[k]);
        model.erase(model.begin() + static_cast<int64_t>(k));
        k = 0;
      }
      model.push_back(window);
    }
    std::vector<std::string> windows, expected;
    for (const MergingWindow& each : set_.windows()) windows.push_back(Text(each.window));
    for (const Window& each : model) expected.push_back(Text(each));
    std::sort(windows.begin(), windows.end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(windows, expected);
    std::vector<std::string> states;
    for (const MergingWindow& each : set_.windows()) states.push_back(Text(each.state));
    std::sort(states.begin(), states.end());
    ASSERT_EQ(std::unique(states.begin(), states.end()), states.end())
        << "no two share their contents";
  }
}

}  // namespace
}  // namespace pyflinkpp
