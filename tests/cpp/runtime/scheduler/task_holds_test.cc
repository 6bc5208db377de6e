#include "runtime/scheduler/task_holds.h"

#include <gmock/gmock.h>

#include <map>
#include <utility>
#include <vector>

#include "harness/graphs.h"

namespace pyflinkpp {
namespace {

using harness::GraphBuilder;

idl::WatermarkHold Hold(int edge, int subtask, const char* split, int64_t since, int64_t until) {
  idl::WatermarkHold hold;
  hold.edge = edge;
  hold.subtask = subtask;
  hold.split = split;
  hold.watermark = 5;
  hold.since_ms = since;
  hold.until_ms = until;
  return hold;
}

// source (2 subtasks) -> middle -> sink: three tasks.
ChainedGraph ThreeTasks() {
  GraphBuilder graph;
  graph.Source("source", 2);
  graph.Then(graph.Native("middle"), idl::Partitioner::REBALANCE);
  graph.Then(graph.Sink("sink"), idl::Partitioner::REBALANCE);
  return Chain(graph.Complete());
}

TEST(TaskHolds, AreFollowedDownToTheSplit) {
  const std::vector<TaskHold> holds =
      NameHolds(ThreeTasks(), {{{0, 1}, Hold(-1, -1, "a.txt, bytes 0 to 9", 100, 900)},
                               {{1, 0}, Hold(0, 1, "", 105, 902)},
                               {{2, 0}, Hold(1, 0, "", 110, 910)}});
  ASSERT_EQ(holds.size(), 3u);
  EXPECT_EQ(holds[0].task, "source (2/2)");
  EXPECT_EQ(holds[0].held_by, "");
  EXPECT_EQ(holds[0].source, "source (2/2)");
  EXPECT_EQ(holds[2].task, "sink (1/1)");
  EXPECT_EQ(holds[2].held_by, "middle (1/1)");
  EXPECT_EQ(holds[2].source, "source (2/2)");
  EXPECT_EQ(holds[2].split, "a.txt, bytes 0 to 9");
  EXPECT_EQ(holds[2].since_ms, 110);
  EXPECT_EQ(holds[2].until_ms, 910);
}

TEST(TaskHolds, AreNotFollowedToAnotherTime) {
  const std::vector<TaskHold> holds =
      NameHolds(ThreeTasks(), {{{0, 1}, Hold(-1, -1, "a.txt, bytes 0 to 9", 100, 200)},
                               {{1, 0}, Hold(0, 1, "", 300, 400)}});
  EXPECT_EQ(holds[1].held_by, "source (2/2)");
  EXPECT_EQ(holds[1].source, "");
  EXPECT_EQ(holds[1].split, "");
}

TEST(TaskHolds, EventTimeIsUsedWhereWatermarksAreMade) {
  GraphBuilder graph;
  graph.Source("source");
  graph.Then(graph.KeyBy("watermarks"));
  EXPECT_FALSE(UsesEventTime(graph.graph()));
  idl::WatermarkStrategy strategy;
  strategy.generator = idl::WatermarkGeneratorKind::BOUNDED;
  graph.op(1).spec.python.__set_watermarks(strategy);
  EXPECT_TRUE(UsesEventTime(graph.graph()));
  graph.graph().configuration["execution.runtime-mode"] = "BATCH";
  EXPECT_FALSE(UsesEventTime(graph.graph()));
}

}  // namespace
}  // namespace pyflinkpp
