// Runs jobs of native operators on the mini-cluster, as all jobs run: JobManager, TaskManager,
// tasks on threads of their own.
#pragma once

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "native/job_builder.h"
#include "native/registry.h"
#include "runtime/minicluster/mini_cluster.h"

namespace pyflinkpp::benchmarks {

// One job an iteration, its start and end included: jobs are long enough that these do not count.
// `build` adds the job's operators; `records` is how many its source emits.
template <class Build>
void RunJobs(benchmark::State& state, int64_t records, Build build,
             OperatorRegistry operators = native::NativeOperators()) {
  MiniCluster cluster(std::move(operators), std::make_unique<StdioConsole>(), kUnlimitedSlots);
  int jobs = 0;
  for (auto _ : state) {
    native::JobBuilder builder(absl::StrFormat("%032x", jobs++));
    build(builder);
    const std::shared_ptr<JobHandle> job = cluster.Submit(builder.Build());
    while (!job->Wait(1000)) {
    }
    const JobResult result = job->result();
    if (result.state != JobState::kFinished)
      return state.SkipWithError(result.failure.message.c_str());
    if (result.metrics.at(0).records_out != records)
      return state.SkipWithError("not all records were emitted");
  }
  state.SetItemsProcessed(state.iterations() * records);
}

}  // namespace pyflinkpp::benchmarks
