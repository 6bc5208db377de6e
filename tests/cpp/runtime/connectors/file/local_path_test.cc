#include "runtime/connectors/file/local_path.h"

#include <gmock/gmock.h>

#include <string>

namespace pyflinkpp::file_test {
namespace {

using testing::HasSubstr;

std::string Local(absl::string_view path) {
  const auto local = LocalPath("FileSource", path);
  return local.ok() ? *local : std::string(local.status().message());
}

TEST(LocalPathTest, PathsAndFileUris) {
  EXPECT_EQ(Local("/a/b c"), "/a/b c");
  EXPECT_EQ(Local("relative/path"), "relative/path");
  EXPECT_EQ(Local("odd:name"), "odd:name");
  EXPECT_EQ(Local("file:///a/b"), "/a/b");
  EXPECT_EQ(Local("file:/a/b"), "/a/b");
  EXPECT_EQ(Local("file://localhost/a/b"), "/a/b");
}

TEST(LocalPathTest, NamesWhatIsNotSupported) {
  EXPECT_EQ(Local("s3a://bucket/x"),
            "FileSource cannot reach 's3a://bucket/x': the file system 's3a' is not supported, "
            "use a local path or a file:// URI");
  EXPECT_THAT(Local("file://a/b"), HasSubstr("names a host"));
  EXPECT_THAT(Local(""), HasSubstr("needs a path"));
}

}  // namespace
}  // namespace pyflinkpp::file_test
