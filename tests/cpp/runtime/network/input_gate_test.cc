#include "runtime/network/input_gate.h"

#include <gmock/gmock.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "harness/test_env.h"
#include "runtime/network/local_transport.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class InputGateTest : public testing::Test {
 protected:
  using Taken = std::vector<std::pair<size_t, int64_t>>;

  void Open(int channels) {
    for (int i = 0; i < channels; ++i) {
      const ChannelId id{"job", 0, i, 0};
      outputs_.push_back(transport_.OpenOutput(id, producer_));
      gate_.Open(transport_, id, i % 2);
    }
  }
  void Send(size_t channel, int64_t number) { outputs_[channel]->Send(Watermark{number, false}); }
  // (channel, number) of what the gate gives now.
  Taken TakeAll() {
    Taken taken;
    while (auto next = gate_.Poll()) {
      taken.emplace_back(next->channel, std::get<Watermark>(next->element).timestamp);
    }
    return taken;
  }

  harness::ManualClock clock_;
  Mailbox producer_{clock_};
  Mailbox consumer_{clock_};
  LocalTransport transport_;
  InputGate gate_{consumer_};
  std::vector<std::unique_ptr<OutputChannel>> outputs_;
};

TEST_F(InputGateTest, KnowsItsChannels) {
  EXPECT_EQ(gate_.size(), 0u);
  EXPECT_FALSE(gate_.Poll().has_value());
  Open(3);
  EXPECT_EQ(gate_.size(), 3u);
  EXPECT_EQ(gate_.input_of(0), 0);
  EXPECT_EQ(gate_.input_of(1), 1);
  EXPECT_EQ(gate_.input_of(2), 0);
  EXPECT_FALSE(gate_.Poll().has_value());
}

TEST_F(InputGateTest, ServesChannelsInTheOrderInWhichElementsCame) {
  Open(3);
  Send(2, 1);
  Send(0, 2);
  Send(1, 3);
  EXPECT_THAT(TakeAll(), ElementsAre(Pair(2, 1), Pair(0, 2), Pair(1, 3)));
}

TEST_F(InputGateTest, AFullChannelDoesNotStarveTheOthers) {
  Open(2);
  for (int i = 0; i < kChannelCredit; ++i) Send(0, i);
  Send(1, 100);
  Send(1, 101);
  EXPECT_THAT(TakeAll(), ElementsAre(Pair(0, 0), Pair(1, 100), Pair(0, 1), Pair(1, 101), Pair(0, 2),
                                     Pair(0, 3)));
}

TEST_F(InputGateTest, ABlockedChannelKeepsItsElements) {
  Open(2);
  Send(0, 1);
  Send(1, 2);
  gate_.SetBlocked(0, true);
  EXPECT_THAT(TakeAll(), ElementsAre(Pair(1, 2)));
  Send(0, 3);
  Send(1, 4);
  EXPECT_THAT(TakeAll(), ElementsAre(Pair(1, 4)));
  EXPECT_THAT(TakeAll(), IsEmpty());
  EXPECT_EQ(outputs_[0]->credit(), kChannelCredit - 2) << "nor does it give credit";
  gate_.SetBlocked(0, false);
  EXPECT_THAT(TakeAll(), ElementsAre(Pair(0, 1), Pair(0, 3)));
}

TEST_F(InputGateTest, BlockingAnEmptyChannelHoldsBackWhatComes) {
  Open(1);
  gate_.SetBlocked(0, true);
  Send(0, 1);
  EXPECT_FALSE(gate_.Poll().has_value());
  gate_.SetBlocked(0, true);
  EXPECT_FALSE(gate_.Poll().has_value());
  gate_.SetBlocked(0, false);
  gate_.SetBlocked(0, false);
  EXPECT_THAT(TakeAll(), ElementsAre(Pair(0, 1)));
  Send(0, 2);
  EXPECT_THAT(TakeAll(), ElementsAre(Pair(0, 2)));
}

TEST_F(InputGateTest, AChannelBlockedAndFreedBetweenPollsIsServedOnce) {
  Open(1);
  Send(0, 1);
  gate_.SetBlocked(0, true);
  gate_.SetBlocked(0, false);
  EXPECT_THAT(TakeAll(), ElementsAre(Pair(0, 1)));
}

TEST_F(InputGateTest, WakesItsLoopForElements) {
  Open(2);
  int64_t timer;
  EXPECT_FALSE(consumer_.Ready(&timer));
  Send(1, 1);
  EXPECT_TRUE(consumer_.Ready(&timer));
}

TEST_F(InputGateTest, ClosingFreesTheProducers) {
  Open(2);
  for (int i = 0; i < kChannelCredit; ++i) Send(0, i);
  EXPECT_EQ(outputs_[0]->credit(), 0);
  gate_.Close();
  EXPECT_GT(outputs_[0]->credit(), kChannelCredit);
  Send(0, 9);
}

// Random sends, polls and blocking: every element comes out once, in the order of its channel; the
// gate is empty-handed only when every channel that is not blocked is empty.
TEST_F(InputGateTest, LosesNothingUnderRandomBlocking) {
  constexpr size_t kChannels = 4;
  Open(kChannels);
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::deque<int64_t>> model(kChannels);
    std::vector<bool> blocked(kChannels);
    int64_t next = 0;
    const auto poll = [&] {
      auto element = gate_.Poll();
      if (!element) {
        for (size_t i = 0; i < kChannels; ++i)
          EXPECT_TRUE(blocked[i] || model[i].empty()) << "seed " << seed;
        return false;
      }
      EXPECT_FALSE(blocked[element->channel]);
      EXPECT_FALSE(model[element->channel].empty());
      EXPECT_EQ(std::get<Watermark>(element->element).timestamp, model[element->channel].front());
      model[element->channel].pop_front();
      return true;
    };
    for (int step = 0; step < 300; ++step) {
      const size_t channel = random() % kChannels;
      switch (random() % 4) {
        case 0:
        case 1:
          if (outputs_[channel]->credit() == 0) break;
          model[channel].push_back(next);
          Send(channel, next++);
          break;
        case 2:
          poll();
          break;
        case 3:
          blocked[channel] = random() % 2 == 0;
          gate_.SetBlocked(channel, blocked[channel]);
          break;
      }
    }
    for (size_t i = 0; i < kChannels; ++i) {
      blocked[i] = false;
      gate_.SetBlocked(i, false);
    }
    while (poll()) {
    }
    for (const auto& channel : model) ASSERT_THAT(channel, IsEmpty());
  }
}

}  // namespace
}  // namespace pyflinkpp
