#include "native/harness_bindings.h"

#include <memory>
#include <string>

#include "native/client_job.h"
#include "native/errors.h"
#include "native/function_runtime.h"
#include "native/push_source.h"
#include "native/python_operators.h"
#include "native/type_coder.h"
#include "native/type_descriptor.h"

namespace pyflinkpp {
namespace py = pybind11;

namespace {

// Elements of one push source, checked against its type.
class Input {
 public:
  Input(std::string id, const py::object& type)
      : id_(std::move(id)), coder_(MakeCoder(TypeFromDescriptor(type))), queue_(PushQueueOf(id_)) {
    if (coder_ == nullptr) throw py::error_already_set();
  }
  ~Input() { ForgetPushQueue(id_); }

  void push(const py::object& value, int64_t timestamp) {
    PyRef normal = PyRef::Steal(coder_->Normalize(value.ptr()));
    if (!normal) throw py::error_already_set();
    queue_->Push({std::move(normal), timestamp});
  }
  void push_watermark(int64_t timestamp, bool idle) { queue_->Push({PyRef(), timestamp, idle}); }
  size_t pending() const { return queue_->pending(); }
  void end() { queue_->End(); }

 private:
  const std::string id_;
  const std::shared_ptr<const TypeCoder> coder_;
  const std::shared_ptr<PushQueue> queue_;
};

class Harness {
 public:
  explicit Harness(int64_t start_ms)
      : cluster_(std::make_unique<SteppedCluster>(PythonOperators(),
                                                  std::make_unique<PythonConsole>(),
                                                  std::make_unique<ManualClock>(start_ms))) {}
  ~Harness() { close(); }

  std::unique_ptr<Job> submit(const JobGraphBuilder& builder, const std::string& name) {
    return SubmitTo(*cluster_, builder, name);
  }
  void run() {
    py::gil_scoped_release release;
    cluster_->RunUntilIdle();
  }
  void advance(int64_t millis) {
    py::gil_scoped_release release;
    cluster_->Advance(millis);
  }
  int64_t now() const { return cluster_->env().clock.NowMillis(); }
  void close() {
    py::gil_scoped_release release;
    cluster_.reset();
  }

 private:
  std::unique_ptr<SteppedCluster> cluster_;
};

// [{"states": {name: {key: value}}, "event_time_timers": [(key, time)], "processing_time_timers":
// ...}], one for each subtask of the operator that is open.
py::list Inspect(const std::string& operator_name) {
  py::list result;
  for (const auto& runtime : FunctionRuntime::OpenOnes(operator_name)) {
    const PyRef told = PyRef::Steal(runtime->Inspect());
    if (!told) throw py::error_already_set();
    result.append(py::reinterpret_borrow<py::object>(told.get()));
  }
  return result;
}

}  // namespace

void BindHarness(py::module_& module) {
  py::class_<Input>(module, "HarnessInput")
      .def(py::init<std::string, py::object>(), py::arg("id"), py::arg("type"))
      .def("push", &Input::push, py::arg("value"), py::arg("timestamp"))
      .def("push_watermark", &Input::push_watermark, py::arg("timestamp"), py::arg("idle") = false)
      .def("pending", &Input::pending)
      .def("end", &Input::end);
  py::class_<Harness>(module, "Harness")
      .def(py::init<int64_t>(), py::arg("start_ms"))
      .def("submit", &Harness::submit, py::arg("graph"), py::arg("name"))
      .def("run", &Harness::run)
      .def("advance", &Harness::advance, py::arg("millis"))
      .def("now", &Harness::now)
      .def("close", &Harness::close);
  module.def("inspect", Inspect, py::arg("operator_name"));
}

}  // namespace pyflinkpp
