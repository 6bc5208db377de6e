#include "runtime/connectors/file/bucket_format.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <time.h>

#include <string>
#include <utility>
#include <vector>

namespace pyflinkpp::file_test {
namespace {

using testing::HasSubstr;

constexpr int64_t kTime = 1'717'146'425'999;  // 2024-05-31T09:07:05.999Z

class BucketFormatTest : public testing::Test {
 protected:
  BucketFormatTest() { SetZone("UTC"); }
  ~BucketFormatTest() override {
    ::unsetenv("TZ");
    ::tzset();
  }
  static void SetZone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  static std::string Format(absl::string_view pattern, int64_t time_ms = kTime) {
    const auto format = BucketFormat::Parse(pattern);
    return format.ok() ? format->Format(time_ms) : std::string(format.status().message());
  }
};

TEST_F(BucketFormatTest, JavaPatterns) {
  EXPECT_EQ(Format(""), "");
  EXPECT_EQ(Format("yyyy-MM-dd--HH"), "2024-05-31--09");
  EXPECT_EQ(Format("yyyy/MM/dd/HH/mm"), "2024/05/31/09/07");
  EXPECT_EQ(Format("yyyyMMdd_HHmmss"), "20240531_090705");
  EXPECT_EQ(Format("yy.M.d H:m:s y"), "24.5.31 9:7:5 2024");
  EXPECT_EQ(Format("'dt='uuuu-MM-dd"), "dt=2024-05-31");
  EXPECT_EQ(Format("'hour 'HH' o''clock' '' ''''"), "hour 09 o'clock ' '");
  EXPECT_EQ(Format("yyyy", -1), "1969");
  EXPECT_EQ(Format("HH:mm:ss", -1), "23:59:59");
}

TEST_F(BucketFormatTest, LocalTime) {
  SetZone("XXX-05:30");  // POSIX's sign: ahead of UTC
  EXPECT_EQ(Format("dd--HH:mm"), "31--14:37");
}

TEST_F(BucketFormatTest, NamesWhatIsNotSupported) {
  EXPECT_THAT(Format("yyyy-MMM"), HasSubstr("'yyyy-MMM' has 'MMM'; supported are yyyy"));
  EXPECT_THAT(Format("yyyy-ww"), HasSubstr("has 'ww'"));
  EXPECT_THAT(Format("yyy"), HasSubstr("has 'yyy'"));
  EXPECT_THAT(Format("'open"), HasSubstr("lacks a closing quote"));
  EXPECT_THAT(Format("[yyyy]"), HasSubstr("reserved character '['"));
}

TEST_F(BucketFormatTest, TimeZones) {
  const int64_t noon = 1'717'156'800'000;  // 2024-05-31, in UTC
  for (const auto& [zone, expected] :
       std::vector<std::pair<std::string, std::string>>{{"UTC", "31 12:00"},
                                                        {"Fixed/UTC+13:30:00", "01 01:30"},
                                                        {"Fixed/UTC-08:00:00", "31 04:00"}}) {
    const auto format = BucketFormat::Parse("dd HH:mm", zone);
    ASSERT_TRUE(format.ok()) << format.status();
    EXPECT_EQ(format->Format(noon), expected) << zone;
  }
  EXPECT_THAT(BucketFormat::Parse("dd", "Nowhere/Town").status().message(),
              testing::HasSubstr("time zone 'Nowhere/Town' is not known"));
}

}  // namespace
}  // namespace pyflinkpp::file_test
