#include "runtime/task/state_backends.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/config/memory_size.h"
#include "runtime/task/state_files.h"
#include "state/memory/memory_keyed_state_backend.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"

namespace pyflinkpp {
namespace {

constexpr char kManagedSize[] = "taskmanager.memory.managed.size";
constexpr char kFixedPerSlot[] = "state.backend.rocksdb.memory.fixed-per-slot";
constexpr char kFixedPerTaskManager[] = "state.backend.rocksdb.memory.fixed-per-tm";
constexpr int64_t kMemoryLeast = int64_t{1} << 20;

std::string Option(const std::map<std::string, std::string>& configuration, const char* key,
                   const char* otherwise) {
  const auto found = configuration.find(key);
  return found == configuration.end() ? otherwise : found->second;
}

absl::StatusOr<double> Ratio(const std::map<std::string, std::string>& configuration,
                             const char* key, const char* otherwise) {
  const std::string text = Option(configuration, key, otherwise);
  double ratio;
  if (!absl::SimpleAtod(text, &ratio) || !(ratio >= 0 && ratio <= 1))
    return UserError(absl::StrCat(key, ": '", text, "' is no number from 0 to 1"));
  return ratio;
}

absl::StatusOr<RocksDbMemoryPlan> MemoryPlan(
    const std::map<std::string, std::string>& configuration) {
  if (configuration.contains(kFixedPerSlot)) {
    return UserError(absl::StrCat(
        kFixedPerSlot, " is not supported: slots have no memory of their own. Set ", kManagedSize,
        ", which all slots of a process share, or state.backend.rocksdb.memory.fixed-per-tm"));
  }
  RocksDbMemoryPlan plan;
  const bool fixed = configuration.contains(kFixedPerTaskManager);
  const char* const key = fixed ? kFixedPerTaskManager : kManagedSize;
  ASSIGN_OR_RETURN(plan.bytes, ParseMemorySize(key, Option(configuration, key, "512 mb")));
  if (plan.bytes < kMemoryLeast) {
    return UserError(
        absl::StrCat(key, ": '", Option(configuration, key, ""), "' is less than 1 mb"));
  }
  plan.managed =
      fixed || absl::AsciiStrToLower(Option(configuration, "state.backend.rocksdb.memory.managed",
                                            "true")) != "false";
  ASSIGN_OR_RETURN(plan.write_buffer_ratio,
                   Ratio(configuration, "state.backend.rocksdb.memory.write-buffer-ratio", "0.5"));
  ASSIGN_OR_RETURN(
      plan.high_prio_pool_ratio,
      Ratio(configuration, "state.backend.rocksdb.memory.high-prio-pool-ratio", "0.1"));
  return plan;
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
    ASSIGN_OR_RETURN(const RocksDbMemoryPlan memory, MemoryPlan(plan.configuration));
    return OpenRocksDbKeyedStateBackend(
        {.key_groups = plan.key_groups,
         .max_parallelism = plan.max_parallelism,
         .directory = plan.directory,
         .incremental =
             absl::AsciiStrToLower(
                 Option(plan.configuration, "execution.checkpointing.incremental", "")) == "true",
         .restored = plan.restored,
         .memory = memory,
         .clock = &plan.env.clock});
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
