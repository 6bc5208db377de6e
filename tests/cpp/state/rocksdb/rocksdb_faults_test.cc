// RocksDB on a disk that fails: a state or a snapshot fails with it, and what they gave before was
// right.
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "harness/batches.h"
#include "rocksdb/file_system.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"

namespace pyflinkpp {
namespace {

namespace fs = std::filesystem;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Which operations fail, and from when on.
struct Faults {
  std::atomic<bool> reads = false;
  std::atomic<bool> syncs = false;
  std::atomic<bool> links = false;
  std::atomic<int64_t> writes_left = -1;  // then all fail; -1: none does
  std::atomic<int64_t> seen = 0;          // that failed

  IOStatus Fail() {
    ++seen;
    return IOStatus::IOError("the disk is broken");
  }
  IOStatus Write() {
    int64_t left = writes_left.load();
    while (left > 0 && !writes_left.compare_exchange_weak(left, left - 1)) {
    }
    return left == 0 ? Fail() : IOStatus::OK();
  }
};

class FaultyWritable final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyWritable(Faults& faults, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (IOStatus status = faults_.Write(); !status.ok()) return status;
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    if (IOStatus status = faults_.Write(); !status.ok()) return status;
    return FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return faults_.syncs ? faults_.Fail() : FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return faults_.syncs ? faults_.Fail() : FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  Faults& faults_;
};

class FaultyRandomAccess final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  FaultyRandomAccess(Faults& faults, std::unique_ptr<rocksdb::FSRandomAccessFile> file)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), faults_(faults) {}
  IOStatus Read(uint64_t offset, size_t size, const IOOptions& options, rocksdb::Slice* result,
                char* scratch, IODebugContext* debug) const override {
    if (faults_.reads) return faults_.Fail();
    return FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, debug);
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    if (faults_.reads) return faults_.Fail();
    return FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, debug);
  }

 private:
  Faults& faults_;
};

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(Faults& faults)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}
  const char* Name() const override { return "FaultyFileSystem"; }
  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<FaultyWritable>(faults_, std::move(*file));
    return status;
  }
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewRandomAccessFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<FaultyRandomAccess>(faults_, std::move(*file));
    return status;
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* debug) override {
    if (faults_.links) return faults_.Fail();
    return FileSystemWrapper::LinkFile(from, to, options, debug);
  }

 private:
  Faults& faults_;
};

// Reads back what a snapshot wrote, by a backend on a sound disk.
class Kept final : public KeyedStateWriter {
 public:
  explicit Kept(const std::string& directory) {
    restored.directory = directory;
    fs::create_directories(restored.directory);
  }
  ~Kept() override { fs::remove_all(restored.directory); }
  int AddState(const idl::KeyedStateDescription& description) override {
    blocks.states[description.name].description = description;
    return 0;  // there is one
  }
  void AddBlock(int, int group, int64_t entries, std::string bytes) override {
    auto& state = blocks.states.begin()->second;
    state.blocks[group].push_back(std::move(bytes));
    state.entries[group] += entries;
  }
  void SetFiles(NativeFiles from) override {
    restored.format = from.format;
    restored.key_groups = from.key_groups;
    restored.states = from.states;
    for (const NativeFiles::File& file : from.files)
      fs::create_hard_link(file.path, fs::path(restored.directory) / file.name);
  }
  RestoredFiles restored;
  RestoredKeyedState blocks;
};

class RocksDbFaultsTest : public testing::Test {
 protected:
  using Content = std::map<std::string, int64_t>;
  static constexpr KeyGroupRange kGroups = {0, 7};

  ~RocksDbFaultsTest() override {
    state_.reset();
    backend_.reset();
  }

