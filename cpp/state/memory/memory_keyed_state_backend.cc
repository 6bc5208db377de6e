#include "state/memory/memory_keyed_state_backend.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "core/base/check.h"
#include "core/base/status.h"
#include "state/memory/key_table.h"

namespace pyflinkpp {
namespace {

// Entries that a snapshot writes in one go: the serializer takes its lock once for them. Fewer where
// they are long.
constexpr size_t kChunk = 128;
constexpr size_t kChunkBytes = size_t{64} << 10;
// A key group with more is written in several blocks: to grow one string would copy it.
constexpr size_t kBlockBytes = size_t{1} << 20;

// What a snapshot has of one state so far. An entry is written when the walk over the tables comes
// to it, or before the first access to it, whichever is first: nobody ever sees a value that was
// changed after the snapshot began. The entry's mark tells that it was written, or was made since.
struct StateSnapshot {
  std::vector<std::string> blocks;  // by key group, from the backend's first on
  std::vector<int64_t> entries;     // the same
  size_t table = 0;                 // where the walk is
  size_t cursor = 0;
  uint64_t generation = 0;  // of the table, to which the cursor belongs
  size_t chunk = 1;         // entries that come next in one go, by the size of the last ones
  absl::Status status;      // of a value that could not be written
};

class MemoryValueState final : public ValueState {
 public:
  MemoryValueState(idl::KeyedStateDescription description, KeyGroupRange groups,
                   int max_parallelism, std::shared_ptr<const TypeSerializer> serializer,
                   std::vector<MemoryValueState*>& states)
      : description_(std::move(description)),
        groups_(groups),
        max_parallelism_(max_parallelism),
        serializer_(std::move(serializer)),
        row_is_pointer_(serializer_->row_is_pointer()),
        states_(states) {
    const uint32_t stride = (serializer_->stride() + 7) / 8 * 8;
    tables_.reserve(static_cast<size_t>(groups_.size()));
    for (int i = 0; i < groups_.size(); ++i) tables_.emplace_back(stride);
    states_.push_back(this);
  }

  ~MemoryValueState() override {
    EndSnapshot();
    Clear().IgnoreError();
    std::erase(states_, this);
  }

  const idl::KeyedStateDescription& description() const { return description_; }

  absl::Status Restore(const RestoredKeyedState::State& restored) {
    std::string scratch;
    for (const auto& [group, blocks] : restored.blocks) {
      if (!groups_.contains(group)) return absl::InternalError("a key group of another subtask");
      for (const std::string& block : blocks) {
        RETURN_IF_ERROR(ReadChunks(
            block, *serializer_, restored_arena_,
            [&](std::span<const absl::string_view> keys, std::byte* rows) -> absl::Status {
              for (size_t i = 0; i < keys.size(); ++i) {
                const RecordKey key =
                    RestoredKey(keys[i], description_.namespaced, max_parallelism_, scratch);
                bool found;
                std::byte* row = TableOf(key).FindOrInsert(key.bytes(), key.hash, &found);
                if (found) return absl::DataLossError("a key twice in the checkpoint");
                std::memcpy(row, rows + i * serializer_->stride(), serializer_->stride());
                ++size_;
              }
              return absl::OkStatus();
            }));
      }
    }
    return absl::OkStatus();
  }

  // ---- snapshots ----

  void BeginSnapshot() {
    PFPP_CHECK(snapshot_ == nullptr);
    snapshot_ = std::make_unique<StateSnapshot>();
    snapshot_->blocks.resize(tables_.size());
    snapshot_->entries.resize(tables_.size());
    mark_ = !mark_;
    for (KeyTable& table : tables_) table.SetMarkOfNew(mark_);
  }

