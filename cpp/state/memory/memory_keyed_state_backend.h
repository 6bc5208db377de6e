// Keyed state as live values in hash maps, one for each key group.
#pragma once

#include <memory>

#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

std::unique_ptr<KeyedStateBackend> MakeMemoryKeyedStateBackend(KeyGroupRange key_groups,
                                                               int max_parallelism);

}  // namespace pyflinkpp
