// What held the event time of a job's tasks, in names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/graph/job_graph.h"

namespace pyflinkpp {

// The longest time that a task's watermark stood still because of one of its inputs.
struct TaskHold {
  std::string task;     // "Window (2/4)"
  std::string held_by;  // the task that sent too little; empty: a split of the task's own did
  std::string source;   // the source task behind that, and its split; empty when it can't be told
  std::string split;
  int64_t watermark;  // where it stood, milliseconds since the epoch
  int64_t since_ms;   // wall clock
  int64_t until_ms;
};

// Which tasks there are: "Window (2/4)".
std::string TaskName(const JobVertex& vertex, int subtask);

// Whether the job makes watermarks before its end.
bool UsesEventTime(const idl::JobGraph& graph);

// The holds of a job's tasks, by vertex and subtask, in their order. A hold of a task that a sender
// caused is followed to the sender's own, if that was in the same time.
std::vector<TaskHold> NameHolds(const ChainedGraph& graph,
                                const std::map<std::pair<int, int>, idl::WatermarkHold>& holds);

}  // namespace pyflinkpp
