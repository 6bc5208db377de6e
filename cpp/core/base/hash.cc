#include "core/base/hash.h"

#include <bit>
#include <cstring>

namespace pyflinkpp {

uint32_t MurmurHash(absl::string_view bytes) {
  constexpr uint32_t kC1 = 0xcc9e2d51;
  constexpr uint32_t kC2 = 0x1b873593;
  uint32_t hash = 0;
  const char* data = bytes.data();
  size_t left = bytes.size();
  for (; left >= 4; left -= 4, data += 4) {
    uint32_t block;
    std::memcpy(&block, data, 4);
    hash ^= std::rotl(block * kC1, 15) * kC2;
    hash = std::rotl(hash, 13) * 5 + 0xe6546b64;
  }
  if (left > 0) {
    uint32_t tail = static_cast<uint8_t>(data[0]);
    if (left > 1) tail |= static_cast<uint32_t>(static_cast<uint8_t>(data[1])) << 8;
    if (left > 2) tail |= static_cast<uint32_t>(static_cast<uint8_t>(data[2])) << 16;
    hash ^= std::rotl(tail * kC1, 15) * kC2;
  }
  hash ^= static_cast<uint32_t>(bytes.size());
  hash ^= hash >> 16;
  hash *= 0x85ebca6b;
  hash ^= hash >> 13;
  hash *= 0xc2b2ae35;
  hash ^= hash >> 16;
  return hash;
}

}  // namespace pyflinkpp
