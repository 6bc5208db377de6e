#include "runtime/checkpoint/checkpoint_storage.h"

#include <gmock/gmock.h>

#include "sim/sim_file_system.h"

namespace pyflinkpp {
namespace {

using sim::SimFileSystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

idl::Checkpoint SomeCheckpoint(const std::string& directory) {
  idl::Checkpoint checkpoint;
  checkpoint.id = 7;
  checkpoint.timestamp = 1234;
  idl::OperatorCheckpoint& op = checkpoint.operators.emplace_back();
  op.uid = "uid:counts";
  op.name = "counts";
  op.parallelism = 2;
  op.max_parallelism = 128;
  op.finished = {1};
  op.__set_enumerator("left");
  idl::OperatorState& state = op.subtasks[0];
  idl::KeyedStateHandle& handle = state.keyed.emplace_back();
  handle.file.path = directory + "/op0-0";
  handle.file.size = 5;
  handle.states.emplace_back().name = "reduce";
  handle.blocks.emplace_back().key_group = 3;
  idl::OperatorListState& list = state.lists.emplace_back();
  list.name = "splits";
  list.elements = {"one", ""};
  return checkpoint;
}

class CheckpointStorageTest : public testing::Test {
 protected:
  std::string Bytes() { return files_.FilesBelow("/c").at("/c/chk-7/_metadata"); }
  std::string WhyNot() {
    return std::string(ReadCheckpoint(files_, "/c/chk-7").status().message());
  }
  SimFileSystem files_{[] { return true; }};
};

TEST_F(CheckpointStorageTest, WhatWasWrittenIsRead) {
  const idl::Checkpoint written = SomeCheckpoint("/c/chk-7");
  ASSERT_TRUE(WriteCheckpoint(files_, "/c/chk-7", written).ok());
  EXPECT_EQ(files_.FilesBelow("/c").size(), 1u);
  EXPECT_EQ(files_.renamed_unsynced(), 0);
  for (const char* path : {"/c/chk-7", "/c/chk-7/", "/c/chk-7/_metadata"}) {
    absl::StatusOr<idl::Checkpoint> read = ReadCheckpoint(files_, path);
    ASSERT_TRUE(read.ok()) << read.status();
    read->version = written.version;
    EXPECT_EQ(*read, written) << path;
  }
}

TEST_F(CheckpointStorageTest, ItsDirectoryMayMove) {
  ASSERT_TRUE(WriteCheckpoint(files_, "/c/chk-7", SomeCheckpoint("/c/chk-7")).ok());
  files_.Put("/elsewhere/x/_metadata", Bytes());
  const absl::StatusOr<idl::Checkpoint> read = ReadCheckpoint(files_, "/elsewhere/x");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->operators[0].subtasks.at(0).keyed[0].file.path, "/elsewhere/x/op0-0");
}

// The head that every version will find: "PFPPCKPT", version, size and checksum, least byte first.
TEST_F(CheckpointStorageTest, TheHeadNeverChanges) {
  ASSERT_TRUE(WriteCheckpoint(files_, "/c/chk-7", {}).ok());
  const std::string bytes = Bytes();
  EXPECT_EQ(bytes.substr(0, 12), std::string("PFPPCKPT\x01\0\0\0", 12));
  EXPECT_EQ(static_cast<uint8_t>(bytes[12]), bytes.size() - 20);
}

TEST_F(CheckpointStorageTest, EveryDamageIsNoticed) {
  ASSERT_TRUE(WriteCheckpoint(files_, "/c/chk-7", SomeCheckpoint("/c/chk-7")).ok());
  const std::string good = Bytes();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 4;
    files_.Put("/c/chk-7/_metadata", bad);
    EXPECT_THAT(WhyNot(), HasSubstr("/c/chk-7/_metadata")) << i;
    files_.Put("/c/chk-7/_metadata", good.substr(0, i));
    EXPECT_THAT(WhyNot(), HasSubstr("is damaged")) << i;
  }
  files_.Put("/c/chk-7/_metadata", good + "x");
  EXPECT_THAT(WhyNot(), HasSubstr("is damaged"));
}

TEST_F(CheckpointStorageTest, ALaterFormatIsNamed) {
  ASSERT_TRUE(WriteCheckpoint(files_, "/c/chk-7", {}).ok());
  std::string bytes = Bytes();
  bytes[8] = 9;
  files_.Put("/c/chk-7/_metadata", bytes);
  EXPECT_THAT(WhyNot(), AllOf(HasSubstr("format 9"), HasSubstr("use a later one")));
}

TEST_F(CheckpointStorageTest, NothingThereIsToldWithWhatToGive) {
  EXPECT_THAT(WhyNot(), AllOf(HasSubstr("/c/chk-7"), HasSubstr("give the path of a savepoint")));
}

TEST_F(CheckpointStorageTest, AWriteThatFailsLeavesNoCheckpoint) {
  files_.SetFull(true);
  EXPECT_FALSE(WriteCheckpoint(files_, "/c/chk-7", SomeCheckpoint("/c/chk-7")).ok());
  files_.SetFull(false);
  EXPECT_FALSE(ReadCheckpoint(files_, "/c/chk-7").ok());
}

