#include "runtime/scheduler/execution_graph.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/graphs.h"

namespace pyflinkpp {
namespace {

using harness::GraphBuilder;
using idl::Partitioner;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Partitioner::type kAll[] = {
    Partitioner::FORWARD,   Partitioner::REBALANCE, Partitioner::RESCALE, Partitioner::SHUFFLE,
    Partitioner::BROADCAST, Partitioner::GLOBAL,    Partitioner::HASH,    Partitioner::CUSTOM};

// ---- barriers that overtake ----

// The vertices whose inputs barriers may overtake on, by name.
std::set<std::string> Overtaking(GraphBuilder& builder) {
  idl::JobGraph graph = builder.Complete();
  idl::CheckpointSettings settings;
  settings.interval_ms = 10;
  settings.unaligned = true;
  graph.__set_checkpoints(settings);
  ExecutionGraph execution(graph);
  std::set<std::string> names;
  for (const auto& each : execution.executions()) {
    for (const idl::InputDescriptor& input : each.deployment.inputs) {
      if (input.overtakes) names.insert(each.deployment.chain[0].op.name);
    }
    for (const idl::OutputDescriptor& output : each.deployment.outputs) {
      if (output.overtakes) names.insert(each.deployment.chain[0].op.name + " ->");
    }
  }
  return names;
}

TEST(OvertakingTest, AllToAllExchangesDo) {
  for (const auto partitioner : kAll) {
    if (partitioner == Partitioner::HASH || partitioner == Partitioner::CUSTOM) continue;
    GraphBuilder graph;
    const int source = graph.Source("source", 2), sink = graph.Sink("sink", 2);
    graph.Edge(source, sink, partitioner);
    graph.op(sink).chaining = idl::ChainingStrategy::NEVER;
    const bool may = partitioner == Partitioner::REBALANCE || partitioner == Partitioner::SHUFFLE ||
                     partitioner == Partitioner::GLOBAL;
    if (may) {
      EXPECT_THAT(Overtaking(graph), ElementsAre("sink", "source ->"));
    } else {
      EXPECT_THAT(Overtaking(graph), IsEmpty()) << partitioner;
    }
  }
}

TEST(OvertakingTest, WhatFeedsATaskThatAlignsAlignsToo) {
  GraphBuilder graph;
  const int source = graph.Source("source", 2), middle = graph.Native("middle", 2);
  const int side = graph.Native("side", 2), sink = graph.Sink("sink", 2);
  graph.Edge(source, middle, Partitioner::REBALANCE).Edge(source, side, Partitioner::REBALANCE);
  graph.Edge(middle, sink, Partitioner::BROADCAST);
  EXPECT_THAT(Overtaking(graph), ElementsAre("side", "source ->"));
}

TEST(OvertakingTest, OneChannelNeedsNoAlignment) {
  GraphBuilder graph;
  const int source = graph.Source("source", 2), middle = graph.Native("middle", 2);
  const int sink = graph.Sink("sink", 2);
  graph.Edge(source, middle, Partitioner::REBALANCE).Edge(middle, sink, Partitioner::FORWARD);
  graph.op(sink).chaining = idl::ChainingStrategy::NEVER;
  EXPECT_THAT(Overtaking(graph), ElementsAre("middle", "source ->"));
}

// ---- channels ----

TEST(TargetsOfTest, ForwardGoesToItsOwnIndex) {
  for (int source = 0; source < 3; ++source) {
    EXPECT_THAT(TargetsOf(Partitioner::FORWARD, source, 3, 3), ElementsAre(source));
  }
}

TEST(TargetsOfTest, RescaleUpDealsTargetsOut) {
  EXPECT_THAT(TargetsOf(Partitioner::RESCALE, 0, 2, 4), ElementsAre(0, 1));
  EXPECT_THAT(TargetsOf(Partitioner::RESCALE, 1, 2, 4), ElementsAre(2, 3));
  EXPECT_THAT(TargetsOf(Partitioner::RESCALE, 0, 2, 5), ElementsAre(0, 1, 2));
  EXPECT_THAT(TargetsOf(Partitioner::RESCALE, 1, 2, 5), ElementsAre(3, 4));
}

TEST(TargetsOfTest, RescaleDownSharesTargets) {
  EXPECT_THAT(TargetsOf(Partitioner::RESCALE, 0, 4, 2), ElementsAre(0));
  EXPECT_THAT(TargetsOf(Partitioner::RESCALE, 1, 4, 2), ElementsAre(0));
  EXPECT_THAT(TargetsOf(Partitioner::RESCALE, 2, 4, 2), ElementsAre(1));
  EXPECT_THAT(TargetsOf(Partitioner::RESCALE, 3, 4, 2), ElementsAre(1));
}

TEST(TargetsOfTest, RescaleServesEveryTargetAndUsesEverySourceEvenly) {
  for (int sources = 1; sources <= 20; ++sources) {
    for (int targets = 1; targets <= 20; ++targets) {
      std::vector<int> sources_of(targets);
      size_t least = targets, most = 0;
      int next = 0;
      for (int source = 0; source < sources; ++source) {
        const std::vector<int> mine = TargetsOf(Partitioner::RESCALE, source, sources, targets);
        least = std::min(least, mine.size());
        most = std::max(most, mine.size());
        for (const int target : mine) {
          ++sources_of[target];
          EXPECT_GE(target, next) << "neighbours";
          next = target;
        }
      }
      EXPECT_GE(least, 1u) << sources << " to " << targets;
      EXPECT_LE(most - least, 1u) << sources << " to " << targets;
      const auto [fewest, highest] = std::minmax_element(sources_of.begin(), sources_of.end());
      EXPECT_GE(*fewest, 1) << sources << " to " << targets;
      EXPECT_LE(*highest - *fewest, 1) << sources << " to " << targets;
    }
  }
}

TEST(TargetsOfTest, AllOthersReachAll) {
  for (const auto partitioner : kAll) {
    if (partitioner == Partitioner::FORWARD || partitioner == Partitioner::RESCALE) continue;
    for (int source = 0; source < 2; ++source) {
      EXPECT_THAT(TargetsOf(partitioner, source, 2, 3), ElementsAre(0, 1, 2)) << partitioner;
    }
  }
}

// ---- deployments ----

using Channel = std::tuple<int, int, int>;  // edge, source, target

// All channels as the sending side knows them, and as the receiving side does.
std::pair<std::multiset<Channel>, std::multiset<Channel>> ChannelsOf(ExecutionGraph& graph) {
  std::multiset<Channel> sent, received;
  for (const auto& execution : graph.executions()) {
    const idl::TaskDeployment& deployment = execution.deployment;
    for (const idl::OutputDescriptor& output : deployment.outputs) {
      for (const int target : output.targets)
        sent.insert({output.edge, deployment.task.subtask, target});
    }
    for (const idl::InputDescriptor& input : deployment.inputs) {
      for (const int source : input.sources)
        received.insert({input.edge, source, deployment.task.subtask});
    }
  }
  return {sent, received};
}

TEST(ExecutionGraphTest, BothSidesOfEveryChannelAgree) {
  for (const auto partitioner : kAll) {
    for (int sources = 1; sources <= 6; ++sources) {
      for (int targets = 1; targets <= 6; ++targets) {
        if (partitioner == Partitioner::FORWARD && sources != targets) continue;
        GraphBuilder builder;
        builder.Source("s", sources);
        builder.Then(builder.Native("key", sources));
        builder.Then(builder.Native("t", targets), partitioner);
        builder.op(2).chaining = idl::ChainingStrategy::HEAD;
        ExecutionGraph graph(builder.Complete());
        const auto [sent, received] = ChannelsOf(graph);
        ASSERT_EQ(sent, received) << partitioner << " " << sources << " to " << targets;
        ASSERT_EQ(std::set<Channel>(sent.begin(), sent.end()).size(), sent.size())
            << "each channel once";
        std::set<int> reached;
        for (const auto& [edge, source, target] : sent) reached.insert(target);
        ASSERT_THAT(reached, SizeIs(targets)) << "a target without input would wait for ever";
      }
    }
  }
}

TEST(ExecutionGraphTest, BothSidesAgreeInRandomGraphs) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    GraphBuilder builder;
    builder.Source("0", 1 + random() % 4);
    const int count = 2 + static_cast<int>(random() % 6);
    for (int id = 1; id < count; ++id) {
      builder.Native(std::to_string(id), 1 + random() % 4);
      for (uint32_t inputs = 1 + random() % 2; inputs > 0; --inputs) {
        const int from = static_cast<int>(random() % id);
        Partitioner::type partitioner = kAll[random() % 7];
        if (partitioner == Partitioner::HASH && from == 0) partitioner = Partitioner::SHUFFLE;
        if (partitioner == Partitioner::FORWARD &&
            builder.op(from).parallelism != builder.op(id).parallelism) {
          partitioner = Partitioner::RESCALE;
        }
        builder.Edge(from, id, partitioner, static_cast<int>(inputs));
      }
    }
    ExecutionGraph graph(builder.Complete());
    const auto [sent, received] = ChannelsOf(graph);
    ASSERT_EQ(sent, received);
    size_t subtasks = 0;
    for (const JobVertex& vertex : graph.chained().vertices) subtasks += vertex.parallelism;
    ASSERT_EQ(graph.executions().size(), subtasks);
  }
}

