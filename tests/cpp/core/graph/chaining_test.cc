// Chain and PlanAsJson of core/graph/job_graph.h.
#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

#include "core/graph/job_graph.h"
#include "harness/graphs.h"

namespace pyflinkpp {
namespace {

using harness::GraphBuilder;
using idl::Partitioner;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Names(const ChainedGraph& graph) {
  std::vector<std::string> names;
  for (const JobVertex& vertex : graph.vertices) names.push_back(vertex.name);
  return names;
}
std::vector<std::string> ChainsOf(GraphBuilder& graph) { return Names(Chain(graph.Complete())); }

// source -> map with this partitioner and these parallelisms.
std::vector<std::string> TwoOperators(Partitioner::type partitioner, int first, int second) {
  GraphBuilder graph;
  graph.Source("s", first);
  graph.Then(graph.Native("key", first));
  graph.Edge(1, graph.Native("map", second), partitioner);
  return ChainsOf(graph);
}

TEST(ChainingTest, ForwardEdgesJoin) {
  GraphBuilder graph;
  graph.Source("s", 2);
  graph.Then(graph.Native("a", 2)).Edge(1, graph.Sink("b", 2));
  const ChainedGraph chained = Chain(graph.Complete());
  ASSERT_THAT(Names(chained), ElementsAre("s -> a -> b"));
  const JobVertex& vertex = chained.vertices[0];
  EXPECT_EQ(vertex.parallelism, 2);
  EXPECT_EQ(vertex.max_parallelism, 128);
  EXPECT_EQ(vertex.slot_sharing_group, "default");
  EXPECT_THAT(vertex.chain[0].successors, ElementsAre(1));
  EXPECT_THAT(vertex.chain[1].successors, ElementsAre(2));
  EXPECT_THAT(vertex.chain[2].successors, IsEmpty());
  EXPECT_THAT(vertex.inputs, IsEmpty());
  EXPECT_THAT(vertex.outputs, IsEmpty());
  EXPECT_THAT(chained.exchanges, IsEmpty());
}

TEST(ChainingTest, AKeyedEdgeJoinsSingleSubtasks) {
  EXPECT_THAT(TwoOperators(Partitioner::HASH, 1, 1), ElementsAre("s -> key -> map"));
  EXPECT_THAT(TwoOperators(Partitioner::HASH, 2, 2), ElementsAre("s -> key", "map"));
  EXPECT_THAT(TwoOperators(Partitioner::HASH, 1, 2), ElementsAre("s -> key", "map"));
  EXPECT_THAT(TwoOperators(Partitioner::HASH, 2, 1), ElementsAre("s -> key", "map"));
}

TEST(ChainingTest, WhatMakesTheWatermarksOfASourceStaysWithIt) {
  const auto chains = [](bool of_source, idl::ChainingStrategy::type chaining) {
    GraphBuilder graph;
    graph.Source("s");
    graph.Then(graph.KeyBy("watermarks")).Then(graph.Sink("out"));
    graph.op(1).spec.python.kind = idl::PythonFunctionKind::ASSIGN_TIMESTAMPS;
    graph.op(1).spec.python.of_source = of_source;
    for (int i = 0; i < 3; ++i) graph.op(i).chaining = chaining;
    return ChainsOf(graph);
  };
  using Strategy = idl::ChainingStrategy;
  EXPECT_THAT(chains(false, Strategy::NEVER), ElementsAre("s", "watermarks", "out"));
  EXPECT_THAT(chains(true, Strategy::NEVER), ElementsAre("s -> watermarks", "out"));
  EXPECT_THAT(chains(true, Strategy::HEAD), ElementsAre("s -> watermarks", "out"));
}

TEST(ChainingTest, OtherPartitionersNeverJoin) {
  for (const auto partitioner :
       {Partitioner::REBALANCE, Partitioner::RESCALE, Partitioner::SHUFFLE, Partitioner::BROADCAST,
        Partitioner::GLOBAL, Partitioner::CUSTOM}) {
    EXPECT_THAT(TwoOperators(partitioner, 1, 1), ElementsAre("s -> key", "map")) << partitioner;
  }
}

TEST(ChainingTest, TheTargetsStrategyDecidesWhetherItJoinsItsInput) {
  GraphBuilder graph;
  graph.Source("s");
  graph.Then(graph.Native("a")).Edge(1, graph.Native("b")).Edge(2, graph.Sink("c"));
  graph.op(1).chaining = idl::ChainingStrategy::HEAD;
  EXPECT_THAT(ChainsOf(graph), ElementsAre("s", "a -> b -> c"));
  graph.op(1).chaining = idl::ChainingStrategy::NEVER;
  EXPECT_THAT(ChainsOf(graph), ElementsAre("s", "a", "b -> c"));
  graph.op(1).chaining = idl::ChainingStrategy::ALWAYS;
  graph.op(0).chaining = idl::ChainingStrategy::HEAD;
  EXPECT_THAT(ChainsOf(graph), ElementsAre("s -> a -> b -> c"));
  graph.op(0).chaining = idl::ChainingStrategy::NEVER;
  EXPECT_THAT(ChainsOf(graph), ElementsAre("s", "a -> b -> c"));
}

TEST(ChainingTest, SlotSharingGroupsPartChains) {
  GraphBuilder graph;
  graph.Source("s");
  graph.Then(graph.Native("a")).Edge(1, graph.Sink("b"));
  graph.op(1).__set_slot_sharing_group("own");
  const ChainedGraph chained = Chain(graph.Complete());
  EXPECT_THAT(Names(chained), ElementsAre("s", "a -> b"));
  EXPECT_EQ(chained.vertices[0].slot_sharing_group, "default");
  EXPECT_EQ(chained.vertices[1].slot_sharing_group, "own");
}

TEST(ChainingTest, TheConfigurationTurnsItOff) {
  GraphBuilder graph;
  graph.Source("s");
  graph.Then(graph.Native("a")).Edge(1, graph.Sink("b"));
  graph.graph().configuration["pipeline.operator-chaining.enabled"] = "true";
  EXPECT_THAT(ChainsOf(graph), ElementsAre("s -> a -> b"));
  graph.graph().configuration["pipeline.operator-chaining.enabled"] = "false";
  const ChainedGraph chained = Chain(graph.Complete());
  EXPECT_THAT(Names(chained), ElementsAre("s", "a", "b"));
  EXPECT_EQ(chained.exchanges.size(), 2u);
}

TEST(ChainingTest, ATreeIsOneChain) {
  GraphBuilder graph;
  const int s = graph.Source("s"), a = graph.Native("a"), b = graph.Native("b"),
            c = graph.Sink("c");
  const int d = graph.Sink("d");
  graph.Edge(s, a).Edge(s, b).Edge(a, c).Edge(b, d);
  const ChainedGraph chained = Chain(graph.Complete());
  ASSERT_THAT(Names(chained), ElementsAre("s -> a -> b -> c -> d"));
  EXPECT_THAT(chained.vertices[0].chain[0].successors, ElementsAre(1, 2));
  EXPECT_THAT(chained.vertices[0].chain[1].successors, ElementsAre(3));
  EXPECT_THAT(chained.vertices[0].chain[2].successors, ElementsAre(4));
}

TEST(ChainingTest, TheTwoWaysOfADiamondStayApartFromTheirEnd) {
  GraphBuilder graph;
  const int s = graph.Source("s"), a = graph.Native("a"), b = graph.Native("b"),
            end = graph.Native("end");
  graph.Edge(s, a)
      .Edge(s, b)
      .Edge(a, end, Partitioner::FORWARD, 0)
      .Edge(b, end, Partitioner::FORWARD, 1);
  const ChainedGraph chained = Chain(graph.Complete());
  ASSERT_THAT(Names(chained), ElementsAre("s -> a -> b", "end"));
  ASSERT_EQ(chained.exchanges.size(), 2u);
  const JobVertex& first = chained.vertices[0];
  EXPECT_THAT(first.outputs, ElementsAre(0, 1));
  EXPECT_THAT(first.chain[1].outputs, ElementsAre(0));
  EXPECT_THAT(first.chain[2].outputs, ElementsAre(1));
  EXPECT_THAT(chained.vertices[1].inputs, ElementsAre(0, 1));
  EXPECT_EQ(chained.exchanges[0].edge.input, 0);
  EXPECT_EQ(chained.exchanges[1].edge.input, 1);
  for (const Exchange& exchange : chained.exchanges) {
    EXPECT_EQ(exchange.source, 0);
    EXPECT_EQ(exchange.target, 1);
  }
}

TEST(ChainingTest, AStreamUnitedWithItselfHasTwoExchanges) {
  GraphBuilder graph;
  const int s = graph.Source("s"), both = graph.Native("both");
  graph.Edge(s, both).Edge(s, both);
  const ChainedGraph chained = Chain(graph.Complete());
  EXPECT_THAT(Names(chained), ElementsAre("s", "both"));
  EXPECT_THAT(chained.vertices[0].chain[0].outputs, ElementsAre(0, 1));
  EXPECT_THAT(chained.vertices[1].inputs, ElementsAre(0, 1));
}

TEST(ChainingTest, AChainHasTheLargestMaxParallelismOfItsMembers) {
  GraphBuilder graph;
  graph.Source("s");
  graph.Then(graph.Native("a")).Edge(1, graph.Sink("b"));
  graph.op(0).max_parallelism = 10;
  graph.op(1).max_parallelism = 500;
  graph.op(2).max_parallelism = 20;
  const ChainedGraph chained = Chain(graph.Complete());
  EXPECT_EQ(chained.vertices[0].max_parallelism, 500);
  EXPECT_EQ(chained.vertices[0].chain[2].op.max_parallelism, 20)
      << "state keeps its operator's own";
}

// Whatever the graph: each operator is in one chain, and each edge is either within a chain or an
// exchange.
TEST(ChainingTest, NothingIsLostInRandomGraphs) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    GraphBuilder graph;
    graph.Source("0", 1 + random() % 2);
    const int count = 2 + random() % 10;
    for (int id = 1; id < count; ++id) {
      graph.Native(std::to_string(id), 1 + random() % 2);
      graph.op(id).chaining =
          static_cast<idl::ChainingStrategy::type>(random() % 8 == 0 ? random() % 3 : 0);
      if (random() % 8 == 0) graph.op(id).__set_slot_sharing_group("other");
      for (uint32_t inputs = 1 + random() % 8 / 6; inputs > 0; --inputs) {
        const int from = static_cast<int>(random() % id);
        auto partitioner = static_cast<Partitioner::type>(random() % 2 == 0 ? 0 : random() % 8);
        if (partitioner == Partitioner::CUSTOM) partitioner = Partitioner::HASH;
        if (partitioner == Partitioner::HASH && from == 0) partitioner = Partitioner::SHUFFLE;
        if (partitioner == Partitioner::FORWARD &&
            graph.op(from).parallelism != graph.op(id).parallelism) {
          partitioner = Partitioner::REBALANCE;
        }
        graph.Edge(from, id, partitioner);
      }
    }
    const ChainedGraph chained = Chain(graph.Complete());

