// The engine alone: a chain of native operators in one task. Goal: 60 M records/s on a core.
#include "job_benchmark.h"

namespace pyflinkpp::benchmarks {
namespace {

constexpr int64_t kRecords = 50'000'000;

void BM_NativeChain(benchmark::State& state) {
  RunJobs(state, kRecords, [](native::JobBuilder& job) {
    int last = job.Numbers(1, kRecords, 1);
    last = job.Then(last, idl::Partitioner::FORWARD, job.Native("affine_long", 1));
    last = job.Then(last, idl::Partitioner::FORWARD, job.Native("odd_longs", 1));
    job.Then(last, idl::Partitioner::FORWARD, job.Discard(1));
  });
}
BENCHMARK(BM_NativeChain)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();

// What a source and a sink cost without anything between them.
void BM_SourceToSink(benchmark::State& state) {
  RunJobs(state, kRecords, [](native::JobBuilder& job) {
    const int numbers = job.Numbers(1, kRecords, 1);
    job.Then(numbers, idl::Partitioner::FORWARD, job.Discard(1));
  });
}
BENCHMARK(BM_SourceToSink)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();

}  // namespace
}  // namespace pyflinkpp::benchmarks
