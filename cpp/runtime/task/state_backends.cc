#include "runtime/task/state_backends.h"

#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "state/memory/memory_keyed_state_backend.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"

namespace pyflinkpp {

absl::StatusOr<std::unique_ptr<KeyedStateBackend>> MakeKeyedStateBackend(
    const std::map<std::string, std::string>& configuration, KeyGroupRange key_groups,
    int max_parallelism, const std::string& name) {
  const auto option = [&](const char* key, const char* otherwise) {
    const auto found = configuration.find(key);
    return found == configuration.end() ? std::string(otherwise) : found->second;
  };
  const std::string type = absl::AsciiStrToLower(option("state.backend.type", "hashmap"));
  if (type == "hashmap") return MakeMemoryKeyedStateBackend(key_groups, max_parallelism);
  if (type == "rocksdb") {
    std::string directory = option("state.backend.rocksdb.localdir", "");
    if (directory.empty()) directory = std::filesystem::temp_directory_path();
    return OpenRocksDbKeyedStateBackend(key_groups, max_parallelism,
                                        absl::StrCat(directory, "/pyflinkpp-state-", name));
  }
  return UserError(absl::StrCat("state.backend.type: '", type, "' is none of hashmap, rocksdb"));
}

}  // namespace pyflinkpp