    std::vector<int> seen(count);
    size_t joined = 0, sent = 0;
    for (const JobVertex& vertex : chained.vertices) {
      for (size_t position = 0; position < vertex.chain.size(); ++position) {
        const idl::ChainNode& node = vertex.chain[position];
        ++seen[node.op.id];
        EXPECT_EQ(node.op.parallelism, vertex.parallelism);
        EXPECT_EQ(node.op.slot_sharing_group, vertex.slot_sharing_group);
        joined += node.successors.size();
        for (const int successor : node.successors) {
          EXPECT_GT(static_cast<size_t>(successor), position);
          EXPECT_EQ(vertex.chain[successor].op.chaining, idl::ChainingStrategy::ALWAYS);
        }
        for (const int output : node.outputs) {
          const Exchange& exchange = chained.exchanges[vertex.outputs[output]];
          EXPECT_EQ(exchange.edge.source, node.op.id);
          ++sent;
        }
      }
      for (const int input : vertex.inputs) {
        EXPECT_EQ(chained.exchanges[input].edge.target, vertex.chain[0].op.id)
            << "only heads have exchanges";
      }
    }
    EXPECT_THAT(seen, testing::Each(1));
    EXPECT_EQ(sent, chained.exchanges.size());
    EXPECT_EQ(joined + sent, graph.graph().edges.size());
    for (const Exchange& exchange : chained.exchanges) {
      EXPECT_LT(exchange.source, exchange.target) << "vertices are in topological order";
    }
  }
}

