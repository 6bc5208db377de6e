// A RocksDB database as a backend uses it: a column family for each state, one writer, no log.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"
#include "rocksdb/write_batch.h"
#include "state/keyed/native_state.h"
#include "state/rocksdb/expiry_filter.h"
#include "state/rocksdb/rocksdb_memory.h"
#include "state/rocksdb/row_cache.h"

namespace pyflinkpp {

inline constexpr char kRocksDbFormat[] = "rocksdb";

inline absl::string_view BytesOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

absl::Status Checked(const rocksdb::Status& status, absl::string_view what);

// A stored key begins with its key group: two bytes, big endian.
std::string GroupBytes(int group);

// All states of a backend share one; it is deleted with its last user.
//
// A snapshot of files must have what was written before its barrier, and nothing that came later,
// and the barrier must not wait for a disk. So the memtables are switched at the barrier, which
// costs microseconds, and RocksDB flushes them, while later writes go into new ones:
//
//   loop      ... writes | Cut |    writes into new memtables    ...        next flush
//   executor                   wait for the flush -> link all files
//
// Files are linked before those writes are flushed, because a memtable takes longer to fill than
// one to flush. Where it doesn't, files tell (by the numbers of the writes in them), and the
// snapshot is taken in blocks instead.
//
// New values wait in the families' row caches and are written in batches. Few of them: the barrier
// does wait until they are written.
//
// Writes belong to one thread, the task's loop; CaptureFiles may run beside it.
class RocksDbDatabase {
 public:
  struct Family {
    idl::KeyedStateDescription description;
    rocksdb::ColumnFamilyHandle* handle;
    std::unique_ptr<ExpiryFilter> filter;
    int64_t entries = 0;              // keys with a value; perhaps more, where values expire
    std::unique_ptr<RowCache> cache;  // null until there is a state
    std::unique_ptr<RocksDbMemory::RowShare> share;
  };

  // An empty one in a directory that does not exist. Without `memory` it has the default budget for
  // itself, without `env` RocksDB's own, without `clock` nothing expires.
  static absl::StatusOr<std::shared_ptr<RocksDbDatabase>> Create(
      const std::string& directory, bool incremental,
      std::shared_ptr<RocksDbMemory> memory = nullptr, rocksdb::Env* env = nullptr,
      const Clock* clock = nullptr);
  // What files say that lie in the directory already.
  static absl::StatusOr<std::shared_ptr<RocksDbDatabase>> Open(
      const std::string& directory, bool incremental,
      const std::vector<idl::NativeStateContents>& states,
      std::shared_ptr<RocksDbMemory> memory = nullptr, rocksdb::Env* env = nullptr,
      const Clock* clock = nullptr);
  ~RocksDbDatabase();
  RocksDbDatabase(const RocksDbDatabase&) = delete;
  RocksDbDatabase& operator=(const RocksDbDatabase&) = delete;

  absl::StatusOr<Family*> AddFamily(const idl::KeyedStateDescription& description);
  // Puts a cache in front of the family.
  RowCache& AddCache(Family& family, int max_parallelism);
  Family* Find(const std::string& state);  // null: there is none
  const std::deque<Family>& families() const { return families_; }

  rocksdb::DB& db() { return *db_; }
  absl::Status Write(rocksdb::WriteBatch& batch);
  // Writes what has changed in all caches: what is read from RocksDB afterwards has it.
  absl::Status WriteBack();
  // Does so when much has changed, and evicts rows of this family that are beyond its share. After
  // each run of accesses.
  absl::Status KeepBounds(Family& family);
  // Copies from another database, which has keys of other groups as well.
  absl::Status CopyFrom(const RestoredFiles& from, KeyGroupRange groups);

  // ---- snapshots of files ----
  struct Cut {
    rocksdb::SequenceNumber last = 0;  // write that belongs to it
    std::vector<idl::NativeStateContents> states;
  };
  absl::StatusOr<Cut> MakeCut();
  // Links all files into `directory`, which must not exist; false: later writes are in them. On the
  // executor.
  absl::StatusOr<bool> CaptureFiles(const Cut& cut, const std::string& directory);
  // Tells directories of snapshots apart.
  std::string NewSnapshotDirectory() {
    return directory_ + ".snapshot-" + std::to_string(snapshots_++);
  }

 private:
  // Hears of flushes that are done, and of errors of RocksDB's threads.
  class Watch;

  RocksDbDatabase(std::string directory, std::shared_ptr<RocksDbMemory> memory, rocksdb::Env* env,
                  const Clock* clock)
      : directory_(std::move(directory)),
        memory_(memory != nullptr ? std::move(memory) : RocksDbMemory::For({.managed = false})),
        env_(env != nullptr ? env : rocksdb::Env::Default()),
        clock_(clock) {}
  rocksdb::Options OptionsOf(bool incremental);
  rocksdb::ColumnFamilyOptions FamilyOptionsWith(const ExpiryFilter& filter) const;
  absl::Status WaitForFlushes();
  // The files that have no later writes, by name.
  std::vector<std::string> FilesUpTo(rocksdb::SequenceNumber last);

  const std::string directory_;
  const std::shared_ptr<RocksDbMemory> memory_;
  rocksdb::Env* const env_;
  const Clock* const clock_;
  bool keeps_files_ = false;  // when it ends: they are another's
  std::shared_ptr<Watch> watch_;
  rocksdb::ColumnFamilyOptions family_options_;
  rocksdb::DB* db_ = nullptr;  // RocksDB's interface gives it to us raw
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::deque<Family> families_;  // they stay where they are
  int snapshots_ = 0;
  rocksdb::WriteBatch batch_;  // of WriteBack; it keeps its memory

  size_t written_since_cut_ = 0;  // bytes; the writer's
  Mutex mutex_;
  int capturing_ ABSL_GUARDED_BY(mutex_) = 0;
  CondVar captured_;
};

// Deletes a directory of files, as far as that goes.
void DeleteDatabaseDirectory(const std::string& directory);

}  // namespace pyflinkpp
