#include "native/job_bindings.h"

#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/gil.h"
#include "native/graph_bindings.h"
#include "native/async_operator.h"
#include "native/process_operator.h"
#include "native/python_reduce.h"
#include "native/python_serializer.h"
#include "native/python_stage.h"
#include "native/python_windows.h"
#include "runtime/minicluster/mini_cluster.h"

namespace pyflinkpp {
namespace py = pybind11;

namespace {

// How long a wait goes without a look at Python's signals.
constexpr int64_t kSignalSliceMs = 50;

// sys.stdout and sys.stderr as they are when something is written: a notebook's cell, a
// redirection.
class PythonConsole final : public Console {
 public:
  void Write(absl::string_view text, bool standard_error) override {
    Gil gil;
    PyObject* stream = PySys_GetObject(standard_error ? "stderr" : "stdout");
    if (stream == nullptr || stream == Py_None) return;
    const PyRef string = PyRef::Steal(
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
    const PyRef written =
        string ? PyRef::Steal(PyObject_CallMethod(stream, "write", "O", string.get())) : PyRef();
    if (!written) PyErr_Clear();  // a closed stream loses what is printed, not the job
  }
};

OperatorRegistry PythonOperators() {
  OperatorRegistry registry = BuiltinOperators();
  registry.serializers = PythonSerializerOf;
  registry.entries["window"] = {
      .make = MakePythonWindowOperator, .make_enumerator = {}, .takes_turns = true};
  registry.entries["async"] = {.make = MakeAsyncOperator, .make_enumerator = {}, .takes_turns = true};
  registry.entries["process"] = {
      .make = MakeProcessOperator, .make_enumerator = {}, .takes_turns = true};
  registry.entries["python"] = {
      .make = MakePythonStage, .fuses = true, .make_enumerator = {}, .takes_turns = true};
  registry.entries["project"] = registry.entries["python"];
  registry.entries["reduce"] = {
      .make = [](std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers)
          -> absl::StatusOr<std::unique_ptr<Operator>> {
        ASSIGN_OR_RETURN(auto serializer, serializers(nodes[0].output_type));
        return MakeKeyedReduceOperator(MakePythonReduce(nodes[0], std::move(serializer)),
                                       nodes[0].spec.reduce.final_only);
      },
      .make_enumerator = {},
      .takes_turns = true};
  return registry;
}

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

class Job {
 public:
  Job(std::shared_ptr<JobHandle> handle, const idl::JobGraph& graph) : handle_(std::move(handle)) {
    for (const idl::OperatorNode& node : graph.operators)
      operators_.emplace_back(node.name, node.parallelism);
  }
  ~Job() {
    py::gil_scoped_release release;  // results that nobody took
    handle_.reset();
  }

  std::string job_id() const { return handle_->job_id(); }
  std::string status() const { return NameOf(handle_->state()); }
  void cancel() const { handle_->Cancel(); }

  bool wait(int64_t timeout_ms) const {
    for (;;) {
      const int64_t slice = std::min(timeout_ms, kSignalSliceMs);
      bool ended;
      {
        py::gil_scoped_release release;
        ended = handle_->Wait(slice);
      }
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      timeout_ms -= slice;
      if (ended || timeout_ms <= 0) return ended;
    }
  }

  py::dict result() const {
    const JobResult result = handle_->result();
    if (result.state == JobState::kFailed) {
      RaiseFailure(result.failure);
      throw py::error_already_set();
    }
    if (result.state == JobState::kCanceled) {
      const auto type =
          py::module_::import("pyflinkpp.common.exceptions").attr("JobCancellationException");
      PyErr_SetString(type.ptr(), "the job was cancelled");
      throw py::error_already_set();
    }
    py::list operators;
    for (size_t i = 0; i < operators_.size(); ++i) {
      const auto metrics = result.metrics.find(static_cast<int>(i));
      const idl::OperatorMetrics counted =
          metrics == result.metrics.end() ? idl::OperatorMetrics() : metrics->second;
      py::dict entry;
      entry["name"] = operators_[i].first;
      entry["records_in"] = counted.records_in;
      entry["records_out"] = counted.records_out;
      entry["late_dropped"] = counted.late_dropped;
      entry["state_accesses"] = counted.state_accesses;
      entry["parallelism"] = operators_[i].second;
      operators.append(std::move(entry));
    }
    py::dict accumulators;
    for (const auto& [name, values] : result.accumulators) {
      py::list pickles;
      for (const std::string& value : values) pickles.append(py::bytes(value));
      accumulators[py::str(name)] = std::move(pickles);
    }
    py::dict dict;
    dict["runtime_ms"] = result.runtime_ms;
    dict["operators"] = std::move(operators);
    dict["accumulators"] = std::move(accumulators);
    return dict;
  }

  py::object next_results(int64_t timeout_ms) const {
    for (;;) {
      const int64_t slice = std::min(timeout_ms, kSignalSliceMs);
      bool ended = false;
      std::optional<StreamElement> element;
      {
        py::gil_scoped_release release;
        element = handle_->NextResult(slice, &ended);
      }
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (element) {
        if (auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&*element))
          return ToList(**batch);
        continue;  // control elements mean nothing to the client
      }
      if (ended) return py::none();
      timeout_ms -= slice;
      if (timeout_ms <= 0) return py::list();
    }
  }

  void close_results() const {
    py::gil_scoped_release release;
    handle_->CloseResults();
  }

 private:
  static py::list ToList(RecordBatch& batch) {
    const absl::StatusOr<RowTaker> take = RowTakerOf(*batch.serializer());
    if (!take.ok()) {
      RaiseStatus(take.status());
      throw py::error_already_set();
    }
    const auto* python = dynamic_cast<const PythonSerializer*>(batch.serializer().get());
    const bool convert = python != nullptr && python->coder().contains_float();
    py::list list(batch.size());
    for (size_t i = 0; i < batch.size(); ++i) {
      PyRef value = PyRef::Steal((*take)(batch.row(i)));
      if (value && convert) value = PyRef::Steal(python->coder().ForClient(value.get()));
      if (!value) throw py::error_already_set();
      PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), value.release());
    }
    return list;
  }

  std::shared_ptr<JobHandle> handle_;
  std::vector<std::pair<std::string, int>> operators_;  // name and parallelism
};

std::unique_ptr<Job> Submit(const JobGraphBuilder& builder, const std::string& name) {
  idl::JobGraph graph = builder.Complete();
  MiniCluster& cluster = ClusterFor(graph.configuration);
  graph.name = name;
  graph.job_id =
      absl::StrFormat("%016x%016x", cluster.env().random.Next(), cluster.env().random.Next());
  std::shared_ptr<JobHandle> handle;
  {
    py::gil_scoped_release release;
    handle = cluster.Submit(graph);
  }
  return std::make_unique<Job>(std::move(handle), graph);
}

void Shutdown() {
  py::gil_scoped_release release;
  Clusters().clear();
}

}  // namespace

void BindJob(py::module_& module) {
  py::class_<Job>(module, "Job")
      .def_property_readonly("job_id", &Job::job_id)
      .def("status", &Job::status)
      .def("cancel", &Job::cancel)
      .def("wait", &Job::wait, py::arg("timeout_ms"))
      .def("result", &Job::result)
      .def("next_results", &Job::next_results, py::arg("timeout_ms"))
      .def("close_results", &Job::close_results);
  module.def("submit", Submit, py::arg("graph"), py::arg("name"));
  module.def("shutdown", Shutdown);
}

}  // namespace pyflinkpp
