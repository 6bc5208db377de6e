#include "core/config/memory_size.h"

#include <gmock/gmock.h>

namespace pyflinkpp {
namespace {

TEST(MemorySizeTest, ReadsFlinksSpellings) {
  const std::pair<const char*, int64_t> kSizes[] = {
      {"17", 17},
      {"17b", 17},
      {" 4 bytes ", 4},
      {"3 k", 3 << 10},
      {"3KB", 3 << 10},
      {"512 mb", int64_t{512} << 20},
      {"1 MebiBytes", 1 << 20},
      {"2g", int64_t{2} << 30},
      {"5 tb", int64_t{5} << 40},
      {"0", 0},
  };
  for (const auto& [text, bytes] : kSizes) {
    const absl::StatusOr<int64_t> size = ParseMemorySize("key", text);
    ASSERT_TRUE(size.ok()) << size.status();
    EXPECT_EQ(*size, bytes) << text;
  }
}

TEST(MemorySizeTest, RefusesOthersNamingKeyAndText) {
  for (const char* text : {"", "mb", "-1 mb", "1.5 gb", "12 mib", "1 m b", "9999999999 tb", "0x10",
                           "99999999999999999999"}) {
    const absl::StatusOr<int64_t> size = ParseMemorySize("the.key", text);
    ASSERT_FALSE(size.ok()) << text;
    EXPECT_THAT(std::string(size.status().message()), testing::HasSubstr("the.key"));
    EXPECT_THAT(std::string(size.status().message()), testing::HasSubstr(text));
  }
}

}  // namespace
}  // namespace pyflinkpp