TEST(ExecutionGraphTest, ADeploymentSaysAllThatASubtaskNeeds) {
  GraphBuilder builder;
  builder.Source("numbers", 2);
  builder.Then(builder.Native("key", 2));
  builder.Then(builder.Reduce("sum", 3), Partitioner::HASH);
  builder.op(2).max_parallelism = 50;
  builder.graph().configuration = {{"a", "b"}};
  ExecutionGraph graph(builder.Complete());
  ASSERT_THAT(graph.executions(), SizeIs(5));

  idl::TaskId task;
  task.job_id = builder.graph().job_id;
  task.vertex = 0;
  task.subtask = 1;
  const idl::TaskDeployment& source = graph.find(task).deployment;
  EXPECT_EQ(source.task, task);
  EXPECT_EQ(source.name, "numbers -> key (2/2)");
  EXPECT_EQ(source.parallelism, 2);
  EXPECT_EQ(source.configuration.at("a"), "b");
  EXPECT_THAT(source.chain, SizeIs(2));
  EXPECT_THAT(source.inputs, IsEmpty());
  ASSERT_THAT(source.outputs, SizeIs(1));
  EXPECT_EQ(source.outputs[0].partitioner, Partitioner::HASH);
  EXPECT_THAT(source.outputs[0].targets, ElementsAre(0, 1, 2));
  EXPECT_EQ(source.outputs[0].max_parallelism, 50) << "the key groups are the target's";
  EXPECT_EQ(source.outputs[0].target_parallelism, 3);

  task.vertex = 1;
  task.subtask = 2;
  const idl::TaskDeployment& sum = graph.find(task).deployment;
  EXPECT_EQ(sum.task, task);
  EXPECT_EQ(sum.name, "sum (3/3)");
  EXPECT_EQ(sum.max_parallelism, 50);
  EXPECT_THAT(sum.outputs, IsEmpty());
  ASSERT_THAT(sum.inputs, SizeIs(1));
  EXPECT_THAT(sum.inputs[0].sources, ElementsAre(0, 1));
  EXPECT_EQ(sum.inputs[0].edge, source.outputs[0].edge);
}

