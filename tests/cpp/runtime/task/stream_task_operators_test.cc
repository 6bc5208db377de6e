#include "runtime/operators/keyed_reduce_operator.h"
#include "runtime/task/stream_task_fixture.h"

namespace pyflinkpp {
namespace {

using harness::Behavior;
using harness::FakeOperator;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// ---- credit, ticks, wakes ----

TEST_F(StreamTaskTest, WithoutCreditItTakesNoInput) {
  AddInput(1);
  AddFake({.name = "a"});
  AddOutput({0});
  Start();
  for (int i = 0; i < 3 * kChannelCredit; ++i) {
    if (outputs_[0]->credit() == 0) RunUntilIdle();
    if (outputs_[0]->credit() == 0) break;
    Send(0, {std::to_string(i)});
  }
  EXPECT_EQ(RunUntilIdle(), "wait for credit");
  EXPECT_EQ(outputs_[0]->credit(), 0) << "its input queues up";
  EXPECT_LE(values_.live(), static_cast<size_t>(2 * kChannelCredit + 2));
  EXPECT_THAT(Received(), SizeIs(kChannelCredit));
  int64_t timer;
  EXPECT_TRUE(task_->mailbox().Ready(&timer)) << "new credit wakes it";
  RunUntilIdle();
  EXPECT_THAT(Received(), Not(IsEmpty()));
}

TEST_F(StreamTaskTest, GatheredRecordsLeaveWhenThereIsNoMoreInput) {
  AddInput(1);
  AddFake({.name = "a"});
  AddOutput({0, 1}, idl::Partitioner::REBALANCE);
  Start();
  Send(0, {"1", "2"});
  RunUntilIdle();
  EXPECT_EQ(Received(0).size() + Received(1).size(), 2u);
}

TEST_F(StreamTaskTest, GatheredRecordsLeaveWithTheNextTick) {
  AddInput(1);
  AddFake({.name = "a"});
  AddOutput({0, 1}, idl::Partitioner::REBALANCE);
  Start();
  Send(0, {"1", "2"});
  Send(0, {"3"});
  Send(0, {"4"});
  task_->Step();  // opens
  task_->Step();  // takes the first batch
  task_->Step();  // runs it
  EXPECT_EQ(Received(0).size() + Received(1).size(), 0u);
  task_->Tick();
  task_->Step();
  EXPECT_EQ(Received(0).size() + Received(1).size(), 2u);
}

TEST_F(StreamTaskTest, MailRunsAfterTheElementInHand) {
  AddInput(1);
  AddFake({.name = "a", .on_element = [this](const std::string& text) {
             if (text == "2") task_->mailbox().Post("mail", [this] { log_.emplace_back("mail"); });
           }});
  AddOutput({0});
  Start();
  Send(0, {"1", "2", "3"});
  RunUntilIdle();
  EXPECT_THAT(log_, ElementsAre("a open", "report 1", "a 1", "a 2", "mail", "a 3"));
  EXPECT_THAT(Received(), ElementsAre("1a", "2a", "3a"));
}

TEST_F(StreamTaskTest, ATickEndsTheCallAfterTheElementInHand) {
  AddInput(1);
  AddFake({.name = "a", .on_element = [this](const std::string& text) {
             if (text == "1") task_->Tick();
           }});
  AddFake({.name = "b"});
  Start();
  Send(0, {"1", "2", "3"});
  RunUntilIdle();
  EXPECT_THAT(log_, ElementsAre("a open", "b open", "report 1", "a 1", "b 1a", "a 2", "a 3", "b 2a",
                                "b 3a"))
      << "what it has goes on at once, and the next call has its time again";
}

// ---- state, fusion ----

// Keeps the first value of a key; tells the key groups it may use.
class First final : public ReduceFunction {
 public:
  explicit First(std::vector<int>* groups) : groups_(groups) {}
  absl::Status Open(OperatorContext& context) override {
    const KeyGroupRange range = context.keyed_state->key_groups();
    *groups_ = {range.first, range.last, context.max_parallelism, context.subtask,
                context.parallelism};
    return absl::OkStatus();
  }
  std::shared_ptr<const TypeSerializer> StateSerializer(const RecordBatch& input) override {
    return input.serializer();
  }
  absl::Status Reduce(RecordBatchView&, size_t, ValueState&, RecordBatch*,
                      OperatorContext&) override {
    return absl::OkStatus();
  }

