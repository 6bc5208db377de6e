#include "native/job_bindings.h"

#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "native/client_job.h"
#include "native/errors.h"
#include "native/process_bindings.h"
#include "native/python_operators.h"
#include "runtime/checkpoint/checkpoint_storage.h"
#include "runtime/env/posix_file_system.h"

namespace pyflinkpp {
namespace py = pybind11;

namespace {

// The clusters of this process by their number of slots: one, unless jobs configure
// taskmanager.numberOfTaskSlots.
std::map<int, std::unique_ptr<MiniCluster>>& Clusters() {
  static auto* const clusters = new std::map<int, std::unique_ptr<MiniCluster>>;
  return *clusters;
}

MiniCluster& ClusterFor(const std::map<std::string, std::string>& configuration) {
  int slots = kUnlimitedSlots;
  if (const auto key = configuration.find("taskmanager.numberOfTaskSlots");
      key != configuration.end()) {
    if (!absl::SimpleAtoi(key->second, &slots) || slots < 1) {
      throw py::value_error("taskmanager.numberOfTaskSlots is '" + key->second +
                            "'; it must be a whole number of at least 1");
    }
  }
  auto& cluster = Clusters()[slots];
  if (cluster == nullptr)
    cluster =
        std::make_unique<MiniCluster>(PythonOperators(), std::make_unique<PythonConsole>(), slots);
  return *cluster;
}

// The cluster of jobs that run in the thread that waits for them.
std::unique_ptr<SteppedCluster>& DebugCluster() {
  static auto* const cluster = new std::unique_ptr<SteppedCluster>;
  return *cluster;
}

std::unique_ptr<Job> Submit(const JobGraphBuilder& builder, const std::string& name, bool debug) {
  if (!debug) return SubmitTo(ClusterFor(builder.graph.configuration), builder, name);
  std::unique_ptr<SteppedCluster>& cluster = DebugCluster();
  if (cluster == nullptr) {
    cluster = std::make_unique<SteppedCluster>(PythonOperators(), std::make_unique<PythonConsole>(),
                                               nullptr);
  }
  return SubmitTo(*cluster, builder, name);
}

void DisposeSavepoint(const std::string& path) {
  absl::Status status;
  {
    py::gil_scoped_release release;
    PosixFileSystem files;
    status = DisposeCheckpoint(files, path);
  }
  if (status.ok()) return;
  RaiseStatus(status);
  throw py::error_already_set();
}

void Shutdown() {
  py::gil_scoped_release release;
  ShutdownProcessClusters();
  Clusters().clear();
  DebugCluster().reset();
}

}  // namespace

void BindJob(py::module_& module) {
  py::class_<Job>(module, "Job")
      .def_property_readonly("job_id", &Job::job_id)
      .def("status", &Job::status)
      .def("cancel", &Job::cancel)
      .def("watermarks", &Job::watermarks)
      .def("wait", &Job::wait, py::arg("timeout_ms"))
      .def("result", &Job::result)
      .def("counts", &Job::counts)
      .def("next_results", &Job::next_results, py::arg("timeout_ms"))
      .def("close_results", &Job::close_results)
      .def("checkpoints", &Job::checkpoints)
      .def("failures", &Job::failures)
      .def("trigger_savepoint", &Job::trigger_savepoint, py::arg("directory"), py::arg("after"))
      .def("wait_for_savepoint", &Job::wait_for_savepoint, py::arg("number"),
           py::arg("timeout_ms"));
  module.def("submit", Submit, py::arg("graph"), py::arg("name"), py::arg("debug") = false);
  module.def("shutdown", Shutdown);
  module.def("dispose_savepoint", DisposeSavepoint, py::arg("path"));
}

}  // namespace pyflinkpp
