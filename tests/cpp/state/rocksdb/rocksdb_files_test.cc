// Snapshots of RocksDB's files: what is in them, and what becomes of them.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "absl/strings/str_cat.h"
#include "core/types/native_serializers.h"
#include "harness/batches.h"
#include "rocksdb/write_batch.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"
#include "state/rocksdb/rocksdb_snapshot.h"

namespace pyflinkpp {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::SizeIs;

std::string FreshDirectory() {
  static int count = 0;
  return absl::StrCat(testing::TempDir(), "pfpp-rocksdb-files-", ::getpid(), "-", ++count);
}

// Keeps files by links, as a checkpoint does, and counts blocks.
class Kept final : public KeyedStateWriter {
 public:
  Kept() { fs::create_directories(restored.directory); }
  ~Kept() override { fs::remove_all(restored.directory); }
  int AddState(const idl::KeyedStateDescription&) override { return 0; }
  void AddBlock(int, int, int64_t count, std::string) override { entries += count; }
  void SetFiles(NativeFiles from) override {
    restored.format = from.format;
    restored.key_groups = from.key_groups;
    restored.states = from.states;
    for (const NativeFiles::File& file : from.files) {
      fs::create_hard_link(file.path, fs::path(restored.directory) / file.name);
      if (file.shared) tables.push_back(file.name);
    }
    held = from.held;
  }

  RestoredFiles restored{.format = {}, .key_groups = {}, .directory = FreshDirectory()};
  std::vector<std::string> tables;
  std::shared_ptr<const void> held;
  int64_t entries = 0;  // in blocks
};

class RocksDbFilesTest : public testing::Test {
 protected:
  static constexpr KeyGroupRange kAll = {0, 127};
  using Content = std::map<std::string, int64_t>;

  void Open(std::vector<RestoredFiles> restored = {}, KeyGroupRange groups = kAll) {
    state_.reset();
    backend_.reset();
    directory_ = FreshDirectory();
    auto backend = OpenRocksDbKeyedStateBackend({.key_groups = groups,
                                                 .max_parallelism = 128,
                                                 .directory = directory_,
                                                 .incremental = true,
                                                 .restored = std::move(restored)});
    ASSERT_TRUE(backend.ok()) << backend.status();
    backend_ = *std::move(backend);
    auto state = backend_->CreateValueState("numbers", LongSerializer());
    ASSERT_TRUE(state.ok()) << state.status();
    state_ = *std::move(state);
  }
  void Put(const std::string& key, int64_t value) {
    bool found;
    auto row = state_->FindOrInsert(harness::KeyOf(key), &found);
    ASSERT_TRUE(row.ok());
    *reinterpret_cast<int64_t*>(*row) = value;
    ASSERT_TRUE(state_->Flush().ok());
    model_[key] = value;
  }
  void Fill(int count, int64_t value) {
    for (int i = 0; i < count; ++i) Put(absl::StrCat("key ", i), value);
  }
  std::unique_ptr<KeyedSnapshot> Begin() {
    auto snapshot = backend_->SnapshotFiles();
    PFPP_CHECK(snapshot.ok());
    EXPECT_FALSE((*snapshot)->on_loop());
    return *std::move(snapshot);
  }
  static void Write(KeyedSnapshot& snapshot, KeyedStateWriter& to) {
    absl::StatusOr<bool> all = false;
    while (all.ok() && !*all) all = snapshot.WriteSome(to);
    ASSERT_TRUE(all.ok()) << all.status();
  }
  Content Scanned() {
    Content content;
    EXPECT_TRUE(state_
                    ->Scan(nullptr,
                           [&](absl::string_view key, const std::byte* row) {
                             content[std::string(key)] = *reinterpret_cast<const int64_t*>(row);
                             return true;
                           })
                    .ok());
    EXPECT_EQ(state_->size(), content.size());
    return content;
  }

  std::string directory_;
  std::unique_ptr<KeyedStateBackend> backend_;
  std::unique_ptr<ValueState> state_;
  Content model_;
};

TEST_F(RocksDbFilesTest, TheyHaveWhatWasWrittenBeforeAndNothingElse) {
  Open();
  std::mt19937 random(3);
  std::vector<std::unique_ptr<Kept>> kept;
  std::vector<Content> contents;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 500; ++i) Put(absl::StrCat("key ", random() % 1000), round * 1000 + i);
    contents.push_back(model_);
    const auto snapshot = Begin();
    for (int i = 0; i < 500; ++i) Put(absl::StrCat("key ", random() % 1000), -1);
    ASSERT_TRUE(state_->Erase(harness::KeyOf("key 7")).ok());
    ASSERT_TRUE(state_->Flush().ok());
    model_.erase("key 7");
    Write(*snapshot, *kept.emplace_back(std::make_unique<Kept>()));
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    Open({kept[i]->restored});
    EXPECT_EQ(Scanned(), contents[i]) << i;
  }
}

