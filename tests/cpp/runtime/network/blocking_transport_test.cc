#include "runtime/network/blocking_transport.h"

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "harness/fake_channel.h"
#include "harness/tracked_serializer.h"
#include "runtime/connectors/file/file_test_env.h"
#include "runtime/network/input_gate.h"
#include "runtime/network/local_transport.h"

namespace pyflinkpp {
namespace {

using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr size_t kEnough = 1 << 20;  // memory for all that these tests send

// Real files in a directory of the test's own; the test runs the executor's work.
class BlockingTransportTest : public testing::TestWithParam<size_t> {
 protected:
  BlockingTransportTest() { env_.files.temporary = env_.directory / "not/there"; }
  ~BlockingTransportTest() override {
    outputs_.clear();
    transport_->Release("job");
    env_.io.RunAll();
    EXPECT_THAT(env_.directory.Files(), testing::IsEmpty());
    EXPECT_EQ(env_.files.open_files, 0);
    EXPECT_EQ(transport_->memory_used(), 0u);
  }

  void Make(size_t memory_bytes) {
    transport_ = std::make_unique<BlockingTransport>(local_, env_.env, memory_bytes);
  }
  static ChannelId Id(int target = 0, int source = 0) {
    return {.job = "job", .edge = 3, .source = source, .target = target, .blocking = true};
  }
  void OpenOutputs(int targets) {
    for (int target = 0; target < targets; ++target)
      outputs_.push_back(transport_->OpenOutput(Id(target), producer_));
  }
  std::unique_ptr<InputChannel> OpenInput(int target = 0) {
    return transport_->OpenInput(Id(target), ready_, static_cast<size_t>(target));
  }
  void Send(const std::vector<std::string>& texts, size_t output = 0) {
    ASSERT_GT(outputs_[output]->credit(), 0);
    outputs_[output]->Send(TrackedSerializer::Batch(serializer_, texts));
  }
  void SendEnds() {
    for (const auto& output : outputs_) output->Send(EndOfInput{});
  }
  // Ends the producer as its task would.
  void Finish() {
    SendEnds();
    env_.io.RunAll();
    for (const auto& output : outputs_) ASSERT_TRUE(output->settled());
    outputs_.clear();
  }
  // All that a reader can get, by channel, running what it waits for.
  std::vector<std::string> ReadAll(std::map<size_t, InputChannel*> inputs) {
    std::vector<std::string> texts;
    for (;;) {
      while (const std::optional<size_t> channel = ready_.Pop()) {
        bool more = false;
        auto element = inputs.at(*channel)->Poll(&more);
        if (more) ready_.Push(*channel);
        if (element) harness::AppendTexts(*element, texts);
      }
      if (!env_.io.RunOne()) return texts;
    }
  }
  bool TakeSignal() {
    int64_t timer;
    const bool signaled = producer_.Ready(&timer);
    producer_.BeginStep();
    return signaled;
  }

