#include "state/rocksdb/rocksdb_keyed_state_backend.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"

namespace pyflinkpp {
namespace {

absl::string_view BytesOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status Checked(const rocksdb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  return ExternalError(absl::StrCat("RocksDB, ", what, ": ", status.ToString()));
}

// Most look-ups are of keys that were never written, or were written lately: filters answer the
// former, a small skip list that stays in the processor's cache the latter.
rocksdb::ColumnFamilyOptions FamilyOptions() {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = size_t{16} << 20;
  options.max_write_buffer_number = 3;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.1;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(size_t{64} << 20);
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;
  return options;
}

// A database, deleted with its last user. All states of a backend share it.
class Database {
 public:
  static absl::StatusOr<std::shared_ptr<Database>> Open(const std::string& directory) {
    auto database = std::make_shared<Database>(Private{}, directory);
    rocksdb::Options options;
    options.create_if_missing = true;
    options.error_if_exists = true;
    options.info_log_level = rocksdb::WARN_LEVEL;
    options.allow_concurrent_memtable_write = false;  // there is one writer
    RETURN_IF_ERROR(Checked(rocksdb::DB::Open(options, directory, &database->db_),
                            absl::StrCat("opening ", directory)));
    return database;
  }

  struct Private {};
  Database(Private, std::string directory) : directory_(std::move(directory)) {}
  ~Database() {
    if (db_ == nullptr) return;
    for (rocksdb::ColumnFamilyHandle* family : families_)
      (void)db_->DestroyColumnFamilyHandle(family);
    delete db_;
    (void)rocksdb::DestroyDB(directory_, rocksdb::Options());
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::StatusOr<rocksdb::ColumnFamilyHandle*> CreateFamily(const std::string& name) {
    rocksdb::ColumnFamilyHandle* family;
    RETURN_IF_ERROR(
        Checked(db_->CreateColumnFamily(FamilyOptions(), absl::StrCat("state:", name), &family),
                absl::StrCat("creating state '", name, "'")));
    families_.push_back(family);
    return family;
  }

  rocksdb::DB& db() { return *db_; }

 private:
  const std::string directory_;
  rocksdb::DB* db_ = nullptr;  // RocksDB's interface gives it to us raw
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

std::string GroupBytes(int group) {
  return {static_cast<char>(group >> 8), static_cast<char>(group & 0xff)};
}

rocksdb::WriteOptions WithoutLog() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;  // what is durable is the checkpoint
  return options;
}

// Stored key: the key group (two bytes, big endian), then the key's bytes. Stored value: the
// serializer's binary format.
class RocksDbValueState final : public ValueState {
 public:
  RocksDbValueState(std::shared_ptr<Database> database, rocksdb::ColumnFamilyHandle* family,
                    KeyGroupRange groups, int max_parallelism,
                    std::shared_ptr<const TypeSerializer> serializer)
      : database_(std::move(database)),
        family_(family),
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
    return Checked(
        database_->db().DeleteRange(WithoutLog(), family_, GroupBytes(groups_.first), end),
        "clearing");
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
    return Checked(database_->db().Write(WithoutLog(), &batch), "writing");
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
              size_ += keys.size();
              if (status.ok()) {
                status = Checked(database_->db().Write(WithoutLog(), &batch), "restoring");
              }
              return status;
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

  size_t size() const override { return size_; }

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
    size_ += !slot.found;
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

  const std::shared_ptr<Database> database_;
  rocksdb::ColumnFamilyHandle* const family_;
  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<const TypeSerializer> serializer_;
  const size_t stride_;
  size_t size_ = 0;

  // Since the last Flush. Equal keys share a slot.
  std::deque<Slot> slots_;
  absl::flat_hash_map<absl::string_view, Slot*> slot_by_key_;  // by stored key
  std::vector<Slot*> prefetched_;
  Arena arena_;
};

// Reads the database as it was; the values' stored form is the one of blocks.
class RocksDbSnapshot final : public KeyedSnapshot {
 public:
  struct State {
    idl::KeyedStateDescription description;
    rocksdb::ColumnFamilyHandle* family;
  };

