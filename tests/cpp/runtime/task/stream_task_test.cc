#include "runtime/task/stream_task_fixture.h"

namespace pyflinkpp {
namespace {

using idl::TaskState;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// ---- a bounded life ----

TEST_F(StreamTaskTest, ASourceTaskReadsItsSplitsAndEnds) {
  AddSource({"1", "2"});
  AddFake({.name = "a"});
  AddOutput({0});
  Start();
  EXPECT_EQ(task_->name(), "task (2/3)");
  EXPECT_EQ(task_->id(), deployment_.task);
  EXPECT_EQ(RunUntilIdle(), "wait for source");
  EXPECT_THAT(States(), ElementsAre(TaskState::RUNNING));
  ASSERT_THAT(split_requests_, SizeIs(1));
  EXPECT_EQ(split_requests_[0].task, deployment_.task);
  EXPECT_EQ(split_requests_[0].op, 101);

  AssignAll();
  RunUntilIdle();
  EXPECT_TRUE(done_);
  EXPECT_THAT(Received(), ElementsAre("1a", "2a", "Wmax", "E"));
  EXPECT_THAT(States(), ElementsAre(TaskState::RUNNING, TaskState::FINISHED));
  EXPECT_THAT(Life(), ElementsAre("a open", "a close"));
  EXPECT_EQ(log_.back(), "report 3") << "the last report comes after every close";

  const idl::TaskReport& report = reports_.back();
  EXPECT_EQ(report.task, deployment_.task);
  EXPECT_FALSE(report.__isset.failure);
  ASSERT_THAT(report.metrics, SizeIs(2));
  EXPECT_EQ(report.metrics[0].op, 101);
  EXPECT_EQ(report.metrics[0].records_out, 2);
  EXPECT_EQ(report.metrics[1].op, 102);
  EXPECT_EQ(report.metrics[1].records_in, 2);
  EXPECT_EQ(report.metrics[1].records_out, 2);
  EXPECT_THAT(report.accumulators.at("closed"), ElementsAre("a"));
}

TEST_F(StreamTaskTest, AnInnerTaskEndsWhenAllItsChannelsHave) {
  AddInput(2);
  AddFake({.name = "a", .finish_parts = 1});
  AddOutput({0});
  Start();
  EXPECT_EQ(RunUntilIdle(), "wait for input");
  EXPECT_THAT(split_requests_, IsEmpty());
  Send(1, {"1"});
  Send(0, {"2"});
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("1a", "2a"));
  SendEnd(0);
  RunUntilIdle();
  Send(1, {"3"});
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("3a"));
  SendEnd(1);
  RunUntilIdle();
  EXPECT_TRUE(done_);
  EXPECT_THAT(Received(), ElementsAre("Wmax", "fa", "E"));
  EXPECT_THAT(States(), ElementsAre(TaskState::RUNNING, TaskState::FINISHED));
}

TEST_F(StreamTaskTest, InBatchModeResultsComeFirstThenTheLastWatermarkThenTheEnd) {
  deployment_.configuration["execution.runtime-mode"] = "BATCH";
  AddInput(2);
  AddFake({.name = "a", .emits_at_watermarks = true, .finish_parts = 1});
  AddFake({.name = "b", .finish_parts = 1});
  AddOutput({0});
  Start();
  Send(0, {"1"});
  outputs_[0]->Send(Watermark{10, false});
  outputs_[1]->Send(Watermark{10, false});
  SendEnd(0);
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("1ab")) << "no watermark but the last";
  Send(1, {"2"});
  SendEnd(1);
  std::vector<std::string> received;
  while (!done_) {  // as credit comes back
    RunUntilIdle();
    for (std::string& text : Received()) received.push_back(std::move(text));
  }
  EXPECT_THAT(received, ElementsAre("2ab", "wab", "fab", "fb", "Wmax", "E"));
}