TEST(ExecutionGraphTest, ACollectSinkHasAChannelToTheClient) {
  GraphBuilder builder;
  builder.Source("s");
  builder.Native("a");
  builder.Edge(0, 1);
  EXPECT_FALSE(HasCollectSink(builder.graph()));
  builder.Edge(1, builder.Collect("collect"));
  builder.Edge(1, builder.Sink("other", 2), Partitioner::REBALANCE);
  EXPECT_TRUE(HasCollectSink(builder.graph()));
  ExecutionGraph graph(builder.Complete());
  const idl::TaskDeployment& task = graph.executions()[0].deployment;
  ASSERT_THAT(task.outputs, SizeIs(2));
  ASSERT_THAT(task.chain, SizeIs(3));
  EXPECT_THAT(task.chain[1].outputs, ElementsAre(0));
  EXPECT_THAT(task.chain[2].outputs, ElementsAre(1));
  EXPECT_EQ(task.outputs[1].edge, kClientEdge);
  EXPECT_THAT(task.outputs[1].targets, ElementsAre(0));
}

// ---- slots ----

TEST(ExecutionGraphTest, SubtasksOfOneGroupShareSlots) {
  GraphBuilder builder;
  builder.Source("s", 2);
  builder.Then(builder.Native("a", 3), Partitioner::REBALANCE);
  builder.Then(builder.Sink("b", 1), Partitioner::REBALANCE);
  ExecutionGraph graph(builder.Complete());
  EXPECT_EQ(graph.slots().least, 3);
  EXPECT_EQ(graph.slots().most, 3);
  graph.OfferSlots(3);
  EXPECT_THAT(graph.TakeDeployable(), SizeIs(6));
  for (const auto& execution : graph.executions())
    EXPECT_EQ(execution.slot, execution.deployment.task.subtask);
}

