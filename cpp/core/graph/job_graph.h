// From the graph a program describes to the chained graph that is scheduled.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

inline constexpr char kDefaultSlotSharingGroup[] = "default";

// A chain of operators that runs as one task in each of `parallelism` subtasks.
struct JobVertex {
  std::string name;  // its operators' names, joined by " -> "
  std::vector<idl::ChainNode> chain;
  int parallelism = 1;
  int max_parallelism = 1;
  std::string slot_sharing_group;
  std::vector<int> inputs;   // positions in ChainedGraph::exchanges
  std::vector<int> outputs;  // the same; ChainNode.outputs index into this list
};

// An edge between two vertices.
struct Exchange {
  idl::Edge edge;
  int source = 0;  // vertices
  int target = 0;
  bool blocking = false;  // the target runs when the source has ended
};

struct ChainedGraph {
  std::vector<JobVertex> vertices;  // in topological order
  std::vector<Exchange> exchanges;
};

// What kind of operator a spec describes: "file_source", "python", "reduce", "native:NAME",
// "reduce:NAME" …; the key of the registries.
std::string KindOf(const idl::OperatorSpec& spec);
bool IsSource(const idl::OperatorSpec& spec);
bool IsSink(const idl::OperatorSpec& spec);
bool NeedsKeys(const idl::OperatorSpec& spec);
// The strategy by which the source at the head of a chain waits for others (watermark alignment);
// null: it waits for none.
const idl::WatermarkStrategy* AlignedStrategyOf(const std::vector<idl::ChainNode>& chain);

// Whether a job runs in batch mode: then every exchange is blocking.
bool IsBatch(const std::map<std::string, std::string>& configuration);

// Fills in what the program left open (maximum parallelism, slot sharing groups, targets of custom
// partitioners) and refuses what can't run, in words for the user.
absl::Status ValidateAndComplete(idl::JobGraph& graph);

// Joins operators that are connected one to one into chains. REQUIRES: ValidateAndComplete
// succeeded.
ChainedGraph Chain(const idl::JobGraph& graph);

// The plan as JSON in the form that Flink's plan visualizer reads.
std::string PlanAsJson(const idl::JobGraph& graph);

}  // namespace pyflinkpp
