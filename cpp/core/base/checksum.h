// The checksum of everything that outlives a process: CRC-32 (ISO 3309, as zlib's).
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace pyflinkpp {

// Of 32 bits. `before`: of what stands before these bytes.
int64_t Crc32(absl::string_view bytes, int64_t before = 0);

}  // namespace pyflinkpp
