// What every transport does the same, whether its channels cross a network or not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <vector>

#include "harness/barriers.h"
#include "harness/batches.h"
#include "harness/tracked_serializer.h"
#include "runtime/network/transport_pairs.h"

namespace pyflinkpp {
namespace {

using harness::LongsOf;
using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;

template <class Pair>
class TransportConformanceTest : public testing::Test {
 protected:
  std::unique_ptr<OutputChannel> OpenOutputOf(const ChannelId& id, Process from = kFirst) {
    auto output = pair_.transport(from).OpenOutput(id, producer_, {pair_.address(Other(from)), {}});
    pair_.Settle();
    return output;
  }
  std::unique_ptr<InputChannel> OpenInputOf(const ChannelId& id, ReadyChannels& ready,
                                            size_t channel, Process from = kFirst) {
    auto input = pair_.transport(Other(from))
                     .OpenInput(id, ready, channel, {pair_.address(from), {tracked_}});
    pair_.Settle();
    return input;
  }
  std::unique_ptr<OutputChannel> OpenOutput(int edge = 0) { return OpenOutputOf({"job", edge}); }
  std::unique_ptr<InputChannel> OpenInput(int edge = 0) {
    return OpenInputOf({"job", edge}, ready_, static_cast<size_t>(edge));
  }
  static Process Other(Process process) { return process == kFirst ? kSecond : kFirst; }

