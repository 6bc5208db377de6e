// A sorted part of what is being sorted: in memory, or in a file that is read block by block.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/stream/record_batch.h"
#include "runtime/io/spill_file.h"

namespace pyflinkpp {

// The order: by the keys' bytes, then timestamps, then arrival. No two records have one number.
struct SortKey {
  absl::string_view key;
  int64_t timestamp;
  uint64_t number;

  friend bool operator<(const SortKey& a, const SortKey& b) {
    if (const int keys = a.key.compare(b.key); keys != 0) return keys < 0;
    return a.timestamp != b.timestamp ? a.timestamp < b.timestamp : a.number < b.number;
  }
};

// Records with keys and timestamps, in the order of `order`.
struct SortedBlock {
  std::unique_ptr<RecordBatch> batch;
  std::vector<uint64_t> numbers;  // by position in the batch
  std::vector<uint32_t> order;    // positions in the batch

  SortKey at(uint32_t position) const {
    return {batch->keys()[position].bytes(), batch->timestamps()[position], numbers[position]};
  }
  // Fills `order`. REQUIRES: numbers rise with the position.
  void Sort();
};

// A block's bytes: those of its batch (batch_codec.h), then a u64 for each number.
// REQUIRES: the records lie in the batch as they are sorted.
absl::Status EncodeBlock(const SortedBlock& block, std::string& out);
absl::StatusOr<SortedBlock> DecodeBlock(absl::string_view bytes,
                                        const std::shared_ptr<const TypeSerializer>& serializer);

// A run with the block in hand. What of it is in a file is read by its owner.
struct SortedRun {
  int input = 0;
  SortedBlock block;
  size_t next = 0;  // in block.order

  std::shared_ptr<SpillFile> file;    // null: all of it is in memory
  std::vector<uint32_t> block_bytes;  // of the blocks in the file
  size_t next_block = 0;
  int64_t offset = 0;                 // of that block
  std::shared_ptr<std::string> read;  // the bytes of the block that is being read
  uint64_t ticket = 0;                // the read, as its owner counts works

  bool done() const { return next == block.order.size(); }
  uint32_t position() const { return block.order[next]; }
  SortKey front() const { return block.at(position()); }
};

}  // namespace pyflinkpp
