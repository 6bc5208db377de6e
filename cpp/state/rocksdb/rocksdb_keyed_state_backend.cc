#include "state/rocksdb/rocksdb_keyed_state_backend.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "rocksdb/env.h"
#include "rocksdb/write_batch.h"
#include "state/rocksdb/rocksdb_database.h"
#include "state/rocksdb/rocksdb_snapshot.h"

namespace pyflinkpp {
namespace {

// Stored key: the key group (two bytes, big endian), then the key's bytes. Stored value: the
// serializer's binary format.
class RocksDbValueState final : public ValueState {
 public:
  RocksDbValueState(std::shared_ptr<RocksDbDatabase> database, RocksDbDatabase::Family& family,
                    KeyGroupRange groups, int max_parallelism,
                    std::shared_ptr<const TypeSerializer> serializer)
      : database_(std::move(database)),
        family_(family.handle),
        size_(family.entries),
        groups_(groups),
        max_parallelism_(max_parallelism),
        serializer_(std::move(serializer)),
        stride_((size_t{serializer_->stride()} + 7) / 8 * 8) {}

  ~RocksDbValueState() override { ReleaseSlots(); }

  absl::Status Prefetch(std::span<const RecordKey> keys) override {
    RETURN_IF_ERROR(Flush());
    prefetched_.clear();
    std::vector<Slot*> made;
    for (const RecordKey& key : keys) {
      bool is_new;
      prefetched_.push_back(&SlotOf(key, &is_new));
      if (is_new) made.push_back(prefetched_.back());
    }
    if (made.empty()) return absl::OkStatus();

    std::vector<rocksdb::Slice> stored_keys;
    stored_keys.reserve(made.size());
    for (const Slot* slot : made) stored_keys.emplace_back(slot->stored_key);
    std::vector<rocksdb::PinnableSlice> values(made.size());
    std::vector<rocksdb::Status> statuses(made.size());
    database_->db().MultiGet(rocksdb::ReadOptions(), family_, made.size(), stored_keys.data(),
                             values.data(), statuses.data());
    for (size_t i = 0; i < made.size(); ++i)
      RETURN_IF_ERROR(Fill(*made[i], statuses[i], values[i]));
    return absl::OkStatus();
  }

  std::byte* Access(size_t i, bool* found) override { return Touch(*prefetched_[i], found); }

  const std::byte* Hint(size_t) const override { return nullptr; }

  absl::StatusOr<const std::byte*> Find(const RecordKey& key) override {
    ++accesses_;
    ASSIGN_OR_RETURN(const Slot* slot, Loaded(key));
    return slot->found ? slot->row.get() : nullptr;
  }

  absl::StatusOr<std::byte*> FindOrInsert(const RecordKey& key, bool* found) override {
    ASSIGN_OR_RETURN(Slot * slot, Loaded(key));
    return Touch(*slot, found);
  }

  absl::Status Erase(const RecordKey& key) override {
    ++accesses_;
    ASSIGN_OR_RETURN(Slot * slot, Loaded(key));
    if (!slot->found) return absl::OkStatus();
    slot->found = false;
    slot->changed = true;
    --size_;
    serializer_->Release(slot->row.get(), 1);
    std::memset(slot->row.get(), 0, stride_);
    return absl::OkStatus();
  }

  absl::Status Clear() override {
    ReleaseSlots();
    size_ = 0;
    const std::string end =
        groups_.last == 0xffff ? std::string(3, '\xff') : GroupBytes(groups_.last + 1);
    rocksdb::WriteBatch batch;
    RETURN_IF_ERROR(
        Checked(batch.DeleteRange(family_, GroupBytes(groups_.first), end), "clearing"));
    return database_->Write(batch);
  }

  absl::Status Flush() override {
    if (slots_.empty()) return absl::OkStatus();
    rocksdb::WriteBatch batch;
    std::string value;
    for (const Slot& slot : slots_) {
      if (!slot.changed) continue;
      if (!slot.found) {
        RETURN_IF_ERROR(Checked(batch.Delete(family_, slot.stored_key), "writing"));
        continue;
      }
      value.clear();
      BinaryWriter out(value);
      RETURN_IF_ERROR(serializer_->Write(slot.row.get(), 1, out));
      RETURN_IF_ERROR(Checked(batch.Put(family_, slot.stored_key, value), "writing"));
    }
    ReleaseSlots();
    if (batch.Count() == 0) return absl::OkStatus();
    return database_->Write(batch);
  }