  RocksDbSnapshot(std::shared_ptr<Database> database, std::vector<State> states,
                  KeyedStateRegistry::Frozen frozen)
      : database_(std::move(database)),
        states_(std::move(states)),
        frozen_(std::move(frozen)),
        snapshot_(database_->db().GetSnapshot()) {}
  ~RocksDbSnapshot() override {
    cursor_.reset();
    database_->db().ReleaseSnapshot(snapshot_);
  }

  bool on_loop() const override { return false; }

  absl::StatusOr<bool> WriteSome(KeyedStateWriter& writer) override {
    if (!entries_written_) {
      entries_written_ = frozen_.WriteSome(writer);
      return entries_written_ && states_.empty();
    }
    if (at_ == states_.size()) return true;
    if (cursor_ == nullptr) {
      number_ = writer.AddState(states_[at_].description);
      rocksdb::ReadOptions options;
      options.snapshot = snapshot_;
      options.fill_cache = false;
      cursor_.reset(database_->db().NewIterator(options, states_[at_].family));
      cursor_->SeekToFirst();
    }
    while (cursor_->Valid()) {
      const std::string group_bytes = cursor_->key().ToString().substr(0, 2);
      const int group =
          static_cast<uint8_t>(group_bytes[0]) << 8 | static_cast<uint8_t>(group_bytes[1]);
      std::string block;
      int64_t entries = 0;
      for (; cursor_->Valid() && cursor_->key().starts_with(group_bytes) &&
             block.size() < kBlockBytes;
           cursor_->Next(), ++entries) {
        const absl::string_view key = BytesOf(cursor_->key()).substr(2);
        AppendChunkKeys({&key, 1}, block);
        block.append(cursor_->value().data(), cursor_->value().size());
      }
      writer.AddBlock(number_, group, entries, std::move(block));
      if (cursor_->Valid()) return false;
    }
    RETURN_IF_ERROR(Checked(cursor_->status(), "reading a snapshot"));
    cursor_.reset();
    return ++at_ == states_.size();
  }

 private:
  static constexpr size_t kBlockBytes = size_t{1} << 20;

  const std::shared_ptr<Database> database_;
  const std::vector<State> states_;
  KeyedStateRegistry::Frozen frozen_;
  bool entries_written_ = false;
  const rocksdb::Snapshot* const snapshot_;
  size_t at_ = 0;
  int number_ = -1;
  std::unique_ptr<rocksdb::Iterator> cursor_;
};

class RocksDbKeyedStateBackend final : public KeyedStateBackend {
 public:
  RocksDbKeyedStateBackend(KeyGroupRange groups, int max_parallelism,
                           std::shared_ptr<Database> database)
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
    ASSIGN_OR_RETURN(rocksdb::ColumnFamilyHandle * family, database_->CreateFamily(name));
    auto state = std::make_unique<RocksDbValueState>(database_, family, groups_, max_parallelism_,
                                                     std::move(serializer));
    RETURN_IF_ERROR(state->Restore(restored));
    states_.push_back({description, family});
    return state;
  }

  absl::Status RegisterEntries(const std::string& name, KeyedEntries* entries) override {
    return registry_.RegisterEntries(name, entries);
  }

  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> Snapshot() override {
    return std::make_unique<RocksDbSnapshot>(database_, states_, registry_.Freeze());
  }

 private:
  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<Database> database_;
  KeyedStateRegistry registry_;
  std::vector<RocksDbSnapshot::State> states_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<KeyedStateBackend>> OpenRocksDbKeyedStateBackend(
    KeyGroupRange key_groups, int max_parallelism, const std::string& directory) {
  ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Database::Open(directory));
  return std::make_unique<RocksDbKeyedStateBackend>(key_groups, max_parallelism,
                                                    std::move(database));
}

}  // namespace pyflinkpp