  file_test::FileTestEnv env_;
  TrackedValues values_;
  std::shared_ptr<const TrackedSerializer> serializer_ =
      std::make_shared<const TrackedSerializer>(values_);
  Mailbox producer_{env_.clock};
  Mailbox consumer_{env_.clock};
  ReadyChannels ready_{consumer_};
  LocalTransport local_;
  std::unique_ptr<BlockingTransport> transport_;
  std::vector<std::unique_ptr<OutputChannel>> outputs_;
};

// ---- in memory and in files ----

TEST_P(BlockingTransportTest, ElementsSurviveTheirProducerAndArriveInOrder) {
  Make(GetParam());
  OpenOutputs(1);
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    Send({std::to_string(i), "x"});
    expected.push_back(std::to_string(i));
    expected.emplace_back("x");
    env_.io.RunAll();
  }
  outputs_[0]->Send(Watermark{kMaxTimestamp, false});
  expected.insert(expected.end(), {"Wmax", "E"});
  Finish();
  const auto input = OpenInput();
  EXPECT_EQ(ReadAll({{0, input.get()}}), expected);
  EXPECT_EQ(values_.live(), 0u);
  EXPECT_EQ(transport_->memory_used(), 0u);
  EXPECT_THAT(env_.directory.Files(), IsEmpty()) << "read to its end";
  EXPECT_EQ(env_.files.open_files, 0);
}

TEST_P(BlockingTransportTest, EachTargetGetsItsOwn) {
  Make(GetParam());
  OpenOutputs(3);
  for (int i = 0; i < 30; ++i) {
    Send({std::to_string(i)}, static_cast<size_t>(i) % 3);
    env_.io.RunAll();
  }
  Finish();
  EXPECT_LE(env_.directory.Files().size(), 1u) << "a task writes one file, however many targets";
  std::vector<std::unique_ptr<InputChannel>> inputs;
  for (int target = 0; target < 3; ++target) {
    inputs.push_back(OpenInput(target));
    std::vector<std::string> expected;
    for (int i = target; i < 30; i += 3) expected.push_back(std::to_string(i));
    expected.emplace_back("E");
    EXPECT_EQ(ReadAll({{target, inputs.back().get()}}), expected);
    EXPECT_EQ(env_.directory.Files().empty(), target == 2 || GetParam() == kEnough)
        << "the file stays as long as somebody has not read it";
  }
  EXPECT_THAT(env_.directory.Files(), IsEmpty());
}

TEST_P(BlockingTransportTest, RandomTrafficThroughAGate) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Make(GetParam());
    std::mt19937_64 random(seed);
    std::map<int, std::vector<std::string>> sent;  // by source
    for (int source = 0; source < 2; ++source) {
      auto output = transport_->OpenOutput(Id(0, source), producer_);
      for (uint64_t i = 0; i < random() % 40; ++i) {
        while (output->credit() == 0) ASSERT_TRUE(env_.io.RunOne());
        const std::string text = absl::StrCat(source, ".", i);
        output->Send(TrackedSerializer::Batch(serializer_, {text}));
        sent[source].push_back(text);
        if (random() % 2 == 0) env_.io.RunOne();
      }
      output->Send(EndOfInput{});
      env_.io.RunAll();
    }
    InputGate gate(consumer_);
    for (int source = 0; source < 2; ++source) gate.Open(*transport_, Id(0, source), 0);
    std::map<int, std::vector<std::string>> received;
    for (int ended = 0; ended < 2;) {
      const auto element = gate.Poll();
      if (!element) {
        ASSERT_TRUE(env_.io.RunOne()) << "nothing is on its way";
        continue;
      }
      std::vector<std::string> texts;
      harness::AppendTexts(element->element, texts);
      if (texts == std::vector<std::string>{"E"}) {
        ++ended;
      } else {
        received[static_cast<int>(element->channel)].push_back(texts.at(0));
      }
    }
    EXPECT_EQ(received, sent);
    gate.Close();
    env_.io.RunAll();
    EXPECT_THAT(env_.directory.Files(), IsEmpty());
    EXPECT_EQ(transport_->memory_used(), 0u);
  }
}

TEST_P(BlockingTransportTest, NothingIsSeenBeforeTheProducerHasEnded) {
  Make(GetParam());
  OpenOutputs(2);
  const auto input = OpenInput();
  Send({"1"});
  env_.io.RunAll();
  EXPECT_THAT(ReadAll({{0, input.get()}}), IsEmpty());
  outputs_[0]->Send(EndOfInput{});
  env_.io.RunAll();
  EXPECT_THAT(ReadAll({{0, input.get()}}), IsEmpty()) << "it still writes for another";
  outputs_[1]->Send(EndOfInput{});
  EXPECT_THAT(ReadAll({{0, input.get()}}), ElementsAre("1", "E"));
}

TEST_P(BlockingTransportTest, AProducerThatLeavesTakesItsResultsAlong) {
  Make(GetParam());
  OpenOutputs(2);
  Send({"1"});
  Send({"2"}, 1);
  outputs_[0]->Send(EndOfInput{});
  outputs_.pop_back();
  EXPECT_EQ(values_.live() > 0, GetParam() > 0) << "the other one is still there";
  outputs_.clear();
  env_.io.RunAll();
  EXPECT_EQ(values_.live(), 0u);
  EXPECT_EQ(transport_->memory_used(), 0u);
  EXPECT_THAT(env_.directory.Files(), IsEmpty());
  EXPECT_EQ(env_.files.open_files, 0);
}

