// One keyed state in a RocksDB database.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/graph/key_groups.h"
#include "core/types/type_serializer.h"
#include "state/keyed/keyed_state_backend.h"
#include "state/rocksdb/rocksdb_database.h"

namespace pyflinkpp {

// `restored`: blocks of a snapshot, written to the family first.
absl::StatusOr<std::unique_ptr<ValueState>> MakeRocksDbValueState(
    std::shared_ptr<RocksDbDatabase> database, RocksDbDatabase::Family& family,
    KeyGroupRange groups, int max_parallelism, std::shared_ptr<const TypeSerializer> serializer,
    const RestoredKeyedState::State& restored);

}  // namespace pyflinkpp
