// Snapshots of a RocksDB database.
#pragma once

#include <memory>

#include "state/keyed/keyed_snapshot.h"
#include "state/rocksdb/rocksdb_database.h"

namespace pyflinkpp {

// In blocks: reads the database as it was; the values' stored form is the one of blocks.
std::unique_ptr<KeyedSnapshot> MakeRocksDbBlocks(std::shared_ptr<RocksDbDatabase> database,
                                                 KeyedStateRegistry::Frozen frozen);

// As files; in blocks where that can't be done (RocksDbDatabase).
absl::StatusOr<std::unique_ptr<KeyedSnapshot>> MakeRocksDbFiles(
    std::shared_ptr<RocksDbDatabase> database, KeyGroupRange key_groups,
    KeyedStateRegistry::Frozen frozen);

}  // namespace pyflinkpp
