// Channels between native tasks of one process. Goal: 10 M records/s over a keyed exchange.
#include "job_benchmark.h"

namespace pyflinkpp::benchmarks {
namespace {

constexpr int64_t kRecords = 10'000'000;

enum class Behind { kDiscard, kReduce };

// number sequence -> key_by | hash edge | sink or reduce -> sink; the task behind the edge never
// chains with the one before.
void KeyedExchange(benchmark::State& state, int targets, Behind behind) {
  RunJobs(state, kRecords, [=](native::JobBuilder& job) {
    const int numbers = job.Numbers(1, kRecords, 1);
    const int keyed = job.Then(numbers, idl::Partitioner::FORWARD, job.Native("key_by_long", 1));
    const int head = behind == Behind::kReduce
                         ? job.Reduce("sum_longs", /*final_only=*/false, targets)
                         : job.Discard(targets);
    job.op(head).chaining = idl::ChainingStrategy::HEAD;
    job.Connect(keyed, head, idl::Partitioner::HASH);
    if (behind == Behind::kReduce) job.Then(head, idl::Partitioner::FORWARD, job.Discard(targets));
  });
}
void BM_KeyedExchange(benchmark::State& state) {
  KeyedExchange(state, static_cast<int>(state.range(0)), Behind::kDiscard);
}
void BM_KeyedExchangeReduce(benchmark::State& state) {
  KeyedExchange(state, static_cast<int>(state.range(0)), Behind::kReduce);
}
BENCHMARK(BM_KeyedExchange)
    ->ArgName("targets")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();
BENCHMARK(BM_KeyedExchangeReduce)
    ->ArgName("targets")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

// Whole batches from task to task, in turn.
void BM_Rebalance(benchmark::State& state) {
  const auto targets = static_cast<int>(state.range(0));
  RunJobs(state, kRecords, [=](native::JobBuilder& job) {
    const int numbers = job.Numbers(1, kRecords, 1);
    job.Then(numbers, idl::Partitioner::REBALANCE, job.Discard(targets));
  });
}
BENCHMARK(BM_Rebalance)
    ->ArgName("targets")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

// lines of words -> split -> pair -> key_by | hash edge | reduce -> sink: strings in arenas, every
// update emitted. Counts lines, of eight words each.
void BM_NativeWordCount(benchmark::State& state) {
  constexpr int64_t kLines = 500'000;
  RunJobs(state, kLines, [](native::JobBuilder& job) {
    int last = job.Numbers(1, kLines, 1);
    for (const char* name : {"long_to_line", "split_words", "pair", "key_by_word"}) {
      last = job.Then(last, idl::Partitioner::FORWARD, job.Native(name, 1));
    }
    const int reduce =
        job.Then(last, idl::Partitioner::HASH, job.Reduce("sum_counts", /*final_only=*/false, 1));
    job.op(reduce).chaining = idl::ChainingStrategy::HEAD;
    job.Then(reduce, idl::Partitioner::FORWARD, job.Discard(1));
  });
}
BENCHMARK(BM_NativeWordCount)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace pyflinkpp::benchmarks
