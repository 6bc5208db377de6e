// The checksum of everything that outlives a process: CRC-32 (ISO 3309, as zlib's).
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace pyflinkpp {

int64_t Crc32(absl::string_view bytes);  // of 32 bits

}  // namespace pyflinkpp
