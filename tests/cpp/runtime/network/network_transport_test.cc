#include "runtime/network/network_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/stream/batch_codec.h"
#include "harness/barriers.h"
#include "harness/batches.h"
#include "harness/tracked_serializer.h"
#include "runtime/network/data_message.h"
#include "runtime/network/network_channel.h"
#include "runtime/network/transport_pairs.h"

namespace pyflinkpp {
namespace {

using harness::LongsOf;
using testing::HasSubstr;

std::string MessageOf(const absl::Status& status) { return FailureOf(status).message; }

class NetworkTransportTest : public testing::Test {
 protected:
  explicit NetworkTransportTest(int floating_credits = 0) : pair_(1, floating_credits) {}

  std::unique_ptr<OutputChannel> OpenOutput(int edge = 0, Process from = kFirst) {
    return pair_.transport(from).OpenOutput({"job", edge}, producer_,
                                            {pair_.address(from == kFirst ? kSecond : kFirst), {}});
  }
  std::unique_ptr<InputChannel> OpenInput(int edge = 0, Process from = kFirst) {
    return pair_.transport(from == kFirst ? kSecond : kFirst)
        .OpenInput({"job", edge}, ready_, static_cast<size_t>(edge),
                   {pair_.address(from), serializers_});
  }
  static void Send(OutputChannel& output, int64_t number) { output.Send(Watermark{number, false}); }
  static int64_t Poll(InputChannel& input) {
    bool more;
    auto element = input.Poll(&more);
    return element ? std::get<Watermark>(*element).timestamp : -1;
  }
  // Sends and polls until `count` elements went through, as fast as the network lets them.
  void Pass(OutputChannel& output, InputChannel& input, int count) {
    for (int sent = 0, polled = 0; polled < count;) {
      for (; sent < count && output.credit() > 0; ++sent) Send(output, sent);
      pair_.Settle();
      for (; polled < sent; ++polled) ASSERT_EQ(Poll(input), polled);
      pair_.Settle();
    }
  }

