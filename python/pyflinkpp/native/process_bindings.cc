#include "native/process_bindings.h"

#include <pybind11/stl.h>

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "native/client_job.h"
#include "native/errors.h"
#include "native/python_operators.h"
#include "runtime/env/asio_network.h"
#include "runtime/env/parent_watch.h"
#include "runtime/minicluster/process_cluster.h"
#include "runtime/minicluster/task_manager_process.h"

namespace pyflinkpp {
namespace py = pybind11;

namespace {

template <class T>
T OrRaise(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  RaiseStatus(result.status());
  throw py::error_already_set();
}

std::unique_ptr<Network> MakeNetwork(const std::string& token) {
  AsioNetworkOptions options;
  options.security.token = token;
  return OrRaise(MakeAsioNetwork(std::move(options)));
}

RpcOptions MakeRpcOptions(const std::string& version, const std::string& python,
                          int64_t heartbeat_interval_ms, int64_t heartbeat_timeout_ms) {
  RpcOptions options;
  options.pyflinkpp_version = version;
  options.python_version = python;
  options.heartbeat_interval_ms = heartbeat_interval_ms;
  options.heartbeat_timeout_ms = heartbeat_timeout_ms;
  return options;
}

// A JobManager for TaskManagers in other processes of this machine. Jobs of it that still run when the
// interpreter ends are cancelled then.
class Cluster {
 public:
  Cluster(const std::string& token, const std::string& version, const std::string& python,
          int64_t heartbeat_interval_ms, int64_t heartbeat_timeout_ms)
      : cluster_(std::make_shared<ProcessCluster>(
            PythonOperators(), std::make_unique<PythonConsole>(), MakeNetwork(token),
            MakeRpcOptions(version, python, heartbeat_interval_ms, heartbeat_timeout_ms))) {
    const absl::Status started = cluster_->Start({.host = "127.0.0.1", .port = 0});
    if (!started.ok()) {
      RaiseStatus(started);
      throw py::error_already_set();
    }
    All().insert(this);
  }
  ~Cluster() { shutdown(); }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Those that have not been shut down.
  static std::set<Cluster*>& All() {
    static auto* const all = new std::set<Cluster*>;
    return *all;
  }

  std::pair<std::string, int> address() const {
    const NetworkAddress address = Get()->address();
    return {address.host, address.port};
  }
  int task_managers() const { return Get()->task_managers(); }
  bool wait_for_task_managers(int count, int64_t timeout_ms) const {
    std::shared_ptr<ProcessCluster> waiting = Get();
    py::gil_scoped_release release;
    // Perhaps the last to use it: then it ends here, without the interpreter's lock.
    const std::shared_ptr<ProcessCluster> kept = std::move(waiting);
    return kept->WaitForTaskManagers(count, timeout_ms);
  }
  std::unique_ptr<Job> submit(const JobGraphBuilder& builder, const std::string& name) const {
    return SubmitTo(*Get(), builder, name);
  }
  void shutdown() {
    All().erase(this);
    std::shared_ptr<ProcessCluster> cluster = std::move(cluster_);
    py::gil_scoped_release release;
    cluster.reset();
  }
  void Reset() { cluster_.reset(); }

 private:
  const std::shared_ptr<ProcessCluster>& Get() const {
    if (cluster_ == nullptr) throw std::runtime_error("the cluster has been shut down");
    return cluster_;
  }

  std::shared_ptr<ProcessCluster> cluster_;
};

// The TaskManager of this process.
class TaskManagerHost {
 public:
  TaskManagerHost(const std::string& host, int port, const std::string& token, int slots,
                  const std::string& name, const std::string& version, const std::string& python,
                  int64_t registration_timeout_ms) {
    TaskManagerProcess::Options options;
    options.job_manager = {.host = host, .port = port};
    options.slots = slots == 0 ? kUnlimitedSlots : slots;
    options.name = name;
    options.registration_timeout_ms = registration_timeout_ms;
    options.rpc.pyflinkpp_version = version;
    options.rpc.python_version = python;
    process_ = OrRaise(TaskManagerProcess::Make(
        PythonOperators(), std::make_unique<PythonConsole>(), MakeNetwork(token), options));
  }
  ~TaskManagerHost() {
    py::gil_scoped_release release;
    process_.reset();
  }
  TaskManagerHost(const TaskManagerHost&) = delete;
  TaskManagerHost& operator=(const TaskManagerHost&) = delete;

  // Until the process ends: its interpreter may wait for threads of the user's before it does.
  void watch_parent(int control, int64_t parent, int64_t grace_ms) const {
    static auto* const watches = new std::vector<std::unique_ptr<ParentWatch>>;
    watches->push_back(
        OrRaise(ParentWatch::Make(control, parent, grace_ms, [process = std::weak_ptr(process_)] {
          if (const auto alive = process.lock()) alive->Shutdown();
        })));
  }
  void shutdown() const {
    py::gil_scoped_release release;
    process_->Shutdown();
  }
  bool wait(int64_t timeout_ms) const {
    py::gil_scoped_release release;
    return process_->Wait(timeout_ms);
  }
  std::string failure() const { return process_->failure(); }

 private:
  std::shared_ptr<TaskManagerProcess> process_;
};

}  // namespace

void ShutdownProcessClusters() {
  for (Cluster* cluster : std::exchange(Cluster::All(), {})) cluster->Reset();
}

void BindProcesses(py::module_& module) {
  py::class_<Cluster>(module, "ProcessCluster")
      .def(py::init<const std::string&, const std::string&, const std::string&, int64_t, int64_t>(),
           py::arg("token"), py::arg("version"), py::arg("python"),
           py::arg("heartbeat_interval_ms"), py::arg("heartbeat_timeout_ms"))
      .def_property_readonly("address", &Cluster::address)
      .def("task_managers", &Cluster::task_managers)
      .def("wait_for_task_managers", &Cluster::wait_for_task_managers, py::arg("count"),
           py::arg("timeout_ms"))
      .def("submit", &Cluster::submit, py::arg("graph"), py::arg("name"))
      .def("shutdown", &Cluster::shutdown);
  py::class_<TaskManagerHost>(module, "TaskManagerHost")
      .def(py::init<const std::string&, int, const std::string&, int, const std::string&,
                    const std::string&, const std::string&, int64_t>(),
           py::arg("host"), py::arg("port"), py::arg("token"), py::arg("slots"), py::arg("name"),
           py::arg("version"), py::arg("python"), py::arg("registration_timeout_ms"))
      .def("watch_parent", &TaskManagerHost::watch_parent, py::arg("control"), py::arg("parent"),
           py::arg("grace_ms"))
      .def("shutdown", &TaskManagerHost::shutdown)
      .def("wait", &TaskManagerHost::wait, py::arg("timeout_ms"))
      .def("failure", &TaskManagerHost::failure);
}

}  // namespace pyflinkpp
