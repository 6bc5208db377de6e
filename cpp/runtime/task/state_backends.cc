#include "runtime/task/state_backends.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "runtime/task/state_files.h"
#include "state/memory/memory_keyed_state_backend.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"

namespace pyflinkpp {
namespace {

std::string Option(const std::map<std::string, std::string>& configuration, const char* key,
                   const char* otherwise) {
  const auto found = configuration.find(key);
  return found == configuration.end() ? otherwise : found->second;
}

}  // namespace

KeyedStateBackendPlan PlanKeyedState(Env& env,
                                     const std::map<std::string, std::string>& configuration,
                                     KeyGroupRange key_groups, int max_parallelism,
                                     const std::string& name) {
  std::string directory = Option(configuration, "state.backend.rocksdb.localdir", "");
  if (directory.empty()) directory = env.files.temporary_directory();
  return {.env = env,
          .configuration = configuration,
          .key_groups = key_groups,
          .max_parallelism = max_parallelism,
          .directory = absl::StrCat(directory, "/pyflinkpp-state-", name)};
}

absl::StatusOr<std::unique_ptr<KeyedStateBackend>> MakeKeyedStateBackend(
    const OperatorRegistry& registry, const KeyedStateBackendPlan& plan) {
  const std::string type =
      absl::AsciiStrToLower(Option(plan.configuration, "state.backend.type", "hashmap"));
  for (const RestoredFiles& files : plan.restored) {
    if (files.format == type) continue;
    return UserError(absl::StrCat(
        "the checkpoint is an incremental one of the state backend '", files.format,
        "', and state.backend.type is '", type,
        "' now: only a savepoint can be restored with another backend; take one with the old "
        "backend and start from it"));
  }
  if (type == "hashmap") return MakeMemoryKeyedStateBackend(plan.key_groups, plan.max_parallelism);
  if (type == "rocksdb") {
    return OpenRocksDbKeyedStateBackend(
        {.key_groups = plan.key_groups,
         .max_parallelism = plan.max_parallelism,
         .directory = plan.directory,
         .incremental =
             absl::AsciiStrToLower(
                 Option(plan.configuration, "execution.checkpointing.incremental", "")) == "true",
         .restored = plan.restored});
  }
  if (const auto found = registry.state_backends.find(type); found != registry.state_backends.end())
    return found->second(plan);
  return UserError(absl::StrCat("state.backend.type: '", type, "' is none of hashmap, rocksdb"));
}

absl::StatusOr<std::unique_ptr<KeyedStateBackend>> RestoreKeyedStateBackend(
    const OperatorRegistry& registry, KeyedStateBackendPlan plan,
    const std::vector<idl::KeyedStateHandle>& handles) {
  FileSystem& files = plan.env.files;
  std::vector<std::string> directories;
  absl::Status status;
  for (const idl::KeyedStateHandle& handle : handles) {
    if (!handle.__isset.backend || !status.ok()) continue;
    directories.push_back(absl::StrCat(plan.directory, ".restored-", directories.size()));
    absl::StatusOr<RestoredFiles> restored =
        RestoreStateFiles(files, handle.backend, directories.back());
    status = restored.status();
    if (restored.ok()) plan.restored.push_back(*std::move(restored));
  }
  absl::StatusOr<std::unique_ptr<KeyedStateBackend>> backend =
      status.ok() ? MakeKeyedStateBackend(registry, plan) : status;
  for (const std::string& directory : directories) DeleteWithFiles(files, directory);
  return backend;
}

}  // namespace pyflinkpp
