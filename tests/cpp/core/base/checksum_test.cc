#include "core/base/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace pyflinkpp {
namespace {

TEST(ChecksumTest, KnownChecksums) {
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau) << "RFC 3720, B.4";
}

TEST(ChecksumTest, ProcessorAndTablesAgreeOnEveryLengthAndPlace) {
  std::mt19937 random(1);
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes.push_back(static_cast<char>(random()));
  for (size_t from = 0; from < 9; ++from) {
    for (size_t size = 0; size + from <= bytes.size(); ++size) {
      const absl::string_view part = absl::string_view(bytes).substr(from, size);
      ASSERT_EQ(Crc32c(part, 7), internal::PortableCrc32c(part, 7)) << from << " " << size;
    }
  }
}

TEST(ChecksumTest, LargePiecesTooWhichGoInBlocks) {
  std::mt19937 random(2);
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) bytes.push_back(static_cast<char>(random()));
  for (const size_t size : {3'071, 3'072, 3'073, 6'143, 6'144, 9'999, 19'999}) {
    const absl::string_view part = absl::string_view(bytes).substr(1, size);
    EXPECT_EQ(Crc32c(part, 7), internal::PortableCrc32c(part, 7)) << size;
  }
}

TEST(ChecksumTest, APieceContinuesTheOneBefore) {
  const std::string bytes = "what crosses the network in pieces";
  for (size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(Crc32c(bytes.substr(cut), Crc32c(bytes.substr(0, cut))), Crc32c(bytes));
}

}  // namespace
}  // namespace pyflinkpp
