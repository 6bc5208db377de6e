// A state backend whose snapshots are files, small enough to be seen through: it stands for RocksDB
// in simulated runs.
#pragma once

#include <cstdint>

#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp::sim {

inline constexpr char kModelBackend[] = "model";

// What model backends have done.
struct ModelBackendCounts {
  int64_t snapshots = 0;  // of files
  int64_t merges = 0;
  int64_t restores_in_place = 0;
  int64_t restores_of_parts = 0;  // of other key groups
};

// Values lie in memory. A snapshot of files writes the blocks that have changed since the last one
// into a new segment, which never changes; when there are too many segments, it merges them. A
// manifest, which is the snapshot's own, says which segment has the last contents of which block.
// `counts` outlives the backends.
KeyedStateBackendMaker ModelBackends(ModelBackendCounts& counts);

}  // namespace pyflinkpp::sim
