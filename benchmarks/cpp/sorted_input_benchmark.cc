// Batch mode's sort, on one thread with its files: LONG rows of random keys.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "core/types/native_serializers.h"
#include "harness/test_env.h"
#include "runtime/env/posix_file_system.h"
#include "runtime/operators/sorted_input_operator.h"

namespace pyflinkpp::benchmarks {
namespace {

constexpr int64_t kRows = 1'000'000;

class Counting final : public Operator {
 public:
  absl::Status Open(OperatorContext&) override { return absl::OkStatus(); }
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output&) override {
    rows += static_cast<int64_t>(view.remaining());
    view.position = view.batch->size();
    return Progress::kDone;
  }
  absl::StatusOr<Progress> FinishKey(Output&) override { return Progress::kDone; }

  int64_t rows = 0;
};

std::unique_ptr<RecordBatch> MakeBatch(uint64_t keys, harness::SeededRandom& random) {
  auto batch = std::make_unique<RecordBatch>(LongSerializer());
  for (size_t i = 0; i < kBatchRecordsMax; ++i) {
    batch->AppendRow(static_cast<int64_t>(i));
    const uint64_t key = random.Next() % keys;
    const absl::string_view bytes =
        batch->arena().Copy({reinterpret_cast<const char*>(&key), sizeof(key)});
    batch->keys().push_back({bytes.data(), sizeof(key), MurmurHash(bytes)});
    batch->timestamps().push_back(static_cast<int64_t>(random.Next() % 1000));
  }
  return batch;
}

// A million rows; `memory_mb`: what the sort may use.
void BM_SortedInput(benchmark::State& state) {
  harness::TestEnv world;
  PosixFileSystem files;
  Env env{world.clock, world.random, files, world.io, world.console, world.loops};
  const std::map<std::string, std::string> configuration;
  for (auto _ : state) {
    OperatorContext context{.env = env,
                            .task_name = "",
                            .configuration = configuration,
                            .wake = [] {},
                            .report_accumulator = {},
                            .counters = {}};
    auto counting = std::make_unique<Counting>();
    const Counting& counted = *counting;
    const auto op = MakeSortedInputOperator(std::move(counting), UnkeyedInput::kPasses,
                                            static_cast<size_t>(state.range(1)) * 1'000'000);
    Output output;
    const auto repeat = [&](auto call) {
      for (absl::StatusOr<Progress> progress = call();; progress = call()) {
        if (!progress.ok()) return state.SkipWithError("failed");
        if (*progress == Progress::kDone) return;
        while (*progress == Progress::kWait && world.io.RunOne()) {
        }
      }
    };
    if (!op->Open(context).ok()) return state.SkipWithError("not opened");
    for (int64_t rows = 0; rows < kRows; rows += static_cast<int64_t>(kBatchRecordsMax)) {
      state.PauseTiming();
      const auto batch = MakeBatch(static_cast<uint64_t>(state.range(0)), world.random);
      state.ResumeTiming();
      RecordBatchView view{batch.get()};
      repeat([&] { return op->ProcessBatch(0, view, output); });
    }
    repeat([&] { return op->Finish(output); });
    if (counted.rows != kRows || !op->Close().ok()) return state.SkipWithError("rows are missing");
    while (world.io.RunOne()) {
    }
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(BM_SortedInput)
    ->ArgNames({"keys", "memory_mb"})
    ->Args({1'000, 1'000})
    ->Args({100'000, 1'000})
    ->Args({100'000, 10})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pyflinkpp::benchmarks
