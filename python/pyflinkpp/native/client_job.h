// A submitted job as Python sees it.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "native/graph_bindings.h"
#include "runtime/minicluster/mini_cluster.h"

namespace pyflinkpp {

class Job {
 public:
  Job(std::shared_ptr<JobHandle> handle, const idl::JobGraph& graph);
  ~Job();

  std::string job_id() const { return handle_->job_id(); }
  std::string status() const { return NameOf(handle_->state()); }
  void cancel() const { handle_->Cancel(); }
  // {task: {"watermark", "idle", "held_by", "source", "split", "since_ms"}}
  pybind11::dict watermarks() const;
  bool wait(int64_t timeout_ms) const;
  // Raises what the job failed with.
  pybind11::dict result() const;
  // What it has counted, however it ended.
  pybind11::dict counts() const;
  pybind11::object next_results(int64_t timeout_ms) const;
  void close_results() const;
  // [{"id", "state", "savepoint", "triggered_ms", "duration_ms", "bytes", "path", "failure", "subtasks"}]
  pybind11::list checkpoints() const;
  // [(JobExecutionException, wall clock's milliseconds)], the last one last.
  pybind11::list failures() const;
  // Starts one and gives its number. `after`: "go on", "suspend" or "drain".
  int64_t trigger_savepoint(const std::string& directory, const std::string& after) const;
  // The path of the savepoint of this number, None when it is not there in time.
  pybind11::object wait_for_savepoint(int64_t number, int64_t timeout_ms) const;

 private:
  void Attend() const;

  std::shared_ptr<JobHandle> handle_;
  std::vector<std::pair<std::string, int>> operators_;  // name and parallelism
};

// `Cluster`: MiniCluster, SteppedCluster or ProcessCluster.
template <class Cluster>
std::unique_ptr<Job> SubmitTo(Cluster& cluster, const JobGraphBuilder& builder,
                              const std::string& name) {
  idl::JobGraph graph = builder.Complete();
  graph.name = name;
  graph.job_id =
      absl::StrFormat("%016x%016x", cluster.env().random.Next(), cluster.env().random.Next());
  std::shared_ptr<JobHandle> handle;
  {
    pybind11::gil_scoped_release release;
    handle = cluster.Submit(graph);
  }
  return std::make_unique<Job>(std::move(handle), graph);
}

}  // namespace pyflinkpp
