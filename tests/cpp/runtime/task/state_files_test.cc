#include "runtime/task/state_files.h"

#include <gmock/gmock.h>

#include "core/base/status.h"
#include "sim/sim_file_system.h"

namespace pyflinkpp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class StateFilesTest : public testing::Test {
 protected:
  StateFilesTest() {
    files_.Put("/db/1.sst", "one");
    files_.Put("/db/2.sst", "two");
    files_.Put("/db/MANIFEST", "1 2");
  }

  static NativeFiles Snapshot(const std::vector<std::string>& tables) {
    NativeFiles snapshot{.format = "rocksdb",
                         .key_groups = {0, 7},
                         .files = {{"MANIFEST", "/db/MANIFEST", false}},
                         .states = {},
                         .held = nullptr};
    for (const std::string& name : tables) snapshot.files.push_back({name, "/db/" + name, true});
    return snapshot;
  }
  StateFileUpload Upload(int id, std::shared_ptr<const idl::NativeKeyedState> base = nullptr,
                         size_t inline_bytes = 100) {
    return {files_,
            {.directory = "/c/chk-" + std::to_string(id),
             .shared_directory = "/c/shared",
             .name = "op" + std::to_string(id),
             .inline_bytes = inline_bytes,
             .base = std::move(base)},
            abandoned_};
  }
  std::vector<std::string> Written() {
    std::vector<std::string> paths;
    for (const auto& [path, bytes] : files_.FilesBelow("/c")) paths.push_back(path);
    return paths;
  }
  idl::NativeKeyedState MustWrite(StateFileUpload& upload, const NativeFiles& snapshot) {
    absl::StatusOr<idl::NativeKeyedState> state = upload.Write(snapshot);
    PFPP_CHECK(state.ok());
    return *std::move(state);
  }

  sim::SimFileSystem files_{[] { return true; }};
  std::shared_ptr<std::atomic<bool>> abandoned_ = std::make_shared<std::atomic<bool>>(false);
};

TEST_F(StateFilesTest, OnlyNewFilesAreWritten) {
  StateFileUpload first = Upload(1);
  const auto base =
      std::make_shared<const idl::NativeKeyedState>(MustWrite(first, Snapshot({"1.sst"})));
  EXPECT_THAT(Written(), ElementsAre("/c/shared/op1-1.sst"));
  EXPECT_EQ(first.new_bytes(), 6);
  StateFileUpload second = Upload(2, base);
  const idl::NativeKeyedState state = MustWrite(second, Snapshot({"1.sst", "2.sst"}));
  EXPECT_THAT(Written(), ElementsAre("/c/shared/op1-1.sst", "/c/shared/op2-2.sst"));
  EXPECT_EQ(second.new_bytes(), 6);
  EXPECT_EQ(SizeOf(state), 9);
  second.Discard();
  EXPECT_THAT(Written(), ElementsAre("/c/shared/op1-1.sst")) << "not those of its base";
}

TEST_F(StateFilesTest, WithoutABaseAllAreWritten) {
  StateFileUpload first = Upload(1);
  MustWrite(first, Snapshot({"1.sst"}));
  StateFileUpload second = Upload(2);
  MustWrite(second, Snapshot({"1.sst"}));
  EXPECT_THAT(Written(), ElementsAre("/c/shared/op1-1.sst", "/c/shared/op2-1.sst"));
}

TEST_F(StateFilesTest, LargeFilesOfItsOwnGoIntoTheCheckpointsDirectory) {
  StateFileUpload upload = Upload(1, nullptr, /*inline_bytes=*/2);
  MustWrite(upload, Snapshot({}));
  EXPECT_THAT(files_.FilesBelow("/c"), ElementsAre(Pair("/c/chk-1/op1-MANIFEST", "1 2")));
}

