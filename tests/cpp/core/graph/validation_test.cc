// ValidateAndComplete of core/graph/job_graph.h.
#include <gmock/gmock.h>

#include <string>

#include "core/base/status.h"
#include "core/graph/job_graph.h"
#include "core/graph/key_groups.h"
#include "harness/graphs.h"

namespace pyflinkpp {
namespace {

using harness::GraphBuilder;
using testing::HasSubstr;

class ValidationTest : public testing::Test {
 protected:
  // Expects a complaint for the user with exactly these words.
  void ExpectUserError(absl::string_view message) {
    const absl::Status status = ValidateAndComplete(graph_.graph());
    EXPECT_EQ(status.message(), message);
    EXPECT_EQ(FailureOf(status).kind, idl::FaultKind::USER);
  }
  void ExpectInternalError(const std::string& message) {
    const absl::Status status = ValidateAndComplete(graph_.graph());
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
  void ExpectOk() {
    const absl::Status status = ValidateAndComplete(graph_.graph());
    EXPECT_TRUE(status.ok()) << status;
  }
  const std::string& GroupOf(int id) { return graph_.op(id).slot_sharing_group; }

  GraphBuilder graph_;
};

// ---- parallelism ----

TEST_F(ValidationTest, ParallelismMustBePositive) {
  graph_.Source("numbers", 0);
  ExpectUserError("the parallelism of operator 'numbers' is 0; it must be at least 1");
  graph_.op(0).parallelism = -3;
  ExpectUserError("the parallelism of operator 'numbers' is -3; it must be at least 1");
}

TEST_F(ValidationTest, MaxParallelismIsDerivedByFlinksFormula) {
  graph_.Source("a", 1);
  graph_.Source("b", 100);
  graph_.Source("c", 3);
  graph_.op(2).max_parallelism = 7;
  ExpectOk();
  EXPECT_EQ(graph_.op(0).max_parallelism, 128);
  EXPECT_EQ(graph_.op(1).max_parallelism, 256);
  EXPECT_EQ(graph_.op(2).max_parallelism, 7);
}

TEST_F(ValidationTest, MaxParallelismHasBounds) {
  graph_.Source("numbers", 1);
  graph_.op(0).max_parallelism = 0;
  ExpectUserError(
      "the max parallelism of operator 'numbers' is 0; it must lie between 1 and 32768");
  graph_.op(0).max_parallelism = 32769;
  ExpectUserError(
      "the max parallelism of operator 'numbers' is 32769; it must lie between 1 and 32768");
  graph_.op(0).max_parallelism = 32768;
  ExpectOk();
}

TEST_F(ValidationTest, ParallelismStaysWithinMaxParallelism) {
  graph_.Source("numbers", 5);
  graph_.op(0).max_parallelism = 4;
  ExpectUserError("the parallelism of operator 'numbers' is 5, more than its max parallelism 4");
  graph_.op(0).max_parallelism = -1;
  graph_.op(0).parallelism = 40000;
  ExpectUserError(
      "the parallelism of operator 'numbers' is 40000, more than its max parallelism 32768");
}

// ---- names and ids ----

TEST_F(ValidationTest, UidsAreUnique) {
  graph_.Source("numbers");
  graph_.Then(graph_.Sink("out"));
  graph_.op(0).__set_uid("same");
  graph_.op(1).__set_uid("other");
  ExpectOk();
  graph_.op(1).__set_uid("same");
  ExpectUserError(
      "the uid 'same' is given to two operators, 'numbers' and 'out'; each needs its own");
}

// ---- edges ----

TEST_F(ValidationTest, ForwardConnectsEqualParallelism) {
  graph_.Source("numbers", 2);
  graph_.Then(graph_.Sink("out", 3));
  ExpectUserError(
      "forward() connects equal parallelism, but operator 'numbers' has 2 and operator 'out' has "
      "3; "
      "use rebalance() or rescale()");
  graph_.graph().edges[0].partitioner = idl::Partitioner::RESCALE;
  ExpectOk();
}

TEST_F(ValidationTest, EdgesLeadOnwards) {
  graph_.Source("numbers");
  graph_.Native("map");
  graph_.Edge(0, 1).Edge(1, 1);
  ExpectInternalError("an edge from operator 1 to 1 of 2");
  graph_.graph().edges[1].target = 2;
  ExpectInternalError("an edge from operator 1 to 2 of 2");
  graph_.graph().edges[1].source = -1;
  graph_.graph().edges[1].target = 1;
  ExpectInternalError("an edge from operator -1 to 1 of 2");
}

TEST_F(ValidationTest, AKeyedEdgeComesFromSomethingThatGivesKeys) {
  graph_.Source("numbers");
  graph_.Then(graph_.Reduce("sum"), idl::Partitioner::HASH);
  ExpectInternalError("a keyed edge from operator 'numbers', which gives no keys");
}

TEST_F(ValidationTest, KeyByAndNativeFunctionsGiveKeys) {
  const int numbers = graph_.Source("numbers");
  const int key_by = graph_.KeyBy("key");
  const int native = graph_.Native("native key");
  graph_.Edge(numbers, key_by).Edge(numbers, native);
  graph_.Edge(key_by, graph_.Reduce("a"), idl::Partitioner::HASH);
  graph_.Edge(native, graph_.Reduce("b"), idl::Partitioner::HASH);
  ExpectOk();
}

TEST_F(ValidationTest, ACustomPartitionerLearnsHowManyTargetsItHas) {
  const int numbers = graph_.Source("numbers");
  const int custom = graph_.Custom("partitioner");
  graph_.Edge(numbers, custom);
  graph_.Edge(custom, graph_.Sink("a", 3), idl::Partitioner::CUSTOM);
  graph_.Edge(custom, graph_.Sink("b", 3), idl::Partitioner::CUSTOM);
  ExpectOk();
  EXPECT_EQ(graph_.op(custom).target_parallelism, 3);

  graph_.Edge(custom, graph_.Sink("c", 2), idl::Partitioner::CUSTOM);
  ExpectUserError(
      "the result of operator 'partitioner' feeds operators of different parallelism; call "
      "partition_custom once for each");
}

TEST_F(ValidationTest, SourcesAndOnlySourcesHaveNoInput) {
  graph_.Source("numbers");
  graph_.Native("map");
  ExpectInternalError("operator 'map' has 0 inputs");
  graph_.Edge(0, 1);
  ExpectOk();
  graph_.Source("late");
  graph_.Edge(1, 2);
  ExpectInternalError("operator 'late' has 1 inputs");
}

// ---- slot sharing groups ----

TEST_F(ValidationTest, AnOperatorInheritsTheGroupOfItsInputs) {
  const int a = graph_.Source("a"), b = graph_.Source("b");
  const int map = graph_.Native("map"), two = graph_.Native("two"), mixed = graph_.Native("mixed");
  const int after = graph_.Native("after"), own = graph_.Native("own"),
            back = graph_.Native("back");
  graph_.op(b).__set_slot_sharing_group("green");
  graph_.op(own).__set_slot_sharing_group("red");
  graph_.Edge(b, map).Edge(b, two).Edge(map, two);
  graph_.Edge(a, mixed).Edge(map, mixed).Edge(two, mixed).Edge(mixed, after);
  graph_.Edge(map, own).Edge(own, back);
  ExpectOk();
  EXPECT_EQ(GroupOf(a), "default");
  EXPECT_EQ(GroupOf(b), "green");
  EXPECT_EQ(GroupOf(map), "green");
  EXPECT_EQ(GroupOf(two), "green") << "both inputs are green";
  EXPECT_EQ(GroupOf(mixed), "default") << "inputs differ";
  EXPECT_EQ(GroupOf(after), "default");
  EXPECT_EQ(GroupOf(own), "red");
  EXPECT_EQ(GroupOf(back), "red");
}

TEST_F(ValidationTest, ThreeInputsOfThreeGroupsMakeTheDefault) {
  const int a = graph_.Source("a"), b = graph_.Source("b"), c = graph_.Source("c");
  graph_.op(a).__set_slot_sharing_group("a");
  graph_.op(b).__set_slot_sharing_group("b");
  graph_.op(c).__set_slot_sharing_group("a");
  const int all = graph_.Native("all");
  graph_.Edge(a, all).Edge(b, all).Edge(c, all);
  ExpectOk();
  EXPECT_EQ(GroupOf(all), "default");
}

TEST_F(ValidationTest, CompletingTwiceChangesNothing) {
  const int a = graph_.Source("a", 2), custom = graph_.Custom("c", 2), sink = graph_.Sink("s", 4);
  graph_.Edge(a, custom).Edge(custom, sink, idl::Partitioner::CUSTOM);
  ExpectOk();
  const idl::JobGraph once = graph_.graph();
  ExpectOk();
  EXPECT_EQ(graph_.graph(), once);
}

// ---- kinds ----

TEST_F(ValidationTest, KindsOfOperators) {
  const int source = graph_.Source("s"), native = graph_.Native("f"), reduce = graph_.Reduce("sum");
  const int python = graph_.KeyBy("k"), sink = graph_.Sink("d"), collect = graph_.Collect("c");
  EXPECT_EQ(KindOf(graph_.op(source).spec), "number_sequence_source");
  EXPECT_EQ(KindOf(graph_.op(native).spec), "native:f");
  EXPECT_EQ(KindOf(graph_.op(reduce).spec), "reduce:sum");
  graph_.op(reduce).spec.reduce.kind = idl::ReduceKind::PYTHON;
  EXPECT_EQ(KindOf(graph_.op(reduce).spec), "reduce");
  EXPECT_EQ(KindOf(graph_.op(python).spec), "python");
  EXPECT_EQ(KindOf(graph_.op(sink).spec), "discarding_sink");
  EXPECT_EQ(KindOf(graph_.op(collect).spec), "collect_sink");
  EXPECT_EQ(KindOf(idl::OperatorSpec()), "?");

  for (const int id : {source, native, reduce, python, sink, collect}) {
    EXPECT_EQ(IsSource(graph_.op(id).spec), id == source) << id;
    EXPECT_EQ(IsSink(graph_.op(id).spec), id == sink || id == collect) << id;
    EXPECT_EQ(NeedsKeys(graph_.op(id).spec), id == reduce) << id;
  }
}

}  // namespace
}  // namespace pyflinkpp
