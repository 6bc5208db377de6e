// Keyed state on local disk, larger than memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rocksdb/env.h"
#include "state/keyed/keyed_state_backend.h"
#include "state/rocksdb/rocksdb_memory.h"

namespace pyflinkpp {

struct RocksDbPlan {
  KeyGroupRange key_groups;
  int max_parallelism = 128;
  std::string directory;     // must not exist
  bool incremental = false;  // its files go into checkpoints: few of them are to be written anew
  std::vector<RestoredFiles> restored = {};
  RocksDbMemoryPlan memory = {};
  rocksdb::Env* env = nullptr;   // RocksDB's files; its own when null
  const Clock* clock = nullptr;  // by which values expire; null: none does
};

// Opens a database in the directory, which is deleted with the backend. It is empty, or has what was
// restored, as far as it is of these key groups.
absl::StatusOr<std::unique_ptr<KeyedStateBackend>> OpenRocksDbKeyedStateBackend(
    const RocksDbPlan& plan);

}  // namespace pyflinkpp