TEST_F(StreamTaskTest, ASourceInBatchModeSendsItsWatermarkBehindItsChainsResults) {
  deployment_.configuration["execution.runtime-mode"] = "BATCH";
  AddSource({"1"});
  AddFake({.name = "a", .finish_parts = 1});
  AddOutput({0});
  Start();
  RunUntilIdle();
  AssignAll();
  RunUntilIdle();
  EXPECT_TRUE(done_);
  EXPECT_THAT(Received(), ElementsAre("1a", "fa", "Wmax", "E"));
}

TEST_F(StreamTaskTest, WatermarksAndBarriersOfTheChannelsBecomeTheTasks) {
  AddInput(2);
  AddFake({.name = "a"});
  AddOutput({0});
  Start();
  outputs_[0]->Send(Watermark{10, false});
  RunUntilIdle();
  EXPECT_THAT(Received(), IsEmpty());
  outputs_[1]->Send(Watermark{5, false});
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("W5"));
  outputs_[0]->Send(harness::BarrierOf(1));
  Send(0, {"after"});
  Send(1, {"before"});
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("beforea")) << "channel 0 waits for the other's barrier";
  outputs_[1]->Send(harness::BarrierOf(1));
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("B1", "aftera"));
}

TEST_F(StreamTaskTest, TheEndOfAChannelCompletesAnAlignment) {
  AddInput(2);
  AddFake({.name = "a"});
  AddOutput({0});
  Start();
  outputs_[0]->Send(harness::BarrierOf(1));
  RunUntilIdle();
  SendEnd(1);
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("B1"));
  SendEnd(0);
  RunUntilIdle();
  EXPECT_THAT(Received(), ElementsAre("Wmax", "E"));
  EXPECT_TRUE(done_);
}

TEST_F(StreamTaskTest, ATaskWithEffectsWaitsForItsJobToCommit) {
  AddInput(1);
  AddFake({.name = "a", .commits = true, .commit_waits = 1});
  Start();
  SendEnd(0);
  EXPECT_EQ(RunUntilIdle(), "idle");
  EXPECT_FALSE(done_);
  EXPECT_THAT(States(), ElementsAre(TaskState::RUNNING, TaskState::PREPARED));
  EXPECT_THAT(Life(), ElementsAre("a open"));
  task_->Commit();
  EXPECT_EQ(RunUntilIdle(), "commit files");
  EXPECT_FALSE(done_);
  task_->mailbox().Notify();  // the effect is visible
  RunUntilIdle();
  EXPECT_TRUE(done_);
  EXPECT_THAT(States(), ElementsAre(TaskState::RUNNING, TaskState::PREPARED, TaskState::FINISHED));
  EXPECT_THAT(Life(), ElementsAre("a open", "a commit", "a commit", "a close"));
}

TEST_F(StreamTaskTest, ACommitThatComesTooEarlyIsIgnored) {
  AddInput(1);
  AddFake({.name = "a", .commits = true});
  Start();
  RunUntilIdle();
  task_->Commit();
  RunUntilIdle();
  SendEnd(0);
  EXPECT_EQ(RunUntilIdle(), "idle");
  EXPECT_THAT(Life(), Not(testing::Contains("a commit")));
}

TEST_F(StreamTaskTest, SplitsThatComeAfterTheEndAreIgnored) {
  AddSource({"1"});
  AddOutput({0});
  Start();
  RunUntilIdle();
  task_->Cancel();
  AssignAll();
  RunUntilIdle();
  EXPECT_THAT(Received(), IsEmpty());
  EXPECT_THAT(States(), ElementsAre(TaskState::RUNNING, TaskState::CANCELED));
}

// ---- cancel ----

TEST_F(StreamTaskTest, ATaskCanBeCanceledBeforeItIsOpened) {
  AddInput(1);
  AddFake({.name = "a"});
  Start();
  task_->Cancel();
  RunUntilIdle();
  EXPECT_TRUE(done_);
  EXPECT_THAT(States(), ElementsAre(TaskState::CANCELED));
  EXPECT_THAT(Life(), IsEmpty());
}

