// Random jobs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "native/job_builder.h"
#include "runtime/operators/registry.h"
#include "runtime/scheduler/execution_graph.h"
#include "sim/sim_random.h"

namespace pyflinkpp::sim {

// Where a sink's rows are found, and what is promised of their order.
struct SinkPlan {
  enum class Kind { kDiscard, kCollect, kPrint, kFiles } kind;
  int op = 0;
  int source = 0;            // the operator whose rows it takes
  std::string place;         // of prints: the identifier; of files: the directory
  bool keeps_order = false;  // rows of a key come in the order in which the source made them
};

// At most so much of each: a seed that fails is run again with less.
struct Limits {
  int64_t jobs = 2;
  int64_t records = 1'500;  // of a source
  int64_t operators = 6;    // between sources and reduces
  int64_t troubles = 1'000;
};

// A job and its input.
struct GeneratedJob {
  idl::JobGraph graph;
  std::map<std::string, std::string> files;       // what its file sources read: path, bytes
  std::map<int, std::vector<std::string>> texts;  // by source of STRING rows: its rows
  std::vector<SinkPlan> sinks;
  bool batch = false;  // the job runs in batch mode; reduces emit final results only
};

// Draws a word count: sources of lines, words and numbers; maps, filters, flat maps, unions,
// diamonds, streams united with themselves; every partitioner; any parallelism up to 4; chaining as
// it comes; one or two reduces; any sinks. Often there are sums of numbers in windows of event time,
// or a keyed function with timers and broadcast state, beside it. `number` tells the jobs of one cluster apart.
// `streaming`: not in batch mode, and such that it can be restored.
GeneratedJob GenerateJob(SimRandom& random, int number, bool streaming = false,
                         const Limits& limits = {});

// Draws settings of checkpoints and restarts for a streaming job that is to survive any number of
// failures. `step_nanos_max`: how long steps take, on which depends what is soon and what is late.
void DrawCheckpoints(SimRandom& random, int64_t step_nanos_max, GeneratedJob& job);

// The same job under another name with operators of other parallelism, as far as its result does not
// depend on it.
idl::JobGraph Rescaled(SimRandom& random, const GeneratedJob& job, const std::string& job_id);

// The operators that these jobs use.
OperatorRegistry GeneratorOperators();

// Slots that a job needs.
ExecutionGraph::SlotNeed SlotsOf(const idl::JobGraph& graph);

}  // namespace pyflinkpp::sim
