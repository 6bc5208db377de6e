#include "state/rocksdb/rocksdb_keyed_state_backend.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "rocksdb/env.h"
#include "state/rocksdb/rocksdb_database.h"
#include "state/rocksdb/rocksdb_snapshot.h"
#include "state/rocksdb/rocksdb_value_state.h"

namespace pyflinkpp {
namespace {

class RocksDbKeyedStateBackend final : public KeyedStateBackend {
 public:
  RocksDbKeyedStateBackend(KeyGroupRange groups, int max_parallelism,
                           std::shared_ptr<RocksDbDatabase> database)
      : groups_(groups),
        max_parallelism_(max_parallelism),
        database_(std::move(database)),
        registry_(max_parallelism) {}

  KeyGroupRange key_groups() const override { return groups_; }

  void Restore(RestoredKeyedState restored) override { registry_.Restore(std::move(restored)); }

  absl::StatusOr<std::unique_ptr<ValueState>> DoCreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer, KeyShape shape,
      int64_t time_to_live_ms) override {
    const idl::KeyedStateDescription description = DescriptionOf(name, *serializer, shape);
    ASSIGN_OR_RETURN(const RestoredKeyedState::State restored, registry_.Claim(description));
    RocksDbDatabase::Family* family = database_->Find(name);  // of restored files
    if (family != nullptr) {
      RETURN_IF_ERROR(CheckSameState(family->description, description));
    } else {
      ASSIGN_OR_RETURN(family, database_->AddFamily(description));
    }
    family->filter->SetTimeToLive(time_to_live_ms);
    return MakeRocksDbValueState(database_, *family, groups_, max_parallelism_,
                                 std::move(serializer), restored);
  }

  absl::Status RegisterEntries(const std::string& name, KeyedEntries* entries) override {
    return registry_.RegisterEntries(name, entries);
  }

  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> Snapshot() override {
    RETURN_IF_ERROR(database_->WriteBack());
    return MakeRocksDbBlocks(database_, registry_.Freeze());
  }

  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> SnapshotFiles() override {
    RETURN_IF_ERROR(database_->WriteBack());
    return MakeRocksDbFiles(database_, groups_, registry_.Freeze());
  }

 private:
  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<RocksDbDatabase> database_;
  KeyedStateRegistry registry_;
};

absl::StatusOr<std::shared_ptr<RocksDbDatabase>> OpenDatabase(const RocksDbPlan& plan) {
  const std::shared_ptr<RocksDbMemory> memory = RocksDbMemory::For(plan.memory);
  // The files of exactly these key groups are the database.
  if (plan.restored.size() == 1 && plan.restored[0].key_groups == plan.key_groups) {
    const RestoredFiles& only = plan.restored[0];
    RETURN_IF_ERROR(Checked(rocksdb::Env::Default()->RenameFile(only.directory, plan.directory),
                            absl::StrCat("moving ", only.directory)));
    auto database = RocksDbDatabase::Open(plan.directory, plan.incremental, only.states, memory,
                                          plan.env, plan.clock);
    if (!database.ok()) DeleteDatabaseDirectory(plan.directory);
    return database;
  }
  ASSIGN_OR_RETURN(
      std::shared_ptr<RocksDbDatabase> database,
      RocksDbDatabase::Create(plan.directory, plan.incremental, memory, plan.env, plan.clock));
  for (const RestoredFiles& from : plan.restored)
    RETURN_IF_ERROR(database->CopyFrom(from, plan.key_groups));
  return database;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyedStateBackend>> OpenRocksDbKeyedStateBackend(
    const RocksDbPlan& plan) {
  ASSIGN_OR_RETURN(std::shared_ptr<RocksDbDatabase> database, OpenDatabase(plan));
  return std::make_unique<RocksDbKeyedStateBackend>(plan.key_groups, plan.max_parallelism,
                                                    std::move(database));
}

}  // namespace pyflinkpp
