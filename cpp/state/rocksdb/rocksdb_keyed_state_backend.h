// Keyed state on local disk, larger than memory.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

// Opens an empty database in `directory`, which must not exist, and deletes it with the backend.
absl::StatusOr<std::unique_ptr<KeyedStateBackend>> OpenRocksDbKeyedStateBackend(
    KeyGroupRange key_groups, int max_parallelism, const std::string& directory);

}  // namespace pyflinkpp
