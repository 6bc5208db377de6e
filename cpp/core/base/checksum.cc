#include "core/base/checksum.h"

#include <zlib.h>

namespace pyflinkpp {

int64_t Crc32(absl::string_view bytes) {
  return static_cast<int64_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace pyflinkpp
