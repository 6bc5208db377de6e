#include "runtime/network/local_transport.h"

#include <gmock/gmock.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "harness/barriers.h"
#include "harness/batches.h"
#include "harness/test_env.h"
#include "harness/tracked_serializer.h"

namespace pyflinkpp {
namespace {

using harness::LongsOf;
using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;

class LocalTransportTest : public testing::Test {
 protected:
  std::unique_ptr<OutputChannel> OpenOutput(int edge = 0) {
    return transport_.OpenOutput({"job", edge, 0, 0}, producer_);
  }
  std::unique_ptr<InputChannel> OpenInput(int edge = 0) {
    return transport_.OpenInput({"job", edge, 0, 0}, ready_, static_cast<size_t>(edge));
  }
  // A watermark stands for any element: its timestamp is its number.
  static void Send(OutputChannel& output, int64_t number) { output.Send(Watermark{number, false}); }
  static int64_t Poll(InputChannel& input) {
    bool more;
    auto element = input.Poll(&more);
    return element ? std::get<Watermark>(*element).timestamp : -1;
  }
  static bool TakeSignal(Mailbox& mailbox) {
    int64_t timer;
    const bool signaled = mailbox.Ready(&timer);
    mailbox.BeginStep();
    return signaled;
  }
  std::vector<size_t> TakeReady() {
    std::vector<size_t> channels;
    while (auto channel = ready_.Pop()) channels.push_back(*channel);
    return channels;
  }

