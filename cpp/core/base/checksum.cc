#include "core/base/checksum.h"

#include <zlib.h>

namespace pyflinkpp {

int64_t Crc32(absl::string_view bytes, int64_t before) {
  return static_cast<int64_t>(crc32_z(static_cast<uLong>(before),
                                      reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace pyflinkpp