  std::vector<std::shared_ptr<const TypeSerializer>> serializers_;
  harness::ManualClock clock_;
  Mailbox producer_{clock_};
  Mailbox consumer_{clock_};
  ReadyChannels ready_{consumer_};
  SimPair pair_;
};

TEST_F(NetworkTransportTest, AllChannelsOfTwoProcessesShareAConnection) {
  std::vector<std::unique_ptr<OutputChannel>> outputs;
  std::vector<std::unique_ptr<InputChannel>> inputs;
  for (int edge = 0; edge < 10; ++edge) {
    const Process from = edge % 2 == 0 ? kFirst : kSecond;
    outputs.push_back(OpenOutput(edge, from));
    inputs.push_back(OpenInput(edge, from));
  }
  for (int edge = 0; edge < 10; ++edge) Send(*outputs[edge], edge);
  pair_.Settle();
  for (int edge = 0; edge < 10; ++edge) EXPECT_EQ(Poll(*inputs[edge]), edge);
  EXPECT_EQ(pair_.network().connections(), 1u);
}

TEST_F(NetworkTransportTest, ClosedChannelsLeaveNothingBehind) {
  for (int round = 0; round < 3; ++round) {
    auto output = OpenOutput(round);
    auto input = OpenInput(round);
    Send(*output, 1);
    if (round == 1) output->Send(EndOfInput{});
    pair_.Settle();
    if (round == 2) {
      input.reset();
      pair_.Settle();
    }
    output.reset();
    pair_.Settle();
  }
  pair_.Settle();
  for (const Process process : {kFirst, kSecond}) {
    EXPECT_EQ(pair_.transport(process).channels(), 0u);
    EXPECT_EQ(pair_.transport(process).half_open(), 0u);
  }
}

// Its job could end, and what it holds back be forgotten with the job.
TEST_F(NetworkTransportTest, AProducerIsNotSettledBeforeItsConsumerHasCome) {
  auto output = OpenOutput();
  EXPECT_TRUE(output->settled());
  output->Send(EndOfInput{});
  pair_.Settle();
  EXPECT_FALSE(output->settled());
  producer_.BeginStep();
  auto input = OpenInput();
  pair_.Settle();
  EXPECT_TRUE(output->settled());
  int64_t timer;
  EXPECT_TRUE(producer_.Ready(&timer)) << "it is told";
}

TEST_F(NetworkTransportTest, ChannelsWithinTheProcessStayThere) {
  auto& transport = pair_.transport(kFirst);
  auto output = transport.OpenOutput({"job", 0}, producer_, {transport.address(), {}});
  auto input = transport.OpenInput({"job", 0}, ready_, 0, {transport.address(), {}});
  auto batch = harness::Longs({1});
  const RecordBatch* sent = batch.get();
  output->Send(std::move(batch));
  bool more;
  const auto element = input->Poll(&more);
  EXPECT_EQ(std::get<std::unique_ptr<RecordBatch>>(*element).get(), sent);
  EXPECT_EQ(pair_.network().connections(), 0u);
}

TEST_F(NetworkTransportTest, ABatchThatIsLargerThanAFrameArrivesWhole) {
  auto output = OpenOutput();
  auto input = OpenInput();
  std::vector<std::string> values;
  for (int i = 0; i < 5; ++i) values.push_back(std::string(kBatchFrameBytesMax / 2, 'a' + i));
  output->Send(harness::Strings(values));
  output->Send(harness::Strings({"behind"}));
  pair_.Settle();
  EXPECT_EQ(output->credit(), kChannelCredit - 2) << "it takes one credit";
  bool more;
  const auto large = input->Poll(&more);
  EXPECT_EQ(harness::TextsOf(*std::get<std::unique_ptr<RecordBatch>>(*large)), values);
  const auto behind = input->Poll(&more);
  EXPECT_EQ(harness::TextsOf(*std::get<std::unique_ptr<RecordBatch>>(*behind))[0], "behind");
}

TEST_F(NetworkTransportTest, ATypeThatTheConsumerDoesNotKnowIsAnErrorThatNamesIt) {
  harness::TrackedValues values;
  const auto tracked = std::make_shared<const harness::TrackedSerializer>(values);
  auto output = OpenOutput();
  auto input = OpenInput();
  output->Send(harness::TrackedSerializer::Batch(tracked, {"x"}));
  output->Send(harness::BarrierOf(7));
  pair_.Settle();
  std::vector<const RecordBatch*> ahead;
  EXPECT_FALSE(input->Ahead(7, ahead)) << "no checkpoint leaves it out";
  EXPECT_EQ(Poll(*input), -1);
  EXPECT_THAT(MessageOf(input->status()), HasSubstr("records of the type TRACKED"));
}

// A value that can't be written.
class UnwritableSerializer final : public TypeSerializer {
 public:
  std::string name() const override { return "UNWRITABLE"; }
  uint32_t stride() const override { return 8; }
  void Release(std::byte*, size_t) const override {}
  void Move(std::byte*, size_t, std::byte*, Arena&) const override {}
  absl::Status Copy(const std::byte*, size_t, std::byte*, Arena&) const override { return No(); }
  absl::Status Write(const std::byte*, size_t, BinaryWriter&) const override { return No(); }
  absl::Status Read(BinaryReader&, size_t, std::byte*, Arena&) const override { return No(); }
  absl::Status Format(const std::byte*, size_t, std::string&, std::vector<size_t>&) const override {
    return No();
  }

