#include "state/rocksdb/rocksdb_database.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "rocksdb/cache.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/checkpoint.h"

namespace pyflinkpp {
namespace {

// The writes that a barrier may have to wait for: some milliseconds.
constexpr size_t kChangedRows = 4096;
constexpr size_t kChangedBytes = size_t{4} << 20;
constexpr int kMergedBuffers = 8;                   // memtables that are flushed as one
constexpr size_t kCopyBytes = size_t{1} << 20;      // of a batch
constexpr size_t kManifestBytes = size_t{1} << 20;  // each snapshot of files has a copy
constexpr char kPrefix[] = "state:";                // of column families' names

// Gives all keys the same place where the search for theirs begins: behind the last one that was
// inserted. Not so what is shorter than any key but the empty one: RocksDB would take that place for
// one in its table of deleted ranges, too.
class OneHint final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "pyflinkpp.OneHint"; }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() > 2; }
  rocksdb::Slice Transform(const rocksdb::Slice&) const override { return {}; }
};

// Most of the time goes into the memtables' skip lists. Small ones stay in the processor's cache and
// have short ways; several are flushed as one, so that files are as few as with a large one.
//
// Most look-ups that miss the row cache are of keys that were never written: filters answer them.
//
// Incremental checkpoints want old files to stay. Leveled compaction rewrites all of the first level
// with each few flushes when keys are random; universal compaction merges runs of like size only, so
// a large old run stays until as much again has been written. It looks into a few more runs, each of
// which has a filter.
rocksdb::ColumnFamilyOptions FamilyOptions(bool incremental, const RocksDbMemory& memory) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memory.write_buffer_bytes();
  options.min_write_buffer_number_to_merge = kMergedBuffers;
  options.max_write_buffer_number = 3 * kMergedBuffers;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.1;
  // Batches are sorted: each key is looked for from the one before it, not from the top.
  options.memtable_insert_with_hint_prefix_extractor = std::make_shared<const OneHint>();
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = memory.block_cache();
  table.cache_index_and_filter_blocks = true;  // so that the budget has them
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;
  if (incremental) options.compaction_style = rocksdb::kCompactionStyleUniversal;
  return options;
}

rocksdb::WriteOptions WithoutLog() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;  // what is durable is the checkpoint
  return options;
}

rocksdb::Slice SliceOf(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }

std::string FamilyName(const std::string& state) { return absl::StrCat(kPrefix, state); }

// The name within its directory.
std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

absl::Status Checked(const rocksdb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  return ExternalError(absl::StrCat("RocksDB, ", what, ": ", status.ToString()));
}

std::string GroupBytes(int group) {
  return {static_cast<char>(group >> 8), static_cast<char>(group & 0xff)};
}

void DeleteDatabaseDirectory(const std::string& directory) {
  rocksdb::Env* const env = rocksdb::Env::Default();
  std::vector<std::string> names;
  if (!env->GetChildren(directory, &names).ok()) return;
  for (const std::string& name : names) (void)env->DeleteFile(absl::StrCat(directory, "/", name));
  (void)env->DeleteDir(directory);
}

class RocksDbDatabase::Watch final : public rocksdb::EventListener {
 public:
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    MutexLock lock(mutex_);
    ++completed_;
    changed_.NotifyAll();
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    MutexLock lock(mutex_);
    status_ = Checked(*status, "writing files");
    changed_.NotifyAll();
  }

  int64_t completed() {
    MutexLock lock(mutex_);
    return completed_;
  }
  // Until more than `known` are.
  absl::Status WaitForMore(int64_t known) {
    MutexLock lock(mutex_);
    if (completed_ == known && status_.ok()) changed_.WaitFor(mutex_, kLookAgainNanos);
    return status_;
  }

 private:
  static constexpr int64_t kLookAgainNanos = 100'000'000;

  Mutex mutex_;
  CondVar changed_;
  int64_t completed_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

rocksdb::Options RocksDbDatabase::OptionsOf(bool incremental) {
  family_options_ = FamilyOptions(incremental, *memory_);
  watch_ = std::make_shared<Watch>();
  rocksdb::Options options;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.allow_concurrent_memtable_write = false;  // there is one writer
  options.listeners.push_back(watch_);
  options.max_manifest_file_size = kManifestBytes;
  // What is flushed for a snapshot does not wait for what is being flushed: later writes would get
  // into its files.
  options.max_background_flushes = 2;
  options.max_background_compactions = 1;
  options.avoid_flush_during_shutdown = true;  // the files go
  options.env = env_;
  options.write_buffer_manager = memory_->write_buffers();
  return options;
}

rocksdb::ColumnFamilyOptions RocksDbDatabase::FamilyOptionsWith(const ExpiryFilter& filter) const {
  rocksdb::ColumnFamilyOptions options = family_options_;
  options.compaction_filter = &filter;
  return options;
}

