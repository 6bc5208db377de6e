#include "runtime/scheduler/watermark_alignment.h"

#include <gmock/gmock.h>

#include <string>

#include "core/stream/stream_element.h"
#include "harness/graphs.h"

namespace pyflinkpp {
namespace {

using harness::GraphBuilder;

// Sources a (2 subtasks, drift 10) and b (drift 100) of the group "g", c of another one.
class WatermarkAlignmentTest : public testing::Test {
 protected:
  WatermarkAlignmentTest() : alignment_(Chain(Graph())) {}

  static idl::JobGraph Graph() {
    GraphBuilder graph;
    AddSource(graph, "a", 2, "g", 10);
    AddSource(graph, "b", 1, "g", 100);
    AddSource(graph, "c", 1, "other", 0);
    AddSource(graph, "d", 1, "", 0);
    return graph.Complete();
  }
  static void AddSource(GraphBuilder& graph, const std::string& name, int parallelism,
                        const std::string& group, int64_t drift_ms) {
    graph.Source(name, parallelism);
    const int timed = graph.KeyBy("watermarks", parallelism);
    idl::PythonFunction& function = graph.op(timed).spec.python;
    function.kind = idl::PythonFunctionKind::ASSIGN_TIMESTAMPS;
    function.of_source = true;
    idl::WatermarkStrategy strategy;
    strategy.alignment_group = group;
    strategy.max_drift_ms = drift_ms;
    strategy.alignment_interval_ms = 500;
    function.__set_watermarks(strategy);
    graph.Then(timed);
    graph.Then(graph.Sink("out", parallelism));
  }
  std::string Report(int vertex, int subtask, int64_t watermark, bool idle = false) {
    idl::ReportedWatermark report;
    report.task.vertex = vertex;
    report.task.subtask = subtask;
    report.watermark = watermark;
    report.idle = idle;
    return alignment_.Report(report);
  }
  int64_t Limit(size_t source) { return alignment_.LimitOf(alignment_.sources()[source]); }

  WatermarkAlignment alignment_;
};

TEST_F(WatermarkAlignmentTest, FindsTheSourcesOfTheGraph) {
  ASSERT_EQ(alignment_.sources().size(), 3u);
  EXPECT_EQ(alignment_.sources()[0].group, "g");
  EXPECT_EQ(alignment_.sources()[0].vertex, 0);
  EXPECT_EQ(alignment_.sources()[0].update_interval_ms, 500);
  EXPECT_EQ(alignment_.sources()[1].max_drift_ms, 100);
  EXPECT_EQ(alignment_.sources()[2].group, "other");
}

TEST_F(WatermarkAlignmentTest, TheLeastOfTheGroupAndTheSourcesOwnDriftAreTheLimit) {
  EXPECT_EQ(Limit(0), kMinTimestamp);
  EXPECT_EQ(Report(0, 0, 50), "");
  EXPECT_EQ(Limit(0), 60);  // the others have no watermark yet
  EXPECT_EQ(Report(0, 1, 30), "");
  EXPECT_EQ(Report(1, 0, 40), "g");  // the last one
  EXPECT_EQ(Limit(0), 40);
  EXPECT_EQ(Limit(1), 130);
  EXPECT_EQ(Report(0, 1, 90), "");
  EXPECT_EQ(Limit(0), 50);
  EXPECT_EQ(Limit(2), kMinTimestamp);  // another group
}

TEST_F(WatermarkAlignmentTest, IdleAndEndedOnesAreLeftOut) {
  Report(0, 0, 50);
  Report(0, 1, 30);
  EXPECT_EQ(Report(1, 0, kMinTimestamp, /*idle=*/true), "g");
  EXPECT_EQ(Limit(0), 40);
  Report(0, 1, kMaxTimestamp);
  EXPECT_EQ(Limit(0), 60);
  Report(0, 0, kMaxTimestamp);
  EXPECT_EQ(Limit(0), kMaxTimestamp);
  Report(1, 0, 7);
  EXPECT_EQ(Limit(0), 17);
}

TEST_F(WatermarkAlignmentTest, ALimitBeyondAllTimeIsNone) {
  Report(0, 0, kMaxTimestamp - 5);
  EXPECT_EQ(Limit(0), kMaxTimestamp);
}

}  // namespace
}  // namespace pyflinkpp
