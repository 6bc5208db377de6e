// One simulated run: random jobs on a random cluster, perhaps with trouble, and everything checked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/scheduler/execution_graph.h"
#include "sim/oracle.h"

namespace pyflinkpp::sim {

// What happens to the jobs besides their work, at a moment that the seed picks.
enum class Trouble {
  kNone,
  kCancel,    // a client cancels
  kFault,     // a call of an operator fails
  kShutDown,  // the cluster is shut down
  // Of streaming jobs with checkpoints, which must end all the same, with everything exactly once:
  kFaults,       // calls of operators fail, again and again
  kDisk,         // so do writes, and the disk is full for a while
  kSavepoint,    // a savepoint is taken, and the job starts anew from it with other parallelisms
  kCrash,        // all processes are gone at once, and what files had that was not synced
  kTaskManager,  // one TaskManager is gone, and another one, while others come
  kStorm,        // all of these but savepoints, and connections break, and the JobManager is gone
};

struct SimulationPlan {
  uint64_t seed = 0;      // of the order of steps, the cluster, the trouble
  uint64_t job_seed = 0;  // of the jobs and their input
  Trouble trouble = Trouble::kNone;
  bool checkpoints = false;  // of streaming jobs; the last six troubles always take them
  Limits limits = {};
};

struct SimulationOutcome {
  std::vector<std::string> problems;        // none: all is as it should be
  std::vector<JobState> states;             // by job
  std::vector<std::map<int, Bag>> results;  // by job and sink: rows that were found
  bool abandoned = false;                   // a client gave up its results early
  uint64_t trace_hash = 0;
  size_t steps = 0;
  int64_t elements = 0;                     // that crossed channels
  int64_t records = 0;                      // that operators took in
  std::map<std::string, int64_t> coverage;  // what happened, and how often
  int64_t faults = 0;                       // of all kinds
  std::string trace;
};

// Runs on the calling thread. The same plan has the same outcome.
SimulationOutcome Simulate(const SimulationPlan& plan);

}  // namespace pyflinkpp::sim
