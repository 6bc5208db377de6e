// The window operator alone, on one thread: keyed sums of LONG rows. Goals: 10 M rows/s over 1,000
// keys, 4 M rows/s over a million, in tumbling windows of 10 s.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "core/windowing/session_windows.h"
#include "core/windowing/time_window_assigners.h"
#include "harness/test_env.h"
#include "native/window_functions.h"
#include "runtime/operators/window_operator.h"
#include "state/memory/memory_keyed_state_backend.h"

namespace pyflinkpp::benchmarks {
namespace {

// Rows of an endless stream: random keys, times that go up by `rows_per_ms` and are up to a second
// out of order.
class Rows {
 public:
  Rows(uint64_t keys, int64_t rows_per_ms) : keys_(keys), rows_per_ms_(rows_per_ms) {
    for (uint64_t i = 0; i < kDistinct; ++i) batches_.push_back(MakeBatch());
  }

  // The next batch; the rows of an earlier one, with new times. Moving rows out of it is not
  // allowed.
  RecordBatch& Next() {
    RecordBatch& batch = *batches_[next_++ % kDistinct];
    for (size_t i = 0; i < kBatchRecordsMax; ++i) {
      const int64_t now = static_cast<int64_t>(row_++) / rows_per_ms_;
      batch.timestamps()[i] = now - delays_[(next_ * 7 + i) % delays_.size()];
    }
    return batch;
  }
  int64_t watermark() const { return static_cast<int64_t>(row_) / rows_per_ms_ - 1001; }

 private:
  static constexpr uint64_t kDistinct = 2000;

  std::unique_ptr<RecordBatch> MakeBatch() {
    auto batch = std::make_unique<RecordBatch>(LongSerializer());
    auto* values = reinterpret_cast<int64_t*>(batch->Append(kBatchRecordsMax));
    char* bytes = batch->arena().Allocate(kBatchRecordsMax * sizeof(uint64_t));
    for (size_t i = 0; i < kBatchRecordsMax; ++i, bytes += sizeof(uint64_t)) {
      values[i] = static_cast<int64_t>(i);
      const uint64_t key = random_.Next() % keys_;
      std::memcpy(bytes, &key, sizeof(key));
      batch->keys().push_back({bytes, sizeof(key), MurmurHash({bytes, sizeof(key)})});
      batch->timestamps().push_back(0);
      if (delays_.size() < 4096) delays_.push_back(static_cast<int64_t>(random_.Next() % 1000));
    }
    return batch;
  }

  const uint64_t keys_;
  const int64_t rows_per_ms_;
  harness::SeededRandom random_;
  std::vector<std::unique_ptr<RecordBatch>> batches_;
  std::vector<int64_t> delays_;
  size_t next_ = 0;
  uint64_t row_ = 10'000'000'000;
};

void Run(benchmark::State& state, std::unique_ptr<WindowAssigner> assigner,
         std::unique_ptr<Trigger> trigger, int64_t rows_per_ms, bool merges_panes = false) {
  harness::TestEnv env;
  const std::map<std::string, std::string> configuration;
  std::vector<OperatorCounters> counters(1);
  const auto backend = MakeMemoryKeyedStateBackend({0, 127}, 128);
  OperatorContext context{.env = env.env,
                          .task_name = "",
                          .configuration = configuration,
                          .keyed_state = backend.get(),
                          .wake = {},
                          .report_accumulator = {},
                          .counters = counters};
  const auto op = MakeWindowOperator({.assigner = std::move(assigner),
                                      .trigger = std::move(trigger),
                                      .function = std::make_unique<native::SumWindow>(merges_panes),
                                      .allowed_lateness_ms = 0,
                                      .late_output = {}});
  if (!op->Open(context).ok()) return state.SkipWithError("not opened");
  Rows rows(static_cast<uint64_t>(state.range(0)), rows_per_ms);
  Output output;
  // An iteration is a window's length: as many windows open and end in each.
  const auto process = [&](int64_t count) {
    for (; count > 0; count -= static_cast<int64_t>(kBatchRecordsMax)) {
      RecordBatchView view{&rows.Next()};
      while (!view.done()) {
        if (!op->ProcessBatch(0, view, output).ok()) return state.SkipWithError("failed");
        output.Take();
      }
      for (Progress progress = Progress::kMore; progress == Progress::kMore;) {
        progress = *op->ProcessWatermark({rows.watermark(), false}, output);
        output.Take();
      }
    }
  };
  const int64_t window = 10'000 * rows_per_ms;
  process(window);
  for (auto _ : state) process(window);
  state.SetItemsProcessed(state.iterations() * window);
  state.counters["emitted_per_row"] =
      static_cast<double>(counters[0].records_out) / static_cast<double>(counters[0].records_in);
  if (!op->Close().ok() || counters[0].late_dropped > 0) state.SkipWithError("late elements");
}

// `rows_per_ms`: how fast the stream is, that is how many rows a window of a key has.
void BM_TumblingSum(benchmark::State& state) {
  Run(state, *MakeTumblingWindows(10'000, 0, true), MakeEventTimeTrigger(), state.range(1));
}
BENCHMARK(BM_TumblingSum)
    ->ArgNames({"keys", "rows_per_ms"})
    ->Args({1'000, 1000})
    ->Args({1'000'000, 1000})
    ->Args({1'000'000, 100})
    ->Unit(benchmark::kMillisecond);

// Each row in ten windows, which share panes or don't: items are rows.
void BM_SlidingSum(benchmark::State& state) {
  Run(state, *MakeSlidingWindows(10'000, 1'000, 0, true), MakeEventTimeTrigger(), state.range(1),
      /*merges_panes=*/state.range(2) != 0);
}
BENCHMARK(BM_SlidingSum)
    ->ArgNames({"keys", "rows_per_ms", "panes"})
    ->ArgsProduct({{1'000}, {100}, {0, 1}})
    ->ArgsProduct({{100'000}, {100}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

void BM_SessionSum(benchmark::State& state) {
  Run(state, *MakeSessionWindows(1'000, true), MakeEventTimeTrigger(), state.range(1));
}
BENCHMARK(BM_SessionSum)
    ->ArgNames({"keys", "rows_per_ms"})
    ->Args({1'000, 1})
    ->Args({100'000, 10})
    ->Unit(benchmark::kMillisecond);

// Another trigger than the default one: asked about each row.
void BM_TumblingCount(benchmark::State& state) {
  Run(state, *MakeTumblingWindows(10'000, 0, true), MakeCountTrigger(100), state.range(1));
}
BENCHMARK(BM_TumblingCount)
    ->ArgNames({"keys", "rows_per_ms"})
    ->Args({1'000, 1000})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pyflinkpp::benchmarks
