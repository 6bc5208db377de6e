// The state backends there are, by the value of "state.backend.type".
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

// `name` tells the user of the state from all others on this machine; files get it.
absl::StatusOr<std::unique_ptr<KeyedStateBackend>> MakeKeyedStateBackend(
    const std::map<std::string, std::string>& configuration, KeyGroupRange key_groups,
    int max_parallelism, const std::string& name);

}  // namespace pyflinkpp
