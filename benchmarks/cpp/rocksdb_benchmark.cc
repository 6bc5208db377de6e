// A counter for each of a million keys in RocksDB: one read and one update of a random key a record.
// Goal: at least 0.8 x the bare loop, and 400k updates a second on one core.
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/hash.h"
#include "core/stream/record_batch.h"
#include "core/types/native_serializers.h"
#include "job_benchmark.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"

namespace pyflinkpp::benchmarks {
namespace {

constexpr int64_t kKeys = 1'000'000;
constexpr size_t kBatch = 1000;
constexpr int64_t kUpdates = 1'000'000;

std::string Directory(const char* name) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     absl::StrCat("pyflinkpp-bench-", ::getpid(), "-", name);
  std::filesystem::remove_all(path);
  return path;
}

uint64_t RandomKey(uint64_t number) { return MixHash(number + 1) % kKeys; }

// What one writes by hand: MultiGet of a batch's keys, then its values in one WriteBatch. The memory
// is the engine's default budget.
void BM_RocksDbLoop(benchmark::State& state) {
  const std::string directory = Directory("loop");
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = size_t{64} << 20;
  options.compression = rocksdb::kNoCompression;
  options.allow_concurrent_memtable_write = false;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(size_t{320} << 20);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* raw;
  if (!rocksdb::DB::Open(options, directory, &raw).ok()) return state.SkipWithError("not opened");
  const std::unique_ptr<rocksdb::DB> db(raw);
  rocksdb::WriteOptions write;
  write.disableWAL = true;
  std::vector<uint64_t> keys(kBatch);
  std::vector<rocksdb::Slice> slices(kBatch);
  std::vector<rocksdb::PinnableSlice> values(kBatch);
  std::vector<rocksdb::Status> statuses(kBatch);
  rocksdb::WriteBatch batch;
  const auto count = [&](auto key_of) {
    for (size_t i = 0; i < kBatch; ++i) {
      keys[i] = key_of(i);
      slices[i] = {reinterpret_cast<const char*>(&keys[i]), sizeof(uint64_t)};
    }
    db->MultiGet(rocksdb::ReadOptions(), db->DefaultColumnFamily(), kBatch, slices.data(),
                 values.data(), statuses.data());
    batch.Clear();
    for (size_t i = 0; i < kBatch; ++i) {
      int64_t value = 0;
      if (statuses[i].ok()) std::memcpy(&value, values[i].data(), sizeof(value));
      values[i].Reset();
      ++value;
      (void)batch.Put(slices[i], {reinterpret_cast<const char*>(&value), sizeof(value)});
    }
    return db->Write(write, &batch).ok();
  };
  for (uint64_t first = 0; first < kKeys; first += kBatch) {
    if (!count([&](size_t i) { return first + i; })) return state.SkipWithError("not written");
  }
  uint64_t number = 0;
  for (auto _ : state) {
    for (int64_t done = 0; done < kUpdates; done += kBatch) {
      if (!count([&](size_t) { return RandomKey(number++); })) state.SkipWithError("not written");
    }
  }
  state.SetItemsProcessed(state.iterations() * kUpdates);
  (void)db->Close();
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_RocksDbLoop)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();

// The same through a ValueState, in runs of the operators' length.
void BM_RocksDbState(benchmark::State& state) {
  constexpr size_t kRun = 64;
  RocksDbPlan plan;
  plan.key_groups = {0, 127};
  plan.directory = Directory("state");
  const auto backend = OpenRocksDbKeyedStateBackend(plan);
  if (!backend.ok()) return state.SkipWithError("not opened");
  const auto made = (*backend)->CreateValueState("count", LongSerializer());
  if (!made.ok()) return state.SkipWithError("no state");
  ValueState& counts = **made;
  std::vector<uint64_t> bytes(kRun);
  std::vector<RecordKey> keys(kRun);
  const auto count = [&](auto key_of) {
    for (size_t i = 0; i < kRun; ++i) {
      bytes[i] = key_of(i);
      const absl::string_view key(reinterpret_cast<const char*>(&bytes[i]), sizeof(uint64_t));
      keys[i] = {key.data(), sizeof(uint64_t), MurmurHash(key)};
    }
    if (!counts.Prefetch(keys).ok()) return false;
    bool found;
    for (size_t i = 0; i < kRun; ++i) ++*reinterpret_cast<int64_t*>(counts.Access(i, &found));
    return counts.Flush().ok();
  };
  for (uint64_t first = 0; first < kKeys; first += kRun) {
    if (!count([&](size_t i) { return first + i; })) return state.SkipWithError("not written");
  }
  uint64_t number = 0;
  for (auto _ : state) {
    for (int64_t done = 0; done < kUpdates; done += kRun) {
      if (!count([&](size_t) { return RandomKey(number++); })) state.SkipWithError("not written");
    }
  }
  state.SetItemsProcessed(state.iterations() * kUpdates);
}
BENCHMARK(BM_RocksDbState)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();

// The same as a job: number sequence -> key_by | hash edge | reduce -> sink. It begins with no keys,
// and counts its start and end.
void BM_RocksDbJob(benchmark::State& state) {
  constexpr int64_t kRecords = 4'000'000;
  OperatorRegistry operators = native::NativeOperators();
  native::AddNative(operators, "key_by_random", [](const idl::OperatorNode&) {
    return native::MakeKeyBy<int64_t>(
        [](const int64_t* rows, size_t count, Arena& arena, RecordKey* keys) {
          char* bytes = arena.Allocate(count * sizeof(int64_t));
          for (size_t i = 0; i < count; ++i, bytes += sizeof(int64_t)) {
            const uint64_t key = RandomKey(static_cast<uint64_t>(rows[i]));
            std::memcpy(bytes, &key, sizeof(key));
            keys[i] = {bytes, sizeof(key), MurmurHash({bytes, sizeof(key)})};
          }
        });
  });
  const auto build = [](native::JobBuilder& job) {
    job.graph().configuration["state.backend.type"] = "rocksdb";
    const int numbers = job.Numbers(1, kRecords, 1);
    const int keyed = job.Then(numbers, idl::Partitioner::FORWARD, job.Native("key_by_random", 1));
    const int reduce =
        job.Then(keyed, idl::Partitioner::HASH, job.Reduce("sum_longs", /*final_only=*/false, 1));
    job.Then(reduce, idl::Partitioner::FORWARD, job.Discard(1));
  };
  RunJobs(state, kRecords, build, operators);
}
BENCHMARK(BM_RocksDbJob)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();

}  // namespace
}  // namespace pyflinkpp::benchmarks