 private:
  static absl::Status No() { return UserError("a generator can't be pickled"); }
};

TEST_F(NetworkTransportTest, WhatCannotBeWrittenFailsTheProducer) {
  auto output = OpenOutput();
  auto input = OpenInput();
  auto batch = std::make_unique<RecordBatch>(std::make_shared<const UnwritableSerializer>());
  batch->AppendRow(int64_t{0});
  output->Send(std::move(batch));
  EXPECT_EQ(MessageOf(output->status()), "a generator can't be pickled");
  EXPECT_GT(output->credit(), kChannelCredit) << "it does not wait until it is asked";
  pair_.Settle();
  output.reset();
  pair_.Settle();
  EXPECT_EQ(Poll(*input), -1);
  EXPECT_EQ(pair_.transport(kFirst).channels(), 0u);
}

TEST_F(NetworkTransportTest, ALostConnectionFailsInputsThatMissSomething) {
  auto output = OpenOutput(0);
  auto input = OpenInput(0);
  auto ended_output = OpenOutput(1);
  auto ended_input = OpenInput(1);
  Send(*output, 1);
  Send(*ended_output, 2);
  ended_output->Send(EndOfInput{});
  pair_.Settle();
  for (int i = 0; i < kChannelCredit - 1; ++i) Send(*output, 10 + i);
  EXPECT_EQ(output->credit(), 0);
  pair_.network().Cut(0);
  pair_.Settle();
  while (ready_.Pop().has_value()) continue;

  bool more;
  EXPECT_EQ(std::get<Watermark>(*input->Poll(&more)).timestamp, 1) << "what came is there";
  EXPECT_TRUE(more) << "there is an error to be seen";
  EXPECT_FALSE(input->Poll(&more).has_value());
  EXPECT_FALSE(more);
  EXPECT_EQ(FailureOf(input->status()).kind, idl::FaultKind::EXTERNAL);
  EXPECT_THAT(MessageOf(input->status()),
              HasSubstr(absl::StrCat("TaskManager at ", pair_.address(kFirst))));
  EXPECT_THAT(MessageOf(input->status()), HasSubstr("it was cut"));

  EXPECT_EQ(Poll(*ended_input), 2);
  EXPECT_TRUE(std::holds_alternative<EndOfInput>(*ended_input->Poll(&more)));
  EXPECT_TRUE(ended_input->status().ok()) << "it misses nothing";

  for (int i = 0; i < 3 * kChannelCredit; ++i) {
    ASSERT_GT(output->credit(), 0) << "nobody reads it";
    Send(*output, i);
  }
  EXPECT_TRUE(output->status().ok());
}

TEST_F(NetworkTransportTest, AnEmptyInputIsToldOfALostConnection) {
  auto output = OpenOutput(0);
  auto input = OpenInput(0);
  pair_.Settle();
  EXPECT_FALSE(ready_.Pop().has_value());
  pair_.network().Cut(0);
  pair_.Settle();
  EXPECT_EQ(ready_.Pop(), 0u);
  bool more;
  EXPECT_FALSE(input->Poll(&more).has_value());
  EXPECT_FALSE(input->status().ok());
}

TEST_F(NetworkTransportTest, AfterALostConnectionNewChannelsGetANewOne) {
  auto output = OpenOutput(0);
  auto input = OpenInput(0);
  pair_.Settle();
  pair_.network().Cut(0);
  pair_.Settle();
  auto next_output = OpenOutput(1);
  auto next_input = OpenInput(1);
  Send(*next_output, 5);
  pair_.Settle();
  EXPECT_EQ(Poll(*next_input), 5);
  EXPECT_EQ(pair_.network().connections(), 2u);
  output.reset();
  input.reset();
  pair_.Settle();
  Send(*next_output, 6);
  pair_.Settle();
  EXPECT_EQ(Poll(*next_input), 6) << "ends of the lost connection do not disturb it";
}

TEST_F(NetworkTransportTest, WhoCannotBeReachedFailsBothKindsOfEnds) {
  auto& transport = pair_.transport(kFirst);
  auto output = transport.OpenOutput({"job", 0}, producer_, {"sim:999", {}});
  auto input = transport.OpenInput({"job", 1}, ready_, 1, {"sim:999", {}});
  pair_.Settle();
  EXPECT_THAT(MessageOf(output->status()), HasSubstr("connecting to sim:999: Connection refused"));
  EXPECT_EQ(Poll(*input), -1);
  EXPECT_THAT(MessageOf(input->status()), HasSubstr("connecting to sim:999: Connection refused"));
}

TEST_F(NetworkTransportTest, ASlowChannelDoesNotHoldUpAnother) {
  auto slow_output = OpenOutput(0);
  auto slow_input = OpenInput(0);
  auto output = OpenOutput(1);
  auto input = OpenInput(1);
  pair_.Settle();
  while (slow_output->credit() > 0) Send(*slow_output, 1);
  Pass(*output, *input, 100);
  EXPECT_EQ(slow_output->credit(), 0);
}

class FloatingCreditsTest : public NetworkTransportTest {
 protected:
  static constexpr int kPool = 40;
  FloatingCreditsTest() : NetworkTransportTest(kPool) {}
  int left() { return pair_.transport(kSecond).floating_credits(); }
};

TEST_F(FloatingCreditsTest, GoToChannelsThatTheirOwnCreditHoldsUp) {
  auto output = OpenOutput();
  auto input = OpenInput();
  Pass(*output, *input, 200);
  EXPECT_EQ(output->credit(), kChannelCredit + kChannelFloatingCreditMax);
  EXPECT_EQ(left(), kPool - kChannelFloatingCreditMax);
}

TEST_F(FloatingCreditsTest, AreBoundedByThePool) {
  auto output = OpenOutput(0);
  auto input = OpenInput(0);
  auto other_output = OpenOutput(1);
  auto other_input = OpenInput(1);
  Pass(*output, *input, 200);
  Pass(*other_output, *other_input, 200);
  EXPECT_EQ(left(), 0);
  EXPECT_EQ(other_output->credit(), kChannelCredit + kPool - kChannelFloatingCreditMax);
}

TEST_F(FloatingCreditsTest, GoBackWhenTheConsumerIsTheSlowOne) {
  auto output = OpenOutput();
  auto input = OpenInput();
  Pass(*output, *input, 200);
  for (int round = 0; round < 100; ++round) {
    while (output->credit() > 0) Send(*output, round);
    pair_.Settle();
    Poll(*input);
    pair_.Settle();
  }
  EXPECT_EQ(left(), kPool);
}

TEST_F(FloatingCreditsTest, GoBackWhenTheSenderNeedsThemNoMore) {
  auto output = OpenOutput();
  auto input = OpenInput();
  Pass(*output, *input, 200);
  for (int i = 0; i < 200; ++i) {
    Send(*output, i);
    pair_.Settle();
    Poll(*input);
    pair_.Settle();
  }
  EXPECT_EQ(left(), kPool);
  EXPECT_EQ(output->credit(), kChannelCredit);
}

TEST_F(FloatingCreditsTest, GoBackWithTheChannel) {
  auto output = OpenOutput();
  auto input = OpenInput();
  Pass(*output, *input, 200);
  EXPECT_LT(left(), kPool);
  input.reset();
  EXPECT_EQ(left(), kPool);
}

// Sends, polls, closes, opens and cuts by seed: what arrives on a channel is a prefix of what was sent
// there, the whole of it where nothing was cut, and nothing is left in the end.
TEST(NetworkTransportSeedsTest, ChannelsComeAndGoAndConnectionsAreCut) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(static_cast<uint32_t>(seed));
    harness::ManualClock clock;
    Mailbox mailbox(clock);
    SimPair pair(seed, /*floating_credits=*/static_cast<int>(random() % 20));
    struct Channel {
      std::unique_ptr<OutputChannel> output;
      std::unique_ptr<ReadyChannels> ready;
      std::unique_ptr<InputChannel> input;
      int64_t sent = 0;
      int64_t polled = 0;
      bool ended = false, end_polled = false, cut = false;
      Process from;
    };
    std::vector<Channel> channels(6);
    const bool cuts = seed % 2 == 1;
    size_t links = 0;
    bool settled = true;  // no end of a connection is on its way
    const auto poll = [](Channel& channel) {
      bool more;
      const auto element = channel.input->Poll(&more);
      if (!element) return false;
      if (const auto* watermark = std::get_if<Watermark>(&*element)) {
        EXPECT_EQ(watermark->timestamp, channel.polled++);
      } else {
        channel.end_polled = true;
        EXPECT_EQ(channel.polled, channel.sent);
      }
      return true;
    };
    for (int step = 0; step < 400; ++step) {
      const size_t number = random() % channels.size();
      Channel& channel = channels[number];
      const ChannelId id{"job", static_cast<int>(number)};
      switch (random() % 12) {
        case 0:
        case 1:
          if (channel.output != nullptr || channel.ended || channel.cut) break;
          channel.from = number % 2 == 0 ? kFirst : kSecond;
          channel.cut |= !settled;
          channel.output =
              pair.transport(channel.from)
                  .OpenOutput(id, mailbox, {pair.address(number % 2 == 0 ? kSecond : kFirst), {}});
          break;
        case 2:
        case 3:
          if (channel.input != nullptr || channel.end_polled || channel.cut) break;
          channel.ready = std::make_unique<ReadyChannels>(mailbox);
          channel.cut |= !settled;
          channel.input = pair.transport(number % 2 == 0 ? kSecond : kFirst)
                              .OpenInput(id, *channel.ready, 0,
                                         {pair.address(number % 2 == 0 ? kFirst : kSecond), {}});
          break;
        case 4:
          if (channel.output == nullptr || channel.ended || channel.output->credit() == 0) break;
          channel.output->Send(EndOfInput{});
          channel.ended = true;
          if (random() % 2 == 0) channel.output = nullptr;
          break;
        case 5:
          if (!cuts || random() % 4 != 0 || pair.network().connections() == links) break;
          links = pair.network().connections();
          pair.network().Cut(links - 1);
          settled = false;
          for (Channel& each : channels) each.cut |= each.output || each.input || each.ended;
          break;
        case 6:
        case 7:
        case 8:
          if (channel.output != nullptr && !channel.ended && channel.output->credit() > 0)
            channel.output->Send(Watermark{channel.sent++, false});
          break;
        case 9:
          if (channel.input != nullptr) poll(channel);
          break;
        default:
          for (uint32_t i = random() % 10; i > 0; --i) settled |= !pair.network().DeliverOne();
      }
    }
    for (Channel& channel : channels) {
      if (channel.cut || channel.input == nullptr || channel.end_polled) continue;
      if (channel.sent == 0 && channel.output == nullptr && !channel.ended) continue;
      do {
        pair.Settle();
      } while (poll(channel));
      if (channel.output != nullptr || channel.ended) EXPECT_EQ(channel.polled, channel.sent);
      EXPECT_TRUE(channel.input->status().ok());
    }
    channels.clear();
    pair.Settle();
    for (const Process process : {kFirst, kSecond}) {
      pair.transport(process).Release("job");
      EXPECT_EQ(pair.transport(process).half_open(), 0u);
      EXPECT_EQ(pair.transport(process).channels(), 0u);
    }
  }
}