TEST(ExecutionGraphTest, GroupsHaveSlotsOfTheirOwn) {
  GraphBuilder builder;
  builder.Source("s", 2);
  builder.Then(builder.Native("a", 3), Partitioner::REBALANCE);
  builder.Then(builder.Sink("b", 2), Partitioner::REBALANCE);
  builder.op(1).__set_slot_sharing_group("own");
  builder.op(2).__set_slot_sharing_group("default");
  ExecutionGraph graph(builder.Complete());
  EXPECT_EQ(graph.slots().least, 5);
  graph.OfferSlots(5);
  EXPECT_THAT(graph.TakeDeployable(), SizeIs(7));
  std::set<std::pair<int, int>> taken;  // slot, vertex
  std::set<int> own, others;
  for (const auto& execution : graph.executions()) {
    const idl::TaskId& task = execution.deployment.task;
    EXPECT_TRUE(taken.emplace(execution.slot, task.vertex).second)
        << "no two subtasks of a vertex in one slot";
    EXPECT_GE(execution.slot, 0);
    EXPECT_LT(execution.slot, 5);
    (task.vertex == 1 ? own : others).insert(execution.slot);
  }
  EXPECT_THAT(own, SizeIs(3));
  EXPECT_THAT(others, SizeIs(2));
  for (const int slot : own) EXPECT_FALSE(others.contains(slot));
}

// ---- stages ----

std::vector<std::string> NamesOf(const std::vector<ExecutionGraph::Execution*>& executions) {
  std::vector<std::string> names;
  for (const auto* execution : executions) names.push_back(execution->deployment.name);
  return names;
}

// a (2) --hash--> c (2) --> d (1), and b (1) --> d: in batch mode.
class StagesTest : public testing::Test {
 protected:
  StagesTest() {
    builder_.graph().configuration["execution.runtime-mode"] = "BATCH";
    builder_.Source("a", 2);
    builder_.Source("b");
    builder_.Native("c", 2);
    builder_.Sink("d");
    builder_.Edge(0, 2, Partitioner::REBALANCE);
    builder_.Edge(1, 3, Partitioner::REBALANCE, 1);
    builder_.Edge(2, 3, Partitioner::REBALANCE);
  }
  void Make(int slots) {
    graph_.emplace(builder_.Complete());
    graph_->OfferSlots(slots);
  }
  std::vector<std::string> Deployable() { return NamesOf(graph_->TakeDeployable()); }
  ExecutionGraph::Execution& Of(int vertex, int subtask) {
    idl::TaskId task;
    task.vertex = vertex;
    task.subtask = subtask;
    return graph_->find(task);
  }
  // Reports the states of a vertex's subtasks.
  void Set(int vertex, std::vector<idl::TaskState::type> states) {
    for (size_t i = 0; i < states.size(); ++i) Of(vertex, static_cast<int>(i)).state = states[i];
  }

  using S = idl::TaskState;
  GraphBuilder builder_;
  std::optional<ExecutionGraph> graph_;
};

