// The state backends there are, by the value of "state.backend.type".
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/operators/registry.h"
#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

// What a backend is made for. `name` tells the user of the state from all others on this machine;
// files get it.
KeyedStateBackendPlan PlanKeyedState(Env& env,
                                     const std::map<std::string, std::string>& configuration,
                                     KeyGroupRange key_groups, int max_parallelism,
                                     const std::string& name);

// Refuses files of another backend.
absl::StatusOr<std::unique_ptr<KeyedStateBackend>> MakeKeyedStateBackend(
    const OperatorRegistry& registry, const KeyedStateBackendPlan& plan);

// The same from a checkpoint's files, on the executor. `handles`: at least one has files.
absl::StatusOr<std::unique_ptr<KeyedStateBackend>> RestoreKeyedStateBackend(
    const OperatorRegistry& registry, KeyedStateBackendPlan plan,
    const std::vector<idl::KeyedStateHandle>& handles);

}  // namespace pyflinkpp
