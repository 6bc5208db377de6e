#include "runtime/checkpoint/in_flight_assignment.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "runtime/checkpoint/state_assignment.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Two operators, "from" and "to", that an exchange connects.
class InFlightAssignmentTest : public testing::Test {
 protected:
  idl::JobGraph Graph(int parallelism) {
    idl::JobGraph graph;
    for (const char* name : {"from", "to"}) {
      idl::OperatorNode& node = graph.operators.emplace_back();
      node.id = static_cast<int>(graph.operators.size()) - 1;
      node.name = name;
      node.__set_uid(name);
      node.parallelism = parallelism;
      node.max_parallelism = 16;
      node.output_type.kind = idl::TypeKind::LONG;
    }
    idl::Edge& edge = graph.edges.emplace_back();
    edge.source = 0;
    edge.target = 1;
    edge.partitioner = partitioner_;
    return graph;
  }
  // Each channel of two senders and two receivers has a run of each end; its size says which.
  void Save() {
    const idl::JobGraph graph = Graph(2);
    for (const idl::OperatorNode& node : graph.operators) {
      idl::OperatorCheckpoint& op = checkpoint_.operators.emplace_back();
      op.uid = UidOf(node);
      op.parallelism = 2;
      op.max_parallelism = 16;
    }
    idl::InFlightExchange exchange = ExchangeOf(graph, graph.edges[0]);
    for (const bool of_sender : {true, false}) {
      for (int task = 0; task < 2; ++task) {
        idl::InFlightHandle& handle = exchange.handles.emplace_back();
        handle.file.path = absl::StrCat("/c/", of_sender, task);
        for (int other = 0; other < 2; ++other) {
          idl::InFlightRun& run = handle.runs.emplace_back();
          run.source = of_sender ? task : other;
          run.target = of_sender ? other : task;
          run.of_sender = of_sender;
        }
      }
    }
    checkpoint_.in_flight = {exchange};
  }
  absl::Status Assign(const idl::JobGraph& graph, bool ignore_unclaimed = false) {
    const int parallelism = graph.operators.back().parallelism;
    deployments_.assign(static_cast<size_t>(parallelism), {});
    std::vector<idl::TaskDeployment*> pointers;
    for (int subtask = 0; subtask < parallelism; ++subtask) {
      idl::TaskDeployment& deployment = deployments_[static_cast<size_t>(subtask)];
      deployment.task.subtask = subtask;
      deployment.parallelism = parallelism;
      deployment.chain.emplace_back().op = graph.operators.back();
      pointers.push_back(&deployment);
    }
    return AssignInFlight(checkpoint_, graph, ignore_unclaimed, pointers);
  }
  // The runs that a task gets: source, target, end, and how it shares them.
  std::vector<std::string> Of(size_t subtask) {
    std::vector<std::string> texts;
    for (const idl::RestoredInFlight& part : deployments_[subtask].in_flight) {
      for (const idl::InFlightRun& run : part.handle.runs) {
        texts.push_back(absl::StrCat(
            run.source, ">", run.target, run.of_sender ? "S" : "R", part.by_key ? " by key" : "",
            part.shares > 1 ? absl::StrCat(" ", part.share, "/", part.shares) : ""));
      }
    }
    return texts;
  }

  idl::Partitioner::type partitioner_ = idl::Partitioner::HASH;
  idl::Checkpoint checkpoint_;
  std::vector<idl::TaskDeployment> deployments_;
};

TEST_F(InFlightAssignmentTest, AtTheSameParallelismItGoesWhereItWas) {
  Save();
  ASSERT_TRUE(Assign(Graph(2)).ok());
  EXPECT_THAT(Of(0), ElementsAre("0>0R", "0>0S", "1>0R", "1>0S"))
      << "the receiver's part comes first";
  EXPECT_THAT(Of(1), ElementsAre("0>1R", "0>1S", "1>1R", "1>1S"));
  EXPECT_EQ(deployments_[0].in_flight[0].op, 1);
  EXPECT_EQ(deployments_[0].in_flight[0].types[0].kind, idl::TypeKind::LONG);
  EXPECT_EQ(deployments_[0].in_flight[0].handle.file.path, "/c/00");
}

TEST_F(InFlightAssignmentTest, KeyedDataGoesByItsKeys) {
  Save();
  ASSERT_TRUE(Assign(Graph(3)).ok());
  for (const size_t subtask : {0, 1, 2}) {
    EXPECT_THAT(Of(subtask),
                ElementsAre("0>0R by key", "0>0S by key", "0>1R by key", "0>1S by key",
                            "1>0R by key", "1>0S by key", "1>1R by key", "1>1S by key"));
  }
}

TEST_F(InFlightAssignmentTest, AnotherNumberOfKeyGroupsIsAnotherParallelism) {
  Save();
  idl::JobGraph graph = Graph(2);
  graph.operators[1].max_parallelism = 32;
  ASSERT_TRUE(Assign(graph).ok());
  EXPECT_EQ(Of(0).size(), 8u);
}

TEST_F(InFlightAssignmentTest, OtherDataIsSpread) {
  partitioner_ = idl::Partitioner::REBALANCE;
  Save();
  ASSERT_TRUE(Assign(Graph(3)).ok());
  EXPECT_THAT(Of(0), ElementsAre("0>0R 0/3", "0>0S 0/3", "0>1R 1/3", "0>1S 1/3", "1>0R 2/3",
                                 "1>0S 2/3", "1>1R 0/3", "1>1S 0/3"));
}

TEST_F(InFlightAssignmentTest, GlobalMeansTheFirst) {
  partitioner_ = idl::Partitioner::GLOBAL;
  Save();
  ASSERT_TRUE(Assign(Graph(3)).ok());
  EXPECT_EQ(Of(0).size(), 8u);
  EXPECT_THAT(Of(1), IsEmpty());
}

TEST_F(InFlightAssignmentTest, WhatNobodyClaimsIsRefused) {
  Save();
  idl::JobGraph graph = Graph(2);
  graph.edges.clear();
  const absl::Status status = Assign(graph);
  EXPECT_THAT(FailureOf(status).message, HasSubstr("data in flight of 'from' -> 'to'"));
  ASSERT_TRUE(Assign(graph, /*ignore_unclaimed=*/true).ok());
  EXPECT_THAT(Of(0), IsEmpty());
}

}  // namespace
}  // namespace pyflinkpp
