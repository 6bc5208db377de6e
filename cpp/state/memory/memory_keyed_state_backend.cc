#include "state/memory/memory_keyed_state_backend.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/base/hash.h"

namespace pyflinkpp {
namespace {

// One key: a header, the row of its value, the key's bytes. One allocation, one cache miss.
struct Entry {
  uint32_t key_size;
  uint32_t unused = 0;
  std::byte* row() { return reinterpret_cast<std::byte*>(this + 1); }
  const std::byte* row() const { return reinterpret_cast<const std::byte*>(this + 1); }
  absl::string_view key(uint32_t stride) const { return {reinterpret_cast<const char*>(this + 1) + stride, key_size}; }
};

// The table keeps each key's hash beside the pointer, so that an entry is only looked at when it is very likely the one.
struct Slot {
  Entry* entry;
  uint32_t hash;
};

// Looks for any entry with this hash.
struct AnyWithHash {
  uint32_t hash;
};

struct SlotHash {
  using is_transparent = void;
  size_t operator()(const Slot& slot) const { return MixHash(slot.hash); }
  size_t operator()(const RecordKey& key) const { return MixHash(key.hash); }
  size_t operator()(const AnyWithHash& any) const { return MixHash(any.hash); }
};

struct SlotEqual {
  using is_transparent = void;
  uint32_t stride;
  bool operator()(const Slot& a, const Slot& b) const { return a.entry == b.entry; }
  bool operator()(const Slot& slot, const RecordKey& key) const {
    return slot.hash == key.hash && slot.entry->key(stride) == key.bytes();
  }
  bool operator()(const Slot& slot, const AnyWithHash& any) const { return slot.hash == any.hash; }
};

using Table = absl::flat_hash_set<Slot, SlotHash, SlotEqual>;

class MemoryValueState final : public ValueState {
 public:
  MemoryValueState(KeyGroupRange groups, int max_parallelism, std::shared_ptr<const TypeSerializer> serializer)
      : groups_(groups),
        max_parallelism_(max_parallelism),
        serializer_(std::move(serializer)),
        stride_((serializer_->stride() + 7) / 8 * 8) {
    for (int i = 0; i < groups_.size(); ++i) tables_.emplace_back(0, SlotHash{}, SlotEqual{stride_});
  }

  ~MemoryValueState() override {
    std::vector<std::byte> rows;  // released in one go
    const uint32_t row_size = serializer_->stride();
    for (Table& table : tables_) {
      for (const Slot& slot : table) rows.insert(rows.end(), slot.entry->row(), slot.entry->row() + row_size);
    }
    if (!rows.empty()) serializer_->Release(rows.data(), rows.size() / row_size);
  }

  // In three waves, so that the memory's latency of one key hides behind the others: the tables' slots, the entries,
  // and in Access the comparison of the key.
  absl::Status Prefetch(std::span<const RecordKey> keys) override {
    keys_ = keys;
    candidates_.resize(keys.size());
    for (const RecordKey& key : keys) TableOf(key).prefetch(key);
    for (size_t i = 0; i < keys.size(); ++i) {
      const Table& table = TableOf(keys[i]);
      const auto found = table.find(AnyWithHash{keys[i].hash});
      candidates_[i] = found == table.end() ? nullptr : found->entry;
      __builtin_prefetch(candidates_[i]);
    }
    return absl::OkStatus();
  }

  std::byte* Access(size_t i, bool* found) override {
    const RecordKey& key = keys_[i];
    *found = true;
    Entry* candidate = candidates_[i];
    if (candidate != nullptr && candidate->key(stride_) == key.bytes()) return candidate->row();
    const auto place = TableOf(key).lazy_emplace(key, [&](const Table::constructor& construct) {
      construct(Slot{NewEntry(key), key.hash});
      *found = false;
      ++size_;
    });
    return place->entry->row();
  }

  const std::byte* Hint(size_t i) const override { return candidates_[i] == nullptr ? nullptr : candidates_[i]->row(); }

  absl::Status Flush() override { return absl::OkStatus(); }

  absl::Status Scan(const std::string* after,
                    const std::function<bool(absl::string_view, const std::byte*)>& visit) override {
    if (sorted_.size() != size_) {
      sorted_.clear();
      for (const Table& table : tables_) {
        for (const Slot& slot : table) sorted_.push_back(slot.entry);
      }
      std::sort(sorted_.begin(), sorted_.end(),
                [this](const Entry* a, const Entry* b) { return a->key(stride_) < b->key(stride_); });
    }
    auto next = sorted_.begin();
    if (after != nullptr) {
      next = std::upper_bound(sorted_.begin(), sorted_.end(), absl::string_view(*after),
                              [this](absl::string_view key, const Entry* entry) { return key < entry->key(stride_); });
    }
    for (; next != sorted_.end(); ++next) {
      if (!visit((*next)->key(stride_), (*next)->row())) break;
    }
    return absl::OkStatus();
  }

  size_t size() const override { return size_; }

 private:
  Table& TableOf(const RecordKey& key) {
    const int group = KeyGroupOf(key.hash, max_parallelism_);
    PFPP_DCHECK(groups_.contains(group));
    return tables_[group - groups_.first];
  }

  Entry* NewEntry(const RecordKey& key) {
    const size_t size = (sizeof(Entry) + stride_ + key.size + 7) / 8 * 8;
    Entry* entry = new (arena_.Allocate(size)) Entry{key.size};
    std::memset(entry->row(), 0, stride_);
    if (key.size > 0) std::memcpy(reinterpret_cast<char*>(entry + 1) + stride_, key.data, key.size);
    return entry;
  }

  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<const TypeSerializer> serializer_;
  const uint32_t stride_;
  Arena arena_;  // of the entries; sizes are multiples of 8, so they stay aligned
  std::vector<Table> tables_;
  size_t size_ = 0;
  std::span<const RecordKey> keys_;  // of the last Prefetch
  std::vector<Entry*> candidates_;   // for each of them an entry with its hash, or null
  std::vector<const Entry*> sorted_;  // for Scan; stale when its size differs
};

class MemoryKeyedStateBackend final : public KeyedStateBackend {
 public:
  MemoryKeyedStateBackend(KeyGroupRange groups, int max_parallelism) : groups_(groups), max_parallelism_(max_parallelism) {}

  KeyGroupRange key_groups() const override { return groups_; }

  absl::StatusOr<std::unique_ptr<ValueState>> CreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer) override {
    if (!names_.insert(name).second) {
      return absl::AlreadyExistsError(absl::StrCat("two states of one operator have the name '", name, "'"));
    }
    return std::make_unique<MemoryValueState>(groups_, max_parallelism_, std::move(serializer));
  }

 private:
  const KeyGroupRange groups_;
  const int max_parallelism_;
  std::set<std::string> names_;
};

}  // namespace

std::unique_ptr<KeyedStateBackend> MakeMemoryKeyedStateBackend(KeyGroupRange key_groups, int max_parallelism) {
  return std::make_unique<MemoryKeyedStateBackend>(key_groups, max_parallelism);
}

}  // namespace pyflinkpp