 private:
  std::vector<int>* const groups_;
};

TEST_F(StreamTaskTest, AKeyedOperatorHasTheKeyGroupsOfItsSubtask) {
  AddInput(1);
  idl::Reduce reduce;
  reduce.kind = idl::ReduceKind::NATIVE;
  reduce.native_name = "first";
  idl::OperatorSpec spec;
  spec.__set_reduce(reduce);
  AddMember(spec).max_parallelism = 10;
  std::vector<int> groups;
  registry_.entries["reduce:first"] = {.make =
                                           [&](auto, const auto&) {
                                             return MakeKeyedReduceOperator(
                                                 std::make_unique<First>(&groups), false);
                                           },
                                       .make_enumerator = {}};
  Start();
  RunUntilIdle();
  EXPECT_THAT(groups, ElementsAre(4, 6, 10, 1, 3)) << "the middle one of three";
}

TEST_F(StreamTaskTest, NeighboursThatFuseBecomeOneOperatorWithACounterEach) {
  AddInput(1);
  for (const char* name : {"f1", "f2", "plain", "f3"}) AddFake({.name = name});
  std::vector<std::string> made;
  for (const char* name : {"f1", "f2", "f3"}) {
    auto& entry = registry_.entries[std::string("native:") + name];
    entry.fuses = true;
    entry.make = [&](std::span<const idl::OperatorNode> nodes, const auto&) {
      std::string names;
      for (const idl::OperatorNode& node : nodes) names += node.spec.native_function.name + " ";
      made.push_back(names);
      return std::make_unique<FakeOperator>(Behavior{.name = names}, log_, serializer_);
    };
  }
  AddOutput({0});
  Start();
  Send(0, {"x "});
  RunUntilIdle();
  EXPECT_THAT(made, ElementsAre("f1 f2 ", "f3 "));
  EXPECT_THAT(Received(), ElementsAre("x f1 f2 plainf3 "));
  SendEnd(0);
  RunUntilIdle();
  std::vector<int> ids;
  for (const idl::OperatorMetrics& metrics : reports_.back().metrics) ids.push_back(metrics.op);
  EXPECT_THAT(ids, ElementsAre(101, 102, 103, 104));
}

TEST_F(StreamTaskTest, AMemberWithSeveralSuccessorsFusesWithNone) {
  AddInput(1);
  for (const char* name : {"f1", "f2", "f3"}) {
    AddFake({.name = name});
    registry_.entries[std::string("native:") + name].fuses = true;
  }
  deployment_.chain[0].successors = {1, 2};
  deployment_.chain[1].successors = {};
  Start();
  Send(0, {"x"});
  RunUntilIdle();
  EXPECT_THAT(log_, testing::IsSupersetOf({"f1 x", "f2 xf1", "f3 xf1"}));
}

// ---- sources that must be woken ----

class SleepySource final : public SourceOperator {
 public:
  explicit SleepySource(int* polls) : polls_(polls) {}
  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }
  void AddSplits(std::vector<idl::SourceSplit>, bool) override {}
  absl::StatusOr<Progress> Poll(Output&) override {
    if (++*polls_ == 3) return Progress::kDone;
    context_->env.io.Run([wake = context_->wake] { wake(); });
    return Progress::kWait;
  }

 private:
  int* const polls_;
  OperatorContext* context_ = nullptr;
};

TEST_F(StreamTaskTest, AWaitingSourceIsPolledAgainAfterItsWake) {
  int polls = 0;
  AddSource({});
  registry_.entries["collection_source"].make = [&](auto, const auto&) {
    return std::make_unique<SleepySource>(&polls);
  };
  Start();
  EXPECT_EQ(RunUntilIdle(), "wait for source");
  EXPECT_EQ(polls, 1);
  task_->mailbox().Notify();  // anything else does not poll it
  RunUntilIdle();
  EXPECT_EQ(polls, 1);
  ASSERT_TRUE(env_.io.RunOne());
  RunUntilIdle();
  EXPECT_EQ(polls, 2);
  ASSERT_TRUE(env_.io.RunOne());
  RunUntilIdle();
  EXPECT_TRUE(done_);
}

TEST_F(StreamTaskTest, AWakeAfterTheEndOfTheTaskIsHarmless) {
  int polls = 0;
  AddSource({});
  registry_.entries["collection_source"].make = [&](auto, const auto&) {
    return std::make_unique<SleepySource>(&polls);
  };
  Start();
  RunUntilIdle();
  task_->Cancel();
  RunUntilIdle();
  task_.reset();
  EXPECT_TRUE(env_.io.RunOne());
}

}  // namespace
}  // namespace pyflinkpp