  // Writes up to kChunk entries, adding their size to `*bytes`. `*block`: one that is full, or the
  // last of its table, with `*entries` of the key group `*group`. True: that was all.
  absl::StatusOr<bool> WriteChunk(std::string* block, int64_t* entries, int* group, size_t* bytes) {
    StateSnapshot& snapshot = *snapshot_;
    RETURN_IF_ERROR(snapshot.status);
    if (snapshot.table == tables_.size()) return true;
    KeyTable& table = tables_[snapshot.table];
    if (snapshot.generation != table.generation()) snapshot.cursor = 0;  // entries have moved
    snapshot.generation = table.generation();
    keys_in_hand_.clear();
    rows_in_hand_.clear();
    const uint32_t row_size = serializer_->stride();
    const bool all = table.Walk(&snapshot.cursor, [&](absl::string_view key, std::byte* row) {
      if (table.mark(row) == mark_) return true;
      table.SetMark(row, mark_);
      keys_in_hand_.push_back(key);
      rows_in_hand_.insert(rows_in_hand_.end(), row, row + row_size);
      return keys_in_hand_.size() < snapshot.chunk;
    });
    std::string& written = snapshot.blocks[snapshot.table];
    const size_t before = written.size();
    RETURN_IF_ERROR(WriteInHand(snapshot.table));
    *bytes += written.size() - before;
    if (!keys_in_hand_.empty()) {
      const size_t entry_bytes = (written.size() - before) / keys_in_hand_.size() + 1;
      snapshot.chunk = std::clamp<size_t>(kChunkBytes / entry_bytes, 1, kChunk);
    }
    if (all || written.size() >= kBlockBytes) {
      *group = groups_.first + static_cast<int>(snapshot.table);
      *entries = std::exchange(snapshot.entries[snapshot.table], 0);
      *block = std::exchange(written, {});
    }
    if (all) {
      ++snapshot.table;
      snapshot.cursor = 0;
      if (snapshot.table < tables_.size())
        snapshot.generation = tables_[snapshot.table].generation();
    }
    return snapshot.table == tables_.size();
  }

  // Also when it was given up: then the entries that it lacks get their mark.
  void EndSnapshot() {
    if (snapshot_ == nullptr) return;
    for (size_t i = snapshot_->table; i < tables_.size(); ++i) {
      tables_[i].ForEach(
          [&](absl::string_view, std::byte* row) { tables_[i].SetMark(row, mark_); });
    }
    snapshot_.reset();
  }

  absl::Status Clear() override {
    if (snapshot_ != nullptr) {
      for (KeyTable& table : tables_) {
        table.ForEach([&](absl::string_view, std::byte* row) { Freeze(table, row); });
      }
    }
    std::vector<std::byte> rows;  // released in one go
    const uint32_t row_size = serializer_->stride();
    for (KeyTable& table : tables_) {
      if (table.size() == 0) continue;
      table.ForEach([&](absl::string_view, const std::byte* row) {
        rows.insert(rows.end(), row, row + row_size);
      });
      table.Clear();
    }
    size_ = 0;
    sorted_.clear();
    if (!rows.empty()) serializer_->Release(rows.data(), rows.size() / row_size);
    return absl::OkStatus();
  }

  // In waves, so that the memory's latency of one key hides behind the others': the slots, then
  // what the rows point to.
  absl::Status Prefetch(std::span<const RecordKey> keys) override {
    keys_ = keys;
    candidates_.resize(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      KeyTable& table = TableOf(keys[i]);
      table.Prefetch(keys[i].hash);
      candidates_[i].table = &table;
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      Candidate& candidate = candidates_[i];
      candidate.row = candidate.table->Candidate(keys[i].hash);
      candidate.generation = candidate.table->generation();
      if (candidate.row != nullptr && row_is_pointer_) {
        const char* value;
        std::memcpy(&value, candidate.row, sizeof(value));
        __builtin_prefetch(value - 16);
        __builtin_prefetch(value + 47);
      }
    }
    return absl::OkStatus();
  }

  std::byte* Access(size_t i, bool* found) override {
    const RecordKey& key = keys_[i];
    const Candidate& candidate = candidates_[i];
    *found = true;
    ++accesses_;
    if (IsCurrent(candidate) && candidate.table->IsRowOf(candidate.row, key.bytes())) {
      if (snapshot_ != nullptr) Freeze(*candidate.table, candidate.row);
      return candidate.row;
    }
    std::byte* row = candidate.table->FindOrInsert(key.bytes(), key.hash, found);
    size_ += !*found;
    if (snapshot_ != nullptr && *found) Freeze(*candidate.table, row);
    return row;
  }

  const std::byte* Hint(size_t i) const override {
    return IsCurrent(candidates_[i]) ? candidates_[i].row : nullptr;
  }

  absl::Status Flush() override { return absl::OkStatus(); }

