#include "runtime/env/posix_file_system.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/status.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PosixFileSystemTest : public testing::Test {
 protected:
  PosixFileSystemTest() {
    std::string pattern = testing::TempDir() + "pyflinkpp_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~PosixFileSystemTest() override { std::filesystem::remove_all(root_); }

  absl::Status Write(const std::string& path, const std::string& contents) {
    ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files_.Create(path));
    RETURN_IF_ERROR(file->Append(contents));
    RETURN_IF_ERROR(file->Sync());
    return file->Close();
  }
  std::string Read(const std::string& path) {
    auto file = files_.Open(path);
    if (!file.ok()) return std::string(file.status().message());
    std::string result(1000, '\0');
    const auto size = (*file)->Read(0, result.data(), result.size());
    if (!size.ok()) return std::string(size.status().message());
    result.resize(*size);
    return result;
  }

  PosixFileSystem files_;
  std::string root_;
};

TEST_F(PosixFileSystemTest, WritesAndReads) {
  const std::string path = root_ + "/file";
  auto file = files_.Create(path);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->Append("hello ").ok());
  EXPECT_TRUE((*file)->Append("").ok());
  EXPECT_TRUE((*file)->Append("world").ok());
  EXPECT_TRUE((*file)->Sync().ok());
  EXPECT_TRUE((*file)->Close().ok());
  EXPECT_TRUE((*file)->Close().ok());
  EXPECT_EQ(Read(path), "hello world");
  auto open = files_.Open(path);
  char buffer[10];
  EXPECT_EQ((*open)->Read(6, buffer, 3).value(), 3u);
  EXPECT_EQ((*open)->Read(6, buffer, 10).value(), 5u);
  EXPECT_EQ((*open)->Read(100, buffer, 10).value(), 0u);
  // Created again, it is empty.
  ASSERT_TRUE(Write(path, "x").ok());
  EXPECT_EQ(Read(path), "x");
  EXPECT_EQ(files_.Stat(path)->size, 1);
  EXPECT_FALSE(files_.Stat(path)->directory);
  EXPECT_TRUE(files_.Stat(root_)->directory);
}

TEST_F(PosixFileSystemTest, ListsInOrderWithoutPipes) {
  for (const char* name : {"b", "a", ".c"}) ASSERT_TRUE(Write(root_ + "/" + name, "text").ok());
  ASSERT_TRUE(files_.CreateDirectories(root_ + "/d").ok());
  ASSERT_EQ(::mkfifo((root_ + "/pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("a", root_ + "/link");
  for (const std::string& directory : {root_, root_ + "/"}) {
    const auto list = files_.List(directory);
    ASSERT_TRUE(list.ok());
    std::vector<std::string> names;
    for (const FileInfo& info : *list) {
      names.push_back(info.path.substr(root_.size()) +
                      (info.directory ? "/" : ":" + std::to_string(info.size)));
    }
    EXPECT_THAT(names, ElementsAre("/.c:4", "/a:4", "/b:4", "/d/", "/link:4"));
  }
  EXPECT_THAT(files_.Stat(root_ + "/pipe").status().message(),
              HasSubstr("neither a file nor a directory"));
}

TEST_F(PosixFileSystemTest, CreatesDirectories) {
  EXPECT_TRUE(files_.CreateDirectories(root_ + "/a/b/c/").ok());
  EXPECT_TRUE(files_.CreateDirectories(root_ + "/a/b/c").ok());
  EXPECT_TRUE(files_.CreateDirectories("/").ok());
  EXPECT_TRUE(std::filesystem::is_directory(root_ + "/a/b/c"));
  ASSERT_TRUE(Write(root_ + "/file", "").ok());
  EXPECT_EQ(files_.CreateDirectories(root_ + "/file").message(),
            "cannot create the directory " + root_ + "/file: it is a file");
  EXPECT_THAT(files_.CreateDirectories(root_ + "/file/below").message(),
              HasSubstr("Not a directory"));
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(root_);
  EXPECT_TRUE(files_.CreateDirectories("relative/path").ok());
  EXPECT_TRUE(Write("relative/path/file", "x").ok());
  EXPECT_TRUE(files_.Rename("relative/path/file", "here").ok());
  std::filesystem::current_path(before);
  EXPECT_EQ(Read(root_ + "/here"), "x");
}

TEST_F(PosixFileSystemTest, RenamesAndDeletes) {
  ASSERT_TRUE(Write(root_ + "/from", "x").ok());
  ASSERT_TRUE(files_.Rename(root_ + "/from", root_ + "/to").ok());
  EXPECT_EQ(Read(root_ + "/to"), "x");
  EXPECT_FALSE(files_.Rename(root_ + "/from", root_ + "/to").ok());
  EXPECT_TRUE(files_.Delete(root_ + "/to").ok());
  EXPECT_EQ(files_.Delete(root_ + "/to").message(),
            "cannot delete " + root_ + "/to: No such file or directory");
}

TEST_F(PosixFileSystemTest, LinksAreTheSameFile) {
  ASSERT_TRUE(Write(root_ + "/from", "x").ok());
  ASSERT_TRUE(files_.Link(root_ + "/from", root_ + "/to").ok());
  EXPECT_EQ(std::filesystem::hard_link_count(root_ + "/to"), 2u);
  EXPECT_EQ(files_.Link(root_ + "/from", root_ + "/to").message(),
            "cannot link " + root_ + "/from to " + root_ + "/to: File exists");
  ASSERT_TRUE(files_.Delete(root_ + "/from").ok());
  EXPECT_EQ(Read(root_ + "/to"), "x");
  EXPECT_FALSE(files_.Link(root_ + "/to", "/proc/x").ok()) << "another device";
}

TEST_F(PosixFileSystemTest, ErrorsNameThePathAndTheReason) {
  EXPECT_EQ(Read("/nowhere/at-all.txt"),
            "cannot read /nowhere/at-all.txt: No such file or directory");
  EXPECT_EQ(files_.Stat("/nowhere/at-all.txt").status().message(),
            "cannot read /nowhere/at-all.txt: No such file or directory");
  EXPECT_EQ(FailureOf(files_.Stat("/nowhere").status()).kind, idl::FaultKind::EXTERNAL);
  EXPECT_EQ(files_.List("/nowhere").status().message(),
            "cannot list /nowhere: No such file or directory");
  EXPECT_EQ(files_.Create("/nowhere/x").status().message(),
            "cannot write /nowhere/x: No such file or directory");
  EXPECT_EQ(Read(root_), "cannot read " + root_ + ": Is a directory");
  auto full = files_.Create("/dev/full");
  ASSERT_TRUE(full.ok());
  EXPECT_EQ((*full)->Append("x").message(), "cannot write /dev/full: No space left on device");
  if (::geteuid() != 0) {
    ASSERT_TRUE(Write(root_ + "/secret", "x").ok());
    std::filesystem::permissions(root_ + "/secret", std::filesystem::perms::none);
    EXPECT_THAT(Read(root_ + "/secret"), HasSubstr("Permission denied"));
  }
}

}  // namespace
}  // namespace pyflinkpp
