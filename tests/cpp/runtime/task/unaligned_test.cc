// A task whose barriers overtake data, and one that is restored with what was overtaken.
#include <gmock/gmock.h>

#include <utility>

#include "core/base/checksum.h"
#include "core/stream/batch_codec.h"
#include "harness/barriers.h"
#include "runtime/task/stream_task_fixture.h"

namespace pyflinkpp {
namespace {

using harness::UnalignedBarrierOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class UnalignedTest : public StreamTaskTest {
 protected:
  // Channels 0 and 1 come in; what goes out nobody reads.
  void Make(const harness::Behavior& behavior = {.name = "a"}, std::vector<int> targets = {0}) {
    AddInput(2);
    deployment_.inputs.back().__set_overtakes(true);
    AddFake(behavior);
    AddOutput(std::move(targets), idl::Partitioner::REBALANCE);
    deployment_.outputs.back().__set_overtakes(true);
    Start();
    RunUntilIdle();
  }
  // So many single elements that the output has no credit left and one batch waits.
  void FillOutput() {
    for (int i = 0; i <= kChannelCredit; ++i) {
      Send(0, {std::to_string(i)});
      RunUntilIdle();
    }
  }
  // The answer's data in flight, channel by channel: "S" what was to be sent, "R" received.
  std::vector<std::string> InFlight() {
    while (env_.io.RunOne()) RunUntilIdle();
    RunUntilIdle();
    std::vector<std::string> texts;
    if (answers_.empty()) return {"no answer"};
    for (const idl::InFlightHandle& handle : answers_.back().snapshot.in_flight) {
      idl::RestoredInFlight part;
      part.handle = handle;
      std::deque<ReadRun> runs;
      EXPECT_TRUE(ReadInFlight(env_.env.files, part, runs).ok());
      for (size_t i = 0; i < runs.size(); ++i) {
        const idl::InFlightRun& run = handle.runs[i];
        BinaryReader reader(runs[i].bytes);
        while (reader.remaining() > 0) {
          auto batch = DecodeBatch(reader, serializer_);
          PFPP_CHECK(batch.ok());
          for (const std::string& text : harness::TextsOf(**batch)) {
            texts.push_back((run.of_sender ? "S" : "R") + std::to_string(run.source) + ":" + text);
          }
        }
      }
    }
    return texts;
  }
};

TEST_F(UnalignedTest, ABarrierOvertakesWhatItsTaskHasReceivedAndNotProcessed) {
  Make();
  FillOutput();
  Send(0, {"x"});
  Send(0, {"y"});
  outputs_[0]->Send(UnalignedBarrierOf(1));
  outputs_[1]->Send(UnalignedBarrierOf(1));
  EXPECT_EQ(RunUntilIdle(), "wait for credit");
  EXPECT_THAT(InFlight(), ElementsAre("R0:x", "R0:y", "S1:4a"))
      << "the barrier has left in front of what waits for credit";
  EXPECT_TRUE(answers_[0].snapshot.unaligned);
  EXPECT_GT(answers_[0].snapshot.in_flight_bytes, 0);
  EXPECT_THAT(Received(), ElementsAre("0a", "1a", "2a", "3a", "B1"));
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("4a", "xa", "ya")) << "and all is processed";
  EXPECT_THAT(answers_, SizeIs(1));
}

TEST_F(UnalignedTest, WhatComesBeforeAChannelsBarrierIsKeptUntilThen) {
  Make();
  outputs_[0]->Send(UnalignedBarrierOf(1));
  Send(0, {"behind"});
  Send(1, {"before"});
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("B1", "beforea", "behinda")) << "nobody waits";
  EXPECT_THAT(answers_, IsEmpty()) << "more of it may come";
  Send(1, {"before, too"});
  outputs_[1]->Send(UnalignedBarrierOf(1));
  Send(1, {"behind"});
  RunUntilIdle();
  EXPECT_THAT(InFlight(), ElementsAre("R1:before", "R1:before, too"));
  EXPECT_THAT(Received(), ElementsAre("before, tooa", "behinda"));
}

TEST_F(UnalignedTest, TheEndOfAChannelStandsForItsBarrier) {
  Make();
  FillOutput();
  Send(1, {"last"});
  SendEnd(0);
  outputs_[0].reset();
  outputs_[1]->Send(UnalignedBarrierOf(1));
  RunUntilIdle();
  EXPECT_THAT(InFlight(), ElementsAre("R1:last", "S1:4a"));
}

