// Whether a job is restarted after a failure, and when.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// Owned by its JobMaster. Flink's strategies: none, fixed delay, exponential delay, failure rate.
class RestartStrategy {
 public:
  RestartStrategy(const idl::RestartStrategy& settings, Random& random)
      : settings_(settings), random_(random) {}

  // The job has failed at `now_ms`. After how many milliseconds it starts again; none: it does not.
  std::optional<int64_t> OnFailure(int64_t now_ms);

 private:
  const idl::RestartStrategy settings_;
  Random& random_;
  int restarts_ = 0;
  std::deque<int64_t> failures_;  // FAILURE_RATE: in the last interval
  double delay_ms_ = 0;           // EXPONENTIAL_DELAY: the last one
  int64_t restarted_at_ms_ = 0;   // EXPONENTIAL_DELAY: when it was over
};

}  // namespace pyflinkpp