TEST_F(StreamTaskTest, ARunningTaskClosesItsOperatorsAndThenReports) {
  AddInput(1);
  AddFake({.name = "a"});
  AddFake({.name = "b", .close = absl::InternalError("late")});
  Start();
  Send(0, {"1"});
  RunUntilIdle();
  task_->Cancel();
  RunUntilIdle();
  EXPECT_TRUE(done_);
  EXPECT_THAT(log_, ElementsAre("a open", "b open", "report 1", "a 1", "b 1a", "b close", "a close",
                                "report 4"));
  EXPECT_EQ(reports_.back().metrics[0].records_in, 1);
  EXPECT_FALSE(reports_.back().__isset.failure)
      << "an error while closing does not make it a failure";
}

TEST_F(StreamTaskTest, CancelOvertakesData) {
  AddInput(1);
  AddFake({.name = "a", .yields = true});
  Start();
  RunUntilIdle();
  Send(0, {"1", "2", "3"});
  task_->Step();  // takes the batch
  task_->Step();  // a runs for one element
  task_->Cancel();
  RunUntilIdle();
  EXPECT_TRUE(done_);
  EXPECT_THAT(log_, testing::Contains("a 1"));
  EXPECT_THAT(log_, Not(testing::Contains("a 3")));
  EXPECT_EQ(values_.live(), 0u);
}

TEST_F(StreamTaskTest, APreparedTaskCanBeCanceled) {
  AddInput(1);
  AddFake({.name = "a", .commits = true});
  Start();
  SendEnd(0);
  RunUntilIdle();
  task_->Cancel();
  RunUntilIdle();
  EXPECT_THAT(States(), ElementsAre(TaskState::RUNNING, TaskState::PREPARED, TaskState::CANCELED));
  EXPECT_THAT(Life(), ElementsAre("a open", "a close"));
}

TEST_F(StreamTaskTest, AnEndedTaskLetsGoOfItsChannels) {
  AddInput(1);
  AddFake({.name = "a"});
  AddOutput({0});
  Start();
  for (int i = 0; i < kChannelCredit; ++i) Send(0, {"x"});
  EXPECT_EQ(outputs_[0]->credit(), 0);
  RunUntilIdle();
  task_->Cancel();
  RunUntilIdle();
  EXPECT_GT(outputs_[0]->credit(), kChannelCredit) << "whoever sends to it is not held up";
  EXPECT_EQ(transport_.half_open(), 0u);
}

TEST_F(StreamTaskTest, TellsNowAndThenHowFarEventTimeIsAndWhichInputHoldsIt) {
  AddInput(2);
  AddFake({.name = "a"});
  Start();
  RunUntilIdle();
  const auto watermark = [this](size_t channel, int64_t timestamp) {
    outputs_[channel]->Send(StreamElement(Watermark{timestamp, false}));
    for (int i = 0; i < 2; ++i) {
      RunUntilIdle();
      env_.clock.AdvanceMillis(1000);
      task_->Tick();
    }
    RunUntilIdle();
  };
  watermark(0, 7);
  watermark(1, 9);
  ASSERT_FALSE(progress_.empty());
  EXPECT_EQ(progress_.back().watermark, 7);
  EXPECT_EQ(progress_.back().held_by_subtask, 0);
  const int64_t since = progress_.back().since_ms;
  watermark(1, 12);
  EXPECT_EQ(progress_.back().since_ms, since) << "it has not risen";
  watermark(0, 20);
  EXPECT_EQ(progress_.back().watermark, 12);
  EXPECT_EQ(progress_.back().held_by_subtask, 1);
  EXPECT_GT(progress_.back().since_ms, since);
}

}  // namespace
}  // namespace pyflinkpp