TEST_P(BlockingTransportTest, AConsumerThatLeavesDropsWhatIsLeft) {
  Make(GetParam());
  OpenOutputs(1);
  for (int i = 0; i < 4; ++i) Send({std::to_string(i)});
  Finish();
  auto input = OpenInput();
  ASSERT_TRUE(ready_.Pop());
  bool more;
  while (!input->Poll(&more)) ASSERT_TRUE(env_.io.RunOne());
  input.reset();
  env_.io.RunAll();
  EXPECT_EQ(values_.live(), 0u);
  EXPECT_EQ(transport_->memory_used(), 0u);
  EXPECT_THAT(env_.directory.Files(), IsEmpty());
  EXPECT_EQ(env_.files.open_files, 0);
}

TEST_P(BlockingTransportTest, TheEndOfTheJobReleasesWhatNobodyCameFor) {
  Make(GetParam());
  OpenOutputs(2);
  Send({"1"});
  Send({"2"}, 1);
  Finish();
  EXPECT_EQ(transport_->partitions(), 1u);
  transport_->Release("another job");
  EXPECT_EQ(transport_->partitions(), 1u);
  transport_->Release("job");
  EXPECT_EQ(transport_->partitions(), 0u);
  EXPECT_EQ(values_.live() > 0, GetParam() > 0) << "values do not die on the loop that calls";
  env_.io.RunAll();
  EXPECT_EQ(values_.live(), 0u);
  EXPECT_EQ(transport_->memory_used(), 0u);
  EXPECT_THAT(env_.directory.Files(), IsEmpty());
}

// None, one batch or everything fits into memory.
INSTANTIATE_TEST_SUITE_P(Memory, BlockingTransportTest, testing::Values(0, 60, kEnough));

// ---- files ----

class BlockingFilesTest : public BlockingTransportTest {};

TEST_F(BlockingFilesTest, ASenderHasCreditWhileWritingKeepsUp) {
  Make(0);
  OpenOutputs(2);
  int sent = 0;
  for (; outputs_[0]->credit() > 0; ++sent) {
    ASSERT_LT(sent, 100);
    Send({"x"});
  }
  EXPECT_EQ(outputs_[1]->credit(), 0) << "they write one file";
  EXPECT_EQ(values_.live(), 0u) << "what is on its way is bytes";
  TakeSignal();
  ASSERT_TRUE(env_.io.RunOne());
  EXPECT_TRUE(TakeSignal());
  EXPECT_GT(outputs_[0]->credit(), 0);
}

TEST_F(BlockingFilesTest, TheProducerIsToldWhenItsResultsAreWritten) {
  Make(0);
  OpenOutputs(1);
  Send({"x"});
  outputs_[0]->Send(EndOfInput{});
  EXPECT_FALSE(outputs_[0]->settled());
  TakeSignal();
  env_.io.RunAll();
  EXPECT_TRUE(TakeSignal());
  EXPECT_TRUE(outputs_[0]->settled());
  EXPECT_EQ(env_.files.open_files, 0);
}

TEST_F(BlockingFilesTest, WhatFitsIntoMemoryStaysThere) {
  Make(kEnough);
  OpenOutputs(1);
  Send({"1"});
  outputs_[0]->Send(EndOfInput{});
  EXPECT_TRUE(outputs_[0]->settled());
  EXPECT_GT(transport_->memory_used(), 0u);
  EXPECT_EQ(env_.io.waiting(), 0u);
  const auto input = OpenInput();
  const uint64_t made = values_.made();
  EXPECT_THAT(ReadAll({{0, input.get()}}), ElementsAre("1", "E"));
  EXPECT_EQ(values_.made(), made) << "no copy";
}