  absl::Status Restore(const RestoredKeyedState::State& restored) {
    const uint32_t row_size = serializer_->stride();
    for (const auto& [group, blocks] : restored.blocks) {
      if (!groups_.contains(group)) return absl::InternalError("a key group of another subtask");
      for (const std::string& block : blocks) {
        Arena arena;
        RETURN_IF_ERROR(ReadChunks(
            block, *serializer_, arena,
            [&, group = group](std::span<const absl::string_view> keys, std::byte* rows) {
              rocksdb::WriteBatch batch;
              std::string value;
              absl::Status status;
              for (size_t i = 0; i < keys.size() && status.ok(); ++i) {
                value.clear();
                BinaryWriter out(value);
                status = serializer_->Write(rows + i * row_size, 1, out);
                if (status.ok()) {
                  status =
                      Checked(batch.Put(family_, absl::StrCat(GroupBytes(group), keys[i]), value),
                              "restoring");
                }
              }
              serializer_->Release(rows, keys.size());
              size_ += static_cast<int64_t>(keys.size());
              return status.ok() ? database_->Write(batch) : status;
            }));
      }
    }
    return absl::OkStatus();
  }

  // Merges the key groups, each of which the database keeps in the order of the keys' bytes.
  absl::Status Scan(
      const std::string* after,
      const std::function<bool(absl::string_view, const std::byte*)>& visit) override {
    RETURN_IF_ERROR(Flush());
    using Cursor = std::unique_ptr<rocksdb::Iterator>;
    std::vector<Cursor> cursors;
    const auto key_of = [](const rocksdb::Iterator& cursor) {
      return BytesOf(cursor.key()).substr(2);
    };
    const auto greater = [&](const Cursor& a, const Cursor& b) { return key_of(*a) > key_of(*b); };
    const auto is_in = [&](const rocksdb::Iterator& cursor, const std::string& group) {
      return cursor.Valid() && cursor.key().starts_with(group);
    };
    for (int group = groups_.first; group <= groups_.last; ++group) {
      Cursor cursor(database_->db().NewIterator(rocksdb::ReadOptions(), family_));
      const std::string from = absl::StrCat(GroupBytes(group), after == nullptr ? "" : *after);
      cursor->Seek(from);
      if (after != nullptr && cursor->Valid() && cursor->key() == from) cursor->Next();
      RETURN_IF_ERROR(Checked(cursor->status(), "scanning"));
      if (is_in(*cursor, GroupBytes(group))) cursors.push_back(std::move(cursor));
    }
    std::make_heap(cursors.begin(), cursors.end(), greater);
    while (!cursors.empty()) {
      std::pop_heap(cursors.begin(), cursors.end(), greater);
      Cursor& cursor = cursors.back();
      ASSIGN_OR_RETURN(const bool more, Show(*cursor, key_of(*cursor), visit));
      if (!more) break;
      const std::string group = cursor->key().ToString().substr(0, 2);
      cursor->Next();
      RETURN_IF_ERROR(Checked(cursor->status(), "scanning"));
      if (is_in(*cursor, group)) {
        std::push_heap(cursors.begin(), cursors.end(), greater);
      } else {
        cursors.pop_back();
      }
    }
    return absl::OkStatus();
  }

  size_t size() const override { return static_cast<size_t>(size_); }

 private:
  struct Slot {  // what is known of a key since the last Flush
    std::string stored_key;
    std::unique_ptr<std::byte[]> row;  // zeros unless found
    bool found = false;
    bool changed = false;
  };

  std::string StoredKey(const RecordKey& key) const {
    const int group = KeyGroupOf(key.hash, max_parallelism_);
    PFPP_DCHECK(groups_.contains(group));
    return absl::StrCat(GroupBytes(group), key.bytes());
  }

  Slot& SlotOf(const RecordKey& key, bool* is_new) {
    std::string stored_key = StoredKey(key);
    const auto known = slot_by_key_.find(stored_key);
    *is_new = known == slot_by_key_.end();
    if (!*is_new) return *known->second;
    Slot& slot =
        slots_.emplace_back(Slot{std::move(stored_key), std::make_unique<std::byte[]>(stride_)});
    slot_by_key_.emplace(slot.stored_key, &slot);
    return slot;
  }