  harness::ManualClock clock_;
  Mailbox producer_{clock_};
  Mailbox consumer_{clock_};
  ReadyChannels ready_{consumer_};
  LocalTransport transport_;
};

TEST_F(LocalTransportTest, ABarrierNeedsNoCreditAndIsAnnounced) {
  ReadyChannels ready(consumer_, /*announces=*/true);
  auto output = OpenOutput();
  auto input = transport_.OpenInput({"job", 0, 0, 0}, ready, 3);
  for (int64_t i = 0; i < kChannelCredit; ++i) Send(*output, i);
  EXPECT_EQ(output->credit(), 0);
  EXPECT_FALSE(ready.announced());
  output->Send(harness::BarrierOf(7));
  EXPECT_EQ(output->credit(), 0);
  ASSERT_TRUE(ready.announced());
  const auto announcement = ready.PopAnnouncement();
  EXPECT_EQ(announcement->channel, 3u);
  EXPECT_EQ(announcement->barrier->checkpoint(), 7);
  EXPECT_FALSE(ready.announced());
  for (int64_t i = 0; i < kChannelCredit; ++i) EXPECT_EQ(Poll(*input), i);
  EXPECT_EQ(output->credit(), kChannelCredit);
  bool more;
  EXPECT_EQ(std::get<CheckpointBarrier>(*input->Poll(&more)).checkpoint(), 7);
  EXPECT_EQ(output->credit(), kChannelCredit) << "it took none";
}

TEST_F(LocalTransportTest, WhatCameBeforeTheConsumerIsAnnouncedToIt) {
  auto output = OpenOutput();
  output->Send(harness::BarrierOf(7));
  output->Send(EndOfInput{});
  ReadyChannels ready(consumer_, /*announces=*/true);
  auto input = transport_.OpenInput({"job", 0, 0, 0}, ready, 0);
  EXPECT_TRUE(ready.PopAnnouncement()->barrier.has_value());
  EXPECT_FALSE(ready.PopAnnouncement()->barrier.has_value()) << "the end";
  EXPECT_FALSE(ready.PopAnnouncement().has_value());
}

TEST_F(LocalTransportTest, WhatIsAheadOfABarrierStaysWhereItIs) {
  auto output = OpenOutput();
  auto input = OpenInput();
  std::vector<const RecordBatch*> ahead;
  output->Send(harness::Longs({1}));
  Send(*output, 5);
  EXPECT_FALSE(input->Ahead(7, ahead)) << "it has not come yet";
  EXPECT_EQ(ahead.size(), 1u);
  output->Send(harness::BarrierOf(6));
  output->Send(harness::Longs({2}));
  output->Send(harness::BarrierOf(7));
  output->Send(harness::Longs({3}));
  ahead.clear();
  EXPECT_TRUE(input->Ahead(7, ahead));
  ASSERT_EQ(ahead.size(), 2u);
  EXPECT_THAT(LongsOf(*ahead[0]), ElementsAre(1));
  EXPECT_THAT(LongsOf(*ahead[1]), ElementsAre(2));
  bool more;
  auto first = input->Poll(&more);
  EXPECT_EQ(std::get<std::unique_ptr<RecordBatch>>(*first).get(), ahead[0]);
}

TEST_F(LocalTransportTest, ElementsArriveInOrderAndAsTheyAre) {
  auto output = OpenOutput();
  auto input = OpenInput();
  auto batch = harness::Longs({1, 2, 3});
  const RecordBatch* sent = batch.get();
  output->Send(std::move(batch));
  output->Send(harness::BarrierOf(7));
  output->Send(EndOfInput{});
  bool more = false;
  auto first = input->Poll(&more);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(std::get<std::unique_ptr<RecordBatch>>(*first).get(), sent)
      << "no copy within a process";
  EXPECT_TRUE(more);
  auto second = input->Poll(&more);
  EXPECT_EQ(std::get<CheckpointBarrier>(*second).checkpoint(), 7);
  EXPECT_TRUE(more);
  auto third = input->Poll(&more);
  EXPECT_TRUE(std::holds_alternative<EndOfInput>(*third));
  EXPECT_FALSE(more);
  EXPECT_FALSE(input->Poll(&more).has_value());
  EXPECT_FALSE(more);
}

TEST_F(LocalTransportTest, EitherEndMayComeFirst) {
  for (const bool output_first : {true, false}) {
    std::unique_ptr<OutputChannel> output;
    std::unique_ptr<InputChannel> input;
    if (output_first) output = OpenOutput();
    input = OpenInput();
    EXPECT_EQ(transport_.half_open(), output_first ? 0u : 1u);
    if (!output_first) {
      EXPECT_EQ(Poll(*input), -1);
      output = OpenOutput();
    }
    EXPECT_EQ(transport_.half_open(), 0u);
    Send(*output, 5);
    EXPECT_EQ(Poll(*input), 5);
  }
}

TEST_F(LocalTransportTest, WhatWasSentBeforeTheInputCameIsThere) {
  auto output = OpenOutput(3);
  Send(*output, 1);
  Send(*output, 2);
  EXPECT_FALSE(TakeSignal(consumer_));
  auto input = OpenInput(3);
  EXPECT_TRUE(TakeSignal(consumer_));
  EXPECT_THAT(TakeReady(), ElementsAre(3));
  EXPECT_EQ(Poll(*input), 1);
  EXPECT_EQ(Poll(*input), 2);
}

TEST_F(LocalTransportTest, CreditBoundsWhatIsUnderWay) {
  auto output = OpenOutput();
  auto input = OpenInput();
  for (int i = 0; i < kChannelCredit; ++i) {
    EXPECT_EQ(output->credit(), kChannelCredit - i);
    Send(*output, i);
  }
  EXPECT_EQ(output->credit(), 0);
  EXPECT_EQ(Poll(*input), 0);
  EXPECT_EQ(output->credit(), 1);
  Send(*output, 100);
  EXPECT_EQ(output->credit(), 0);
  for (int i = 1; i < kChannelCredit; ++i) EXPECT_EQ(Poll(*input), i);
  EXPECT_EQ(Poll(*input), 100);
  EXPECT_EQ(output->credit(), kChannelCredit);
}

TEST_F(LocalTransportTest, CreditHoldsAlsoBeforeTheInputIsOpen) {
  auto output = OpenOutput();
  for (int i = 0; i < kChannelCredit; ++i) Send(*output, i);
  EXPECT_EQ(output->credit(), 0);
  auto input = OpenInput();
  EXPECT_EQ(output->credit(), 0);
}

using LocalTransportDeathTest = LocalTransportTest;
TEST_F(LocalTransportDeathTest, SendingWithoutCreditIsABug) {
  auto output = OpenOutput();
  auto input = OpenInput();
  for (int i = 0; i < kChannelCredit; ++i) Send(*output, i);
  EXPECT_DEATH(Send(*output, 9), "broken invariant");
}

TEST_F(LocalTransportTest, AProducerWithoutCreditIsToldOfNewCredit) {
  auto output = OpenOutput();
  auto input = OpenInput();
  for (int i = 0; i < kChannelCredit; ++i) Send(*output, i);
  EXPECT_FALSE(TakeSignal(producer_));
  Poll(*input);
  EXPECT_TRUE(TakeSignal(producer_));
  Poll(*input);
  EXPECT_FALSE(TakeSignal(producer_)) << "it had credit";
}

TEST_F(LocalTransportTest, TheConsumerIsToldOncePerElementThatCameToAnEmptyChannel) {
  auto output = OpenOutput(2);
  auto input = OpenInput(2);
  EXPECT_THAT(TakeReady(), ElementsAre());
  Send(*output, 1);
  EXPECT_TRUE(TakeSignal(consumer_));
  Send(*output, 2);
  EXPECT_THAT(TakeReady(), ElementsAre(2));
  Poll(*input);
  Poll(*input);
  Send(*output, 3);
  EXPECT_TRUE(TakeSignal(consumer_));
  EXPECT_THAT(TakeReady(), ElementsAre(2));
}

TEST_F(LocalTransportTest, ChannelsAreReadyInTheOrderInWhichElementsCame) {
  std::vector<std::unique_ptr<OutputChannel>> outputs;
  std::vector<std::unique_ptr<InputChannel>> inputs;
  for (int edge = 0; edge < 3; ++edge) {
    outputs.push_back(OpenOutput(edge));
    inputs.push_back(OpenInput(edge));
  }
  for (const int edge : {2, 0, 2, 1, 0}) Send(*outputs[edge], edge);
  EXPECT_THAT(TakeReady(), ElementsAre(2, 0, 1));
}

TEST_F(LocalTransportTest, WhatWasSentArrivesAfterTheOutputIsGone) {
  auto output = OpenOutput();
  auto input = OpenInput();
  Send(*output, 1);
  Send(*output, 2);
  output.reset();
  EXPECT_EQ(Poll(*input), 1);
  EXPECT_EQ(Poll(*input), 2);
  EXPECT_EQ(Poll(*input), -1);
}

TEST_F(LocalTransportTest, AnOutputThatWentBeforeTheInputCameLeavesItsElements) {
  Send(*OpenOutput(), 1);
  EXPECT_EQ(transport_.half_open(), 1u);
  auto input = OpenInput();
  EXPECT_EQ(Poll(*input), 1);
  EXPECT_EQ(Poll(*input), -1);
}

TEST_F(LocalTransportTest, AClosedInputDropsWhatItHasAndWhatComes) {
  TrackedValues values;
  const auto serializer = std::make_shared<const TrackedSerializer>(values);
  auto output = OpenOutput();
  auto input = OpenInput();
  for (int i = 0; i < kChannelCredit; ++i)
    output->Send(TrackedSerializer::Batch(serializer, {"a", "b"}));
  EXPECT_EQ(values.live(), 2u * kChannelCredit);
  input.reset();
  EXPECT_EQ(values.live(), 0u);
  EXPECT_TRUE(TakeSignal(producer_)) << "its credit is unlimited from now on";
  for (int i = 0; i < 3 * kChannelCredit; ++i) {
    ASSERT_GT(output->credit(), 0);
    output->Send(TrackedSerializer::Batch(serializer, {"c"}));
    EXPECT_EQ(values.live(), 0u);
  }
}

TEST_F(LocalTransportTest, AnInputThatWentBeforeTheOutputCameTakesNothing) {
  OpenInput().reset();
  auto output = OpenOutput();
  for (int i = 0; i < 2 * kChannelCredit; ++i) {
    ASSERT_GT(output->credit(), 0);
    Send(*output, i);
  }
}

TEST_F(LocalTransportTest, ChannelsDifferByEveryPartOfTheirId) {
  const ChannelId base{"job", 1, 2, 3};
  const ChannelId others[] = {
      {"job2", 1, 2, 3}, {"job", 0, 2, 3}, {"job", 1, 1, 3}, {"job", 1, 2, 2}};
  auto output = transport_.OpenOutput(base, producer_);
  for (const ChannelId& other : others) {
    auto input = transport_.OpenInput(other, ready_, 0);
    Send(*output, 1);
    EXPECT_EQ(Poll(*input), -1);
  }
  EXPECT_EQ(transport_.half_open(), 5u);
  auto input = transport_.OpenInput(base, ready_, 0);
  for (size_t i = 0; i < std::size(others); ++i) EXPECT_EQ(Poll(*input), 1);
}

TEST_F(LocalTransportTest, ReleaseForgetsTheJobsHalfOpenChannels) {
  TrackedValues values;
  const auto serializer = std::make_shared<const TrackedSerializer>(values);
  {
    auto output = OpenOutput(0);
    output->Send(TrackedSerializer::Batch(serializer, {"never read"}));
  }
  auto input = OpenInput(1);
  auto other = transport_.OpenInput({"other job", 0, 0, 0}, ready_, 0);
  EXPECT_EQ(transport_.half_open(), 3u);
  EXPECT_EQ(values.live(), 1u);
  transport_.Release("job");
  EXPECT_EQ(transport_.half_open(), 1u);
  EXPECT_EQ(values.live(), 0u);
  EXPECT_EQ(Poll(*input), -1) << "the end that is there still works";
  transport_.Release("other job");
  EXPECT_EQ(transport_.half_open(), 0u);
}

TEST_F(LocalTransportTest, ReleaseLeavesConnectedChannelsAlone) {
  auto output = OpenOutput();
  auto input = OpenInput();
  transport_.Release("job");
  Send(*output, 1);
  EXPECT_EQ(Poll(*input), 1);
}

// Sends and polls by seed against the obvious model: a queue of at most kChannelCredit elements,
// and a channel that is announced if and only if it has elements.
TEST_F(LocalTransportTest, RandomSendsAndPollsKeepOrderCreditAndAnnouncement) {
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    auto output = OpenOutput();
    auto input = OpenInput();
    int64_t sent = 0, polled = 0;
    bool announced = false;
    for (int step = 0; step < 100; ++step) {
      if (random() % 2 == 0 && output->credit() > 0) {
        Send(*output, sent++);
      } else if (announced) {
        bool more = false;
        auto element = input->Poll(&more);
        ASSERT_TRUE(element.has_value()) << "an announced channel has an element";
        ASSERT_EQ(std::get<Watermark>(*element).timestamp, polled++);
        announced = more;
      }
      for (size_t count = TakeReady().size(); count > 0; --count) {
        ASSERT_FALSE(announced) << "announced twice";
        announced = true;
      }
      ASSERT_EQ(announced, sent > polled);
      ASSERT_EQ(output->credit(), kChannelCredit - (sent - polled));
    }
  }
}

}  // namespace
}  // namespace pyflinkpp
