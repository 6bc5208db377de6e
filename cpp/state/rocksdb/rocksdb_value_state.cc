#include "state/rocksdb/rocksdb_value_state.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

// A run of accesses opens rows of the cache, reading those that are not there, decodes the ones that
// are accessed, and puts what was changed into the cache, encoded.
//
// Stored key: the key group (two bytes, big endian), then the key's bytes. Stored value: the
// serializer's binary format.
class RocksDbValueState final : public ValueState {
 public:
  RocksDbValueState(std::shared_ptr<RocksDbDatabase> database, RocksDbDatabase::Family& family,
                    KeyGroupRange groups, int max_parallelism,
                    std::shared_ptr<const TypeSerializer> serializer)
      : database_(std::move(database)),
        family_(family),
        cache_(database_->AddCache(family, max_parallelism)),
        groups_(groups),
        max_parallelism_(max_parallelism),
        serializer_(std::move(serializer)),
        stride_(serializer_->stride()) {}

  ~RocksDbValueState() override { CloseRows(); }

  absl::Status Prefetch(std::span<const RecordKey> keys) override {
    RETURN_IF_ERROR(Flush());
    for (const RecordKey& key : keys) cache_.PrefetchBucket(key);
    for (const RecordKey& key : keys) cache_.PrefetchRow(key);
    missing_.clear();
    for (const RecordKey& key : keys) {
      CachedRow* row = cache_.Find(key);
      if (row == nullptr) {
        row = &Inserted(key);
        missing_.push_back(row);
      } else if (row->mark == 0) {
        OpenRow(*row);
      }
      prefetched_.push_back(row->mark - 1);
    }
    return ReadMissing();
  }

  std::byte* Access(size_t i, bool* found) override {
    Open& open = open_[prefetched_[i]];
    if (const absl::Status status = Decode(open); !status.ok()) status_.Update(status);
    return Touch(open, found);
  }

  const std::byte* Hint(size_t) const override { return nullptr; }

  absl::StatusOr<const std::byte*> Find(const RecordKey& key) override {
    ++accesses_;
    ASSIGN_OR_RETURN(Open * open, Opened(key));
    RETURN_IF_ERROR(Decode(*open));
    return open->found ? open->row : nullptr;
  }

  absl::StatusOr<std::byte*> FindOrInsert(const RecordKey& key, bool* found) override {
    ASSIGN_OR_RETURN(Open * open, Opened(key));
    RETURN_IF_ERROR(Decode(*open));
    return Touch(*open, found);
  }

  absl::Status Erase(const RecordKey& key) override {
    ++accesses_;
    ASSIGN_OR_RETURN(Open * open, Opened(key));
    if (!open->found) return absl::OkStatus();
    open->found = false;
    open->changed = true;
    --family_.entries;
    if (open->row == nullptr) return absl::OkStatus();
    serializer_->Release(open->row, 1);
    std::memset(open->row, 0, stride_);
    return absl::OkStatus();
  }

  absl::Status Clear() override {
    CloseRows();
    cache_.Clear();
    family_.entries = 0;
    const std::string end =
        groups_.last == 0xffff ? std::string(3, '\xff') : GroupBytes(groups_.last + 1);
    rocksdb::WriteBatch batch;
    RETURN_IF_ERROR(
        Checked(batch.DeleteRange(family_.handle, GroupBytes(groups_.first), end), "clearing"));
    return database_->Write(batch);
  }

