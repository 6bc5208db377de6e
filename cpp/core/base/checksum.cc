#include "core/base/checksum.h"

#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace pyflinkpp {
namespace {

// Table i: what a byte does to the checksum when i more bytes follow it.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  constexpr uint32_t kPolynomial = 0x82f63b78;  // its bits in reverse
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t i = 1; i < tables.size(); ++i) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[i - 1][byte];
      tables[i][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

#if defined(__x86_64__)
// The instruction gives a result each cycle and takes three: so three blocks go at once.
constexpr size_t kBlockBytes = 1024;

// Table i: what byte i of a checksum becomes behind a block of zeros.
using BlockTables = std::array<std::array<uint32_t, 256>, 4>;

constexpr BlockTables MakeBlockTables() {
  std::array<uint32_t, 32> of_bit{};
  for (size_t bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < kBlockBytes; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xff];
    of_bit[bit] = crc;
  }
  BlockTables tables{};
  for (size_t i = 0; i < tables.size(); ++i) {
    for (size_t byte = 0; byte < 256; ++byte) {
      for (size_t bit = 0; bit < 8; ++bit)
        tables[i][byte] ^= (byte >> bit & 1) != 0 ? of_bit[8 * i + bit] : 0;
    }
  }
  return tables;
}
constexpr BlockTables kBlockTables = MakeBlockTables();

uint32_t BehindBlock(uint32_t crc) {
  return kBlockTables[0][crc & 0xff] ^ kBlockTables[1][crc >> 8 & 0xff] ^
         kBlockTables[2][crc >> 16 & 0xff] ^ kBlockTables[3][crc >> 24];
}

uint64_t WordAt(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

__attribute__((target("sse4.2"))) uint32_t InstructionCrc32c(absl::string_view bytes,
                                                             uint32_t before) {
  uint64_t crc = ~before;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 3 * kBlockBytes; at += 3 * kBlockBytes, left -= 3 * kBlockBytes) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < kBlockBytes; i += 8) {
      crc = __builtin_ia32_crc32di(crc, WordAt(at + i));
      second = __builtin_ia32_crc32di(second, WordAt(at + kBlockBytes + i));
      third = __builtin_ia32_crc32di(third, WordAt(at + 2 * kBlockBytes + i));
    }
    crc = BehindBlock(static_cast<uint32_t>(crc)) ^ second;
    crc = BehindBlock(static_cast<uint32_t>(crc)) ^ third;
  }
  for (; left >= 8; at += 8, left -= 8) crc = __builtin_ia32_crc32di(crc, WordAt(at));
  auto rest = static_cast<uint32_t>(crc);
  for (; left > 0; ++at, --left)
    rest = __builtin_ia32_crc32qi(rest, static_cast<unsigned char>(*at));
  return ~rest;
}
#endif

}  // namespace

int64_t Crc32(absl::string_view bytes, int64_t before) {
  return static_cast<int64_t>(crc32_z(static_cast<uLong>(before),
                                      reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

uint32_t internal::PortableCrc32c(absl::string_view bytes, uint32_t before) {
  uint32_t crc = ~before;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= crc;
    crc = 0;
    for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][(word >> (8 * i)) & 0xff];
  }
  for (; left > 0; ++at, --left)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  return ~crc;
}

uint32_t Crc32c(absl::string_view bytes, uint32_t before) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return InstructionCrc32c(bytes, before);
#endif
  return internal::PortableCrc32c(bytes, before);
}

}  // namespace pyflinkpp