// A peer that speaks the frames of the data plane, but not its sense.
class GarbagePeer final : public ConnectionHandler {
 public:
  void OnOpen(const std::shared_ptr<Connection>& connection) override { open = connection; }
  void OnFrame(std::string frame) override { frames.push_back(std::move(frame)); }
  void OnClosed(const absl::Status&) override {
    closed = true;
    open = nullptr;
  }
  std::shared_ptr<Connection> open;
  std::vector<std::string> frames;
  bool closed = false;
};

class DataPlaneGarbageTest : public NetworkTransportTest {
 protected:
  NetworkAddress AddressOf(Process process) {
    const std::string address = pair_.address(process);
    return {"sim", std::stoi(address.substr(address.find(':') + 1))};
  }
  // The answer to these frames, behind a greeting as the process at `from`.
  std::string AnswerTo(const std::vector<std::string>& frames, const std::string& from = "a:1") {
    auto peer = std::make_shared<GarbagePeer>();
    auto connection = pair_.network().Connect(AddressOf(kSecond), peer);
    if (!from.empty()) connection->Send(HelloMessage(from));
    for (const std::string& frame : frames) connection->Send(frame);
    pair_.Settle();
    if (!peer->closed) return "it goes on";
    const auto answer = peer->frames.empty() ? absl::StatusOr<DataMessage>(absl::UnknownError("no"))
                                             : ParseDataMessage(peer->frames.back());
    return answer.ok() ? std::string(answer->bytes) : "nothing";
  }
};