TEST_F(BlockingFilesTest, WhatReadersFreeOthersMayUse) {
  Make(40);  // one batch of a short text
  OpenOutputs(1);
  Send({"1"});
  Finish();
  auto second = transport_->OpenOutput(Id(0, 1), producer_);
  second->Send(TrackedSerializer::Batch(serializer_, {"2"}));
  EXPECT_EQ(values_.live(), 1u) << "the second is on its way to a file";
  auto input = OpenInput();
  EXPECT_THAT(ReadAll({{0, input.get()}}), ElementsAre("1", "E"));
  second->Send(TrackedSerializer::Batch(serializer_, {"3"}));
  EXPECT_EQ(values_.live(), 1u) << "the third is in memory";
  second.reset();
  env_.io.RunAll();
}

TEST_F(BlockingFilesTest, AWriteThatFailsIsTheProducersFailure) {
  Make(0);
  env_.files.failures["append"] = ExternalError("disk full");
  OpenOutputs(1);
  Send({"1"});
  SendEnds();
  EXPECT_TRUE(outputs_[0]->status().ok());
  TakeSignal();
  env_.io.RunAll();
  EXPECT_TRUE(TakeSignal());
  EXPECT_THAT(std::string(outputs_[0]->status().message()), HasSubstr("disk full"));
  EXPECT_FALSE(outputs_[0]->settled());
  outputs_.clear();
  env_.io.RunAll();
  EXPECT_EQ(env_.files.open_files, 0);
  EXPECT_THAT(env_.directory.Files(), IsEmpty());
}

TEST_F(BlockingFilesTest, WithoutANetworkNothingIsReadFromAnotherProcess) {
  Make(kEnough);
  auto input = transport_->OpenInput(Id(), ready_, 0, {"host:1", {}});
  EXPECT_EQ(ready_.Pop(), 0u) << "its task looks";
  bool more;
  EXPECT_FALSE(input->Poll(&more).has_value());
  EXPECT_THAT(FailureOf(input->status()).message, HasSubstr("it is at host:1"));
}

TEST_F(BlockingFilesTest, AReadThatFailsIsTheConsumersFailure) {
  Make(0);
  OpenOutputs(1);
  Send({"1"});
  Finish();
  env_.files.failures["read"] = ExternalError("bad disk");
  InputGate gate(consumer_);
  gate.Open(*transport_, Id(), 0);
  EXPECT_FALSE(gate.Poll());
  EXPECT_TRUE(gate.status().ok()) << "not yet";
  env_.io.RunAll();
  EXPECT_FALSE(gate.Poll());
  EXPECT_THAT(std::string(gate.status().message()), HasSubstr("bad disk"));
  gate.Close();
  env_.io.RunAll();
  EXPECT_THAT(env_.directory.Files(), IsEmpty());
}

TEST_F(BlockingFilesTest, OtherChannelsGoToTheOtherTransport) {
  Make(0);
  ChannelId id = Id();
  id.blocking = false;
  auto output = transport_->OpenOutput(id, producer_);
  EXPECT_EQ(local_.half_open(), 1u);
  output->Send(TrackedSerializer::Batch(serializer_, {"1"}));
  auto input = transport_->OpenInput(id, ready_, 0);
  EXPECT_THAT(ReadAll({{0, input.get()}}), ElementsAre("1"));
  transport_->OpenOutput({.job = "job", .edge = 9, .source = 0, .target = 0}, producer_);
  EXPECT_EQ(local_.half_open(), 1u);
  transport_->Release("job");
  EXPECT_EQ(local_.half_open(), 0u);
}

TEST(MemoryBudgetTest, NeverGivesMoreThanThereIs) {
  MemoryBudget budget(100);
  EXPECT_FALSE(budget.Take(101));
  EXPECT_TRUE(budget.Take(60));
  EXPECT_FALSE(budget.Take(41));
  EXPECT_FALSE(budget.Take(~size_t{0}));
  EXPECT_TRUE(budget.Take(40));
  EXPECT_FALSE(budget.Take(1));
  budget.Give(60);
  EXPECT_EQ(budget.used(), 40u);
  EXPECT_TRUE(budget.Take(60));
}

}  // namespace
}  // namespace pyflinkpp
