#include "runtime/task/checkpoint_barrier_handler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "harness/barriers.h"
#include "harness/test_env.h"
#include "runtime/network/local_transport.h"

namespace pyflinkpp {
namespace {

using harness::BarrierOf;
using testing::ElementsAre;
using testing::IsEmpty;

class CheckpointBarrierHandlerTest : public testing::Test {
 protected:
  void Open(int channels) {
    for (int i = 0; i < channels; ++i) {
      const ChannelId id{"job", 0, i, 0};
      outputs_.push_back(transport_.OpenOutput(id, mailbox_));
      gate_.Open(transport_, id, 0);
    }
    handler_ = std::make_unique<CheckpointBarrierHandler>(gate_, clock_, /*at_least_once=*/false);
  }
  void Send(size_t channel) { outputs_[channel]->Send(Watermark{1, false}); }
  // The channels that the gate reads now, in order of arrival.
  std::vector<size_t> Readable() {
    std::vector<size_t> channels;
    while (auto next = gate_.Poll()) channels.push_back(next->channel);
    return channels;
  }

  harness::ManualClock clock_;
  Mailbox mailbox_{clock_};
  LocalTransport transport_;
  InputGate gate_{mailbox_};
  std::vector<std::unique_ptr<OutputChannel>> outputs_;
  std::unique_ptr<CheckpointBarrierHandler> handler_;
};

TEST_F(CheckpointBarrierHandlerTest, OneChannelIsAlwaysAligned) {
  Open(1);
  const auto barrier = handler_->OnBarrier(0, BarrierOf(7, 1000));
  ASSERT_TRUE(barrier.has_value());
  EXPECT_EQ(barrier->checkpoint(), 7);
  EXPECT_EQ(barrier->told->timestamp, 1000);
  Send(0);
  EXPECT_THAT(Readable(), ElementsAre(0));
}

TEST_F(CheckpointBarrierHandlerTest, AChannelWaitsForTheOthersBarriers) {
  Open(3);
  EXPECT_FALSE(handler_->OnBarrier(1, BarrierOf(1, 0)).has_value());
  for (const size_t channel : {0, 1, 2}) Send(channel);
  EXPECT_THAT(Readable(), ElementsAre(0, 2));
  EXPECT_FALSE(handler_->OnBarrier(2, BarrierOf(1, 0)).has_value());
  for (const size_t channel : {0, 2}) Send(channel);
  EXPECT_THAT(Readable(), ElementsAre(0));
  EXPECT_TRUE(handler_->OnBarrier(0, BarrierOf(1, 0)).has_value());
  EXPECT_THAT(Readable(), testing::UnorderedElementsAre(1, 2)) << "what waited is read now";
}

TEST_F(CheckpointBarrierHandlerTest, EachCheckpointIsAlignedAnew) {
  Open(2);
  for (int64_t checkpoint = 1; checkpoint < 5; ++checkpoint) {
    const size_t first = checkpoint % 2;
    EXPECT_FALSE(handler_->OnBarrier(first, BarrierOf(checkpoint, 0)).has_value());
    const auto aligned = handler_->OnBarrier(1 - first, BarrierOf(checkpoint, 0));
    ASSERT_TRUE(aligned.has_value());
    EXPECT_EQ(aligned->checkpoint(), checkpoint);
  }
}

TEST_F(CheckpointBarrierHandlerTest, AnEndedChannelCountsAsAligned) {
  Open(3);
  EXPECT_FALSE(handler_->OnEnd(0).has_value()) << "there is no checkpoint";
  EXPECT_FALSE(handler_->OnBarrier(1, BarrierOf(1, 0)).has_value());
  EXPECT_TRUE(handler_->OnBarrier(2, BarrierOf(1, 0)).has_value());
}

TEST_F(CheckpointBarrierHandlerTest, TheEndOfTheLastMissingChannelCompletesTheAlignment) {
  Open(3);
  EXPECT_FALSE(handler_->OnBarrier(0, BarrierOf(4, 0)).has_value());
  EXPECT_FALSE(handler_->OnEnd(1).has_value());
  Send(0);
  EXPECT_THAT(Readable(), IsEmpty());
  const auto aligned = handler_->OnEnd(2);
  ASSERT_TRUE(aligned.has_value());
  EXPECT_EQ(aligned->checkpoint(), 4);
  EXPECT_THAT(Readable(), ElementsAre(0));
}

TEST_F(CheckpointBarrierHandlerTest, WhenAllHaveEndedThereIsNothingToAlign) {
  Open(2);
  EXPECT_FALSE(handler_->OnEnd(0).has_value());
  EXPECT_FALSE(handler_->OnEnd(1).has_value());
}

TEST_F(CheckpointBarrierHandlerTest, WhatIsGivenUpLetsItsChannelsGo) {
  Open(2);
  EXPECT_FALSE(handler_->OnBarrier(0, BarrierOf(1)).has_value());
  Send(0);
  EXPECT_THAT(Readable(), IsEmpty());
  handler_->Abort(1);
  EXPECT_THAT(Readable(), ElementsAre(0));
  EXPECT_FALSE(handler_->OnBarrier(1, BarrierOf(1)).has_value()) << "it comes too late";
  Send(1);
  EXPECT_THAT(Readable(), ElementsAre(1));
}

TEST_F(CheckpointBarrierHandlerTest, ALaterCheckpointTakesTheEarlierOnesPlace) {
  Open(2);
  EXPECT_FALSE(handler_->OnBarrier(0, BarrierOf(1)).has_value());
  EXPECT_FALSE(handler_->OnBarrier(1, BarrierOf(2)).has_value());
  for (const size_t channel : {0, 1}) Send(channel);
  EXPECT_THAT(Readable(), ElementsAre(0)) << "the first checkpoint's channel is read again";
  EXPECT_FALSE(handler_->OnBarrier(0, BarrierOf(1)).has_value());
  const auto aligned = handler_->OnBarrier(0, BarrierOf(2));
  ASSERT_TRUE(aligned.has_value());
  EXPECT_EQ(aligned->checkpoint(), 2);
}

TEST_F(CheckpointBarrierHandlerTest, AtLeastOnceReadsOn) {
  Open(2);
  handler_ = std::make_unique<CheckpointBarrierHandler>(gate_, clock_, /*at_least_once=*/true);
  EXPECT_FALSE(handler_->OnBarrier(0, BarrierOf(1)).has_value());
  Send(0);
  EXPECT_THAT(Readable(), ElementsAre(0));
  EXPECT_TRUE(handler_->OnBarrier(1, BarrierOf(1)).has_value());
}

// By seed: a checkpoint passes exactly when its barrier has come on every channel that has not
// ended, and no channel is left blocked.
TEST_F(CheckpointBarrierHandlerTest, AlignsUnderAnyOrderOfBarriersAndEnds) {
  constexpr size_t kChannels = 4;
  Open(kChannels);
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    handler_ = std::make_unique<CheckpointBarrierHandler>(gate_, clock_, /*at_least_once=*/false);
    std::vector<bool> ended(kChannels);
    for (int64_t checkpoint = 1; checkpoint <= 6; ++checkpoint) {
      std::vector<size_t> order;
      for (size_t i = 0; i < kChannels; ++i) {
        if (!ended[i]) order.push_back(i);
      }
      std::shuffle(order.begin(), order.end(), random);
      bool any_barrier = false;
      for (size_t i = 0; i < order.size(); ++i) {
        const bool ends = random() % 8 == 0;
        any_barrier |= !ends;
        const auto aligned = ends ? handler_->OnEnd(order[i])
                                  : handler_->OnBarrier(order[i], BarrierOf(checkpoint, 0));
        if (ends) ended[order[i]] = true;
        ASSERT_EQ(aligned.has_value(), any_barrier && i + 1 == order.size()) << "seed " << seed;
        if (!aligned) continue;
        ASSERT_EQ(aligned->checkpoint(), checkpoint);
      }
      for (size_t i = 0; i < kChannels; ++i) Send(i);
      ASSERT_EQ(Readable().size(), kChannels);
    }
  }
}

}  // namespace
}  // namespace pyflinkpp
