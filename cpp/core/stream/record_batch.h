// A run of stream records: the unit in which values cross operators, channels and the interpreter's
// lock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/check.h"
#include "core/stream/arena.h"
#include "core/types/type_serializer.h"

namespace pyflinkpp {

// A batch is what is at hand, at most this much; its borders carry no meaning.
inline constexpr size_t kBatchRecordsMax = 1000;
inline constexpr size_t kBatchBytesMax = size_t{64} * 1024;

// The routing key of a record: the key's bytes (in the batch's arena) and their murmur hash. Behind
// a custom partitioner `hash` is the target subtask and there are no bytes.
struct RecordKey {
  const char* data = nullptr;
  uint32_t size = 0;
  uint32_t hash = 0;
  absl::string_view bytes() const { return {data, size}; }
};

// Has exactly one owner: whoever holds the unique_ptr. What must reach two places is copied by its
// serializer, in bulk. Layout: rows of `stride` bytes; an arena for what varies in length; optional
// columns of timestamps and of keys, each either empty or as long as the batch.
class RecordBatch {
 public:
  explicit RecordBatch(std::shared_ptr<const TypeSerializer> serializer)
      : serializer_(std::move(serializer)), stride_(serializer_->stride()) {}
  ~RecordBatch() {
    if (size_ > 0) serializer_->Release(rows_.get(), size_);
  }
  RecordBatch(const RecordBatch&) = delete;
  RecordBatch& operator=(const RecordBatch&) = delete;

  const std::shared_ptr<const TypeSerializer>& serializer() const { return serializer_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ >= kBatchRecordsMax; }
  uint32_t stride() const { return stride_; }
  std::byte* row(size_t i) { return rows_.get() + i * stride_; }
  const std::byte* row(size_t i) const { return rows_.get() + i * stride_; }
  template <class Row>
  Row* rows() {
    return reinterpret_cast<Row*>(rows_.get());
  }
  template <class Row>
  const Row* rows() const {
    return reinterpret_cast<const Row*>(rows_.get());
  }
  Arena& arena() { return arena_; }

  // Room for `count` more rows, which the caller fills at once: they count as values from here on.
  std::byte* Append(size_t count) {
    if (size_ + count > capacity_) Reserve(size_ + count);
    std::byte* result = rows_.get() + size_ * stride_;
    size_ += count;
    return result;
  }
  template <class Row>
  void AppendRow(const Row& row) {
    PFPP_DCHECK(sizeof(Row) == stride_);
    std::memcpy(Append(1), &row, sizeof(Row));
  }
  // Takes back the last `count` rows, which must own nothing.
  void Unappend(size_t count) { size_ -= count; }

  void Reserve(size_t capacity) {
    if (capacity <= capacity_) return;
    capacity = std::max({capacity, capacity_ * 2, size_t{16}});
    std::unique_ptr<std::byte[]> rows(new std::byte[capacity * stride_]);
    if (size_ > 0) std::memcpy(rows.get(), rows_.get(), size_ * stride_);
    rows_ = std::move(rows);
    capacity_ = capacity;
  }

  bool has_timestamps() const { return !timestamps_.empty(); }
  std::vector<int64_t>& timestamps() { return timestamps_; }
  const std::vector<int64_t>& timestamps() const { return timestamps_; }
  bool has_keys() const { return !keys_.empty(); }
  std::vector<RecordKey>& keys() { return keys_; }
  const std::vector<RecordKey>& keys() const { return keys_; }
  // Which of its source's splits the records are of (SourceSplits); -1: not told. Only what follows
  // the source directly asks.
  int split() const { return split_; }
  void set_split(int split) { split_ = split; }

  // Moves the records at `positions` of `from` to the end of this batch, with their timestamps and
  // keys. REQUIRES: both batches have the same serializer and the same columns.
  void MoveFrom(RecordBatch& from, const uint32_t* positions, size_t count);

  // A second batch of equal records that shares nothing mutable with this one.
  absl::StatusOr<std::unique_ptr<RecordBatch>> Copy() const;

 private:
  const std::shared_ptr<const TypeSerializer> serializer_;
  const uint32_t stride_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  std::unique_ptr<std::byte[]> rows_;
  Arena arena_;
  std::vector<int64_t> timestamps_;
  std::vector<RecordKey> keys_;
  int split_ = -1;
};

// What is left of a batch that is being consumed from its front.
struct RecordBatchView {
  RecordBatch* batch;
  size_t position = 0;

  size_t remaining() const { return batch->size() - position; }
  bool done() const { return position == batch->size(); }
};

}  // namespace pyflinkpp
