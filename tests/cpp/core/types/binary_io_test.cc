#include "core/types/binary_io.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace pyflinkpp {
namespace {

std::string Varint(uint64_t value) {
  std::string bytes;
  BinaryWriter(bytes).PutVarint(value);
  return bytes;
}

TEST(BinaryIoTest, FixedWidthsAreLittleEndian) {
  std::string bytes;
  BinaryWriter out(bytes);
  out.Put<int64_t>(0x0102030405060708);
  out.Put<int32_t>(-2);
  out.Put<uint8_t>(0xab);
  out.Put<double>(1.0);
  EXPECT_EQ(bytes, std::string("\x08\x07\x06\x05\x04\x03\x02\x01\xfe\xff\xff\xff\xab"
                               "\0\0\0\0\0\0\xf0\x3f",
                               21));
  BinaryReader in(bytes);
  int64_t a;
  int32_t b;
  uint8_t c;
  double d;
  ASSERT_TRUE(in.Get(&a) && in.Get(&b) && in.Get(&c) && in.Get(&d));
  EXPECT_EQ(a, 0x0102030405060708);
  EXPECT_EQ(b, -2);
  EXPECT_EQ(c, 0xab);
  EXPECT_EQ(d, 1.0);
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(BinaryIoTest, VarintsAreLeb128) {
  EXPECT_EQ(Varint(0), std::string(1, '\0'));
  EXPECT_EQ(Varint(127), "\x7f");
  EXPECT_EQ(Varint(128), "\x80\x01");
  EXPECT_EQ(Varint(300), "\xac\x02");
  EXPECT_EQ(Varint(16383), "\xff\x7f");
  EXPECT_EQ(Varint(16384), "\x80\x80\x01");
  EXPECT_EQ(Varint(std::numeric_limits<uint64_t>::max()),
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(BinaryIoTest, VarintsOfAllSizesComeBack) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const int64_t near : {-1, 0, 1}) {
      const uint64_t value = (uint64_t{1} << shift) + static_cast<uint64_t>(near);
      const std::string bytes = Varint(value) + "rest";
      BinaryReader in(bytes);
      uint64_t back = 0;
      ASSERT_TRUE(in.GetVarint(&back));
      EXPECT_EQ(back, value);
      EXPECT_EQ(in.rest(), "rest");
    }
  }
}

TEST(BinaryIoTest, AVarintWithoutEndIsNone) {
  uint64_t value;
  for (const std::string& bytes : {std::string(), std::string("\x80"), std::string(9, '\xff'),
                                   std::string(11, '\x80'), std::string(20, '\xff')}) {
    EXPECT_FALSE(BinaryReader(bytes).GetVarint(&value)) << bytes.size();
  }
}

TEST(BinaryIoTest, TruncationIsSeenAndConsumesNothing) {
  const std::string bytes = "1234567";
  BinaryReader in(bytes);
  int64_t wide;
  absl::string_view raw;
  EXPECT_FALSE(in.Get(&wide));
  EXPECT_FALSE(in.GetRaw(8, &raw));
  EXPECT_FALSE(in.GetRaw(std::numeric_limits<size_t>::max(), &raw));
  EXPECT_EQ(in.remaining(), 7u);
  ASSERT_TRUE(in.GetRaw(7, &raw));
  EXPECT_EQ(raw, bytes);
  uint8_t byte;
  EXPECT_FALSE(in.Get(&byte));
  EXPECT_TRUE(in.GetRaw(0, &raw));
}

TEST(BinaryIoTest, BytesCarryTheirLength) {
  std::string bytes;
  BinaryWriter out(bytes);
  const std::string large(1000, 'x');
  out.PutBytes("");
  out.PutBytes(absl::string_view("a\0b", 3));
  out.PutBytes(large);
  EXPECT_EQ(bytes.substr(0, 7), std::string("\0\x03"
                                            "a\0b\xe8\x07",
                                            7));
  BinaryReader in(bytes);
  absl::string_view a, b, c;
  ASSERT_TRUE(in.GetBytes(&a) && in.GetBytes(&b) && in.GetBytes(&c));
  EXPECT_EQ(a, "");
  EXPECT_EQ(b, absl::string_view("a\0b", 3));
  EXPECT_EQ(c, large);
  for (size_t size = 0; size < bytes.size(); ++size) {
    BinaryReader shorter(absl::string_view(bytes).substr(0, size));
    EXPECT_FALSE(shorter.GetBytes(&a) && shorter.GetBytes(&b) && shorter.GetBytes(&c)) << size;
  }
}

TEST(BinaryIoTest, ALengthBeyondAllMemoryIsTruncation) {
  const std::string bytes = Varint(std::numeric_limits<uint64_t>::max()) + "abc";
  absl::string_view value;
  EXPECT_FALSE(BinaryReader(bytes).GetBytes(&value));
}

TEST(BinaryIoTest, RandomBytesAreReadWithinTheirBounds) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 24, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    // An own allocation without slack, so that a sanitizer sees a read beyond it.
    const std::unique_ptr<char[]> exact(new char[bytes.size()]);
    bytes.copy(exact.get(), bytes.size());
    BinaryReader in(absl::string_view(exact.get(), bytes.size()));
    size_t read = 0;
    absl::string_view value;
    while (in.GetBytes(&value)) {
      ASSERT_GE(value.data(), exact.get());
      ASSERT_LE(value.data() + value.size(), exact.get() + bytes.size());
      read += 1 + value.size();
    }
    ASSERT_LE(read, bytes.size());
  }
}

TEST(BinaryIoTest, TruncatedNamesWhatWasRead) {
  const absl::Status status = Truncated("LONG");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "truncated bytes of a LONG");
}

}  // namespace
}  // namespace pyflinkpp
