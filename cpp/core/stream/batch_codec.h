// The bytes of a batch, for files that do not outlive their job.
#pragma once

#include <memory>
#include <string>

#include "core/stream/record_batch.h"

namespace pyflinkpp {

//   records u32 | columns u8 (1: timestamps, 2: keys)
//   | timestamps i64 each | keys: varint and bytes, hash u32 each | values
absl::Status EncodeBatch(const RecordBatch& batch, std::string& out);
// Takes the bytes from the front of `in`.
absl::StatusOr<std::unique_ptr<RecordBatch>> DecodeBatch(
    BinaryReader& in, const std::shared_ptr<const TypeSerializer>& serializer);

}  // namespace pyflinkpp