absl::StatusOr<std::shared_ptr<RocksDbDatabase>> RocksDbDatabase::Create(
    const std::string& directory, bool incremental, std::shared_ptr<RocksDbMemory> memory,
    rocksdb::Env* env, const Clock* clock) {
  std::shared_ptr<RocksDbDatabase> database(
      new RocksDbDatabase(directory, std::move(memory), env, clock));
  rocksdb::Options options = database->OptionsOf(incremental);
  options.create_if_missing = true;
  options.error_if_exists = true;
  RETURN_IF_ERROR(Checked(rocksdb::DB::Open(options, directory, &database->db_),
                          absl::StrCat("opening ", directory)));
  return database;
}

absl::StatusOr<std::shared_ptr<RocksDbDatabase>> RocksDbDatabase::Open(
    const std::string& directory, bool incremental,
    const std::vector<idl::NativeStateContents>& states, std::shared_ptr<RocksDbMemory> memory,
    rocksdb::Env* env, const Clock* clock) {
  std::shared_ptr<RocksDbDatabase> database(
      new RocksDbDatabase(directory, std::move(memory), env, clock));
  const rocksdb::Options options = database->OptionsOf(incremental);
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions()}};
  for (const idl::NativeStateContents& state : states) {
    Family& family = database->families_.emplace_back();
    family.filter = std::make_unique<ExpiryFilter>(clock);
    families.emplace_back(FamilyName(state.description.name),
                          database->FamilyOptionsWith(*family.filter));
  }
  RETURN_IF_ERROR(
      Checked(rocksdb::DB::Open(options, directory, families, &database->handles_, &database->db_),
              absl::StrCat("opening ", directory)));
  for (size_t i = 0; i < states.size(); ++i) {
    Family& family = database->families_[i];
    family.description = states[i].description;
    family.handle = database->handles_[i + 1];
    family.entries = states[i].entries;
  }
  return database;
}

RocksDbDatabase::~RocksDbDatabase() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) (void)db_->DestroyColumnFamilyHandle(handle);
  delete db_;
  if (!keeps_files_) (void)rocksdb::DestroyDB(directory_, rocksdb::Options());
}

absl::StatusOr<RocksDbDatabase::Family*> RocksDbDatabase::AddFamily(
    const idl::KeyedStateDescription& description) {
  auto filter = std::make_unique<ExpiryFilter>(clock_);
  rocksdb::ColumnFamilyHandle* handle;
  RETURN_IF_ERROR(Checked(
      db_->CreateColumnFamily(FamilyOptionsWith(*filter), FamilyName(description.name), &handle),
      absl::StrCat("creating state '", description.name, "'")));
  handles_.push_back(handle);
  Family& family = families_.emplace_back();
  family.description = description;
  family.filter = std::move(filter);
  family.handle = handle;
  return &family;
}

RowCache& RocksDbDatabase::AddCache(Family& family, int max_parallelism) {
  family.cache = std::make_unique<RowCache>(max_parallelism);
  family.share = std::make_unique<RocksDbMemory::RowShare>(memory_);
  return *family.cache;
}

RocksDbDatabase::Family* RocksDbDatabase::Find(const std::string& state) {
  const auto found = std::find_if(families_.begin(), families_.end(), [&](const Family& family) {
    return family.description.name == state;
  });
  return found == families_.end() ? nullptr : &*found;
}

absl::Status RocksDbDatabase::Write(rocksdb::WriteBatch& batch) {
  written_since_cut_ += batch.GetDataSize();
  // A memtable has several bytes for one of these. While files are being flushed and linked, no
  // further ones are to be filled and flushed.
  if (written_since_cut_ > memory_->write_buffer_bytes() * (kMergedBuffers - 1) / 4) {
    MutexLock lock(mutex_);
    while (capturing_ > 0) captured_.Wait(mutex_);
  }
  return Checked(db_->Write(WithoutLog(), &batch), "writing");
}

absl::Status RocksDbDatabase::WriteBack() {
  batch_.Clear();
  rocksdb::Status status;
  for (const Family& family : families_) {
    if (family.cache == nullptr) continue;
    family.cache->VisitChanged([&](const CachedRow& row) {
      const rocksdb::Slice key = SliceOf(row.stored_key());
      const rocksdb::Status added = row.present()
                                        ? batch_.Put(family.handle, key, SliceOf(row.value()))
                                        : batch_.Delete(family.handle, key);
      if (status.ok()) status = added;
    });
  }
  RETURN_IF_ERROR(Checked(status, "writing"));
  if (batch_.Count() > 0) RETURN_IF_ERROR(Write(batch_));
  for (const Family& family : families_) {
    if (family.cache != nullptr) family.cache->WrittenBack();
  }
  return absl::OkStatus();
}

absl::Status RocksDbDatabase::KeepBounds(Family& family) {
  size_t rows = 0, bytes = 0;
  for (const Family& one : families_) {
    if (one.cache == nullptr) continue;
    rows += one.cache->changed_rows();
    bytes += one.cache->changed_bytes();
  }
  const size_t limit = family.share->bytes();
  const bool too_large = family.cache->bytes() > limit;
  // What has changed can't be evicted: it is not to be most of a small cache.
  if (rows >= kChangedRows || bytes >= kChangedBytes ||
      (too_large && family.cache->changed_bytes() > limit / 2)) {
    RETURN_IF_ERROR(WriteBack());
  }
  if (too_large) family.cache->Trim(limit);
  return absl::OkStatus();
}