TEST_F(DataPlaneGarbageTest, WhoSendsWhatItMustNotIsToldAndLeft) {
  const ChannelId id{"job", 5};
  EXPECT_THAT(AnswerTo({""}, ""), HasSubstr("a message of 0 bytes"));
  EXPECT_THAT(AnswerTo({CreditMessage(1, 1)}, ""), HasSubstr("it has not greeted"));
  EXPECT_THAT(AnswerTo({OpenMessage(1, id, 4)}, "z:1"),
              HasSubstr("'z:1' waits for 'sim:2' to connect"));
  EXPECT_THAT(AnswerTo({HelloMessage("a:1")}), HasSubstr("a second greeting"));
  EXPECT_THAT(AnswerTo({"\x63xxxx"}), HasSubstr("a message of kind 99"));
  EXPECT_THAT(AnswerTo({CreditMessage(1, 1)}), HasSubstr("for the channel 1 of 0"));
  EXPECT_THAT(AnswerTo({EndMessage()}), HasSubstr("for the channel 0 of 0"));
  EXPECT_THAT(AnswerTo({OpenMessage(7, id, 4)}), HasSubstr("the channel 7 behind 0"));
  EXPECT_THAT(AnswerTo({OpenMessage(1, id, 4), OpenMessage(2, id, 4)}),
              HasSubstr("a channel that is open"));
  EXPECT_THAT(AnswerTo({OpenMessage(1, id, 4).substr(0, 20)}), HasSubstr("a message of kind 2"));
  EXPECT_EQ(AnswerTo({OpenMessage(1, id, 4), CloseMessage(DataKind::kCloseInput, 1)}),
            "it goes on");
}