TEST_F(RocksDbFilesTest, FilesStayAndARestoredBackendGoesOnWithThem) {
  Open();
  Fill(1'000, 1);
  Kept first;
  Write(*Begin(), first);
  ASSERT_THAT(first.tables, SizeIs(1));
  Put("key 1", 2);
  Kept second;
  Write(*Begin(), second);
  EXPECT_THAT(second.tables, SizeIs(2));
  EXPECT_THAT(second.tables, IsSupersetOf(first.tables));
  const Content then = model_;
  Put("key 2", 3);

  Open({second.restored});
  EXPECT_EQ(Scanned(), then);
  model_ = then;
  Put("key 3", 4);
  Kept third;
  Write(*Begin(), third);
  EXPECT_THAT(third.tables, IsSupersetOf(second.tables));
  Open({third.restored});
  EXPECT_EQ(Scanned(), model_);
}

// A name never gets other contents: what the backend that was lost has written later is unknown to
// the one that goes on.
TEST_F(RocksDbFilesTest, ASnapshotWithoutChangesHasNoNewFile) {
  Open();
  Fill(100, 1);
  Kept first, second;
  Write(*Begin(), first);
  Write(*Begin(), second);
  EXPECT_EQ(second.tables, first.tables);
}

TEST_F(RocksDbFilesTest, ItsDirectoryGoesWithTheFiles) {
  Open();
  Fill(10, 1);
  const std::string prefix = directory_ + ".snapshot-0";
  {
    Kept kept;
    Write(*Begin(), kept);
    EXPECT_TRUE(fs::exists(prefix));
  }
  EXPECT_FALSE(fs::exists(prefix));
}

TEST_F(RocksDbFilesTest, KeyGroupsMoveToOtherParallelisms) {
  Open();
  Fill(3'000, 5);
  const Content all = model_;
  Kept whole;
  Write(*Begin(), whole);
  Content together;
  Kept halves[2];
  for (int half = 0; half < 2; ++half) {
    const KeyGroupRange groups = half == 0 ? KeyGroupRange{0, 63} : KeyGroupRange{64, 127};
    Open({whole.restored}, groups);
    ASSERT_TRUE(fs::exists(whole.restored.directory)) << "others need it, too";
    Content mine = Scanned();
    EXPECT_THAT(mine, Not(IsEmpty()));
    EXPECT_LT(mine.size(), all.size());
    together.merge(mine);
    Write(*Begin(), halves[half]);
  }
  EXPECT_EQ(together, all);
  Open({halves[0].restored, halves[1].restored});
  EXPECT_EQ(Scanned(), all);
}

TEST_F(RocksDbFilesTest, AStateThatNobodyAsksForStays) {
  Open();
  Fill(50, 5);
  Kept kept;
  Write(*Begin(), kept);
  const Content all = model_;
  // In blocks.
  auto idle = OpenRocksDbKeyedStateBackend({.key_groups = kAll,
                                            .directory = FreshDirectory(),
                                            .incremental = true,
                                            .restored = {kept.restored}});
  ASSERT_TRUE(idle.ok()) << idle.status();
  Kept blocks;
  Write(**(*idle)->Snapshot(), blocks);
  EXPECT_EQ(blocks.entries, 50);
  // In files.
  Kept again;
  Write(**(*idle)->SnapshotFiles(), again);
  Open({again.restored});
  EXPECT_EQ(Scanned(), all);
}

TEST_F(RocksDbFilesTest, AnotherTypeIsRefused) {
  Open();
  Fill(5, 5);
  Kept kept;
  Write(*Begin(), kept);
  auto other = OpenRocksDbKeyedStateBackend(
      {.key_groups = kAll, .directory = FreshDirectory(), .restored = {kept.restored}});
  ASSERT_TRUE(other.ok()) << other.status();
  const auto state = (*other)->CreateValueState("numbers", StringSerializer());
  EXPECT_THAT(std::string(state.status().message()),
              testing::AllOf(testing::HasSubstr("'numbers'"), testing::HasSubstr("LONG")));
}

// Writes that were flushed before the files were linked would be in them.
TEST_F(RocksDbFilesTest, WhereLaterWritesGotIntoFilesItIsTakenInBlocks) {
  auto database = RocksDbDatabase::Create(FreshDirectory(), /*incremental=*/true);
  ASSERT_TRUE(database.ok());
  idl::KeyedStateDescription description;
  description.name = "numbers";
  auto family = (*database)->AddFamily(description);
  ASSERT_TRUE(family.ok());
  const auto put = [&](const std::string& key) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put((*family)->handle, GroupBytes(3) + key, "value").ok());
    ASSERT_TRUE((*database)->Write(batch).ok());
  };
  put("before");
  auto snapshot = MakeRocksDbFiles(*database, kAll, {});
  ASSERT_TRUE(snapshot.ok());
  put("after");
  ASSERT_TRUE((*database)->db().Flush(rocksdb::FlushOptions(), (*family)->handle).ok());
  Kept kept;
  Write(**snapshot, kept);
  EXPECT_THAT(kept.tables, IsEmpty());
  EXPECT_EQ(kept.entries, 1);
}

