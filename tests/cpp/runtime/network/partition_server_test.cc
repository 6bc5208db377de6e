#include "runtime/network/partition_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "harness/fake_channel.h"
#include "harness/test_env.h"
#include "harness/tracked_serializer.h"
#include "runtime/connectors/file/file_test_env.h"
#include "runtime/network/blocking_transport.h"
#include "runtime/network/transport_pairs.h"

namespace pyflinkpp {
namespace {

using file_test::FileTestEnv;
using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::HasSubstr;

// A producer in the first process, consumers in the second; batches in memory or in a file.
class PartitionServerTest : public testing::TestWithParam<size_t> {
 protected:
  PartitionServerTest() {
    for (const Process process : {kFirst, kSecond}) {
      blocking_[process] =
          std::make_unique<BlockingTransport>(pair_.transport(process), env_, GetParam());
      blocking_[process]->ServeOver(pair_.transport(process));
    }
  }
  ~PartitionServerTest() override {
    outputs_.clear();
    Run();
    for (const Process process : {kFirst, kSecond}) blocking_[process]->Release("job");
    Run();
    EXPECT_EQ(loops_.running(), 0u) << "who serves nothing ends";
    EXPECT_EQ(blocking_[kFirst]->memory_used(), 0u);
    EXPECT_THAT(files_.directory.Files(), testing::IsEmpty());
    for (const Process process : {kFirst, kSecond}) {
      EXPECT_EQ(pair_.transport(process).channels(), 0u);
      EXPECT_EQ(pair_.transport(process).half_open(), 0u);
    }
  }

  static ChannelId Id(int target = 0) {
    return {.job = "job", .edge = 3, .source = 0, .target = target, .blocking = true};
  }
  // Until nothing moves.
  void Run() {
    for (int i = 0; i < 50; ++i) {
      files_.io.RunAll();
      loops_.RunUntilIdle();
      pair_.Settle();
    }
  }
  // Writes `batches` batches to each target, and ends.
  void Produce(int targets, int batches) {
    for (int target = 0; target < targets; ++target)
      outputs_.push_back(blocking_[kFirst]->OpenOutput(Id(target), producer_, {}));
    for (int i = 0; i < batches; ++i) {
      for (size_t target = 0; target < outputs_.size(); ++target) {
        outputs_[target]->Send(
            TrackedSerializer::Batch(serializer_, {absl::StrCat(target, ".", i)}));
        files_.io.RunAll();
      }
    }
  }
  void Finish() {
    for (const auto& output : outputs_) output->Send(EndOfInput{});
    files_.io.RunAll();
    outputs_.clear();
  }
  static std::vector<std::string> Texts(int target, int batches) {
    std::vector<std::string> texts;
    for (int i = 0; i < batches; ++i) texts.push_back(absl::StrCat(target, ".", i));
    texts.emplace_back("E");
    return texts;
  }
  std::unique_ptr<InputChannel> OpenInput(int target = 0) {
    auto input = blocking_[kSecond]->OpenInput(Id(target), ready_, static_cast<size_t>(target),
                                               {pair_.address(kFirst), {serializer_}});
    Run();
    return input;
  }
  // Up to `most` elements.
  std::vector<std::string> Read(InputChannel& input, int most = 1'000) {
    std::vector<std::string> texts;
    bool more = true;
    for (int polled = 0, missed = 0; polled < most && missed < 3;) {
      auto element = input.Poll(&more);
      if (element) harness::AppendTexts(*element, texts);
      polled += element.has_value() ? 1 : 0;
      missed = element.has_value() ? 0 : missed + 1;  // the first ones may begin to read a file
      Run();
    }
    return texts;
  }

  FileTestEnv files_;
  harness::StepLoopRunner loops_;
  Env env_{files_.clock, files_.random, files_.files, files_.io, files_.console, loops_};
  TrackedValues values_;
  const std::shared_ptr<const TrackedSerializer> serializer_ =
      std::make_shared<const TrackedSerializer>(values_);
  Mailbox producer_{files_.clock};
  Mailbox consumer_{files_.clock};
  ReadyChannels ready_{consumer_};
  SimPair pair_;
  std::unique_ptr<BlockingTransport> blocking_[2];
  std::vector<std::unique_ptr<OutputChannel>> outputs_;
};

INSTANTIATE_TEST_SUITE_P(MemoryOrFile, PartitionServerTest, testing::Values(size_t{0}, 1 << 20));

TEST_P(PartitionServerTest, ConsumersInAnotherProcessReadAllInOrder) {
  Produce(2, 20);
  Finish();
  auto first = OpenInput(0);
  auto second = OpenInput(1);
  EXPECT_EQ(Read(*first), Texts(0, 20));
  EXPECT_EQ(Read(*second), Texts(1, 20));
}

TEST_P(PartitionServerTest, ThoseInTheSameProcessToo) {
  Produce(2, 5);
  Finish();
  auto remote = OpenInput(0);
  auto local = blocking_[kFirst]->OpenInput(Id(1), ready_, 1, {});
  EXPECT_EQ(Read(*remote), Texts(0, 5));
  Run();
  EXPECT_EQ(Read(*local), Texts(1, 5));
}

TEST_P(PartitionServerTest, NothingComesBeforeTheProducerHasEnded) {
  Produce(1, 3);
  auto input = OpenInput();
  EXPECT_TRUE(Read(*input).empty());
  Finish();
  Run();
  EXPECT_EQ(Read(*input), Texts(0, 3));
}

TEST_P(PartitionServerTest, NoMoreIsUnderWayThanTheCreditAllows) {
  Produce(1, 20);
  Finish();
  auto input = OpenInput();
  const int64_t frames = pair_.network().frames();
  Run();
  EXPECT_EQ(pair_.network().frames(), frames) << "who does not poll gets no more";
  EXPECT_EQ(Read(*input), Texts(0, 20));
}

TEST_P(PartitionServerTest, AConsumerThatLeavesLetsGoOfTheRest) {
  Produce(1, 20);
  Finish();
  auto input = OpenInput();
  EXPECT_EQ(Read(*input, 3).size(), 3u);
  input.reset();
  Run();
  EXPECT_EQ(loops_.running(), 0u);
  EXPECT_EQ(values_.live(), 0u);
}

TEST_P(PartitionServerTest, ALostConnectionEndsTheReading) {
  Produce(1, 20);
  Finish();
  auto input = OpenInput();
  pair_.network().Cut(0);
  Run();
  EXPECT_EQ(loops_.running(), 0u);
  Read(*input);
  EXPECT_THAT(FailureOf(input->status()).message, HasSubstr("it was cut"));
}

TEST_P(PartitionServerTest, TheEndOfTheJobEndsIt) {
  Produce(1, 3);
  auto input = OpenInput();
  EXPECT_EQ(loops_.running(), 1u) << "it waits for the producer";
  blocking_[kFirst]->Release("job");
  Run();
  EXPECT_EQ(loops_.running(), 0u);
}

TEST_P(PartitionServerTest, AReadThatFailsIsToldToTheConsumer) {
  if (GetParam() > 0) GTEST_SKIP() << "memory does not fail";
  Produce(1, 3);
  Finish();
  files_.files.failures["read"] = ExternalError("bad disk");
  auto input = OpenInput();
  EXPECT_TRUE(Read(*input).empty());
  EXPECT_THAT(FailureOf(input->status()).message, HasSubstr("bad disk"));
  EXPECT_THAT(FailureOf(input->status()).message, HasSubstr(pair_.address(kFirst)));
}

}  // namespace
}  // namespace pyflinkpp