// ---- the plan ----

TEST(PlanTest, IsWhatFlinksVisualizerReads) {
  GraphBuilder graph;
  const int s = graph.Source("Source: numbers", 2),
            key = graph.KeyBy("_keyed_stream_values_operator", 2);
  const int sum = graph.Reduce("Reduce", 3), out = graph.Sink("Sink: Writer", 3);
  graph.Edge(s, key).Edge(key, sum, Partitioner::HASH).Edge(sum, out);
  EXPECT_EQ(
      PlanAsJson(graph.Complete()),
      R"({"nodes": [)"
      R"({"id": 1, "type": "Source: numbers", "pact": "Data Source", "contents": "Source: numbers", )"
      R"("parallelism": 2}, )"
      R"({"id": 2, "type": "_keyed_stream_values_operator", "pact": "Operator", )"
      R"("contents": "_keyed_stream_values_operator", "parallelism": 2, )"
      R"("predecessors": [{"id": 1, "ship_strategy": "FORWARD", "side": "second"}]}, )"
      R"({"id": 3, "type": "Reduce", "pact": "Operator", "contents": "Reduce", "parallelism": 3, )"
      R"("predecessors": [{"id": 2, "ship_strategy": "HASH", "side": "second"}]}, )"
      R"({"id": 4, "type": "Sink: Writer", "pact": "Data Sink", "contents": "Sink: Writer", )"
      R"("parallelism": 3, )"
      R"("predecessors": [{"id": 3, "ship_strategy": "FORWARD", "side": "second"}]}]})");
}

