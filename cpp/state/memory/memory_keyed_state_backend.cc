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

// One key and, behind the key's header, the row of its value and then the key's bytes: one allocation, one cache miss.
struct Entry {
  uint32_t hash;
  uint32_t key_size;
  std::byte* row() { return reinterpret_cast<std::byte*>(this + 1); }
  const std::byte* row() const { return reinterpret_cast<const std::byte*>(this + 1); }
  absl::string_view key(uint32_t stride) const { return {reinterpret_cast<const char*>(this + 1) + stride, key_size}; }
};

struct EntryHash {
  using is_transparent = void;
  size_t operator()(const Entry* entry) const { return MixHash(entry->hash); }
  size_t operator()(const RecordKey& key) const { return MixHash(key.hash); }
};

struct EntryEqual {
  using is_transparent = void;
  uint32_t stride;
  bool operator()(const Entry* a, const Entry* b) const { return a == b; }
  bool operator()(const Entry* entry, const RecordKey& key) const {
    return entry->hash == key.hash && entry->key(stride) == key.bytes();
  }
  bool operator()(const RecordKey& key, const Entry* entry) const { return (*this)(entry, key); }
};

using EntryTable = absl::flat_hash_set<Entry*, EntryHash, EntryEqual>;

class MemoryValueState final : public ValueState {
 public:
  MemoryValueState(KeyGroupRange groups, int max_parallelism, std::shared_ptr<const TypeSerializer> serializer)
      : groups_(groups),
        max_parallelism_(max_parallelism),
        serializer_(std::move(serializer)),
        stride_((serializer_->stride() + 7) / 8 * 8) {
    for (int i = 0; i < groups_.size(); ++i) tables_.emplace_back(0, EntryHash{}, EntryEqual{stride_});
  }

  ~MemoryValueState() override {
    std::vector<std::byte> rows;  // released in one go
    const uint32_t row_size = serializer_->stride();
    for (EntryTable& table : tables_) {
      for (Entry* entry : table) rows.insert(rows.end(), entry->row(), entry->row() + row_size);
    }
    if (!rows.empty()) serializer_->Release(rows.data(), rows.size() / row_size);
  }

  absl::Status Prefetch(std::span<const RecordKey> keys) override {
    for (const RecordKey& key : keys) Table(key).prefetch(key);
    return absl::OkStatus();
  }

  std::byte* Access(const RecordKey& key, bool* found) override {
    *found = true;
    const auto place = Table(key).lazy_emplace(key, [&](const EntryTable::constructor& construct) {
      construct(NewEntry(key));
      *found = false;
      ++size_;
    });
    return (*place)->row();
  }

  absl::Status Flush() override { return absl::OkStatus(); }

  absl::Status Scan(const std::string* after,
                    const std::function<bool(absl::string_view, const std::byte*)>& visit) override {
    if (sorted_.size() != size_) {
      sorted_.clear();
      for (EntryTable& table : tables_) sorted_.insert(sorted_.end(), table.begin(), table.end());
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
  EntryTable& Table(const RecordKey& key) {
    const int group = KeyGroupOf(key.hash, max_parallelism_);
    PFPP_DCHECK(groups_.contains(group));
    return tables_[group - groups_.first];
  }

  Entry* NewEntry(const RecordKey& key) {
    const size_t size = (sizeof(Entry) + stride_ + key.size + 7) / 8 * 8;
    Entry* entry = new (arena_.Allocate(size)) Entry{key.hash, key.size};
    std::memset(entry->row(), 0, stride_);
    if (key.size > 0) std::memcpy(reinterpret_cast<char*>(entry + 1) + stride_, key.data, key.size);
    return entry;
  }

  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<const TypeSerializer> serializer_;
  const uint32_t stride_;
  Arena arena_;  // of the entries; sizes are multiples of 8, so they stay aligned
  std::vector<EntryTable> tables_;
  size_t size_ = 0;
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