TEST_F(CheckpointStorageTest, OneOrAllAreDiscarded) {
  for (const char* name : {"chk-7", "chk-8"}) {
    const std::string directory = std::string("/c/job/") + name;
    ASSERT_TRUE(WriteCheckpoint(files_, directory, {}).ok());
    files_.Put(directory + "/op0", "state");
  }
  files_.Put("/c/other/x", "not ours");
  EXPECT_TRUE(DiscardCheckpoint(files_, "/c/job/chk-7").ok());
  EXPECT_EQ(files_.FilesBelow("/c/job").size(), 2u);
  EXPECT_TRUE(DiscardCheckpoints(files_, "/c/job").ok());
  EXPECT_THAT(files_.FilesBelow("/c"), ElementsAre(Pair("/c/other/x", "not ours")));
  EXPECT_FALSE(files_.Stat("/c/job").ok());
}

TEST_F(CheckpointStorageTest, TheOneBeforeADamagedOneIsFoundByItsNumber) {
  for (const int number : {2, 9, 10, 11}) {
    const std::string directory = absl::StrCat("/c/chk-", number);
    idl::Checkpoint checkpoint = SomeCheckpoint(directory);
    checkpoint.id = number;
    ASSERT_TRUE(WriteCheckpoint(files_, directory, checkpoint).ok());
  }
  ASSERT_TRUE(files_.CreateDirectories("/c/shared").ok());
  const auto before = [&](const std::string& path) {
    const absl::StatusOr<FoundCheckpoint> found = ReadCheckpointBefore(files_, path);
    return found.ok() ? found->directory : "none";
  };
  EXPECT_EQ(before("/c/chk-11/_metadata"), "/c/chk-10");
  EXPECT_EQ(before("/c/chk-10"), "/c/chk-9");
  files_.Put("/c/chk-9/_metadata", "PFPPCKPT torn");
  EXPECT_EQ(before("/c/chk-10"), "/c/chk-2") << "a damaged one is passed over";
  EXPECT_EQ(before("/c/chk-2"), "none");
  EXPECT_EQ(before("/c/savepoint-1"), "none");
  EXPECT_EQ(before(""), "none");
}

idl::Checkpoint WithShared(const std::vector<std::string>& paths) {
  idl::Checkpoint checkpoint;
  idl::NativeKeyedState state;
  for (const std::string& path : paths) {
    idl::NativeFile& file = state.files.emplace_back();
    file.shared = true;
    file.file.path = path;
  }
  checkpoint.operators.emplace_back().subtasks[0].keyed.emplace_back().__set_backend(state);
  return checkpoint;
}

TEST_F(CheckpointStorageTest, SharedFilesMoveWithTheJobsDirectory) {
  ASSERT_TRUE(
      WriteCheckpoint(files_, "/c/job/chk-1", WithShared({"/c/job/shared/a", "/other/b"})).ok());
  for (const auto& [path, bytes] : files_.FilesBelow("/c/job"))
    files_.Put("/d/moved" + path.substr(6), bytes);
  const auto read = ReadCheckpoint(files_, "/d/moved/chk-1");
  ASSERT_TRUE(read.ok()) << read.status();
  const auto& files = read->operators[0].subtasks.at(0).keyed[0].backend.files;
  EXPECT_EQ(files[0].file.path, "/d/moved/shared/a");
  EXPECT_EQ(files[1].file.path, "/other/b");
}

TEST_F(CheckpointStorageTest, DisposeLeavesSharedFilesThatOthersHave) {
  for (const char* name : {"a", "b", "c"}) files_.Put(std::string("/c/job/shared/") + name, name);
  ASSERT_TRUE(
      WriteCheckpoint(files_, "/c/job/chk-1", WithShared({"/c/job/shared/a", "/c/job/shared/b"}))
          .ok());
  ASSERT_TRUE(
      WriteCheckpoint(files_, "/c/job/chk-2", WithShared({"/c/job/shared/b", "/c/job/shared/c"}))
          .ok());
  ASSERT_TRUE(DisposeCheckpoint(files_, "/c/job/chk-1").ok());
  EXPECT_THAT(files_.FilesBelow("/c/job/shared"),
              ElementsAre(Pair("/c/job/shared/b", "b"), Pair("/c/job/shared/c", "c")));
  EXPECT_TRUE(ReadCheckpoint(files_, "/c/job/chk-2").ok());
  ASSERT_TRUE(DisposeCheckpoint(files_, "/c/job/chk-2").ok());
  EXPECT_THAT(files_.FilesBelow("/c/job"), testing::IsEmpty());
}

// Whatever fails: a checkpoint that is still one has all its files.
TEST_F(CheckpointStorageTest, NoMetadataIsLeftWithoutItsFiles) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    files_.Put("/c/chk-7/op0-0", "state");
    ASSERT_TRUE(WriteCheckpoint(files_, "/c/chk-7", SomeCheckpoint("/c/chk-7")).ok());
    sim::SimRandom random(seed, 0);
    files_.FailAtRandom(random, 500, 1'000'000);
    const bool gone = DiscardCheckpoint(files_, "/c/chk-7").ok();
    files_.FailAtRandom(random, 0, 0);
    EXPECT_EQ(ReadCheckpoint(files_, "/c/chk-7").ok(), !gone);
    EXPECT_EQ(files_.FilesBelow("/c").contains("/c/chk-7/op0-0"), !gone);
  }
}

}  // namespace
}  // namespace pyflinkpp
