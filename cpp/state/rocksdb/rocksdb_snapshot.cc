#include "state/rocksdb/rocksdb_snapshot.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "rocksdb/env.h"

namespace pyflinkpp {
namespace {

class RocksDbBlocks final : public KeyedSnapshot {
 public:
  RocksDbBlocks(std::shared_ptr<RocksDbDatabase> database, KeyedStateRegistry::Frozen frozen)
      : database_(std::move(database)),
        frozen_(std::move(frozen)),
        snapshot_(database_->db().GetSnapshot()) {
    for (const RocksDbDatabase::Family& family : database_->families())
      states_.push_back({family.description, family.handle});
  }
  ~RocksDbBlocks() override {
    cursor_.reset();
    database_->db().ReleaseSnapshot(snapshot_);
  }

  bool on_loop() const override { return false; }

  absl::StatusOr<bool> WriteSome(KeyedStateWriter& writer) override {
    if (!entries_written_) {
      entries_written_ = frozen_.WriteSome(writer);
      return entries_written_ && states_.empty();
    }
    if (at_ == states_.size()) return true;
    if (cursor_ == nullptr) {
      number_ = writer.AddState(states_[at_].description);
      rocksdb::ReadOptions options;
      options.snapshot = snapshot_;
      options.fill_cache = false;
      cursor_.reset(database_->db().NewIterator(options, states_[at_].family));
      cursor_->SeekToFirst();
    }
    while (cursor_->Valid()) {
      const std::string group_bytes = cursor_->key().ToString().substr(0, 2);
      const int group =
          static_cast<uint8_t>(group_bytes[0]) << 8 | static_cast<uint8_t>(group_bytes[1]);
      std::string block;
      int64_t entries = 0;
      for (; cursor_->Valid() && cursor_->key().starts_with(group_bytes) &&
             block.size() < kBlockBytes;
           cursor_->Next(), ++entries) {
        const absl::string_view key = BytesOf(cursor_->key()).substr(2);
        AppendChunkKeys({&key, 1}, block);
        block.append(cursor_->value().data(), cursor_->value().size());
      }
      writer.AddBlock(number_, group, entries, std::move(block));
      if (cursor_->Valid()) return false;
    }
    RETURN_IF_ERROR(Checked(cursor_->status(), "reading a snapshot"));
    cursor_.reset();
    return ++at_ == states_.size();
  }

 private:
  static constexpr size_t kBlockBytes = size_t{1} << 20;
  struct State {
    idl::KeyedStateDescription description;
    rocksdb::ColumnFamilyHandle* family;
  };

  const std::shared_ptr<RocksDbDatabase> database_;
  KeyedStateRegistry::Frozen frozen_;
  bool entries_written_ = false;
  const rocksdb::Snapshot* const snapshot_;
  std::vector<State> states_;
  size_t at_ = 0;
  int number_ = -1;
  std::unique_ptr<rocksdb::Iterator> cursor_;
};

class RocksDbFiles final : public KeyedSnapshot {
 public:
  RocksDbFiles(std::shared_ptr<RocksDbDatabase> database, KeyGroupRange key_groups,
               RocksDbDatabase::Cut cut, KeyedStateRegistry::Frozen frozen)
      : database_(database),
        key_groups_(key_groups),
        cut_(std::move(cut)),
        directory_(database->NewSnapshotDirectory()),
        frozen_(std::move(frozen)),
        // Also keeps RocksDB from forgetting the numbers of later writes.
        blocks_(MakeRocksDbBlocks(std::move(database), {})) {}

  bool on_loop() const override { return false; }

  absl::StatusOr<bool> WriteSome(KeyedStateWriter& writer) override {
    if (in_blocks_) return blocks_->WriteSome(writer);
    while (!frozen_.WriteSome(writer)) {
    }
    std::shared_ptr<const void> held(
        nullptr, [directory = directory_](const void*) { DeleteDatabaseDirectory(directory); });
    ASSIGN_OR_RETURN(const bool exact, database_->CaptureFiles(cut_, directory_));
    if (!exact) {
      in_blocks_ = true;
      return false;
    }
    NativeFiles files{.format = kRocksDbFormat,
                      .key_groups = key_groups_,
                      .files = {},
                      .states = std::move(cut_.states),
                      .held = std::move(held)};
    std::vector<std::string> names;
    RETURN_IF_ERROR(
        Checked(rocksdb::Env::Default()->GetChildren(directory_, &names), "listing files"));
    for (const std::string& name : names) {
      // Nothing is in logs, and options are ours to say.
      if (absl::EndsWith(name, ".log") || absl::StartsWith(name, "OPTIONS")) continue;
      files.files.push_back({.name = name,
                             .path = absl::StrCat(directory_, "/", name),
                             .shared = absl::EndsWith(name, ".sst")});
    }
    writer.SetFiles(std::move(files));
    return true;
  }

 private:
  const std::shared_ptr<RocksDbDatabase> database_;
  const KeyGroupRange key_groups_;
  RocksDbDatabase::Cut cut_;
  const std::string directory_;
  KeyedStateRegistry::Frozen frozen_;
  const std::unique_ptr<KeyedSnapshot> blocks_;
  bool in_blocks_ = false;
};

}  // namespace

std::unique_ptr<KeyedSnapshot> MakeRocksDbBlocks(std::shared_ptr<RocksDbDatabase> database,
                                                 KeyedStateRegistry::Frozen frozen) {
  return std::make_unique<RocksDbBlocks>(std::move(database), std::move(frozen));
}

absl::StatusOr<std::unique_ptr<KeyedSnapshot>> MakeRocksDbFiles(
    std::shared_ptr<RocksDbDatabase> database, KeyGroupRange key_groups,
    KeyedStateRegistry::Frozen frozen) {
  ASSIGN_OR_RETURN(RocksDbDatabase::Cut cut, database->MakeCut());
  return std::make_unique<RocksDbFiles>(std::move(database), key_groups, std::move(cut),
                                        std::move(frozen));
}

}  // namespace pyflinkpp
