// Checksums of what leaves a process.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace pyflinkpp {

// Of everything that outlives a process: CRC-32 (ISO 3309, as zlib's), of 32 bits. `before`: of what
// stands before these bytes.
int64_t Crc32(absl::string_view bytes, int64_t before = 0);

// Of what goes to another process: CRC-32C (Castagnoli), for which processors have an instruction.
// `before`: the same.
uint32_t Crc32c(absl::string_view bytes, uint32_t before = 0);

namespace internal {
// Without that instruction.
uint32_t PortableCrc32c(absl::string_view bytes, uint32_t before);
}  // namespace internal

}  // namespace pyflinkpp
