#include "runtime/task/checkpoint_barrier_handler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "harness/barriers.h"
#include "harness/batches.h"
#include "harness/test_env.h"
#include "runtime/network/local_transport.h"

namespace pyflinkpp {
namespace {

using harness::BarrierOf;
using harness::UnalignedBarrierOf;
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

// ---- barriers that overtake ----

class OvertakingBarriersTest : public CheckpointBarrierHandlerTest {
 protected:
  void SendBatch(size_t channel, int64_t number) {
    outputs_[channel]->Send(harness::Longs({number}));
  }
  // Takes the checkpoint now and records what is there of it.
  void Take(int64_t checkpoint) {
    handler_->Take(checkpoint);
    handler_->StartRecording(checkpoint, record_);
  }

  std::vector<std::pair<size_t, int64_t>> recorded_;
  std::function<void(size_t, const RecordBatch&)> record_ = [this](size_t channel,
                                                                   const RecordBatch& batch) {
    recorded_.emplace_back(channel, batch.rows<int64_t>()[0]);
  };
};

TEST_F(OvertakingBarriersTest, ItIsOverdueWhenItsTimeIsOver) {
  Open(2);
  EXPECT_EQ(handler_->Overdue(), nullptr);
  EXPECT_EQ(handler_->OnAnnounced(UnalignedBarrierOf(1, 5)), 5'000'000);
  EXPECT_EQ(handler_->OnAnnounced(UnalignedBarrierOf(1, 5)), CheckpointBarrierHandler::kNever)
      << "it is known";
  EXPECT_EQ(handler_->Overdue(), nullptr);
  clock_.AdvanceMillis(5);
  ASSERT_NE(handler_->Overdue(), nullptr);
  EXPECT_EQ(handler_->Overdue()->checkpoint(), 1);
  Take(1);
  EXPECT_EQ(handler_->Overdue(), nullptr);
  EXPECT_EQ(handler_->alignment_ms(), 5);
}

TEST_F(OvertakingBarriersTest, OneThatOvertookBeforeDoesAtOnce) {
  Open(2);
  handler_->OnAnnounced(UnalignedBarrierOf(1, 1000));
  EXPECT_EQ(handler_->OnAnnounced(UnalignedBarrierOf(1)), 0);
  EXPECT_NE(handler_->Overdue(), nullptr);
}

TEST_F(OvertakingBarriersTest, WhatLiesBeforeItsBarriersIsRecorded) {
  Open(3);
  SendBatch(0, 1);
  outputs_[0]->Send(UnalignedBarrierOf(1));
  SendBatch(0, 2);
  SendBatch(1, 3);
  handler_->OnBarrier(2, UnalignedBarrierOf(1));
  Take(1);
  EXPECT_THAT(recorded_, ElementsAre(testing::Pair(0, 1)));
  EXPECT_FALSE(handler_->records(0));
  EXPECT_TRUE(handler_->records(1)) << "its barrier is still to come";
  EXPECT_FALSE(handler_->records(2)) << "it had been read before";
  EXPECT_FALSE(handler_->TakeRecorded().has_value());
  outputs_[1]->Send(UnalignedBarrierOf(1));
  handler_->OnArrived(1, 1, record_);
  handler_->OnArrived(1, 1, record_);
  EXPECT_THAT(recorded_, ElementsAre(testing::Pair(0, 1), testing::Pair(1, 3)));
  EXPECT_EQ(handler_->TakeRecorded(), 1);
  EXPECT_FALSE(handler_->TakeRecorded().has_value()) << "once";
}

TEST_F(OvertakingBarriersTest, ABlockedChannelIsReadAgain) {
  Open(2);
  handler_->OnBarrier(0, UnalignedBarrierOf(1, 5));
  Send(0);
  EXPECT_THAT(Readable(), IsEmpty());
  Take(1);
  EXPECT_THAT(Readable(), ElementsAre(0));
  EXPECT_FALSE(handler_->OnBarrier(1, UnalignedBarrierOf(1, 5)).has_value());
  EXPECT_EQ(handler_->TakeRecorded(), 1);
}

TEST_F(OvertakingBarriersTest, AnEarlierOneComesFirst) {
  Open(2);
  handler_->OnAnnounced(BarrierOf(1));
  handler_->OnAnnounced(UnalignedBarrierOf(2));
  EXPECT_EQ(handler_->Overdue(), nullptr);
  handler_->OnBarrier(0, BarrierOf(1));
  EXPECT_TRUE(handler_->OnBarrier(1, BarrierOf(1)).has_value());
  EXPECT_NE(handler_->Overdue(), nullptr);
}

TEST_F(OvertakingBarriersTest, WhatIsGivenUpIsNeitherOverdueNorRecorded) {
  Open(2);
  handler_->OnAnnounced(UnalignedBarrierOf(1));
  handler_->Abort(1);
  EXPECT_EQ(handler_->Overdue(), nullptr);
  EXPECT_EQ(handler_->OnAnnounced(UnalignedBarrierOf(1)), CheckpointBarrierHandler::kNever);
  handler_->OnAnnounced(UnalignedBarrierOf(2));
  Take(2);
  EXPECT_TRUE(handler_->records(0));
  handler_->Abort(2);
  EXPECT_FALSE(handler_->records(0));
  EXPECT_FALSE(handler_->TakeRecorded().has_value());
}

TEST_F(OvertakingBarriersTest, TheEndOfAChannelEndsItsRecording) {
  Open(2);
  Take(1);
  SendBatch(0, 4);
  outputs_[0]->Send(EndOfInput{});
  handler_->OnArrived(0, 1, record_);
  EXPECT_THAT(recorded_, ElementsAre(testing::Pair(0, 4)));
  handler_->OnEnd(1);
  EXPECT_EQ(handler_->TakeRecorded(), 1);
}

}  // namespace
}  // namespace pyflinkpp
