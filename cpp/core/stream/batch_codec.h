// The bytes of a batch: in temporary files, and in checkpoints, which later versions read.
#pragma once

#include <memory>
#include <string>

#include "core/stream/record_batch.h"

namespace pyflinkpp {

//   records u32 | columns u8 (1: timestamps, 2: keys)
//   | timestamps i64 each | keys: varint and bytes, hash u32 each | values
// `from`: the first record that counts.
absl::Status EncodeBatch(const RecordBatch& batch, std::string& out, size_t from = 0);
// Takes the bytes from the front of `in`.
absl::StatusOr<std::unique_ptr<RecordBatch>> DecodeBatch(
    BinaryReader& in, const std::shared_ptr<const TypeSerializer>& serializer);

}  // namespace pyflinkpp