TEST_F(UnalignedTest, UntilItsTimeIsOverABarrierIsAligned) {
  Make();
  FillOutput();
  Send(1, {"x"});
  outputs_[0]->Send(UnalignedBarrierOf(1, /*aligned_timeout_ms=*/100));
  outputs_[1]->Send(UnalignedBarrierOf(1, 100));
  RunUntilIdle();
  env_.clock.AdvanceMillis(99);
  EXPECT_EQ(RunUntilIdle(), "wait for credit");
  EXPECT_THAT(answers_, IsEmpty());
  env_.clock.AdvanceMillis(1);
  RunUntilIdle();
  EXPECT_THAT(InFlight(), ElementsAre("R1:x", "S1:4a"));
  EXPECT_EQ(answers_[0].snapshot.alignment_ms, 100);
}

TEST_F(UnalignedTest, AnAlignmentThatIsOverInTimeKeepsNothing) {
  Make();
  Send(0, {"x"});
  outputs_[0]->Send(UnalignedBarrierOf(1, 100));
  RunUntilIdle();
  Send(1, {"y"});
  outputs_[1]->Send(UnalignedBarrierOf(1, 100));
  RunUntilIdle();
  env_.clock.AdvanceMillis(200);
  RunUntilIdle();
  EXPECT_THAT(InFlight(), IsEmpty());
  EXPECT_FALSE(answers_[0].snapshot.unaligned);
  EXPECT_THAT(Received(), ElementsAre("xa", "ya", "B1"));
}

TEST_F(UnalignedTest, ABarrierThatWaitsToBeSentOvertakesInTheEnd) {
  Make({.name = "a"}, {0, 1});
  for (int i = 0; i < kChannelCredit; ++i) {
    Send(0, {"1", "2"});  // one for each target
    RunUntilIdle();
  }
  Send(0, {"x", "y"});  // are gathered when the barrier comes
  outputs_[0]->Send(UnalignedBarrierOf(1, 100));
  outputs_[1]->Send(UnalignedBarrierOf(1, 100));
  RunUntilIdle();
  EXPECT_THAT(InFlight(), ElementsAre("no answer")) << "it waits for the barrier";
  env_.clock.AdvanceMillis(100);
  RunUntilIdle();
  EXPECT_THAT(InFlight(), testing::UnorderedElementsAre("S1:xa", "S1:ya"));
  for (const size_t target : {0, 1}) {
    const std::vector<std::string> received = Received(target);
    ASSERT_EQ(received.size(), size_t{kChannelCredit} + 1);
    EXPECT_EQ(received.back(), "B1");
  }
}

TEST_F(UnalignedTest, TheAnswerComesWithABarrierThatLeavesInTime) {
  Make({.name = "a"}, {0, 1});
  for (int i = 0; i < kChannelCredit; ++i) {
    Send(0, {"1", "2"});
    RunUntilIdle();
  }
  Send(0, {"x", "y"});
  outputs_[0]->Send(UnalignedBarrierOf(1, 100));
  outputs_[1]->Send(UnalignedBarrierOf(1, 100));
  RunUntilIdle();
  for (const size_t target : {0, 1}) Received(target);
  RunUntilIdle();
  EXPECT_THAT(InFlight(), IsEmpty());
  EXPECT_FALSE(answers_.back().snapshot.unaligned);
}

TEST_F(UnalignedTest, AnEarlierSavepointIsNotOvertaken) {
  Make();
  outputs_[0]->Send(harness::BarrierOf(1));
  outputs_[0]->Send(UnalignedBarrierOf(2));
  Send(1, {"x"});
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("xa"));
  outputs_[1]->Send(harness::BarrierOf(1));
  Send(1, {"y"});
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("B1", "B2", "ya"));
  outputs_[1]->Send(UnalignedBarrierOf(2));
  RunUntilIdle();
  EXPECT_THAT(InFlight(), ElementsAre("R1:y"));
}

