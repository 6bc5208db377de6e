#include "runtime/scheduler/restart_strategy.h"

#include <algorithm>

namespace pyflinkpp {

std::optional<int64_t> RestartStrategy::OnFailure(int64_t now_ms) {
  switch (settings_.kind) {
    case idl::RestartKind::NONE:
      return std::nullopt;
    case idl::RestartKind::FIXED_DELAY:
      if (++restarts_ > settings_.attempts) return std::nullopt;
      return settings_.delay_ms;
    case idl::RestartKind::FAILURE_RATE:
      while (!failures_.empty() && failures_.front() <= now_ms - settings_.interval_ms)
        failures_.pop_front();
      failures_.push_back(now_ms);
      if (static_cast<int>(failures_.size()) > settings_.attempts) return std::nullopt;
      return settings_.delay_ms;
    case idl::RestartKind::EXPONENTIAL_DELAY: {
      const bool calm = restarts_ > 0 && now_ms - restarted_at_ms_ >= settings_.reset_ms;
      if (restarts_ == 0 || calm) {
        restarts_ = 0;
        delay_ms_ = static_cast<double>(settings_.delay_ms);
      } else {
        delay_ms_ = std::min(delay_ms_ * std::max(settings_.multiplier, 1.0),
                             static_cast<double>(settings_.max_delay_ms));
      }
      ++restarts_;
      if (settings_.attempts > 0 && restarts_ > settings_.attempts) return std::nullopt;
      // Within the jitter around the delay, so that jobs that failed together don't all come back
      // at once.
      const double part =
          static_cast<double>(random_.Next() >> 11) / static_cast<double>(1ull << 53);
      const double jitter = (2 * part - 1) * settings_.jitter * delay_ms_;
      const int64_t delay = std::max<int64_t>(static_cast<int64_t>(delay_ms_ + jitter), 0);
      restarted_at_ms_ = now_ms + delay;
      return delay;
    }
  }
  return std::nullopt;
}

}  // namespace pyflinkpp