TEST(PlanTest, AUnionHasSeveralPredecessors) {
  GraphBuilder graph;
  const int a = graph.Source("a"), b = graph.Source("b"), both = graph.Sink("both");
  graph.Edge(a, both, Partitioner::BROADCAST).Edge(b, both, Partitioner::GLOBAL);
  EXPECT_THAT(PlanAsJson(graph.Complete()),
              testing::HasSubstr(
                  R"("predecessors": [{"id": 1, "ship_strategy": "BROADCAST", "side": "second"}, )"
                  R"({"id": 2, "ship_strategy": "GLOBAL", "side": "second"}]})"));
}

TEST(PlanTest, NamesAreEscapedAndDescriptionsShown) {
  GraphBuilder graph;
  graph.Source("say \"hi\"\\\n\x1f gr\xc3\xbc\xc3\x9f");
  graph.op(0).__set_description("tab\there");
  EXPECT_EQ(
      PlanAsJson(graph.Complete()),
      "{\"nodes\": [{\"id\": 1, \"type\": \"say \\\"hi\\\"\\\\\\u000a\\u001f gr\xc3\xbc\xc3\x9f\", "
      "\"pact\": \"Data Source\", \"contents\": \"tab\\u0009here\", \"parallelism\": 1}]}");
}

TEST(PlanTest, NothingHasNoNodes) { EXPECT_EQ(PlanAsJson(idl::JobGraph()), "{\"nodes\": []}"); }

}  // namespace
}  // namespace pyflinkpp
