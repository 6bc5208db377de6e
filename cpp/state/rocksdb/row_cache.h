// The rows of one state that were read or written lately, in front of RocksDB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "core/stream/record_batch.h"

namespace pyflinkpp {

// A key's value as it is stored, or that there is none. It stays where it is.
class CachedRow {
 public:
  CachedRow(const CachedRow&) = delete;
  CachedRow& operator=(const CachedRow&) = delete;

  absl::string_view stored_key() const { return {tail(), key_size_}; }
  bool present() const { return present_; }
  absl::string_view value() const { return {value_bytes(), value_size_}; }

 private:
  friend class RowCache;
  CachedRow() = default;
  ~CachedRow() = default;

  const char* tail() const { return reinterpret_cast<const char*>(this + 1); }
  char* tail() { return reinterpret_cast<char*>(this + 1); }
  uint32_t inline_room() const { return inline_words_ * uint32_t{8}; }
  bool is_inline() const { return value_room_ == inline_room(); }
  // Behind the key, or where the pointer behind the key points to.
  const char* value_bytes() const {
    if (is_inline()) return tail() + key_size_;
    const char* bytes;
    std::memcpy(&bytes, tail() + key_size_, sizeof(bytes));
    return bytes;
  }
  size_t bytes() const;

  CachedRow* next_ = nullptr;  // of the bucket

 public:
  // What its user keeps about it; 0 when it is made. While it is not, the row is not evicted.
  uint32_t mark = 0;

 private:
  uint32_t hash_ = 0;
  uint32_t key_size_ = 0;
  uint32_t value_size_ = 0;
  uint32_t value_room_ = 0;   // bytes of it, wherever they are
  uint8_t inline_words_ = 0;  // behind the key, of 8 bytes
  bool present_ : 1 = false;
  bool used_ : 1 = false;     // since the clock's hand came by
  bool changed_ : 1 = false;  // RocksDB does not know it
  bool stored_ : 1 = false;   // RocksDB has a value of the key
};
static_assert(sizeof(CachedRow) == 32);

// Values are kept as they are stored, not as rows of the serializer: what they take is known to the
// byte; an object that the user changes later without saying so doesn't change with it, which would
// depend on what is evicted; and no loop needs the interpreter's lock to evict.
//
// Look-ups hash to a bucket, a list of rows. The buckets grow one at a time (linear hashing), so no
// access waits until a million rows have moved. Rows are evicted by the clock's algorithm, its hand
// goes over the buckets: a row that was asked for since it came by stays for another round, so what
// is read once goes before what is read again.
class RowCache {
 public:
  explicit RowCache(int max_parallelism) : max_parallelism_(max_parallelism) {}
  ~RowCache() { Clear(); }
  RowCache(const RowCache&) = delete;
  RowCache& operator=(const RowCache&) = delete;

  // Asks the memory for what a look-up will read first.
  void PrefetchBucket(const RecordKey& key) const { __builtin_prefetch(&buckets_[BucketOf(key)]); }
  // And then; the bucket's address is there by now.
  void PrefetchRow(const RecordKey& key) const { __builtin_prefetch(buckets_[BucketOf(key)]); }

  // The key's row, null when it isn't here.
  CachedRow* Find(const RecordKey& key);
  // A row for a key that isn't here, without a value.
  CachedRow* Insert(const RecordKey& key);
  // What RocksDB has. REQUIRES: the row was inserted and not yet changed.
  void Load(CachedRow& row, absl::string_view value);
  // Forgets what was inserted and could not be loaded.
  void Drop(CachedRow& row);

  // New values, to be written back.
  void Put(CachedRow& row, absl::string_view value);
  void Erase(CachedRow& row);

  size_t changed_rows() const { return changed_.size(); }
  size_t changed_bytes() const { return changed_bytes_; }
  // Calls `write` with what RocksDB has to be told, in the order of stored keys: values, and rows
  // without one whose keys it has. They count as changed until WrittenBack.
  void VisitChanged(absl::FunctionRef<void(const CachedRow& row)> write);
  void WrittenBack();

  // Evicts rows that are not changed until at most `limit` bytes are left, as far as that goes.
  void Trim(size_t limit);
  // Forgets all, changed or not. REQUIRES: nobody holds a row.
  void Clear();

  size_t rows() const { return rows_; }
  size_t bytes() const { return bytes_ + buckets_.size() * sizeof(CachedRow*); }

 private:
  size_t BucketOf(const RecordKey& key) const { return BucketOf(key.hash); }
  size_t BucketOf(uint32_t hash) const;
  void Grow();
  void Unlink(CachedRow& row);
  void Delete(CachedRow* row);
  void SetValue(CachedRow& row, absl::string_view value);
  void Changed(CachedRow& row);

  static constexpr size_t kFirstBuckets = 16;  // a power of two

  const int max_parallelism_;
  std::vector<CachedRow*> buckets_ = std::vector<CachedRow*>(kFirstBuckets);
  size_t mask_ = kFirstBuckets - 1;  // of the buckets that are not split yet in this round
  size_t rows_ = 0;
  size_t bytes_ = 0;        // of rows
  size_t hand_ = 0;         // the clock's: the next bucket that is looked at
  uint32_t last_size_ = 0;  // of a value: the next one is likely to have it
  std::vector<CachedRow*> changed_;
  size_t changed_bytes_ = 0;
};

}  // namespace pyflinkpp
