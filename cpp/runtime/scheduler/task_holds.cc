#include "runtime/scheduler/task_holds.h"

#include "absl/strings/str_cat.h"

namespace pyflinkpp {

std::string TaskName(const JobVertex& vertex, int subtask) {
  return absl::StrCat(vertex.name, " (", subtask + 1, "/", vertex.parallelism, ")");
}

bool UsesEventTime(const idl::JobGraph& graph) {
  const auto mode = graph.configuration.find("execution.runtime-mode");
  if (mode != graph.configuration.end() && mode->second == "BATCH") return false;
  for (const idl::OperatorNode& node : graph.operators) {
    if (node.spec.__isset.push_source) return true;
    if (!node.spec.__isset.python || !node.spec.python.__isset.watermarks) continue;
    if (node.spec.python.watermarks.generator != idl::WatermarkGeneratorKind::NONE) return true;
  }
  return false;
}

std::vector<TaskHold> NameHolds(const ChainedGraph& graph,
                                const std::map<std::pair<int, int>, idl::WatermarkHold>& holds) {
  std::vector<TaskHold> named;
  for (const auto& [task, hold] : holds) {
    TaskHold& told = named.emplace_back();
    told.task = TaskName(graph.vertices[task.first], task.second);
    told.watermark = hold.watermark;
    told.since_ms = hold.since_ms;
    told.until_ms = hold.until_ms;

    std::pair<int, int> at = task;
    for (auto found = holds.find(at); found != holds.end(); found = holds.find(at)) {
      const idl::WatermarkHold& here = found->second;
      if (here.until_ms <= hold.since_ms || here.since_ms >= hold.until_ms) break;
      if (here.edge < 0) {
        told.source = TaskName(graph.vertices[at.first], at.second);
        told.split = here.split;
        break;
      }
      at = {graph.exchanges[here.edge].source, here.subtask};
      if (told.held_by.empty()) told.held_by = TaskName(graph.vertices[at.first], at.second);
    }
  }
  return named;
}

}  // namespace pyflinkpp