  absl::Status Flush() override {
    if (open_.empty()) return status_;
    for (const Open& open : open_) {
      if (!open.changed || !status_.ok()) continue;
      if (!open.found) {
        cache_.Erase(*open.cached);
        continue;
      }
      encoded_.clear();
      BinaryWriter out(encoded_);
      status_.Update(serializer_->Write(open.row, 1, out));
      if (status_.ok()) cache_.Put(*open.cached, encoded_);
    }
    CloseRows();
    RETURN_IF_ERROR(status_);
    return database_->KeepBounds(family_);
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
                  status = Checked(
                      batch.Put(family_.handle, absl::StrCat(GroupBytes(group), keys[i]), value),
                      "restoring");
                }
              }
              serializer_->Release(rows, keys.size());
              family_.entries += static_cast<int64_t>(keys.size());
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
    RETURN_IF_ERROR(database_->WriteBack());
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
      Cursor cursor(database_->db().NewIterator(rocksdb::ReadOptions(), family_.handle));
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

  size_t size() const override { return static_cast<size_t>(family_.entries); }

 private:
  struct Open {  // a row in use since the last Flush; the cached row's mark is its number
    CachedRow* cached;
    std::byte* row;  // null until it is decoded or made
    bool found;
    bool changed;
  };
  static constexpr size_t kBlockRows = 64;

  Open& OpenRow(CachedRow& cached) {
    cached.mark = static_cast<uint32_t>(open_.size()) + 1;
    return open_.emplace_back(Open{&cached, nullptr, cached.present(), false});
  }

  CachedRow& Inserted(const RecordKey& key) {
    PFPP_DCHECK(groups_.contains(KeyGroupOf(key.hash, max_parallelism_)));
    CachedRow* const row = cache_.Insert(key);
    OpenRow(*row);
    return *row;
  }

  absl::StatusOr<Open*> Opened(const RecordKey& key) {
    CachedRow* row = cache_.Find(key);
    if (row == nullptr) {
      row = &Inserted(key);
      missing_.assign(1, row);
      RETURN_IF_ERROR(ReadMissing());
    } else if (row->mark == 0) {
      OpenRow(*row);
    }
    return &open_[row->mark - 1];
  }

  // Rows that could not be read are forgotten, and the run with them.
  absl::Status ReadMissing() {
    if (missing_.empty()) return absl::OkStatus();
    const size_t count = missing_.size();
    stored_keys_.clear();
    for (const CachedRow* row : missing_) {
      stored_keys_.emplace_back(row->stored_key().data(), row->stored_key().size());
    }
    if (values_.size() < count) {
      values_.resize(count);
      statuses_.resize(count);
    }
    if (count == 1) {
      statuses_[0] =
          database_->db().Get(rocksdb::ReadOptions(), family_.handle, stored_keys_[0], &values_[0]);
    } else {
      database_->db().MultiGet(rocksdb::ReadOptions(), family_.handle, count, stored_keys_.data(),
                               values_.data(), statuses_.data());
    }
    absl::Status status;
    for (size_t i = 0; i < count; ++i) {
      if (statuses_[i].IsNotFound()) continue;
      if (!statuses_[i].ok()) {
        status.Update(Checked(statuses_[i], "reading"));
        continue;
      }
      cache_.Load(*missing_[i], BytesOf(values_[i]));
      open_[missing_[i]->mark - 1].found = true;
      values_[i].Reset();
    }
    if (status.ok()) return absl::OkStatus();
    status_.Update(status);
    CloseRows();
    for (CachedRow* row : missing_) cache_.Drop(*row);
    return status;
  }

  // Zeros.
  std::byte* NewRow() {
    if (rows_ == blocks_.size() * kBlockRows)
      blocks_.push_back(std::make_unique<std::byte[]>(kBlockRows * stride_));
    std::byte* const row = blocks_[rows_ / kBlockRows].get() + rows_ % kBlockRows * stride_;
    ++rows_;
    return row;
  }

  absl::Status Decode(Open& open) {
    if (open.row != nullptr) return absl::OkStatus();
    open.row = NewRow();
    if (!open.found) return absl::OkStatus();
    BinaryReader in(open.cached->value());
    absl::Status status = serializer_->Read(in, 1, open.row, arena_);
    if (status.ok()) return status;
    std::memset(open.row, 0, stride_);
    status_.Update(status);
    return status;
  }

  std::byte* Touch(Open& open, bool* found) {
    ++accesses_;
    *found = open.found;
    family_.entries += open.found ? 0 : 1;
    open.found = true;
    open.changed = true;
    return open.row;
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

  // Releases the rows of the run.
  void CloseRows() {
    for (size_t first = 0; first < rows_; first += kBlockRows) {
      std::byte* const block = blocks_[first / kBlockRows].get();
      const size_t count = std::min(kBlockRows, rows_ - first);
      serializer_->Release(block, count);
      std::memset(block, 0, count * stride_);
    }
    for (const Open& open : open_) open.cached->mark = 0;
    rows_ = 0;
    open_.clear();
    prefetched_.clear();
    arena_ = Arena();
  }

  const std::shared_ptr<RocksDbDatabase> database_;
  RocksDbDatabase::Family& family_;
  RowCache& cache_;
  const KeyGroupRange groups_;
  const int max_parallelism_;
  const std::shared_ptr<const TypeSerializer> serializer_;
  const size_t stride_;

  // Since the last Flush.
  std::vector<Open> open_;            // one for each key
  std::vector<uint32_t> prefetched_;  // positions in it
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  size_t rows_ = 0;  // of the blocks that are in use
  Arena arena_;
  absl::Status status_;  // the first failure: a state that has failed stays so

  // They keep their memory.
  std::vector<CachedRow*> missing_;
  std::vector<rocksdb::Slice> stored_keys_;
  std::vector<rocksdb::PinnableSlice> values_;
  std::vector<rocksdb::Status> statuses_;
  std::string encoded_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ValueState>> MakeRocksDbValueState(
    std::shared_ptr<RocksDbDatabase> database, RocksDbDatabase::Family& family,
    KeyGroupRange groups, int max_parallelism, std::shared_ptr<const TypeSerializer> serializer,
    const RestoredKeyedState::State& restored) {
  auto state = std::make_unique<RocksDbValueState>(std::move(database), family, groups,
                                                   max_parallelism, std::move(serializer));
  RETURN_IF_ERROR(state->Restore(restored));
  return state;
}

}  // namespace pyflinkpp