// A channel of the transport whose producer is the garbage peer.
class GarbageProducerTest : public DataPlaneGarbageTest {
 protected:
  void SetUp() override {
    input_ = pair_.transport(kSecond).OpenInput({"job", 9}, ready_, 0, {"a:1", {}});
  }
  static std::string On(std::string message, uint32_t channel = 1) {
    SetChannel(message, channel);
    return message;
  }
  static std::string BatchOf(uint32_t type, absl::string_view bytes, uint8_t flags = 0) {
    std::string message = BeginBatchMessage(type, 0);
    AddFlags(message, flags);
    message.append(bytes.data(), bytes.size());
    return On(std::move(message));
  }
  std::unique_ptr<InputChannel> input_;
};

TEST_F(GarbageProducerTest, MoreThanTheCreditAllows) {
  std::vector<std::string> frames(kChannelCredit + 1, On(WatermarkMessage({1, false})));
  EXPECT_THAT(AnswerTo(frames), HasSubstr("more than the credit allows"));
  for (int i = 0; i < kChannelCredit; ++i) EXPECT_EQ(Poll(*input_), 1);
  EXPECT_EQ(Poll(*input_), -1);
  EXPECT_THAT(MessageOf(input_->status()), HasSubstr("more than the credit allows"));
}

TEST_F(GarbageProducerTest, SomethingBehindTheEnd) {
  EXPECT_THAT(AnswerTo({On(EndMessage()), On(EndMessage())}), HasSubstr("behind the end of input"));
}

