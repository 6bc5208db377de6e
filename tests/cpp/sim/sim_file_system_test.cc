#include "sim/sim_file_system.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "runtime/env/posix_file_system.h"
#include "sim/sim_random.h"

namespace pyflinkpp::sim {
namespace {

// What a call said, as text.
std::string Said(const absl::Status& status) {
  return status.ok() ? "ok" : FailureOf(status).message;
}

// One random call, on any file system.
std::string Call(FileSystem& files, uint64_t seed, const std::string& root) {
  SimRandom random(seed, /*part=*/0);
  const auto path = [&] {
    static const std::vector<std::string> kNames = {"/a",     "/b",   "/a/c", "/a/d",
                                                    "/a/c/e", "/b/f", "/.g",  "//b"};
    return root + random.OneOf(kNames);
  };
  const std::string first = path();
  switch (random.Below(7)) {
    case 0: {
      const auto info = files.Stat(first);
      if (!info.ok()) return Said(info.status());
      return absl::StrCat(info->path,
                          info->directory ? " directory" : absl::StrCat(" ", info->size));
    }
    case 1: {
      const auto found = files.List(first);
      std::string text = Said(found.status());
      if (!found.ok()) return text;
      for (const FileInfo& info : *found) {
        absl::StrAppend(&text, " ", std::filesystem::path(info.path).filename().string(),
                        info.directory ? "/" : "");
      }
      return text;
    }
    case 2: {
      const auto file = files.Open(first);
      if (!file.ok() || std::filesystem::is_directory(first)) return "";  // POSIX opens directories
      char bytes[100];
      const auto count = (*file)->Read(random.Below(4), bytes, sizeof(bytes));
      return count.ok() ? std::string(bytes, *count) : Said(count.status());
    }
    case 3: {
      const auto file = files.Create(first);
      if (!file.ok()) return Said(file.status());
      std::string text;
      for (int64_t i = random.Below(3); i > 0; --i)
        text += Said((*file)->Append(absl::StrCat("some ", i)));
      text += Said((*file)->Sync());
      return text + Said((*file)->Close());
    }
    case 4:
      return Said(files.CreateDirectories(first));
    case 5: {
      const std::string second = path();
      if (std::filesystem::is_directory(first) || std::filesystem::is_directory(second))
        return "";  // nobody does
      return files.Rename(first, second).ok() ? "renamed" : "not renamed";
    }
    default:
      return Said(files.Delete(first));
  }
}

TEST(SimFileSystem, SaysWhatPosixSays) {
  std::string root = testing::TempDir() + "pyflinkpp_XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  for (uint64_t round = 0; round < 20; ++round) {
    const std::string directory = absl::StrCat(root, "/", round);
    PosixFileSystem real;
    SimFileSystem simulated([] { return true; });
    ASSERT_TRUE(real.CreateDirectories(directory).ok());
    ASSERT_TRUE(simulated.CreateDirectories(directory).ok());
    for (uint64_t i = 0; i < 150; ++i) {
      const uint64_t seed = round * 1000 + i;
      const std::string simulated_said =
          Call(simulated, seed, directory);  // first: it asks the real one for directories
      ASSERT_EQ(simulated_said, Call(real, seed, directory)) << "round " << round << ", call " << i;
    }
    EXPECT_EQ(simulated.open_files(), 0);
  }
  std::filesystem::remove_all(root);
}

TEST(SimFileSystem, AnOpenFileOutlivesItsName) {
  SimFileSystem files([] { return true; });
  files.Put("/in/a", "text");
  auto file = files.Open("/in/a");
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(files.Delete("/in/a").ok());
  char bytes[10];
  EXPECT_EQ(*(*file)->Read(1, bytes, sizeof(bytes)), 3u);
  EXPECT_EQ(files.open_files(), 1);
}

TEST(SimFileSystem, ARenameBeforeTheSyncIsSeen) {
  SimFileSystem files([] { return true; });
  auto file = *files.Create("/a");
  ASSERT_TRUE(file->Append("x").ok());
  ASSERT_TRUE(file->Close().ok());
  ASSERT_TRUE(files.Rename("/a", "/b").ok());
  EXPECT_EQ(files.renamed_unsynced(), 1);
}

TEST(SimFileSystem, ALinkIsTheSameFileAndDurable) {
  SimFileSystem files([] { return true; });
  auto file = *files.Create("/a");
  ASSERT_TRUE(file->Append("x").ok());
  ASSERT_TRUE(file->Close().ok());
  ASSERT_TRUE(files.Link("/a", "/b").ok());
  EXPECT_EQ(files.Link("/a", "/b").message(), "cannot link /a to /b: File exists");
  files.LoseUnsynced();
  ASSERT_TRUE(files.Delete("/a").ok());
  EXPECT_EQ(files.FilesBelow("").at("/b"), "x");
  files.SetLinks(false);
  EXPECT_FALSE(files.Link("/b", "/c").ok());
}

}  // namespace
}  // namespace pyflinkpp::sim