TEST_F(UnalignedTest, WhatIsGivenUpKeepsNothing) {
  Make();
  outputs_[0]->Send(UnalignedBarrierOf(1));
  Send(1, {"x"});
  RunUntilIdle();
  task_->NotifyCheckpoint(1, /*completed=*/false);
  outputs_[1]->Send(UnalignedBarrierOf(1));
  RunUntilIdle();
  EXPECT_THAT(answers_, IsEmpty());
  outputs_[0]->Send(UnalignedBarrierOf(2));
  outputs_[1]->Send(UnalignedBarrierOf(2));
  RunUntilIdle();
  EXPECT_THAT(InFlight(), IsEmpty());
  EXPECT_EQ(answers_.back().checkpoint, 2);
}

TEST_F(UnalignedTest, ASlowBatchIsInterruptedByABarrier) {
  Make({.name = "a", .yields = true, .between_elements = true});
  Send(0, {"1", "2", "3"});
  task_->Step();  // take input
  task_->Step();  // the first element
  outputs_[0]->Send(UnalignedBarrierOf(1));
  outputs_[1]->Send(UnalignedBarrierOf(1));
  RunUntilIdle();
  EXPECT_THAT(InFlight(), ElementsAre("R0:2", "R0:3"));
  EXPECT_THAT(Received(), ElementsAre("1a", "B1", "2a", "3a"));
}

TEST_F(UnalignedTest, AnElementOfWhichAPartIsDoneIsNotInterrupted) {
  Make({.name = "a", .yields = true});
  Send(0, {"1", "2", "3"});
  task_->Step();
  task_->Step();
  outputs_[0]->Send(UnalignedBarrierOf(1));
  outputs_[1]->Send(UnalignedBarrierOf(1));
  RunUntilIdle();
  EXPECT_THAT(InFlight(), IsEmpty());
  EXPECT_THAT(Received(), ElementsAre("1a", "2a", "3a", "B1"));
}

// Restored with two batches of the exchange that the channels are of now.
class RestoredTest : public UnalignedTest {
 protected:
  void Restore(int exchange, const harness::Behavior& behavior = {.name = "a"}) {
    AddInput(1);
    deployment_.inputs.back().__set_overtakes(true);
    AddFake(behavior);
    AddOutput({0});
    idl::RestoredInFlight part;
    part.op = deployment_.chain[0].op.id;
    part.types.resize(1);
    part.handle.exchange = exchange;
    for (const char* text : {"x", "y"}) {
      std::string bytes;
      auto batch = harness::TrackedSerializer::Batch(serializer_, {text});
      PFPP_CHECK(EncodeBatch(*batch, bytes).ok());
      idl::InFlightRun& run = part.handle.runs.emplace_back();
      run.type = "TRACKED";
      run.offset = static_cast<int64_t>(part.handle.file.inline_bytes.size());
      run.size = static_cast<int64_t>(bytes.size());
      run.crc32 = Crc32(bytes);
      part.handle.file.inline_bytes += bytes;
    }
    deployment_.restored = true;
    deployment_.__set_in_flight({part});
    Start();
  }
  void RunAll() {
    do {
      RunUntilIdle();
    } while (env_.io.RunOne());
    RunUntilIdle();
  }
};

TEST_F(RestoredTest, WhatWasInFlightIsProcessedFirst) {
  Restore(3);
  Send(0, {"new"});
  outputs_[0]->Send(UnalignedBarrierOf(1, 100));
  RunAll();
  EXPECT_THAT(Received(), ElementsAre("xa", "ya", "newa", "B1"));
}

TEST_F(RestoredTest, WhatIsLeftOfItIsPartOfTheNextCheckpoint) {
  Restore(3, {.name = "a", .on_element = [this](const std::string& text) {
                if (text != "x") return;
                Send(0, {"new"});
                outputs_[0]->Send(UnalignedBarrierOf(1));
              }});
  RunAll();
  EXPECT_THAT(Received(), ElementsAre("xa", "B1", "ya", "newa"));
  EXPECT_THAT(InFlight(), ElementsAre("R-1:y", "R0:new")) << "it comes before all else again";
}

TEST_F(RestoredTest, WithoutAnExchangeItHasToBeProcessed) {
  Restore(-1, {.name = "a", .on_element = [this](const std::string& text) {
                 if (text == "x") outputs_[0]->Send(UnalignedBarrierOf(1));
               }});
  RunAll();
  EXPECT_THAT(Received(), ElementsAre("xa", "ya", "B1"));
}

}  // namespace
}  // namespace pyflinkpp