TEST_F(GarbageProducerTest, ABatchOfNoType) {
  EXPECT_THAT(AnswerTo({BatchOf(0, "")}), HasSubstr("which was not told"));
}

TEST_F(GarbageProducerTest, ABatchThatDoesNotGoOn) {
  EXPECT_THAT(AnswerTo({On(TypeMessage(0, "native LONG")), BatchOf(0, "x", kMoreFollows),
                        On(EndMessage())}),
              HasSubstr("a batch that does not go on"));
}

TEST_F(GarbageProducerTest, BytesThatAreNoBatchFailItsTask) {
  AnswerTo({On(TypeMessage(0, "native LONG")), BatchOf(0, std::string("\x02\0\0\0\0xxxx", 9))});
  EXPECT_EQ(Poll(*input_), -1);
  EXPECT_THAT(MessageOf(input_->status()), HasSubstr("truncated bytes of a LONG"));
}

TEST_F(GarbageProducerTest, ABatchThatClaimsToHaveBillionsOfRecords) {
  AnswerTo({On(TypeMessage(0, "native LONG")), BatchOf(0, std::string("\xff\xff\xff\xff\0", 5))});
  EXPECT_EQ(Poll(*input_), -1);
  EXPECT_THAT(MessageOf(input_->status()), HasSubstr("a batch of 4294967295 records"));
}

// Frames of a good conversation with something changed: only their connection and its channels suffer.
TEST_F(DataPlaneGarbageTest, MutationsHarmNobodyElse) {
  std::mt19937 random(1);
  auto output = OpenOutput(0);
  auto input = OpenInput(0);
  pair_.Settle();
  int left = 0;
  for (int round = 0; round < 2'000; ++round) {
    const ChannelId id{"job", 100 + round};
    auto victim = pair_.transport(kSecond).OpenInput(id, ready_, 1, {"a:1", {}});
    std::string batch = BeginBatchMessage(0, 0);
    ASSERT_TRUE(EncodeBatch(*harness::Longs({1, 2, 3}), batch).ok());
    std::vector<std::string> frames = {OpenMessage(1, id, 4),
                                       TypeMessage(0, "native LONG"),
                                       batch,
                                       WatermarkMessage({5, false}),
                                       BarrierMessage(harness::BarrierOf(7)),
                                       CreditMessage(1, 2),
                                       EndMessage(),
                                       CloseMessage(DataKind::kCloseOutput, 1),
                                       CloseMessage(DataKind::kCloseInput, 1)};
    for (const size_t of_producer : {1, 2, 3, 4, 6}) SetChannel(frames[of_producer], 1);
    std::string& frame = frames[random() % frames.size()];
    switch (random() % 4) {
      case 0:
        frame[random() % frame.size()] ^= static_cast<char>(1 << (random() % 8));
        break;
      case 1:
        frame.resize(random() % frame.size());
        break;
      case 2:
        frame.insert(random() % frame.size(), 1 + random() % 9, static_cast<char>(random()));
        break;
      default:
        std::swap(frame, frames[random() % frames.size()]);
    }
    left += AnswerTo(frames) != "it goes on";
    bool more = true;
    for (int polls = 0; polls < 10 && more; ++polls) {
      std::vector<const RecordBatch*> ahead;
      victim->Ahead(7, ahead);
      victim->Poll(&more);
    }
  }
  EXPECT_GT(left, 500);
  Pass(*output, *input, 20);
  EXPECT_TRUE(input->status().ok());
}

}  // namespace
}  // namespace pyflinkpp