  std::string Directory() {
    static int count = 0;
    return absl::StrCat(testing::TempDir(), "pfpp-rocksdb-faults-", ::getpid(), "-", ++count);
  }
  // With a cache of few rows, so that the disk is asked.
  absl::StatusOr<std::unique_ptr<KeyedStateBackend>> Backend(rocksdb::Env* env,
                                                             std::vector<RestoredFiles> files) {
    return OpenRocksDbKeyedStateBackend({.key_groups = kGroups,
                                         .max_parallelism = 8,
                                         .directory = Directory(),
                                         .incremental = true,
                                         .restored = std::move(files),
                                         .memory = {.managed = false, .bytes = 4'000},
                                         .env = env});
  }
  void Open() {
    auto backend = Backend(env_.get(), {});
    ASSERT_TRUE(backend.ok()) << backend.status();
    backend_ = *std::move(backend);
    auto state = backend_->CreateValueState("numbers", LongSerializer());
    ASSERT_TRUE(state.ok()) << state.status();
    state_ = *std::move(state);
  }
  // A run over some keys, each of which is checked and gets a new value.
  absl::Status Run(const std::vector<std::string>& texts, int64_t value) {
    std::vector<RecordKey> keys;
    for (const std::string& text : texts) keys.push_back(harness::KeyOf(text));
    RETURN_IF_ERROR(state_->Prefetch(keys));
    for (size_t i = 0; i < keys.size(); ++i) {
      bool found;
      auto* const row = reinterpret_cast<int64_t*>(state_->Access(i, &found));
      const auto known = model_.find(texts[i]);
      EXPECT_EQ(found, known != model_.end());
      if (found && known != model_.end()) {
        EXPECT_EQ(*row, known->second);
      }
      *row = value;
      model_[texts[i]] = value;
    }
    return state_->Flush();
  }
  absl::Status RunAny(int64_t value) {
    std::vector<std::string> texts;
    for (int i = 0; i < 50; ++i) texts.push_back(absl::StrCat("key ", random_() % 2'000));
    return Run(texts, value);
  }
  absl::Status Save(bool files, Kept& to) {
    auto snapshot = files ? backend_->SnapshotFiles() : backend_->Snapshot();
    RETURN_IF_ERROR(snapshot.status());
    for (;;) {
      ASSIGN_OR_RETURN(const bool all, (*snapshot)->WriteSome(to));
      if (all) return absl::OkStatus();
    }
  }
  Content Restored(Kept& kept) {
    const bool files = !kept.restored.format.empty();
    auto backend =
        Backend(nullptr, files ? std::vector{kept.restored} : std::vector<RestoredFiles>{});
    PFPP_CHECK(backend.ok());
    if (!files) (*backend)->Restore(kept.blocks);
    auto state = (*backend)->CreateValueState("numbers", LongSerializer());
    PFPP_CHECK(state.ok());
    Content content;
    EXPECT_TRUE((*state)
                    ->Scan(nullptr,
                           [&](absl::string_view key, const std::byte* row) {
                             content[std::string(key)] = *reinterpret_cast<const int64_t*>(row);
                             return true;
                           })
                    .ok());
    return content;
  }
  // Until it fails. A disk that fails is noticed when a memtable is flushed.
  absl::Status RunUntilFailure() {
    for (int i = 0; i < 100'000; ++i) RETURN_IF_ERROR(RunAny(i));
    return absl::OkStatus();
  }

  Faults faults_;
  const std::unique_ptr<rocksdb::Env> env_ =
      rocksdb::NewCompositeEnv(std::make_shared<FaultyFileSystem>(faults_));
  std::unique_ptr<KeyedStateBackend> backend_;
  std::unique_ptr<ValueState> state_;
  Content model_;
  std::mt19937 random_{1};
};

TEST_F(RocksDbFaultsTest, AFullDiskFailsTheState) {
  Open();
  ASSERT_TRUE(RunAny(1).ok());
  faults_.writes_left = 3;
  const absl::Status status = RunUntilFailure();
  EXPECT_GT(faults_.seen, 0);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("RocksDB"));
}

TEST_F(RocksDbFaultsTest, AReadErrorFailsTheStateForGood) {
  Open();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(RunAny(i).ok());
  Kept kept(Directory());
  ASSERT_TRUE(Save(/*files=*/true, kept).ok());  // now it is in files
  faults_.reads = true;
  absl::Status status;
  for (int i = 0; i < 1'000 && status.ok(); ++i) status = RunAny(i);
  EXPECT_GT(faults_.seen, 0);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("the disk is broken"));
  faults_.reads = false;
  EXPECT_FALSE(state_->Flush().ok()) << "the run that failed is lost";
}

TEST_F(RocksDbFaultsTest, AnErrorOfWritesSyncsOrLinksFailsTheSnapshot) {
  for (int what = 0; what < 3; ++what) {
    Open();
    model_.clear();
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(RunAny(i).ok());
    if (what == 0) faults_.writes_left = 0;
    faults_.syncs = what == 1;
    faults_.links = what == 2;
    Kept kept(Directory());
    const absl::Status status = Save(/*files=*/true, kept);
    EXPECT_FALSE(status.ok()) << what;
    state_.reset();
    backend_.reset();
    faults_.writes_left = -1;
    faults_.syncs = faults_.links = false;
  }
}

// Whatever fails whenever: a run gives what was put, a snapshot that is taken has what was there.
TEST_F(RocksDbFaultsTest, NothingIsEverWrong) {
  int failed = 0, taken = 0;
  for (uint32_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    random_.seed(seed);
    Open();
    model_.clear();
    const int fault = static_cast<int>(random_() % 4);
    const int begins = static_cast<int>(random_() % 60);
    absl::Status status;
    for (int step = 0; step < 80 && status.ok(); ++step) {
      if (step == begins) {
        if (fault == 0) faults_.writes_left = random_() % 10;
        faults_.reads = fault == 1;
        faults_.syncs = fault == 2;
        faults_.links = fault == 3;
      }
      status = RunAny(step);
      if (!status.ok() || random_() % 8 != 0) continue;
      Kept kept(Directory());
      const Content then = model_;
      if (Save(random_() % 2 == 0, kept).ok()) {
        ++taken;
        ASSERT_EQ(Restored(kept), then);
      } else {
        status = absl::InternalError("no snapshot");
      }
    }
    failed += status.ok() ? 0 : 1;
    state_.reset();
    backend_.reset();
    faults_.writes_left = -1;
    faults_.reads = faults_.syncs = faults_.links = false;
  }
  EXPECT_GT(failed, 1);
  EXPECT_GT(taken, 8);
}

}  // namespace
}  // namespace pyflinkpp
