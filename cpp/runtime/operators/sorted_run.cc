#include "runtime/operators/sorted_run.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "core/base/status.h"

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
  const RecordBatch& batch = *block.batch;
  BinaryWriter writer(out);
  writer.Put(static_cast<uint32_t>(batch.size()));
  for (size_t i = 0; i < batch.size(); ++i) {
    writer.PutBytes(batch.keys()[i].bytes());
    writer.Put(batch.keys()[i].hash);
    writer.Put(batch.timestamps()[i]);
    writer.Put(block.numbers[i]);
  }
  return batch.serializer()->Write(batch.row(0), batch.size(), writer);
}

absl::StatusOr<SortedBlock> DecodeBlock(absl::string_view bytes,
                                        const std::shared_ptr<const TypeSerializer>& serializer) {
  SortedBlock block;
  block.batch = std::make_unique<RecordBatch>(serializer);
  RecordBatch& batch = *block.batch;
  BinaryReader reader(bytes);
  uint32_t count;
  if (!reader.Get(&count) || count > kBatchRecordsMax) return Truncated("sorted block");
  for (uint32_t i = 0; i < count; ++i) {
    absl::string_view key;
    uint32_t hash;
    int64_t timestamp;
    uint64_t number;
    if (!reader.GetBytes(&key) || !reader.Get(&hash) || !reader.Get(&timestamp) ||
        !reader.Get(&number)) {
      return Truncated("sorted block");
    }
    const absl::string_view copy = batch.arena().Copy(key);
    batch.keys().push_back({copy.data(), static_cast<uint32_t>(copy.size()), hash});
    batch.timestamps().push_back(timestamp);
    block.numbers.push_back(number);
  }
  std::byte* rows = batch.Append(count);
  std::memset(rows, 0,
              size_t{count} * batch.stride());  // whatever is read before an error has an owner
  RETURN_IF_ERROR(serializer->Read(reader, count, rows, batch.arena()));
  block.order.resize(count);
  std::iota(block.order.begin(), block.order.end(), 0u);
  return block;
}

absl::Status SpillFile::Append(absl::string_view bytes) {
  if (file_ == nullptr) {
    RETURN_IF_ERROR(files_.CreateDirectories(directory_));
    ASSIGN_OR_RETURN(file_, files_.Create(path_));
    made_ = true;
  }
  return file_->Append(bytes);
}

absl::Status SpillFile::Close() {
  const std::unique_ptr<WritableFile> file = std::move(file_);
  return file->Close();
}

// Opened for each block: there may be more runs than a process may have open files.
absl::Status SpillFile::Read(int64_t offset, std::string& bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, files_.Open(path_));
  ASSIGN_OR_RETURN(const size_t count, file->Read(offset, bytes.data(), bytes.size()));
  return count == bytes.size() ? absl::OkStatus() : Truncated("sorted run, " + path_);
}

void SpillFile::Delete() {
  file_ = nullptr;
  if (std::exchange(made_, false)) files_.Delete(path_).IgnoreError();  // nobody is left to tell
}

}  // namespace pyflinkpp
