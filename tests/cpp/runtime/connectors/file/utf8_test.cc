#include "runtime/connectors/file/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace pyflinkpp::file_test {
namespace {

std::string Encoded(uint32_t c) {
  std::string s;
  if (c < 0x80) {
    s = {static_cast<char>(c)};
  } else if (c < 0x800) {
    s = {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
  } else if (c < 0x10000) {
    s = {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
         static_cast<char>(0x80 | (c & 63))};
  } else {
    s = {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
         static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
  }
  return s;
}

TEST(Utf8Test, AcceptsEveryCharacter) {
  for (uint32_t c = 0; c <= 0x10ffff; ++c) {
    const std::string s = Encoded(c);
    const bool surrogate = c >= 0xd800 && c <= 0xdfff;
    ASSERT_EQ(ValidUtf8Prefix(s), surrogate ? 0 : s.size()) << c;
    // Cut off.
    if (s.size() > 1) {
      ASSERT_EQ(ValidUtf8Prefix(s.substr(0, s.size() - 1)), 0) << c;
    }
  }
}

// Of all sequences of up to three bytes, and of four with some last ones, exactly the encoded
// characters are valid.
TEST(Utf8Test, RefusesAllElse) {
  size_t valid = 0;
  for (uint32_t bytes = 0; bytes < 1u << 24; ++bytes) {
    const char s[] = {static_cast<char>(bytes >> 16), static_cast<char>(bytes >> 8),
                      static_cast<char>(bytes)};
    valid += static_cast<uint8_t>(s[0]) >= 0xe0 && ValidUtf8Prefix({s, 3}) == 3;
  }
  EXPECT_EQ(valid, 0x10000u - 0x800 - 0x800);
  valid = 0;
  for (uint32_t bytes = 0; bytes < 1u << 24; ++bytes) {
    const char s[] = {static_cast<char>(0xf0 | (bytes >> 20 & 15)), static_cast<char>(bytes >> 12),
                      static_cast<char>(bytes >> 4), static_cast<char>(0x80 | (bytes & 15))};
    valid += ValidUtf8Prefix({s, 4}) == 4;
  }
  EXPECT_EQ(valid, (0x110000u - 0x10000) / 4);  // a quarter of the last bytes was tried
  for (uint32_t bytes = 0; bytes < 1u << 16; ++bytes) {
    const char s[] = {static_cast<char>(bytes >> 8), static_cast<char>(bytes)};
    const uint32_t first = bytes >> 8, second = bytes & 255;
    const bool ascii = first < 0x80 && second < 0x80;
    const bool pair = first >= 0xc2 && first < 0xe0 && (second & 0xc0) == 0x80;
    ASSERT_EQ(ValidUtf8Prefix({s, 2}) == 2, ascii || pair) << bytes;
  }
}

// The fast path must see a bad byte at every distance and alignment.
TEST(Utf8Test, FindsTheByteEverywhere) {
  for (size_t size = 1; size < 100; ++size) {
    for (size_t bad = 0; bad < size; ++bad) {
      std::string text(size, 'a');
      text[bad] = '\xff';
      ASSERT_EQ(ValidUtf8Prefix(text), bad) << size;
      if (bad + 2 < size) {
        text.replace(bad, 3, "漢");
        ASSERT_EQ(ValidUtf8Prefix(text), size);
      }
    }
  }
  EXPECT_EQ(ValidUtf8Prefix(""), 0);
  EXPECT_EQ(ValidUtf8Prefix("über 漢字 🙂\xc3"), std::string("über 漢字 🙂").size());
}

}  // namespace
}  // namespace pyflinkpp::file_test
