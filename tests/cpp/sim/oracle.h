// What the result of a generated job must be, by the most obvious code.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/job_generator.h"

namespace pyflinkpp::sim {

// Rows as sinks show them, and how often each comes.
using Bag = std::map<std::string, int64_t>;

// What one operator takes and gives.
struct ExpectedOperator {
  int64_t records_in = 0;
  int64_t records_out = 0;
  Bag rows;  // that it gives; for sinks: that they take
};

// By operator. Knows nothing of parallelism, chains and batches; only a broadcast multiplies by the
// parallelism behind it.
std::vector<ExpectedOperator> Evaluate(const GeneratedJob& job);

}  // namespace pyflinkpp::sim