  absl::StatusOr<const std::byte*> Find(const RecordKey& key) override {
    ++accesses_;
    KeyTable& table = TableOf(key);
    std::byte* row = table.Find(key.bytes(), key.hash);
    // Who reads an object may change it.
    if (snapshot_ != nullptr && row != nullptr && row_is_pointer_) Freeze(table, row);
    return row;
  }

  absl::StatusOr<std::byte*> FindOrInsert(const RecordKey& key, bool* found) override {
    ++accesses_;
    KeyTable& table = TableOf(key);
    std::byte* row = table.FindOrInsert(key.bytes(), key.hash, found);
    size_ += !*found;
    if (snapshot_ != nullptr && *found) Freeze(table, row);
    return row;
  }

  absl::Status Erase(const RecordKey& key) override {
    ++accesses_;
    KeyTable& table = TableOf(key);
    std::byte* row = table.Find(key.bytes(), key.hash);
    if (row == nullptr) return absl::OkStatus();
    if (snapshot_ != nullptr) Freeze(table, row);
    // Taken out before it is released: that may run code of the user's, which may come back here.
    absl::InlinedVector<std::byte, 64> value(row, row + serializer_->stride());
    table.Erase(row);
    --size_;
    sorted_.clear();
    serializer_->Release(value.data(),
                         1);  // may run code of the user's, which may come back to this state
    return absl::OkStatus();
  }

  absl::Status Scan(
      const std::string* after,
      const std::function<bool(absl::string_view, const std::byte*)>& visit) override {
    if (sorted_.size() != size_ || sorted_generation_ != Generation()) {
      sorted_generation_ = Generation();
      sorted_.clear();
      for (KeyTable& table : tables_) {
        table.ForEach(
            [&](absl::string_view key, const std::byte* row) { sorted_.emplace_back(key, row); });
      }
      std::sort(sorted_.begin(), sorted_.end());
    }
    auto next = sorted_.begin();
    if (after != nullptr) {
      next = std::upper_bound(
          sorted_.begin(), sorted_.end(), absl::string_view(*after),
          [](absl::string_view key, const auto& entry) { return key < entry.first; });
    }
    for (; next != sorted_.end(); ++next) {
      if (!visit(next->first, next->second)) break;
    }
    return absl::OkStatus();
  }

  size_t size() const override { return size_; }

 private:
  // Where a prefetched key most likely is: good as long as its table has not grown.
  struct Candidate {
    KeyTable* table;
    std::byte* row;  // null: not there
    uint64_t generation;
  };
  static bool IsCurrent(const Candidate& candidate) {
    return candidate.row != nullptr && candidate.generation == candidate.table->generation();
  }

  // Writes the entry, before it is changed, if the snapshot lacks it.
  void Freeze(KeyTable& table, std::byte* row) {
    if (table.mark(row) == mark_) return;
    table.SetMark(row, mark_);
    keys_in_hand_.assign(1, table.KeyOfRow(row));
    rows_in_hand_.assign(row, row + serializer_->stride());
    snapshot_->status.Update(WriteInHand(static_cast<size_t>(&table - tables_.data())));
  }

  absl::Status WriteInHand(size_t table) {
    if (keys_in_hand_.empty()) return absl::OkStatus();
    std::string& block = snapshot_->blocks[table];
    AppendChunkKeys(keys_in_hand_, block);
    snapshot_->entries[table] += static_cast<int64_t>(keys_in_hand_.size());
    BinaryWriter out(block);
    return serializer_->Write(rows_in_hand_.data(), keys_in_hand_.size(), out);
  }

  uint64_t Generation() const {
    uint64_t sum = 0;
    for (const KeyTable& table : tables_) sum += table.generation();
    return sum;
  }

  KeyTable& TableOf(const RecordKey& key) {
    const int group = KeyGroupOf(key.hash, max_parallelism_);
    PFPP_DCHECK(groups_.contains(group));
    return tables_[static_cast<size_t>(group - groups_.first)];
  }

  const idl::KeyedStateDescription description_;
  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<const TypeSerializer> serializer_;
  const bool row_is_pointer_;
  std::vector<MemoryValueState*>& states_;  // the backend's: those that there are
  std::vector<KeyTable> tables_;
  size_t size_ = 0;
  Arena restored_arena_;  // what restored rows point to