// Several memtables are flushed as one: those behind the barrier may wait for others that never
// come.
TEST_F(RocksDbFilesTest, ASnapshotDoesNotWaitForLaterWrites) {
  const auto memory = std::make_shared<RocksDbMemory>(
      RocksDbMemoryPlan{.managed = false, .bytes = int64_t{16} << 20});
  auto database = RocksDbDatabase::Create(FreshDirectory(), /*incremental=*/true, memory);
  ASSERT_TRUE(database.ok());
  idl::KeyedStateDescription description;
  description.name = "texts";
  auto family = (*database)->AddFamily(description);
  ASSERT_TRUE(family.ok());
  const auto put = [&](const std::string& key, size_t size) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put((*family)->handle, GroupBytes(3) + key, std::string(size, 'v')).ok());
    ASSERT_TRUE((*database)->Write(batch).ok());
  };
  put("before", 10);
  auto snapshot = MakeRocksDbFiles(*database, kAll, {});
  ASSERT_TRUE(snapshot.ok());
  Kept first;
  Write(**snapshot, first);  // all is in files
  snapshot = MakeRocksDbFiles(*database, kAll, {});
  ASSERT_TRUE(snapshot.ok());
  const auto immutable = [&] {
    uint64_t count = 0;
    (*database)->db().GetAggregatedIntProperty(rocksdb::DB::Properties::kNumImmutableMemTable,
                                               &count);
    return count;
  };
  for (int i = 0; i < 3; ++i) put(absl::StrCat("after ", i), memory->write_buffer_bytes());
  ASSERT_GT(immutable(), 0u);
  Kept kept;
  Write(**snapshot, kept);
  EXPECT_EQ(kept.tables, first.tables);
  EXPECT_THAT(kept.tables, SizeIs(1));
  EXPECT_EQ(kept.entries, 0);
}

// Of 1 % changed keys a checkpoint has little more than that 1 %: old files are not rewritten.
TEST_F(RocksDbFilesTest, OldFilesStayWhenFewKeysChange) {
  auto database = RocksDbDatabase::Create(FreshDirectory(), /*incremental=*/true);
  ASSERT_TRUE(database.ok());
  idl::KeyedStateDescription description;
  description.name = "texts";
  auto family = (*database)->AddFamily(description);
  ASSERT_TRUE(family.ok());
  constexpr uint32_t kKeys = 20'000;
  std::mt19937 random(5);
  const auto put = [&](uint32_t key) {
    rocksdb::WriteBatch batch;
    std::string value(500, ' ');
    for (char& c : value) c = static_cast<char>('a' + random() % 26);
    ASSERT_TRUE(batch.Put((*family)->handle, GroupBytes(3) + std::to_string(key), value).ok());
    ASSERT_TRUE((*database)->Write(batch).ok());
  };
  for (uint32_t key = 0; key < kKeys; ++key) put(key);
  std::map<std::string, uintmax_t> known;
  std::vector<uintmax_t> fresh;
  std::vector<std::unique_ptr<Kept>> kept;
  for (int round = 0; round <= 20; ++round) {
    auto snapshot = MakeRocksDbFiles(*database, kAll, {});
    ASSERT_TRUE(snapshot.ok());
    Write(**snapshot, *kept.emplace_back(std::make_unique<Kept>()));
    uintmax_t bytes = 0;
    for (const std::string& name : kept.back()->tables) {
      const uintmax_t size = fs::file_size(fs::path(kept.back()->restored.directory) / name);
      if (known.emplace(name, size).second) bytes += size;
    }
    fresh.push_back(bytes);
    for (uint32_t i = 0; i < kKeys / 100; ++i) put(random() % kKeys);
  }
  EXPECT_LE(fresh[1], fresh[0] / 20);
  uintmax_t sum = 0;
  for (int round = 1; round <= 20; ++round) sum += fresh[static_cast<size_t>(round)];
  EXPECT_LE(sum / 20, fresh[0] / 10);
}

}  // namespace
}  // namespace pyflinkpp
