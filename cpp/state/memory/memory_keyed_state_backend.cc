#include "state/memory/memory_keyed_state_backend.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "state/memory/key_table.h"

namespace pyflinkpp {
namespace {

class MemoryValueState final : public ValueState {
 public:
  MemoryValueState(KeyGroupRange groups, int max_parallelism,
                   std::shared_ptr<const TypeSerializer> serializer)
      : groups_(groups),
        max_parallelism_(max_parallelism),
        serializer_(std::move(serializer)),
        row_is_pointer_(serializer_->row_is_pointer()) {
    const uint32_t stride = (serializer_->stride() + 7) / 8 * 8;
    tables_.reserve(static_cast<size_t>(groups_.size()));
    for (int i = 0; i < groups_.size(); ++i) tables_.emplace_back(stride);
  }

  ~MemoryValueState() override { Clear().IgnoreError(); }

  absl::Status Clear() override {
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
    if (IsCurrent(candidate) && candidate.table->IsRowOf(candidate.row, key.bytes()))
      return candidate.row;
    std::byte* row = candidate.table->FindOrInsert(key.bytes(), key.hash, found);
    size_ += !*found;
    return row;
  }

  const std::byte* Hint(size_t i) const override {
    return IsCurrent(candidates_[i]) ? candidates_[i].row : nullptr;
  }

  absl::Status Flush() override { return absl::OkStatus(); }

  absl::StatusOr<const std::byte*> Find(const RecordKey& key) override {
    ++accesses_;
    return TableOf(key).Find(key.bytes(), key.hash);
  }

  absl::StatusOr<std::byte*> FindOrInsert(const RecordKey& key, bool* found) override {
    ++accesses_;
    std::byte* row = TableOf(key).FindOrInsert(key.bytes(), key.hash, found);
    size_ += !*found;
    return row;
  }

  absl::Status Erase(const RecordKey& key) override {
    ++accesses_;
    KeyTable& table = TableOf(key);
    std::byte* row = table.Find(key.bytes(), key.hash);
    if (row == nullptr) return absl::OkStatus();
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

  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<const TypeSerializer> serializer_;
  const bool row_is_pointer_;
  std::vector<KeyTable> tables_;
  size_t size_ = 0;
  std::span<const RecordKey> keys_;    // of the last Prefetch
  std::vector<Candidate> candidates_;  // for each of them
  std::vector<std::pair<absl::string_view, const std::byte*>>
      sorted_;  // for Scan; stale when size or generation differ
  uint64_t sorted_generation_ = 0;
};

class MemoryKeyedStateBackend final : public KeyedStateBackend {
 public:
  MemoryKeyedStateBackend(KeyGroupRange groups, int max_parallelism)
      : groups_(groups), max_parallelism_(max_parallelism) {}

  KeyGroupRange key_groups() const override { return groups_; }

  absl::StatusOr<std::unique_ptr<ValueState>> CreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer) override {
    if (!names_.insert(name).second) {
      return absl::AlreadyExistsError(
          absl::StrCat("two states of one operator have the name '", name, "'"));
    }
    return std::make_unique<MemoryValueState>(groups_, max_parallelism_, std::move(serializer));
  }

 private:
  const KeyGroupRange groups_;
  const int max_parallelism_;
  std::set<std::string> names_;
};

}  // namespace

std::unique_ptr<KeyedStateBackend> MakeMemoryKeyedStateBackend(KeyGroupRange key_groups,
                                                               int max_parallelism) {
  return std::make_unique<MemoryKeyedStateBackend>(key_groups, max_parallelism);
}

}  // namespace pyflinkpp