  std::unique_ptr<StateSnapshot> snapshot_;  // under way
  bool mark_ = false;  // of entries that it has, or needs not have; without one: of all
  std::vector<absl::string_view> keys_in_hand_;  // entries that are being written
  std::vector<std::byte> rows_in_hand_;
  std::span<const RecordKey> keys_;    // of the last Prefetch
  std::vector<Candidate> candidates_;  // for each of them
  std::vector<std::pair<absl::string_view, const std::byte*>>
      sorted_;  // for Scan; stale when size or generation differ
  uint64_t sorted_generation_ = 0;
};

class MemoryKeyedStateBackend final : public KeyedStateBackend {
 public:
  MemoryKeyedStateBackend(KeyGroupRange groups, int max_parallelism)
      : groups_(groups), max_parallelism_(max_parallelism), registry_(max_parallelism) {}

  KeyGroupRange key_groups() const override { return groups_; }

  void Restore(RestoredKeyedState restored) override { registry_.Restore(std::move(restored)); }

  absl::StatusOr<std::unique_ptr<ValueState>> DoCreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer, KeyShape shape,
      int64_t /*time_to_live_ms*/) override {
    idl::KeyedStateDescription description = DescriptionOf(name, *serializer, shape);
    ASSIGN_OR_RETURN(const RestoredKeyedState::State restored, registry_.Claim(description));
    auto state = std::make_unique<MemoryValueState>(
        std::move(description), groups_, max_parallelism_, std::move(serializer), states_);
    RETURN_IF_ERROR(state->Restore(restored));
    return state;
  }

  absl::Status RegisterEntries(const std::string& name, KeyedEntries* entries) override {
    return registry_.RegisterEntries(name, entries);
  }

  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> Snapshot() override;

 private:
  class Snapshotter;

  const KeyGroupRange groups_;
  const int max_parallelism_;
  KeyedStateRegistry registry_;
  std::vector<MemoryValueState*> states_;
};

// Walks from state to state. A state that is made meanwhile is not in it; one that goes has been
// closed, and the task with it.
class MemoryKeyedStateBackend::Snapshotter final : public KeyedSnapshot {
 public:
  explicit Snapshotter(MemoryKeyedStateBackend& backend)
      : backend_(backend), frozen_(backend.registry_.Freeze()), states_(backend.states_) {
    for (MemoryValueState* state : states_) state->BeginSnapshot();
  }
  ~Snapshotter() override {
    for (MemoryValueState* state : backend_.states_) state->EndSnapshot();
  }

  bool on_loop() const override { return true; }

  absl::StatusOr<bool> WriteSome(KeyedStateWriter& writer) override {
    if (!entries_written_) {
      entries_written_ = frozen_.WriteSome(writer);
      return entries_written_ && states_.empty();
    }
    size_t bytes = 0;
    for (int chunk = 0; chunk < kChunksAtOnce && bytes < kBytesAtOnce; ++chunk) {
      if (at_ == states_.size()) return true;
      if (number_ < 0) number_ = writer.AddState(states_[at_]->description());
      std::string block;
      int64_t entries = 0;
      int group = 0;
      ASSIGN_OR_RETURN(const bool all, states_[at_]->WriteChunk(&block, &entries, &group, &bytes));
      if (!block.empty()) writer.AddBlock(number_, group, entries, std::move(block));
      if (!all) continue;
      ++at_;
      number_ = -1;
    }
    return at_ == states_.size();
  }

 private:
  // At some 100 ns an entry, or half a nanosecond a byte, this is about a millisecond.
  static constexpr int kChunksAtOnce = 64;
  static constexpr size_t kBytesAtOnce = size_t{1} << 20;

  MemoryKeyedStateBackend& backend_;
  KeyedStateRegistry::Frozen frozen_;
  bool entries_written_ = false;
  const std::vector<MemoryValueState*> states_;
  size_t at_ = 0;
  int number_ = -1;  // of the state in hand with the writer
};

absl::StatusOr<std::unique_ptr<KeyedSnapshot>> MemoryKeyedStateBackend::Snapshot() {
  return std::make_unique<Snapshotter>(*this);
}

}  // namespace

std::unique_ptr<KeyedStateBackend> MakeMemoryKeyedStateBackend(KeyGroupRange key_groups,
                                                               int max_parallelism) {
  return std::make_unique<MemoryKeyedStateBackend>(key_groups, max_parallelism);
}

}  // namespace pyflinkpp