// By links where the file system can, else by copies: the same files either way.
TEST_F(StateFilesTest, AFileSystemWithoutLinksGetsCopies) {
  for (const bool links : {true, false}) {
    files_.SetLinks(links);
    StateFileUpload upload = Upload(links ? 1 : 2);
    const idl::NativeKeyedState state = MustWrite(upload, Snapshot({"1.sst", "2.sst"}));
    EXPECT_EQ(files_.renamed_unsynced(), 0);
    const absl::StatusOr<RestoredFiles> restored = RestoreStateFiles(files_, state, "/tmp/r");
    ASSERT_TRUE(restored.ok()) << restored.status();
    EXPECT_EQ(restored->key_groups, (KeyGroupRange{0, 7}));
    EXPECT_THAT(files_.FilesBelow("/tmp/r"),
                ElementsAre(Pair("/tmp/r/1.sst", "one"), Pair("/tmp/r/2.sst", "two"),
                            Pair("/tmp/r/MANIFEST", "1 2")));
    // Whether the two names are one file.
    files_.Flip("/db/1.sst", 0);
    EXPECT_EQ(CheckStateFiles(files_, state).ok(), !links);
    files_.Flip("/db/1.sst", 0);
    DeleteWithFiles(files_, "/tmp/r");
    EXPECT_THAT(files_.FilesBelow("/tmp"), IsEmpty());
  }
}

TEST_F(StateFilesTest, ADamagedFileIsNoticedAlsoWhenItIsLinked) {
  for (const bool links : {true, false}) {
    files_.SetLinks(links);
    StateFileUpload upload = Upload(links ? 1 : 2);
    const idl::NativeKeyedState state = MustWrite(upload, Snapshot({"1.sst"}));
    const std::string path = state.files[1].file.path;
    files_.Flip(path, 1);
    EXPECT_THAT(std::string(RestoreStateFiles(files_, state, "/tmp/r").status().message()),
                AllOf(HasSubstr(path), HasSubstr("is damaged")));
    files_.Put(path, "on");
    EXPECT_FALSE(RestoreStateFiles(files_, state, "/tmp/r").ok()) << "it is too short";
    ASSERT_TRUE(files_.Delete(path).ok());
    EXPECT_THAT(std::string(CheckStateFiles(files_, state).message()), HasSubstr(path));
  }
}

TEST_F(StateFilesTest, NothingIsLeftOfAnUploadThatFails) {
  sim::SimRandom random(7, 0);
  files_.FailAtRandom(random, 300, 1'000'000);
  int failed = 0;
  for (int id = 1; id <= 200; ++id) {
    StateFileUpload upload = Upload(id, nullptr, /*inline_bytes=*/0);
    const bool written = upload.Write(Snapshot({"1.sst", "2.sst"})).ok();
    failed += written ? 0 : 1;
    if (written) EXPECT_EQ(Written().size(), 3u);
    upload.Discard();
    EXPECT_THAT(Written(), IsEmpty());
  }
  EXPECT_GT(failed, 0);
  EXPECT_LT(failed, 200);
}

TEST_F(StateFilesTest, AnAbandonedUploadStops) {
  *abandoned_ = true;
  StateFileUpload upload = Upload(1);
  EXPECT_FALSE(upload.Write(Snapshot({"1.sst"})).ok());
  EXPECT_THAT(Written(), IsEmpty());
}

TEST_F(StateFilesTest, ABackendGoesOnWithTheFilesOfExactlyItsKeyGroups) {
  idl::KeyedStateHandle files;
  idl::NativeKeyedState of_all;
  of_all.last_key_group = 7;
  files.__set_backend(of_all);
  EXPECT_TRUE(GoesOnWithFiles({files, {}}, {0, 7}));
  EXPECT_FALSE(GoesOnWithFiles({files}, {0, 3}));
  EXPECT_FALSE(GoesOnWithFiles({files, files}, {0, 7}));
  EXPECT_FALSE(GoesOnWithFiles({idl::KeyedStateHandle()}, {0, 7}));
}

}  // namespace
}  // namespace pyflinkpp