  absl::StatusOr<Slot*> Loaded(const RecordKey& key) {
    bool is_new;
    Slot& slot = SlotOf(key, &is_new);
    if (!is_new) return &slot;
    rocksdb::PinnableSlice value;
    RETURN_IF_ERROR(
        Fill(slot, database_->db().Get(rocksdb::ReadOptions(), family_, slot.stored_key, &value),
             value));
    return &slot;
  }

  absl::Status Fill(Slot& slot, const rocksdb::Status& status,
                    const rocksdb::PinnableSlice& value) {
    if (status.IsNotFound()) return absl::OkStatus();
    RETURN_IF_ERROR(Checked(status, "reading"));
    BinaryReader in(BytesOf(value));
    RETURN_IF_ERROR(serializer_->Read(in, 1, slot.row.get(), arena_));
    slot.found = true;
    return absl::OkStatus();
  }

  std::byte* Touch(Slot& slot, bool* found) {
    ++accesses_;
    *found = slot.found;
    size_ += slot.found ? 0 : 1;
    slot.found = true;
    slot.changed = true;
    return slot.row.get();
  }

  absl::StatusOr<bool> Show(
      const rocksdb::Iterator& cursor, absl::string_view key,
      const std::function<bool(absl::string_view, const std::byte*)>& visit) const {
    std::vector<std::byte> row(stride_);
    Arena arena;
    BinaryReader in(BytesOf(cursor.value()));
    RETURN_IF_ERROR(serializer_->Read(in, 1, row.data(), arena));
    const bool more = visit(key, row.data());
    serializer_->Release(row.data(), 1);
    return more;
  }

  void ReleaseSlots() {
    for (Slot& slot : slots_) serializer_->Release(slot.row.get(), 1);
    slot_by_key_.clear();
    slots_.clear();
    prefetched_.clear();
    arena_ = Arena();
  }

  const std::shared_ptr<RocksDbDatabase> database_;
  rocksdb::ColumnFamilyHandle* const family_;
  int64_t& size_;  // the family's
  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<const TypeSerializer> serializer_;
  const size_t stride_;

  // Since the last Flush. Equal keys share a slot.
  std::deque<Slot> slots_;
  absl::flat_hash_map<absl::string_view, Slot*> slot_by_key_;  // by stored key
  std::vector<Slot*> prefetched_;
  Arena arena_;
};

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

  absl::StatusOr<std::unique_ptr<ValueState>> CreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer,
      KeyShape shape) override {
    const idl::KeyedStateDescription description = DescriptionOf(name, *serializer, shape);
    ASSIGN_OR_RETURN(const RestoredKeyedState::State restored, registry_.Claim(description));
    RocksDbDatabase::Family* family = database_->Find(name);  // of restored files
    if (family != nullptr) {
      RETURN_IF_ERROR(CheckSameState(family->description, description));
    } else {
      ASSIGN_OR_RETURN(family, database_->AddFamily(description));
    }
    auto state = std::make_unique<RocksDbValueState>(database_, *family, groups_, max_parallelism_,
                                                     std::move(serializer));
    RETURN_IF_ERROR(state->Restore(restored));
    return state;
  }

  absl::Status RegisterEntries(const std::string& name, KeyedEntries* entries) override {
    return registry_.RegisterEntries(name, entries);
  }

  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> Snapshot() override {
    return MakeRocksDbBlocks(database_, registry_.Freeze());
  }

  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> SnapshotFiles() override {
    return MakeRocksDbFiles(database_, groups_, registry_.Freeze());
  }

 private:
  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<RocksDbDatabase> database_;
  KeyedStateRegistry registry_;
};

absl::StatusOr<std::shared_ptr<RocksDbDatabase>> OpenDatabase(const RocksDbPlan& plan) {
  // The files of exactly these key groups are the database.
  if (plan.restored.size() == 1 && plan.restored[0].key_groups == plan.key_groups) {
    const RestoredFiles& only = plan.restored[0];
    RETURN_IF_ERROR(Checked(rocksdb::Env::Default()->RenameFile(only.directory, plan.directory),
                            absl::StrCat("moving ", only.directory)));
    auto database = RocksDbDatabase::Open(plan.directory, plan.incremental, only.states);
    if (!database.ok()) DeleteDatabaseDirectory(plan.directory);
    return database;
  }
  ASSIGN_OR_RETURN(std::shared_ptr<RocksDbDatabase> database,
                   RocksDbDatabase::Create(plan.directory, plan.incremental));
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