absl::Status RocksDbDatabase::CopyFrom(const RestoredFiles& from, KeyGroupRange groups) {
  ASSIGN_OR_RETURN(const std::shared_ptr<RocksDbDatabase> old,
                   Open(from.directory, /*incremental=*/false, from.states, memory_, env_));
  old->keeps_files_ = true;
  const int first = std::max(groups.first, from.key_groups.first);
  const int last = std::min(groups.last, from.key_groups.last);
  for (const Family& source : old->families()) {
    Family* to = Find(source.description.name);
    if (to == nullptr) {
      ASSIGN_OR_RETURN(to, AddFamily(source.description));
    }
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    options.readahead_size = size_t{2} << 20;
    const std::unique_ptr<rocksdb::Iterator> cursor(old->db().NewIterator(options, source.handle));
    const std::string end = last == 0xffff ? std::string(3, '\xff') : GroupBytes(last + 1);
    rocksdb::WriteBatch batch;
    for (cursor->Seek(GroupBytes(first)); cursor->Valid() && cursor->key().compare(end) < 0;
         cursor->Next()) {
      RETURN_IF_ERROR(Checked(batch.Put(to->handle, cursor->key(), cursor->value()), "restoring"));
      ++to->entries;
      if (batch.GetDataSize() < kCopyBytes) continue;
      RETURN_IF_ERROR(Write(batch));
      batch.Clear();
    }
    RETURN_IF_ERROR(Checked(cursor->status(), "restoring"));
    RETURN_IF_ERROR(Write(batch));
  }
  return absl::OkStatus();
}

absl::StatusOr<RocksDbDatabase::Cut> RocksDbDatabase::MakeCut() {
  Cut cut{.last = db_->GetLatestSequenceNumber(), .states = {}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (const Family& family : families_) {
    handles.push_back(family.handle);
    idl::NativeStateContents& contents = cut.states.emplace_back();
    contents.description = family.description;
    contents.entries = family.entries;
  }
  written_since_cut_ = 0;
  if (handles.empty()) return cut;
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // else it waits until there is none
  RETURN_IF_ERROR(Checked(db_->Flush(options, handles), "switching memtables"));
  return cut;
}

absl::Status RocksDbDatabase::WaitForFlushes() {
  for (;;) {
    const int64_t completed = watch_->completed();
    // Memtables that were switched later may wait until there are enough of them to be merged. What
    // is pending becomes running, so they are asked for in this order.
    uint64_t pending = 0, running = 0;
    if (!db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kMemTableFlushPending, &pending) ||
        !db_->GetIntProperty(rocksdb::DB::Properties::kNumRunningFlushes, &running)) {
      return ExternalError("RocksDB does not tell what it has to flush");
    }
    if (pending + running == 0) return absl::OkStatus();
    RETURN_IF_ERROR(watch_->WaitForMore(completed));
  }
}

std::vector<std::string> RocksDbDatabase::FilesUpTo(rocksdb::SequenceNumber last) {
  std::vector<rocksdb::LiveFileMetaData> live;
  db_->GetLiveFilesMetaData(&live);
  std::vector<std::string> names;
  for (const rocksdb::LiveFileMetaData& file : live) {
    if (file.largest_seqno <= last) names.push_back(BaseName(file.name));
  }
  return names;
}

absl::StatusOr<bool> RocksDbDatabase::CaptureFiles(const Cut& cut, const std::string& directory) {
  {
    MutexLock lock(mutex_);
    ++capturing_;
  }
  struct Captured {
    RocksDbDatabase& database;
    ~Captured() {
      MutexLock lock(database.mutex_);
      --database.capturing_;
      database.captured_.NotifyAll();
    }
  } captured{*this};
  RETURN_IF_ERROR(WaitForFlushes());
  // What is linked was there before or is there behind it; compactions merge what is there.
  std::vector<std::string> good = FilesUpTo(cut.last);
  rocksdb::Checkpoint* raw;
  RETURN_IF_ERROR(Checked(rocksdb::Checkpoint::Create(db_, &raw), "linking files"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  constexpr uint64_t kNoFlush = std::numeric_limits<uint64_t>::max();
  RETURN_IF_ERROR(Checked(checkpoint->CreateCheckpoint(directory, kNoFlush), "linking files"));
  for (std::string& name : FilesUpTo(cut.last)) good.push_back(std::move(name));
  const std::set<std::string> allowed(good.begin(), good.end());
  std::vector<std::string> names;
  RETURN_IF_ERROR(
      Checked(rocksdb::Env::Default()->GetChildren(directory, &names), "listing files"));
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return !absl::EndsWith(name, ".sst") || allowed.contains(name);
  });
}

}  // namespace pyflinkpp
