#include "runtime/task/status_watermark_valve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

namespace pyflinkpp {
namespace {

class StatusWatermarkValveTest : public testing::Test {
 protected:
  // What the task says after a channel's watermark; nothing when it says nothing new.
  void ExpectSays(size_t channel, Watermark watermark, std::optional<Watermark> expected) {
    const auto says = valve_->Advance(channel, watermark);
    ASSERT_EQ(says.has_value(), expected.has_value());
    if (!says) return;
    EXPECT_EQ(says->timestamp, expected->timestamp);
    EXPECT_EQ(says->idle, expected->idle);
  }
  std::optional<StatusWatermarkValve> valve_;
};

constexpr Watermark At(int64_t timestamp) { return {timestamp, false}; }
constexpr Watermark kIdle = {kMinTimestamp, true};

TEST_F(StatusWatermarkValveTest, OneChannelPassesThrough) {
  valve_.emplace(1);
  ExpectSays(0, At(5), At(5));
  ExpectSays(0, At(5), std::nullopt);
  ExpectSays(0, At(3), std::nullopt);
  ExpectSays(0, At(-7), std::nullopt);
  ExpectSays(0, At(kMaxTimestamp), At(kMaxTimestamp));
}

TEST_F(StatusWatermarkValveTest, TheLeastOfAllChannelsCounts) {
  valve_.emplace(3);
  ExpectSays(0, At(10), std::nullopt);
  ExpectSays(1, At(20), std::nullopt);
  ExpectSays(2, At(5), At(5));
  ExpectSays(2, At(30), At(10));
  ExpectSays(1, At(25), std::nullopt);
  ExpectSays(0, At(22), At(22));
}

TEST_F(StatusWatermarkValveTest, AnIdleChannelIsLeftOut) {
  valve_.emplace(2);
  ExpectSays(0, At(10), std::nullopt);
  ExpectSays(1, kIdle, At(10));
  ExpectSays(0, At(11), At(11));
  ExpectSays(1, At(30), std::nullopt);
  ExpectSays(0, At(40), At(30));
}

TEST_F(StatusWatermarkValveTest, AChannelThatComesBackWithLessHoldsButDoesNotTurnBack) {
  valve_.emplace(2);
  ExpectSays(1, kIdle, std::nullopt);
  ExpectSays(0, At(50), At(50));
  ExpectSays(1, At(20), std::nullopt);
  ExpectSays(0, At(60), std::nullopt);
  ExpectSays(1, At(55), At(55));
}

TEST_F(StatusWatermarkValveTest, WhenAllAreIdleSoIsTheTask) {
  valve_.emplace(2);
  ExpectSays(0, At(10), std::nullopt);
  ExpectSays(1, At(10), At(10));
  ExpectSays(0, kIdle, std::nullopt);
  ExpectSays(1, kIdle, (Watermark{10, true}));
  ExpectSays(1, kIdle, std::nullopt);
  ExpectSays(0, At(9), At(10));
}

TEST_F(StatusWatermarkValveTest, TheEndOfAllTimeNeedsAllChannels) {
  valve_.emplace(2);
  ExpectSays(0, At(kMaxTimestamp), std::nullopt);
  ExpectSays(1, At(7), At(7));
  ExpectSays(1, At(kMaxTimestamp), At(kMaxTimestamp));
}

// By seed, against the definition written down naively.
TEST(StatusWatermarkValvePropertyTest, IsTheLeastOfTheLiveChannelsAndNeverGoesBack) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const size_t channels = 1 + random() % 5;
    StatusWatermarkValve valve(channels);
    std::vector<int64_t> highest(channels, kMinTimestamp);
    std::vector<bool> idle(channels, false);
    int64_t task = kMinTimestamp;
    bool task_idle = false;
    for (int step = 0; step < 200; ++step) {
      const size_t channel = random() % channels;
      const Watermark watermark{static_cast<int64_t>(random() % 50) + step, random() % 5 == 0};
      idle[channel] = watermark.idle;
      if (!watermark.idle) highest[channel] = std::max(highest[channel], watermark.timestamp);

      std::vector<int64_t> live;
      for (size_t i = 0; i < channels; ++i) {
        if (!idle[i]) live.push_back(highest[i]);
      }
      const int64_t next =
          live.empty() ? task : std::max(task, *std::min_element(live.begin(), live.end()));
      const auto says = valve.Advance(channel, watermark);
      ASSERT_EQ(says.has_value(), next != task || live.empty() != task_idle)
          << "seed " << seed << " step " << step;
      if (says) {
        ASSERT_EQ(says->timestamp, next);
        ASSERT_EQ(says->idle, live.empty());
      }
      task = next;
      task_idle = live.empty();
    }
  }
}

}  // namespace
}  // namespace pyflinkpp
