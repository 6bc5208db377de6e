#include "core/stream/batch_codec.h"

#include <cstring>

#include "core/base/status.h"

namespace pyflinkpp {
namespace {

enum Columns : uint8_t { kTimestamps = 1, kKeys = 2 };

bool ReadColumns(BinaryReader& in, uint32_t count, uint8_t columns, RecordBatch& batch) {
  for (uint32_t i = 0; (columns & kTimestamps) != 0 && i < count; ++i) {
    int64_t timestamp;
    if (!in.Get(&timestamp)) return false;
    batch.timestamps().push_back(timestamp);
  }
  for (uint32_t i = 0; (columns & kKeys) != 0 && i < count; ++i) {
    absl::string_view key;
    uint32_t hash;
    if (!in.GetBytes(&key) || !in.Get(&hash)) return false;
    const absl::string_view copy = batch.arena().Copy(key);
    batch.keys().push_back({copy.data(), static_cast<uint32_t>(copy.size()), hash});
  }
  return true;
}

}  // namespace

absl::Status EncodeBatch(const RecordBatch& batch, std::string& out, size_t from) {
  BinaryWriter writer(out);
  writer.Put(static_cast<uint32_t>(batch.size() - from));
  writer.Put(static_cast<uint8_t>((batch.has_timestamps() ? kTimestamps : 0) |
                                  (batch.has_keys() ? kKeys : 0)));
  for (size_t i = from; i < batch.timestamps().size(); ++i) writer.Put(batch.timestamps()[i]);
  for (size_t i = from; i < batch.keys().size(); ++i) {
    writer.PutBytes(batch.keys()[i].bytes());
    writer.Put(batch.keys()[i].hash);
  }
  return batch.serializer()->Write(batch.row(from), batch.size() - from, writer);
}

absl::StatusOr<std::unique_ptr<RecordBatch>> DecodeBatch(
    BinaryReader& in, const std::shared_ptr<const TypeSerializer>& serializer) {
  auto batch = std::make_unique<RecordBatch>(serializer);
  uint32_t count;
  uint8_t columns;
  if (!in.Get(&count) || !in.Get(&columns) || !ReadColumns(in, count, columns, *batch)) {
    return Truncated("batch");
  }
  std::byte* rows = batch->Append(count);
  std::memset(rows, 0,
              size_t{count} * batch->stride());  // whatever is read before an error has an owner
  RETURN_IF_ERROR(serializer->Read(in, count, rows, batch->arena()));
  return batch;
}

}  // namespace pyflinkpp
