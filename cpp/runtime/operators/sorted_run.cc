#include "runtime/operators/sorted_run.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "core/base/status.h"
#include "core/stream/batch_codec.h"

namespace pyflinkpp {

namespace {

// What decides most comparisons, side by side: the records themselves are all over the memory.
struct SortEntry {
  uint64_t prefix;  // the key's first bytes, as a number of the same order
  int64_t timestamp;
  uint32_t key_size;
  uint32_t position;
};

uint64_t PrefixOf(absl::string_view key) {
  uint64_t prefix = 0;
  if (!key.empty()) std::memcpy(&prefix, key.data(), std::min(key.size(), sizeof(prefix)));
  return __builtin_bswap64(prefix);
}

}  // namespace

void SortedBlock::Sort() {
  const std::vector<RecordKey>& keys = batch->keys();
  std::vector<SortEntry> entries(batch->size());
  for (uint32_t i = 0; i < entries.size(); ++i)
    entries[i] = {PrefixOf(keys[i].bytes()), batch->timestamps()[i], keys[i].size, i};
  std::sort(entries.begin(), entries.end(), [&](const SortEntry& a, const SortEntry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    if (a.key_size <= sizeof(a.prefix) && b.key_size <= sizeof(b.prefix)) {
      if (a.key_size != b.key_size) return a.key_size < b.key_size;
    } else if (const int order = keys[a.position].bytes().compare(keys[b.position].bytes());
               order != 0) {
      return order < 0;
    }
    return a.timestamp != b.timestamp ? a.timestamp < b.timestamp : a.position < b.position;
  });
  order.resize(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) order[i] = entries[i].position;
}

absl::Status EncodeBlock(const SortedBlock& block, std::string& out) {
  RETURN_IF_ERROR(EncodeBatch(*block.batch, out));
  BinaryWriter writer(out);
  for (const uint64_t number : block.numbers) writer.Put(number);
  return absl::OkStatus();
}

absl::StatusOr<SortedBlock> DecodeBlock(absl::string_view bytes,
                                        const std::shared_ptr<const TypeSerializer>& serializer) {
  SortedBlock block;
  BinaryReader reader(bytes);
  ASSIGN_OR_RETURN(block.batch, DecodeBatch(reader, serializer));
  for (size_t i = 0; i < block.batch->size(); ++i) {
    uint64_t number;
    if (!reader.Get(&number)) return Truncated("sorted block");
    block.numbers.push_back(number);
  }
  block.order.resize(block.batch->size());
  std::iota(block.order.begin(), block.order.end(), 0u);
  return block;
}

}  // namespace pyflinkpp
