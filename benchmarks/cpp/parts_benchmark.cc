// The parts of which a record's way is made: batches, hashes, serializers, state.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/hash.h"
#include "core/stream/record_batch.h"
#include "core/types/native_serializers.h"
#include "state/memory/memory_keyed_state_backend.h"

namespace pyflinkpp::benchmarks {
namespace {

constexpr size_t kRows = kBatchRecordsMax;

std::unique_ptr<RecordBatch> LongBatch(bool keys) {
  auto batch = std::make_unique<RecordBatch>(LongSerializer());
  auto* rows = reinterpret_cast<int64_t*>(batch->Append(kRows));
  std::iota(rows, rows + kRows, 0);
  for (size_t i = 0; keys && i < kRows; ++i) {
    const absl::string_view key =
        batch->arena().Copy({reinterpret_cast<const char*>(rows + i), sizeof(int64_t)});
    batch->keys().push_back({key.data(), static_cast<uint32_t>(key.size()), MurmurHash(key)});
  }
  return batch;
}

std::unique_ptr<RecordBatch> CountedBatch() {
  auto batch = std::make_unique<RecordBatch>(CountedSerializer());
  for (size_t i = 0; i < kRows; ++i) {
    const std::string word = absl::StrCat("word", i);
    batch->AppendRow(CountedRow{{batch->arena().Copy(word).data(), word.size()}, 1});
  }
  return batch;
}

// Half of a keyed batch of longs to each of two others, as a hash edge does.
void BM_MoveFromKeyed(benchmark::State& state) {
  std::vector<uint32_t> positions[2];
  for (uint32_t i = 0; i < kRows; ++i) positions[(i * 2654435761u) >> 31].push_back(i);
  const auto batch = LongBatch(/*keys=*/true);
  for (auto _ : state) {
    for (const auto& chosen : positions) {
      RecordBatch target(LongSerializer());
      target.MoveFrom(*batch, chosen.data(), chosen.size());
      benchmark::DoNotOptimize(target.row(0));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_MoveFromKeyed);

void BM_CopyBatch(benchmark::State& state) {
  const auto batch = CountedBatch();
  for (auto _ : state) benchmark::DoNotOptimize(*batch->Copy());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_CopyBatch);

void BM_MurmurHash(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(MurmurHash(bytes));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MurmurHash)->ArgName("bytes")->Arg(5)->Arg(8)->Arg(32);

void BM_WriteRows(benchmark::State& state) {
  const auto batch = CountedBatch();
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    BinaryWriter writer(bytes);
    benchmark::DoNotOptimize(batch->serializer()->Write(batch->row(0), kRows, writer).ok());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_WriteRows);

void BM_ReadRows(benchmark::State& state) {
  const auto batch = CountedBatch();
  std::string bytes;
  BinaryWriter writer(bytes);
  if (!batch->serializer()->Write(batch->row(0), kRows, writer).ok())
    return state.SkipWithError("not written");
  for (auto _ : state) {
    RecordBatch target(CountedSerializer());
    BinaryReader reader(bytes);
    benchmark::DoNotOptimize(
        target.serializer()->Read(reader, kRows, target.Append(kRows), target.arena()).ok());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_ReadRows);

// Adds one to the values of random keys, in runs as long as the reduce operator's.
void BM_MemoryState(benchmark::State& state) {
  constexpr size_t kRun = 64;
  const auto count = static_cast<size_t>(state.range(0));
  std::vector<int64_t> values(count);
  std::vector<RecordKey> keys(count);
  uint64_t random = 1;
  for (size_t i = 0; i < count; ++i) {
    values[i] = static_cast<int64_t>(i);
    const absl::string_view bytes(reinterpret_cast<const char*>(&values[i]), sizeof(int64_t));
    keys[i] = {bytes.data(), sizeof(int64_t), MurmurHash(bytes)};
  }
  std::vector<RecordKey> asked(size_t{1} << 16);
  for (RecordKey& key : asked) key = keys[(random = MixHash(random + 1)) % count];
  const auto backend = MakeMemoryKeyedStateBackend({0, 127}, 128);
  const auto made = backend->CreateValueState("sum", LongSerializer());
  if (!made.ok()) return state.SkipWithError("no state");
  ValueState& sums = **made;
  const auto touch = [&sums](std::span<const RecordKey> run) {
    if (!sums.Prefetch(run).ok()) return;
    bool found;
    for (size_t i = 0; i < run.size(); ++i) ++*reinterpret_cast<int64_t*>(sums.Access(i, &found));
    benchmark::DoNotOptimize(sums.Flush().ok());
  };
  for (size_t i = 0; i < count; i += kRun)
    touch(std::span(keys).subspan(i, std::min(kRun, count - i)));
  size_t at = 0;
  for (auto _ : state) {
    touch(std::span<const RecordKey>(asked).subspan(at, kRun));
    at = (at + kRun) % asked.size();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRun));
}
BENCHMARK(BM_MemoryState)->ArgName("keys")->Arg(1'000)->Arg(1'000'000);

}  // namespace
}  // namespace pyflinkpp::benchmarks