TEST_F(StagesTest, AVertexIsDeployedWhenAllThatItReadsHasBeenWritten) {
  Make(2);
  EXPECT_THAT(Deployable(), ElementsAre("a (1/2)", "a (2/2)", "b (1/1)"));
  EXPECT_THAT(Deployable(), IsEmpty()) << "each once";
  Set(0, {S::FINISHED, S::RUNNING});
  Set(1, {S::FINISHED});
  EXPECT_THAT(Deployable(), IsEmpty()) << "a's second subtask still writes";
  Set(0, {S::FINISHED, S::FINISHED});
  EXPECT_THAT(Deployable(), ElementsAre("c (1/2)", "c (2/2)"));
  Set(2, {S::FINISHED, S::PREPARED});
  EXPECT_THAT(Deployable(), ElementsAre("d (1/1)")) << "who waits to commit has written its output";
  EXPECT_THAT(Deployable(), IsEmpty());
}

TEST_F(StagesTest, ADeploymentSaysWhichExchangesAreBlocking) {
  builder_.Edge(2, builder_.Collect("collect"), Partitioner::REBALANCE);
  Make(2);
  for (const auto& execution : graph_->executions()) {
    for (const auto& output : execution.deployment.outputs)
      EXPECT_EQ(output.blocking, output.edge != kClientEdge);
    for (const auto& input : execution.deployment.inputs) EXPECT_TRUE(input.blocking);
  }
  builder_.graph().configuration["execution.runtime-mode"] = "STREAMING";
  Make(2);
  for (const auto& execution : graph_->executions()) {
    for (const auto& output : execution.deployment.outputs) EXPECT_FALSE(output.__isset.blocking);
    for (const auto& input : execution.deployment.inputs) EXPECT_FALSE(input.__isset.blocking);
  }
}

TEST_F(StagesTest, WhatWasNotDeployedNeitherHoldsTheJobOpenNorItsEnd) {
  Make(2);
  Deployable();
  EXPECT_FALSE(graph_->all_open());
  Set(0, {S::RUNNING, S::RUNNING});
  Set(1, {S::RUNNING});
  EXPECT_TRUE(graph_->all_open());
  Set(0, {S::FINISHED, S::CANCELED});
  Set(1, {S::FINISHED});
  EXPECT_FALSE(graph_->all_ended());
  EXPECT_FALSE(graph_->all_prepared());
  graph_->CancelUndeployed();
  EXPECT_TRUE(graph_->all_ended());
  EXPECT_EQ(Of(0, 0).state, S::FINISHED);
  EXPECT_EQ(Of(3, 0).state, S::CANCELED);
}

TEST_F(StagesTest, StagesOfAGroupUseTheSameSlots) {
  Make(2);
  EXPECT_EQ(graph_->slots().least, 2);
  EXPECT_EQ(graph_->slots().most, 2);
  Deployable();
  Set(0, {S::FINISHED, S::FINISHED});
  Set(1, {S::FINISHED});
  Deployable();
  for (const int vertex : {0, 2}) {
    EXPECT_EQ(Of(vertex, 0).slot, 0);
    EXPECT_EQ(Of(vertex, 1).slot, 1);
  }
}

TEST_F(StagesTest, AGroupWaitsForTheSlotsOfAnother) {
  builder_.op(1).__set_slot_sharing_group("b");
  builder_.op(3).__set_slot_sharing_group("b");
  Make(2);
  EXPECT_EQ(graph_->slots().least, 2);
  EXPECT_EQ(graph_->slots().most, 3);
  EXPECT_THAT(Deployable(), ElementsAre("a (1/2)", "a (2/2)"));
  Set(0, {S::FINISHED, S::RUNNING});
  EXPECT_THAT(Deployable(), IsEmpty()) << "b waits for a slot, c for its input";
  Set(0, {S::FINISHED, S::PREPARED});
  EXPECT_THAT(Deployable(), ElementsAre("b (1/1)")) << "who waits to commit needs no slot";
  EXPECT_EQ(Of(1, 0).slot, 0);
  EXPECT_THAT(Deployable(), IsEmpty()) << "c now waits for slots";
  Set(1, {S::FINISHED});
  EXPECT_THAT(Deployable(), ElementsAre("c (1/2)", "c (2/2)"));
  Set(2, {S::FINISHED, S::FINISHED});
  EXPECT_THAT(Deployable(), ElementsAre("d (1/1)"));
  Set(3, {S::FINISHED});
  EXPECT_TRUE(graph_->all_prepared());
}