  void SendElement(OutputChannel& output, StreamElement element) {
    output.Send(std::move(element));
    pair_.Settle();
  }
  // A watermark stands for any element: its timestamp is its number.
  void Send(OutputChannel& output, int64_t number) {
    SendElement(output, Watermark{number, false});
  }
  std::optional<StreamElement> PollElement(InputChannel& input, bool* more) {
    auto element = input.Poll(more);
    pair_.Settle();
    return element;
  }
  int64_t Poll(InputChannel& input) {
    bool more;
    auto element = PollElement(input, &more);
    return element ? std::get<Watermark>(*element).timestamp : -1;
  }
  template <class End>
  void Close(std::unique_ptr<End>& end) {
    end.reset();
    pair_.Settle();
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

  TrackedValues values_;
  const std::shared_ptr<const TrackedSerializer> tracked_ =
      std::make_shared<const TrackedSerializer>(values_);
  harness::ManualClock clock_;
  Mailbox producer_{clock_};
  Mailbox consumer_{clock_};
  ReadyChannels ready_{consumer_};
  Pair pair_;
};

using Pairs = testing::Types<LocalPair, SimPair, AsioPair>;
TYPED_TEST_SUITE(TransportConformanceTest, Pairs);

TYPED_TEST(TransportConformanceTest, ElementsOfEveryKindArriveInOrder) {
  auto output = this->OpenOutput();
  auto input = this->OpenInput();
  auto batch = harness::KeyedCounted({{"a", 1}, {"b", 2}});
  batch->timestamps() = {10, 20};
  this->SendElement(*output, std::move(batch));
  this->SendElement(*output, Watermark{7, true});
  this->SendElement(*output, harness::BarrierOf(7));
  this->SendElement(*output, EndOfInput{});
  bool more = false;
  const auto first = this->PollElement(*input, &more);
  ASSERT_TRUE(first.has_value());
  const RecordBatch& came = *std::get<std::unique_ptr<RecordBatch>>(*first);
  EXPECT_THAT(harness::TextsOf(came), ElementsAre("(a,1)", "(b,2)"));
  EXPECT_THAT(harness::KeysOf(came), ElementsAre("a", "b"));
  EXPECT_EQ(came.keys()[1].hash, MurmurHash("b"));
  EXPECT_THAT(came.timestamps(), ElementsAre(10, 20));
  EXPECT_EQ(came.serializer(), CountedSerializer());
  EXPECT_TRUE(more);
  const auto second = this->PollElement(*input, &more);
  EXPECT_EQ(std::get<Watermark>(*second).timestamp, 7);
  EXPECT_TRUE(std::get<Watermark>(*second).idle);
  const auto third = this->PollElement(*input, &more);
  EXPECT_EQ(std::get<CheckpointBarrier>(*third).checkpoint(), 7);
  EXPECT_TRUE(more);
  const auto last = this->PollElement(*input, &more);
  EXPECT_TRUE(std::holds_alternative<EndOfInput>(*last));
  EXPECT_FALSE(more);
  EXPECT_FALSE(this->PollElement(*input, &more).has_value());
  EXPECT_FALSE(more);
  EXPECT_TRUE(input->status().ok() && output->status().ok());
}

TYPED_TEST(TransportConformanceTest, TypesMayChangeOnAChannel) {
  auto output = this->OpenOutput();
  auto input = this->OpenInput();
  this->SendElement(*output, TrackedSerializer::Batch(this->tracked_, {"x"}));
  this->SendElement(*output, harness::Longs({1}));
  this->SendElement(*output, TrackedSerializer::Batch(this->tracked_, {"y"}));
  bool more;
  std::vector<std::string> texts;
  for (int i = 0; i < 3; ++i) {
    const auto element = this->PollElement(*input, &more);
    texts.push_back(harness::TextsOf(*std::get<std::unique_ptr<RecordBatch>>(*element))[0]);
  }
  EXPECT_THAT(texts, ElementsAre("x", "1", "y"));
}

TYPED_TEST(TransportConformanceTest, EitherEndMayComeFirst) {
  for (const bool output_first : {true, false}) {
    std::unique_ptr<OutputChannel> output;
    std::unique_ptr<InputChannel> input;
    if (output_first) output = this->OpenOutput();
    input = this->OpenInput();
    if (!output_first) {
      EXPECT_EQ(this->Poll(*input), -1);
      output = this->OpenOutput();
    }
    this->Send(*output, 5);
    EXPECT_EQ(this->Poll(*input), 5);
    this->Close(output);
    this->Close(input);
  }
}

TYPED_TEST(TransportConformanceTest, ChannelsGoBothWays) {
  const ChannelId there{"job", 1}, back{"job", 2};
  auto output = this->OpenOutputOf(there, kFirst);
  auto input = this->OpenInputOf(back, this->ready_, 2, kSecond);
  auto other_output = this->OpenOutputOf(back, kSecond);
  auto other_input = this->OpenInputOf(there, this->ready_, 1, kFirst);
  this->Send(*output, 1);
  this->Send(*other_output, 2);
  EXPECT_EQ(this->Poll(*other_input), 1);
  EXPECT_EQ(this->Poll(*input), 2);
}

TYPED_TEST(TransportConformanceTest, WhatWasSentBeforeTheInputCameIsThere) {
  auto output = this->OpenOutput(3);
  this->Send(*output, 1);
  this->Send(*output, 2);
  EXPECT_FALSE(this->TakeSignal(this->consumer_));
  auto input = this->OpenInput(3);
  EXPECT_TRUE(this->TakeSignal(this->consumer_));
  EXPECT_THAT(this->TakeReady(), ElementsAre(3));
  EXPECT_EQ(this->Poll(*input), 1);
  EXPECT_EQ(this->Poll(*input), 2);
}

TYPED_TEST(TransportConformanceTest, CreditBoundsWhatIsUnderWay) {
  auto output = this->OpenOutput();
  auto input = this->OpenInput();
  for (int i = 0; i < kChannelCredit; ++i) {
    EXPECT_EQ(output->credit(), kChannelCredit - i);
    this->Send(*output, i);
  }
  EXPECT_EQ(output->credit(), 0);
  EXPECT_EQ(this->Poll(*input), 0);
  EXPECT_EQ(output->credit(), 1);
  this->Send(*output, 100);
  EXPECT_EQ(output->credit(), 0);
  for (int i = 1; i < kChannelCredit; ++i) EXPECT_EQ(this->Poll(*input), i);
  EXPECT_EQ(this->Poll(*input), 100);
  EXPECT_EQ(output->credit(), kChannelCredit);
}

TYPED_TEST(TransportConformanceTest, CreditHoldsAlsoBeforeTheInputIsOpen) {
  auto output = this->OpenOutput();
  for (int i = 0; i < kChannelCredit; ++i) this->Send(*output, i);
  EXPECT_EQ(output->credit(), 0);
  auto input = this->OpenInput();
  EXPECT_EQ(output->credit(), 0);
  EXPECT_EQ(this->Poll(*input), 0);
  EXPECT_EQ(output->credit(), 1);
}

TYPED_TEST(TransportConformanceTest, ABarrierNeedsNoCreditAndIsAnnounced) {
  ReadyChannels ready(this->consumer_, /*announces=*/true);
  auto output = this->OpenOutput();
  auto input = this->OpenInputOf({"job", 0}, ready, 3);
  for (int64_t i = 0; i < kChannelCredit; ++i) this->Send(*output, i);
  EXPECT_EQ(output->credit(), 0);
  EXPECT_FALSE(ready.announced());
  this->SendElement(*output, harness::BarrierOf(7));
  EXPECT_EQ(output->credit(), 0);
  ASSERT_TRUE(ready.announced());
  const auto announcement = ready.PopAnnouncement();
  EXPECT_EQ(announcement->channel, 3u);
  EXPECT_EQ(announcement->barrier->checkpoint(), 7);
  EXPECT_FALSE(ready.announced());
  for (int64_t i = 0; i < kChannelCredit; ++i) EXPECT_EQ(this->Poll(*input), i);
  EXPECT_EQ(output->credit(), kChannelCredit);
  bool more;
  EXPECT_EQ(std::get<CheckpointBarrier>(*this->PollElement(*input, &more)).checkpoint(), 7);
  EXPECT_EQ(output->credit(), kChannelCredit) << "it took none";
}

TYPED_TEST(TransportConformanceTest, WhatCameBeforeTheConsumerIsAnnouncedToIt) {
  auto output = this->OpenOutput();
  this->SendElement(*output, harness::BarrierOf(7));
  this->SendElement(*output, EndOfInput{});
  ReadyChannels ready(this->consumer_, /*announces=*/true);
  auto input = this->OpenInputOf({"job", 0}, ready, 0);
  EXPECT_TRUE(ready.PopAnnouncement()->barrier.has_value());
  EXPECT_FALSE(ready.PopAnnouncement()->barrier.has_value()) << "the end";
  EXPECT_FALSE(ready.PopAnnouncement().has_value());
}

TYPED_TEST(TransportConformanceTest, WhatIsAheadOfABarrierStaysWhereItIs) {
  auto output = this->OpenOutput();
  auto input = this->OpenInput();
  std::vector<const RecordBatch*> ahead;
  this->SendElement(*output, harness::Longs({1}));
  this->Send(*output, 5);
  EXPECT_FALSE(input->Ahead(7, ahead)) << "it has not come yet";
  EXPECT_EQ(ahead.size(), 1u);
  this->SendElement(*output, harness::BarrierOf(6));
  this->SendElement(*output, harness::Longs({2}));
  this->SendElement(*output, harness::BarrierOf(7));
  this->SendElement(*output, harness::Longs({3}));
  ahead.clear();
  EXPECT_TRUE(input->Ahead(7, ahead));
  ASSERT_EQ(ahead.size(), 2u);
  EXPECT_THAT(LongsOf(*ahead[0]), ElementsAre(1));
  EXPECT_THAT(LongsOf(*ahead[1]), ElementsAre(2));
  bool more;
  const auto first = this->PollElement(*input, &more);
  EXPECT_EQ(std::get<std::unique_ptr<RecordBatch>>(*first).get(), ahead[0]);
}

TYPED_TEST(TransportConformanceTest, AProducerWithoutCreditIsToldOfNewCredit) {
  auto output = this->OpenOutput();
  auto input = this->OpenInput();
  this->TakeSignal(this->producer_);
  for (int i = 0; i < kChannelCredit; ++i) this->Send(*output, i);
  EXPECT_FALSE(this->TakeSignal(this->producer_));
  this->Poll(*input);
  EXPECT_TRUE(this->TakeSignal(this->producer_));
  this->Poll(*input);
  EXPECT_FALSE(this->TakeSignal(this->producer_)) << "it had credit";
}

TYPED_TEST(TransportConformanceTest, TheConsumerIsToldOncePerElementThatCameToAnEmptyChannel) {
  auto output = this->OpenOutput(2);
  auto input = this->OpenInput(2);
  EXPECT_THAT(this->TakeReady(), ElementsAre());
  this->Send(*output, 1);
  EXPECT_TRUE(this->TakeSignal(this->consumer_));
  this->Send(*output, 2);
  EXPECT_THAT(this->TakeReady(), ElementsAre(2));
  this->Poll(*input);
  this->Poll(*input);
  this->Send(*output, 3);
  EXPECT_TRUE(this->TakeSignal(this->consumer_));
  EXPECT_THAT(this->TakeReady(), ElementsAre(2));
}

TYPED_TEST(TransportConformanceTest, WhatWasSentArrivesAfterTheOutputIsGone) {
  auto output = this->OpenOutput();
  auto input = this->OpenInput();
  this->Send(*output, 1);
  this->Send(*output, 2);
  this->Close(output);
  EXPECT_EQ(this->Poll(*input), 1);
  EXPECT_EQ(this->Poll(*input), 2);
  EXPECT_EQ(this->Poll(*input), -1);
  EXPECT_TRUE(input->status().ok());
}

TYPED_TEST(TransportConformanceTest, AnOutputThatWentBeforeTheInputCameLeavesItsElements) {
  auto output = this->OpenOutput();
  this->Send(*output, 1);
  this->Close(output);
  auto input = this->OpenInput();
  EXPECT_EQ(this->Poll(*input), 1);
  EXPECT_EQ(this->Poll(*input), -1);
}

TYPED_TEST(TransportConformanceTest, AClosedInputDropsWhatItHasAndWhatComes) {
  auto output = this->OpenOutput();
  auto input = this->OpenInput();
  for (int i = 0; i < kChannelCredit; ++i)
    this->SendElement(*output, TrackedSerializer::Batch(this->tracked_, {"a", "b"}));
  this->Close(input);
  EXPECT_EQ(this->values_.live(), 0u);
  EXPECT_TRUE(this->TakeSignal(this->producer_)) << "its credit is unlimited from now on";
  for (int i = 0; i < 3 * kChannelCredit; ++i) {
    ASSERT_GT(output->credit(), 0);
    this->SendElement(*output, TrackedSerializer::Batch(this->tracked_, {"c"}));
    EXPECT_EQ(this->values_.live(), 0u);
  }
}

TYPED_TEST(TransportConformanceTest, AnInputThatWentBeforeTheOutputCameTakesNothing) {
  auto input = this->OpenInput();
  this->Close(input);
  auto output = this->OpenOutput();
  for (int i = 0; i < 2 * kChannelCredit; ++i) {
    ASSERT_GT(output->credit(), 0);
    this->Send(*output, i);
  }
}

TYPED_TEST(TransportConformanceTest, ChannelsDifferByEveryPartOfTheirId) {
  const ChannelId base{"job", 1, 2, 3};
  const ChannelId others[] = {{"job2", 1, 2, 3},
                              {"job", 0, 2, 3},
                              {"job", 1, 1, 3},
                              {"job", 1, 2, 2},
                              {"job", 1, 2, 3, /*restart=*/1}};
  auto output = this->OpenOutputOf(base);
  for (const ChannelId& other : others) {
    auto input = this->OpenInputOf(other, this->ready_, 0);
    EXPECT_EQ(this->Poll(*input), -1);
  }
  this->Send(*output, 1);
  auto input = this->OpenInputOf(base, this->ready_, 0);
  EXPECT_EQ(this->Poll(*input), 1);
}

TYPED_TEST(TransportConformanceTest, ReleaseForgetsTheJobsHalfOpenChannels) {
  {
    auto output = this->OpenOutput(0);
    this->SendElement(*output, TrackedSerializer::Batch(this->tracked_, {"never read"}));
  }
  auto input = this->OpenInput(1);
  for (const Process process : {kFirst, kSecond}) this->pair_.transport(process).Release("job");
  EXPECT_EQ(this->values_.live(), 0u);
  EXPECT_EQ(this->Poll(*input), -1) << "the end that is there still works";
  auto late = this->OpenInput(0);
  EXPECT_EQ(this->Poll(*late), -1) << "what was sent is gone";
}

TYPED_TEST(TransportConformanceTest, ReleaseLeavesConnectedChannelsAlone) {
  auto output = this->OpenOutput();
  auto input = this->OpenInput();
  for (const Process process : {kFirst, kSecond}) this->pair_.transport(process).Release("job");
  this->Send(*output, 1);
  EXPECT_EQ(this->Poll(*input), 1);
}

// Sends and polls by seed against the obvious model: a queue of at most kChannelCredit elements,
// and a channel that is announced if and only if it has elements.
TYPED_TEST(TransportConformanceTest, RandomSendsAndPollsKeepOrderCreditAndAnnouncement) {
  std::mt19937 random(1);
  for (int round = 0; round < 5; ++round) {
    auto output = this->OpenOutput(round);
    auto input = this->OpenInput(round);
    int64_t sent = 0, polled = 0;
    bool announced = false;
    for (int step = 0; step < 60; ++step) {
      if (random() % 2 == 0 && output->credit() > 0) {
        this->Send(*output, sent++);
      } else if (announced) {
        bool more = false;
        auto element = this->PollElement(*input, &more);
        ASSERT_TRUE(element.has_value()) << "an announced channel has an element";
        ASSERT_EQ(std::get<Watermark>(*element).timestamp, polled++);
        announced = more;
      }
      for (size_t count = this->TakeReady().size(); count > 0; --count) {
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
