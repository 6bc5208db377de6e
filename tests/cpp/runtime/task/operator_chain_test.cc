#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/task/operator_chain_fixture.h"

namespace pyflinkpp {
namespace {

using harness::Behavior;
using harness::FarEnd;
using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;
using testing::IsEmpty;

// Polled texts come from a script; an empty one is kWait.
class FakeSource final : public SourceOperator {
 public:
  FakeSource(std::deque<std::string> script, std::shared_ptr<const TrackedSerializer> serializer)
      : script_(std::move(script)), serializer_(std::move(serializer)) {}
  absl::Status Open(OperatorContext&) override { return absl::OkStatus(); }
  void AddSplits(std::vector<idl::SourceSplit>, bool) override {}
  absl::StatusOr<Progress> Poll(Output& output) override {
    if (script_.empty()) return Progress::kDone;
    const std::string text = script_.front();
    script_.pop_front();
    if (text.empty()) return Progress::kWait;
    serializer_->Put(output.batch(serializer_).Append(1), text);
    return Progress::kMore;
  }

 private:
  std::deque<std::string> script_;
  const std::shared_ptr<const TrackedSerializer> serializer_;
};

// ---- data ----

TEST_F(OperatorChainTest, ABatchPassesAllOperators) {
  Add({.name = "a"}, {1});
  Add({.name = "b"}, {}, {0});
  MakeAndOpen(1);
  EXPECT_TRUE(chain_->drained());
  EXPECT_EQ(Run(), Progress::kDone);
  Push({"1", "2"});
  EXPECT_FALSE(chain_->drained());
  EXPECT_EQ(Run(), Progress::kMore) << "one operator call a step";
  EXPECT_EQ(Run(), Progress::kDone);
  EXPECT_TRUE(chain_->drained());
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1ab", "2ab"));
  EXPECT_THAT(log_, ElementsAre("a 1", "a 2", "b 1a", "b 2a"));
}

TEST_F(OperatorChainTest, OperatorsThatYieldAfterEachElementGiveTheSameResult) {
  Add({.name = "a", .yields = true}, {1});
  Add({.name = "b", .copies = 2, .yields = true}, {2});
  Add({.name = "c", .yields = true}, {}, {0});
  MakeAndOpen(1);
  Push({"1", "2"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1abc", "1abc", "2abc", "2abc"));
  EXPECT_THAT(log_, ElementsAre("a 1", "b 1a", "c 1ab", "c 1ab", "a 2", "b 2a", "c 2ab", "c 2ab"))
      << "an element goes all the way before the next";
}

TEST_F(OperatorChainTest, AnOperatorWithAFullOutputGoesOnOnceThatIsConsumed) {
  Add({.name = "a", .copies = 3, .output_max = 3}, {1});
  Add({.name = "b"}, {}, {0});
  MakeAndOpen(1);
  Push({"1", "2"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(log_, ElementsAre("a 1", "b 1a", "b 1a", "b 1a", "a 2", "b 2a", "b 2a", "b 2a"));
  EXPECT_EQ(ends_[0].elements.size(), 2u);
}

TEST_F(OperatorChainTest, AnOperatorThatWaitsKeepsItsBatch) {
  Add({.name = "a"}, {1});
  Add({.name = "b", .waits_at = "2a"}, {}, {0});
  MakeAndOpen(1);
  Push({"1", "2", "3"});
  EXPECT_EQ(RunOn(), Progress::kWait);
  EXPECT_FALSE(chain_->drained());
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1ab")) << "what was done goes on";
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1ab", "2ab", "3ab"));
}

TEST_F(OperatorChainTest, BranchesGetCopiesOfTheirOwn) {
  Add({.name = "a"}, {1, 2}, {0});
  Add({.name = "b"}, {}, {1});
  Add({.name = "c"}, {3}, {2});
  Add({.name = "d"}, {}, {3});
  MakeAndOpen(4);
  Push({"1", "2"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1a", "2a"));
  EXPECT_THAT(ends_[1].Texts(), ElementsAre("1ab", "2ab"));
  EXPECT_THAT(ends_[2].Texts(), ElementsAre("1ac", "2ac"));
  EXPECT_THAT(ends_[3].Texts(), ElementsAre("1acd", "2acd"));
  EXPECT_EQ(values_.live(), 8u) << "what was consumed is released";
}

TEST_F(OperatorChainTest, ASinkConsumesWithoutOutput) {
  Add({.name = "a"}, {});
  MakeAndOpen(0);
  Push({"1"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_EQ(values_.live(), 0u);
}

// ---- credit ----

TEST_F(OperatorChainTest, NothingRunsWhileAPartitionIsBlocked) {
  Add({.name = "a"}, {1}, {1});
  Add({.name = "b"}, {}, {0});
  MakeAndOpen(2);
  ends_[1].credit = 0;
  Push({"1"});
  EXPECT_EQ(RunOn(), Progress::kWait);
  EXPECT_THAT(log_, ElementsAre("a 1")) << "b is held back by a's other output";
  EXPECT_EQ(RunOn(), Progress::kWait);
  EXPECT_FALSE(chain_->drained());
  ends_[1].credit = 1;
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1ab"));
  EXPECT_THAT(ends_[1].Texts(), ElementsAre("1a"));
}

TEST_F(OperatorChainTest, ADrainedChainMayStillHaveToWaitForCredit) {
  Add({.name = "a"}, {}, {0});
  MakeAndOpen(1);
  ends_[0].credit = 0;
  Push({"1"});
  EXPECT_EQ(Run(), Progress::kDone);
  EXPECT_TRUE(chain_->drained());
  EXPECT_EQ(Run(), Progress::kWait);
  ends_[0].credit = 1;
  EXPECT_EQ(Run(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1a"));
}

// ---- errors ----

TEST_F(OperatorChainTest, WhatWasFinishedBeforeAnErrorIsDelivered) {
  Add({.name = "a", .fails_at = "3"}, {}, {0});
  MakeAndOpen(1);
  Push({"1", "2", "3", "4"});
  EXPECT_EQ(chain_->Run().status(), absl::InvalidArgumentError("failed at 3"));
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1a", "2a"));
  EXPECT_THAT(log_, ElementsAre("a 1", "a 2"));
}

TEST_F(OperatorChainTest, AnErrorFarDownTheChain) {
  Add({.name = "a", .yields = true}, {1});
  Add({.name = "b", .fails_at = "2a"}, {}, {0});
  MakeAndOpen(1);
  Push({"1", "2", "3"});
  absl::StatusOr<Progress> progress = Progress::kMore;
  while (progress.ok() && *progress == Progress::kMore) progress = chain_->Run();
  EXPECT_EQ(progress.status(), absl::InvalidArgumentError("failed at 2a"));
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1ab"));
  chain_.reset();
  EXPECT_EQ(values_.live(), 1u) << "what was under way is released, what was sent is not";
}

// ---- control ----

TEST_F(OperatorChainTest, AWatermarkComesAfterTheDataBeforeIt) {
  Add({.name = "a", .yields = true}, {1});
  Add({.name = "b", .yields = true}, {}, {0});
  MakeAndOpen(1);
  Push({"1", "2"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  chain_->PushWatermark({5, false});
  EXPECT_FALSE(chain_->drained());
  EXPECT_EQ(RunOn(), Progress::kDone);
  Push({"3"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1ab", "2ab", "W5", "3ab"));
  EXPECT_THAT(log_, ElementsAre("a 1", "b 1a", "a 2", "b 2a", "a W5", "b W5", "a 3", "b 3a"));
}

TEST_F(OperatorChainTest, WhatAWatermarkSetsFreeGoesAheadOfIt) {
  Add({.name = "a", .emits_at_watermarks = true}, {1, 2});
  Add({.name = "b", .emits_at_watermarks = true}, {}, {0});
  Add({.name = "c"}, {}, {1});
  MakeAndOpen(2);
  chain_->PushWatermark({7, false});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("wab", "wb", "W7"));
  EXPECT_THAT(ends_[1].Texts(), ElementsAre("wac", "W7"));
  EXPECT_THAT(log_, ElementsAre("a W7", "c wa", "b wa", "b W7", "c W7"));
}

TEST_F(OperatorChainTest, BarriersAndIdlenessPass) {
  Add({.name = "a"}, {}, {0});
  MakeAndOpen(1);
  chain_->PushBarrier(harness::BarrierOf(3));
  EXPECT_EQ(RunOn(), Progress::kDone);
  chain_->PushWatermark({9, true});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("B3", "W9 idle"));
}

TEST_F(OperatorChainTest, FinishGoesDownTheChainInAsManyStepsAsItTakes) {
  Add({.name = "a", .finish_parts = 2}, {1});
  Add({.name = "b", .yields = true, .finish_parts = 1}, {}, {0});
  MakeAndOpen(1);
  chain_->PushEnd();
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("fab", "fab", "fb", "E"));
  EXPECT_THAT(log_, ElementsAre("a finish", "b fa", "a finish", "b fa", "a finish", "b finish",
                                "b finish"));
}

TEST_F(OperatorChainTest, FinishMayWait) {
  Add({.name = "a", .finish_parts = 1, .finish_waits = 2}, {}, {0});
  MakeAndOpen(1);
  chain_->PushEnd();
  EXPECT_EQ(RunOn(), Progress::kWait);
  EXPECT_EQ(RunOn(), Progress::kWait);
  EXPECT_THAT(ends_[0].Texts(), IsEmpty());
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("fa", "E"));
}

TEST_F(OperatorChainTest, FinishIsHeldBackByCredit) {
  Add({.name = "a", .finish_parts = 3}, {}, {0});
  MakeAndOpen(1);
  ends_[0].credit = 1;
  chain_->PushEnd();
  EXPECT_EQ(RunOn(), Progress::kWait);
  EXPECT_THAT(log_, ElementsAre("a finish", "a finish")) << "one element may wait, not more";
  ends_[0].credit = 10;
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("fa", "fa", "fa", "E"));
}

TEST_F(OperatorChainTest, AnErrorInFinish) {
  Add({.name = "a", .finish = absl::UnavailableError("no")}, {}, {0});
  MakeAndOpen(1);
  chain_->PushEnd();
  EXPECT_EQ(chain_->Run().status(), absl::UnavailableError("no"));
  EXPECT_THAT(ends_[0].Texts(), IsEmpty());
}

// ---- sources ----

TEST_F(OperatorChainTest, ASourceIsPolled) {
  AddOperator(std::make_unique<FakeSource>(std::deque<std::string>{"1", "", "2"}, serializer_), {1},
              {});
  Add({.name = "a"}, {}, {0});
  Make(1);
  ASSERT_TRUE(chain_->Open().ok());
  EXPECT_NE(chain_->source(), nullptr);
  EXPECT_EQ(*chain_->PollSource(), Progress::kMore);
  EXPECT_FALSE(chain_->drained());
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_EQ(*chain_->PollSource(), Progress::kWait);
  EXPECT_TRUE(chain_->drained());
  EXPECT_EQ(*chain_->PollSource(), Progress::kMore);
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_EQ(*chain_->PollSource(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1a", "2a"));
}

TEST_F(OperatorChainTest, OtherHeadsAreNoSources) {
  Add({.name = "a"}, {});
  Make(0);
  EXPECT_EQ(chain_->source(), nullptr);
}

// ---- open and close ----

TEST_F(OperatorChainTest, ClosesLastFirst) {
  Add({.name = "a"}, {1});
  Add({.name = "b"}, {2});
  Add({.name = "c"}, {});
  Make(0);
  ASSERT_TRUE(chain_->Open().ok());
  ASSERT_TRUE(chain_->Close().ok());
  EXPECT_THAT(log_, ElementsAre("a open", "b open", "c open", "c close", "b close", "a close"));
  ASSERT_TRUE(chain_->Close().ok());
  EXPECT_EQ(log_.size(), 6u) << "once";
}

TEST_F(OperatorChainTest, CloseFollowsAnOpenThatFailed) {
  Add({.name = "a"}, {1});
  Add({.name = "b", .open = absl::NotFoundError("b")}, {2});
  Add({.name = "c"}, {});
  Make(0);
  EXPECT_EQ(chain_->Open(), absl::NotFoundError("b"));
  EXPECT_TRUE(chain_->Close().ok());
  EXPECT_THAT(log_, ElementsAre("a open", "b open", "b close", "a close"));
}

TEST_F(OperatorChainTest, EveryOperatorIsClosedAndTheFirstErrorIsTold) {
  Add({.name = "a", .close = absl::InternalError("a")}, {1});
  Add({.name = "b", .close = absl::InternalError("b")}, {2});
  Add({.name = "c"}, {});
  MakeAndOpen(0);
  EXPECT_EQ(chain_->Close(), absl::InternalError("b"));
  EXPECT_THAT(log_, ElementsAre("c close", "b close", "a close"));
}

// ---- commit ----

TEST_F(OperatorChainTest, OnlyOperatorsThatNeedItCommitInOrder) {
  Add({.name = "a", .commits = true, .commit_waits = 1}, {1});
  Add({.name = "b"}, {2});
  Add({.name = "c", .commits = true}, {});
  MakeAndOpen(0);
  EXPECT_TRUE(chain_->needs_commit());
  EXPECT_EQ(*chain_->Commit(), Progress::kWait);
  EXPECT_EQ(*chain_->Commit(), Progress::kDone);
  EXPECT_THAT(log_, ElementsAre("a commit", "a commit", "c commit"));
  EXPECT_EQ(*chain_->Commit(), Progress::kDone);
  EXPECT_EQ(log_.size(), 3u) << "once each";
}

TEST_F(OperatorChainTest, WithoutEffectsThereIsNothingToCommit) {
  Add({.name = "a"}, {});
  MakeAndOpen(0);
  EXPECT_FALSE(chain_->needs_commit());
  EXPECT_EQ(*chain_->Commit(), Progress::kDone);
}

// ---- everything at once ----

// Random trees of operators that yield, multiply, wait and stop at full outputs, under random
// credit: every partition gets what a plain recursion over the tree would give it.
TEST_F(OperatorChainTest, RandomTreesAgreeWithARecursion) {
  for (uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const size_t count = 1 + random() % 6;
    std::vector<Behavior> behaviors(count);
    std::vector<std::vector<size_t>> successors(count), partitions(count);
    size_t ends = 0;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) successors[random() % i].push_back(i);
      behaviors[i] = {.name = std::string(1, static_cast<char>('a' + i)),
                      .copies = static_cast<int>(random() % 3),
                      .yields = random() % 3 == 0,
                      .output_max = random() % 3 == 0 ? 1 + random() % 4 : 1000,
                      .emits_at_watermarks = random() % 2 == 0,
                      .finish_parts = static_cast<int>(random() % 3),
                      .finish_waits = static_cast<int>(random() % 2)};
      if (random() % 2 == 0) partitions[i].push_back(ends++);
    }
    for (size_t i = 0; i < count; ++i) {
      Behavior behavior = behaviors[i];
      if (random() % 3 == 0) behavior.waits_at = std::string("3") + behaviors[0].name;
      Add(behavior, successors[i], partitions[i]);
    }
    MakeAndOpen(ends);
    for (FarEnd& end : ends_) end.credit = 0;

    std::vector<std::vector<std::string>> expected(ends);
    const std::function<void(size_t, const std::string&)> emit = [&](size_t from,
                                                                     const std::string& text) {
      for (const size_t partition : partitions[from]) expected[partition].push_back(text);
      for (const size_t to : successors[from]) {
        for (int copy = 0; copy < behaviors[to].copies; ++copy) emit(to, text + behaviors[to].name);
      }
    };
    const auto run_on = [&] {
      for (int steps = 0; steps < 100'000; ++steps) {
        const Progress progress = Run();
        if (progress == Progress::kDone) return;
        if (progress == Progress::kMore) continue;
        for (FarEnd& end : ends_) end.credit += static_cast<int>(random() % 2);
      }
      FAIL() << "it does not end";
    };
    for (int round = 0; round < 4; ++round) {
      std::vector<std::string> texts;
      for (uint32_t i = random() % 6; i > 0; --i) texts.push_back(std::to_string(random() % 5));
      for (const std::string& text : texts) {
        for (int copy = 0; copy < behaviors[0].copies; ++copy) emit(0, text + behaviors[0].name);
      }
      if (!texts.empty()) Push(texts);
      run_on();
      chain_->PushWatermark({round, false});
      run_on();
      for (size_t i = 0; i < count; ++i) {
        if (behaviors[i].emits_at_watermarks) emit(i, "w" + behaviors[i].name);
      }
      for (auto& end : expected) end.push_back("W" + std::to_string(round));
    }
    chain_->PushEnd();
    run_on();
    for (size_t i = 0; i < count; ++i) {
      for (int part = 0; part < behaviors[i].finish_parts; ++part) emit(i, "f" + behaviors[i].name);
    }
    for (size_t i = 0; i < ends; ++i) {
      expected[i].push_back("E");
      ASSERT_EQ(ends_[i].Texts(), expected[i]) << "partition " << i;
    }
    ASSERT_TRUE(chain_->drained());
    chain_.reset();
    ends_.clear();
    ASSERT_EQ(values_.live(), 0u);
  }
}

}  // namespace
}  // namespace pyflinkpp