TEST_F(StagesTest, WithEnoughSlotsGroupsRunSideBySide) {
  builder_.op(1).__set_slot_sharing_group("b");
  builder_.op(3).__set_slot_sharing_group("b");
  Make(3);
  EXPECT_THAT(Deployable(), SizeIs(3));
  EXPECT_EQ((std::set<int>{Of(0, 0).slot, Of(0, 1).slot, Of(1, 0).slot}), (std::set<int>{0, 1, 2}));
}

// ---- states ----

class ExecutionStatesTest : public testing::Test {
 protected:
  ExecutionStatesTest() {
    GraphBuilder builder;
    builder.Source("s", 2);
    builder.Then(builder.Sink("t", 1), Partitioner::REBALANCE);
    graph_.emplace(builder.Complete());
    graph_->OfferSlots(2);
    graph_->TakeDeployable();
  }
  void Set(std::vector<idl::TaskState::type> states) {
    for (size_t i = 0; i < states.size(); ++i) graph_->executions()[i].state = states[i];
  }
  std::optional<ExecutionGraph> graph_;
};

TEST_F(ExecutionStatesTest, AllHaveEndedWhenEachHasInWhateverWay) {
  using S = idl::TaskState;
  EXPECT_THAT(graph_->executions(),
              Each(testing::Field(&ExecutionGraph::Execution::state, S::CREATED)));
  EXPECT_FALSE(graph_->all_ended());
  Set({S::FINISHED, S::CANCELED, S::FAILED});
  EXPECT_TRUE(graph_->all_ended());
  for (const auto state : {S::CREATED, S::RUNNING, S::PREPARED}) {
    Set({S::FINISHED, state, S::FINISHED});
    EXPECT_FALSE(graph_->all_ended()) << state;
  }
}

TEST_F(ExecutionStatesTest, AllAreOpenWhenEachHasSaidSo) {
  using S = idl::TaskState;
  EXPECT_FALSE(graph_->all_open());
  Set({S::RUNNING, S::CREATED, S::RUNNING});
  EXPECT_FALSE(graph_->all_open());
  Set({S::RUNNING, S::RUNNING, S::FINISHED});
  EXPECT_TRUE(graph_->all_open());
}

TEST_F(ExecutionStatesTest, AllArePreparedWhenEachHasReadItsInput) {
  using S = idl::TaskState;
  EXPECT_FALSE(graph_->all_prepared());
  Set({S::FINISHED, S::PREPARED, S::PREPARED});
  EXPECT_TRUE(graph_->all_prepared());
  Set({S::FINISHED, S::FINISHED, S::FINISHED});
  EXPECT_TRUE(graph_->all_prepared());
  for (const auto state : {S::CREATED, S::RUNNING, S::CANCELED, S::FAILED}) {
    Set({S::PREPARED, S::FINISHED, state});
    EXPECT_FALSE(graph_->all_prepared()) << state;
  }
}

TEST(JobStateTest, NamesAreFlinks) {
  EXPECT_STREQ(NameOf(JobState::kCreated), "CREATED");
  EXPECT_STREQ(NameOf(JobState::kRunning), "RUNNING");
  EXPECT_STREQ(NameOf(JobState::kFailing), "FAILING");
  EXPECT_STREQ(NameOf(JobState::kFailed), "FAILED");
  EXPECT_STREQ(NameOf(JobState::kCancelling), "CANCELLING");
  EXPECT_STREQ(NameOf(JobState::kCanceled), "CANCELED");
  EXPECT_STREQ(NameOf(JobState::kFinished), "FINISHED");
  for (const auto state :
       {JobState::kCreated, JobState::kRunning, JobState::kFailing, JobState::kCancelling}) {
    EXPECT_FALSE(IsTerminal(state));
  }
  for (const auto state : {JobState::kFailed, JobState::kCanceled, JobState::kFinished}) {
    EXPECT_TRUE(IsTerminal(state));
  }
}

}  // namespace
}  // namespace pyflinkpp
