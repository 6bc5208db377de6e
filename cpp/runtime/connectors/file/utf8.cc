#include "runtime/connectors/file/utf8.h"

#include <cstdint>
#include <cstring>

namespace pyflinkpp {
namespace {

uint64_t Word(const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

const uint8_t* SkipAscii(const uint8_t* at, const uint8_t* end) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  for (; end - at >= 32; at += 32) {
    if (((Word(at) | Word(at + 8) | Word(at + 16) | Word(at + 24)) & kHighBits) != 0) break;
  }
  for (; end - at >= 8; at += 8) {
    if (const uint64_t high = Word(at) & kHighBits; high != 0) {
      return at + (static_cast<size_t>(__builtin_ctzll(high)) >> 3);
    }
  }
  while (at < end && *at < 0x80) ++at;
  return at;
}

bool Continues(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// The length of the character of two to four bytes at `at`; 0 if there is none.
size_t LongCharacter(const uint8_t* at, const uint8_t* end) {
  const uint8_t lead = at[0];
  const size_t left = static_cast<size_t>(end - at);
  if (lead < 0xc2) return 0;  // a continuation byte, or the overlong form of an ASCII character
  if (lead < 0xe0) return left >= 2 && Continues(at[1]) ? 2 : 0;
  if (lead < 0xf0) {
    if (left < 3 || !Continues(at[1]) || !Continues(at[2])) return 0;
    if (lead == 0xe0 && at[1] < 0xa0) return 0;   // overlong
    if (lead == 0xed && at[1] >= 0xa0) return 0;  // surrogate
    return 3;
  }
  if (lead > 0xf4 || left < 4) return 0;
  if (!Continues(at[1]) || !Continues(at[2]) || !Continues(at[3])) return 0;
  if (lead == 0xf0 && at[1] < 0x90) return 0;   // overlong
  if (lead == 0xf4 && at[1] >= 0x90) return 0;  // beyond U+10FFFF
  return 4;
}

}  // namespace

size_t ValidUtf8Prefix(absl::string_view text) {
  const auto* const begin = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* const end = begin + text.size();
  const uint8_t* at = begin;
  while ((at = SkipAscii(at, end)) < end) {
    // Text in other scripts comes in runs: go back to words only when ASCII goes on.
    do {
      const size_t size = LongCharacter(at, end);
      if (size == 0) return static_cast<size_t>(at - begin);
      at += size;
    } while (at < end && *at >= 0x80);
  }
  return text.size();
}

}  // namespace pyflinkpp
