// Operators that check how the engine treats them, and fail when a test wants it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/operators/registry.h"

namespace pyflinkpp::sim {

// A call of an operator that is to fail: the `nth` of its kind in the whole run, whatever operator
// it meets. It happens once.
struct Fault {
  enum class At {
    kNowhere,
    kOpen,
    kProcess,
    kPoll,
    kWatermark,
    kFinish,
    kCommit,
    kClose,
    kSnapshot,
    kCompleted,
    kAborted
  };
  At at = At::kNowhere;
  int64_t nth = 0;  // from 0
  bool happened = false;
  static constexpr char kMessage[] = "a failure that the test wanted";
};
const char* NameOf(Fault::At at);

// What all operators of a run have seen. Owned by the test.
struct OperatorWatch {
  int64_t made = 0;
  int64_t destroyed = 0;
  int64_t opened = 0;
  int64_t closed = 0;
  int64_t calls = 0;
  int64_t snapshots = 0;
  int64_t restored = 0;       // opened with state of a checkpoint
  std::vector<Fault> faults;  // each counts its own calls
  bool crashing = false;      // operators vanish without Close
  std::vector<std::string>* violations;
  const std::string* running;  // name of the loop whose step it is
};

// The same registry, each operator of it wrapped. Checked: the order of calls (operator.h), that
// each comes on the task's own loop, that a call which is to be repeated got further, that
// watermarks never go back, that a checkpoint is snapshotted once and before anything is said of it,
// and that Close comes exactly once.
OperatorRegistry Watched(OperatorRegistry registry, OperatorWatch& watch);

}  // namespace pyflinkpp::sim
