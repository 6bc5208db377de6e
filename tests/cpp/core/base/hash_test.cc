#include "core/base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pyflinkpp {
namespace {

struct Vector {
  std::string bytes;
  uint32_t hash;
};

// Vectors of MurmurHash3 x86_32, seed 0, as other implementations publish them.
TEST(HashTest, MurmurAgreesWithPublishedVectors) {
  const Vector vectors[] = {
      {"", 0},
      {std::string("\0", 1), 0x514e28b7},
      {std::string("\0\0", 2), 0x30f4c306},
      {std::string("\0\0\0", 3), 0x85f0b427},
      {std::string("\0\0\0\0", 4), 0x2362f9de},
      {"\x21", 0x72661cf4},
      {"\x21\x43", 0xa0f7b07a},
      {"\x21\x43\x65", 0x7e4a8634},
      {"\x21\x43\x65\x87", 0xf55b516b},
      {"\xff\xff\xff\xff", 0x76293b50},
      {"test", 0xba6bd213},
      {"hello", 0x248bfa47},
      {"hello, world", 0x149bbb7f},
      {"Hello, world!", 0xc0363e43},
      {"The quick brown fox jumps over the lazy dog", 0x2e4ff723},
  };
  for (const Vector& each : vectors) {
    EXPECT_EQ(MurmurHash(each.bytes), each.hash) << each.bytes;
  }
}

TEST(HashTest, MurmurDoesNotDependOnAlignment) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string shifted = std::string(shift, '#') + text;
    EXPECT_EQ(MurmurHash(absl::string_view(shifted).substr(shift)), 0x2e4ff723u) << shift;
  }
}

TEST(HashTest, MixIsTheFinalizerOfMurmur64) {
  EXPECT_EQ(MixHash(0), 0u);
  EXPECT_EQ(MixHash(1), 0xb456bcfc34c2cb2cULL);
}

// Hash tables take the lowest 7 bits for one purpose and the rest for another: both must vary.
TEST(HashTest, MixSpreadsNeighbours) {
  std::set<uint64_t> low, high, all;
  for (uint64_t i = 0; i < 4096; ++i) {
    low.insert(MixHash(i) & 0x7f);
    high.insert(MixHash(i) >> 57);
    all.insert(MixHash(i));
  }
  EXPECT_EQ(low.size(), 128u);
  EXPECT_EQ(high.size(), 128u);
  EXPECT_EQ(all.size(), 4096u);
}

}  // namespace
}  // namespace pyflinkpp
