// Drops what has expired when RocksDB rewrites it anyway.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/env/env.h"
#include "rocksdb/compaction_filter.h"
#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

// Of one column family. A database is opened before its states are asked for: until then, and in
// states without a time to live, nothing expires. RocksDB may keep an older value of a key that it
// has dropped a newer one of: that one has expired, too. Called by RocksDB's threads.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  // `clock`: null: nothing ever expires.
  explicit ExpiryFilter(const Clock* clock) : clock_(clock) {}

  void SetTimeToLive(int64_t millis) { time_to_live_ms_.store(millis, std::memory_order_relaxed); }

  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    const int64_t time_to_live_ms = time_to_live_ms_.load(std::memory_order_relaxed);
    if (time_to_live_ms == 0 || clock_ == nullptr) return false;
    const std::optional<int64_t> time = TimeOfValue({value.data(), value.size()});
    return time && *time <= clock_->NowMillis() - time_to_live_ms;
  }
  const char* Name() const override { return "pyflinkpp.ExpiryFilter"; }

 private:
  const Clock* const clock_;
  std::atomic<int64_t> time_to_live_ms_{0};
};

}  // namespace pyflinkpp
