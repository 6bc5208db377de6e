#include "native/client_job.h"

#include "native/errors.h"
#include "native/gil.h"
#include "native/python_serializer.h"

namespace pyflinkpp {
namespace py = pybind11;

namespace {

// How long a wait goes without a look at Python's signals.
constexpr int64_t kSignalSliceMs = 50;
// How much one call takes.
constexpr size_t kBatchesMax = 16;

py::list ToList(RecordBatch& batch) {
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

}  // namespace

Job::Job(std::shared_ptr<JobHandle> handle, const idl::JobGraph& graph)
    : handle_(std::move(handle)) {
  for (const idl::OperatorNode& node : graph.operators)
    operators_.emplace_back(node.name, node.parallelism);
}
Job::~Job() {
  py::gil_scoped_release release;  // results that nobody took
  handle_.reset();
}

// What Python has to do while it waits: signals, and warnings that it may turn into errors.
void Job::Attend() const {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  for (const std::string& warning : handle_->TakeWarnings())
    py::module_::import("pyflinkpp._warnings").attr("warn")(warning);
}

bool Job::wait(int64_t timeout_ms) const {
  for (;;) {
    const int64_t slice = std::min(timeout_ms, kSignalSliceMs);
    bool ended;
    {
      py::gil_scoped_release release;
      ended = handle_->Wait(slice);
    }
    Attend();
    timeout_ms -= slice;
    if (ended || timeout_ms <= 0) return ended;
  }
}

py::dict Job::result() const {
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
  return counts();
}

py::dict Job::counts() const {
  const JobResult result = handle_->result();
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
  py::dict holds;
  for (const TaskHold& hold : result.holds) {
    py::dict entry;
    entry["held_by"] = hold.held_by;
    entry["source"] = hold.source;
    entry["split"] = hold.split;
    entry["watermark"] = hold.watermark;
    entry["since_ms"] = hold.since_ms;
    entry["held_ms"] = hold.until_ms - hold.since_ms;
    holds[py::str(hold.task)] = std::move(entry);
  }
  py::dict dict;
  dict["runtime_ms"] = result.runtime_ms;
  dict["watermark_holds"] = std::move(holds);
  dict["operators"] = std::move(operators);
  dict["accumulators"] = std::move(accumulators);
  return dict;
}

// Takes what is there at once, so that the lock changes hands less often.
py::object Job::next_results(int64_t timeout_ms) const {
  for (;;) {
    const int64_t slice = std::min(timeout_ms, kSignalSliceMs);
    bool ended = false;
    std::vector<std::unique_ptr<RecordBatch>> batches;
    {
      py::gil_scoped_release release;
      bool no_more = false;
      for (auto element = handle_->NextResult(slice, &ended); element;
           element = handle_->NextResult(0, &no_more)) {
        // Control elements mean nothing to the client.
        if (auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&*element)) {
          batches.push_back(std::move(*batch));
        }
        if (batches.size() == kBatchesMax) break;
      }
    }
    Attend();
    if (!batches.empty()) {
      py::list list;
      for (auto& batch : batches) {
        const py::list values = ToList(*batch);
        if (batches.size() == 1) return values;
        if (PyList_SetSlice(list.ptr(), PyList_GET_SIZE(list.ptr()), PyList_GET_SIZE(list.ptr()),
                            values.ptr()) < 0) {
          throw py::error_already_set();
        }
      }
      return list;
    }
    if (ended) {
      if (const absl::Status all = handle_->results_status(); !all.ok()) {
        RaiseStatus(all);
        throw py::error_already_set();
      }
      return py::none();
    }
    timeout_ms -= slice;
    if (timeout_ms <= 0) return py::list();
  }
}

py::dict Job::watermarks() const {
  py::dict dict;
  const std::map<std::string, TaskWatermark> all = handle_->watermarks();
  for (const auto& [task, told] : all) {
    auto source = all.find(task);
    while (source != all.end() && !source->second.held_by.empty())
      source = all.find(source->second.held_by);
    const bool known = source != all.end() && !source->second.split.empty();
    py::dict entry;
    entry["watermark"] = told.watermark;
    entry["idle"] = told.idle;
    entry["held_by"] = told.held_by;
    entry["source"] = known ? source->first : "";
    entry["split"] = known ? source->second.split : "";
    entry["since_ms"] = told.since_ms;
    dict[py::str(task)] = std::move(entry);
  }
  return dict;
}

py::list Job::checkpoints() const {
  using State = CheckpointStatistics::State;
  py::list list;
  for (const CheckpointStatistics& told : handle_->checkpoints()) {
    py::list subtasks;
    for (const CheckpointStatistics::Subtask& subtask : told.subtasks) {
      py::dict entry;
      entry["task"] = subtask.task;
      entry["sync_ms"] = static_cast<double>(subtask.sync_nanos) / 1e6;
      entry["async_ms"] = subtask.async_ms;
      entry["alignment_ms"] = subtask.alignment_ms;
      entry["bytes"] = subtask.bytes;
      entry["full_bytes"] = subtask.full_bytes;
      entry["in_flight_bytes"] = subtask.in_flight_bytes;
      entry["unaligned"] = subtask.unaligned;
      subtasks.append(std::move(entry));
    }
    py::dict entry;
    entry["id"] = told.id;
    entry["state"] = told.state == State::kCompleted ? "COMPLETED" : "FAILED";
    entry["savepoint"] = told.savepoint;
    entry["triggered_ms"] = told.triggered_ms;
    entry["duration_ms"] = told.duration_ms;
    entry["bytes"] = told.bytes;
    entry["full_bytes"] = told.full_bytes;
    entry["in_flight_bytes"] = told.in_flight_bytes;
    entry["unaligned"] = told.unaligned;
    entry["path"] = told.path;
    entry["failure"] = told.failure;
    entry["subtasks"] = std::move(subtasks);
    list.append(std::move(entry));
  }
  return list;
}

py::list Job::failures() const {
  py::list list;
  for (const JobHandle::FailureAt& each : handle_->failures()) {
    PyRef error = FailureAsException(each.failure);
    if (!error) throw py::error_already_set();
    list.append(py::make_tuple(py::reinterpret_steal<py::object>(error.release()), each.at_ms));
  }
  return list;
}

int64_t Job::trigger_savepoint(const std::string& directory, const std::string& after) const {
  const auto then = after == "suspend" ? idl::AfterBarrier::SUSPEND
                    : after == "drain" ? idl::AfterBarrier::DRAIN
                                       : idl::AfterBarrier::GO_ON;
  py::gil_scoped_release release;
  return handle_->TriggerSavepoint(directory, then);
}

py::object Job::wait_for_savepoint(int64_t number, int64_t timeout_ms) const {
  for (;;) {
    const int64_t slice = std::min(timeout_ms, kSignalSliceMs);
    std::optional<absl::StatusOr<std::string>> path;
    {
      py::gil_scoped_release release;
      path = handle_->WaitForSavepoint(number, slice);
    }
    Attend();
    if (path.has_value()) {
      if (path->ok()) return py::str(**path);
      RaiseStatus(path->status());
      throw py::error_already_set();
    }
    timeout_ms -= slice;
    if (timeout_ms <= 0) return py::none();
  }
}

void Job::close_results() const {
  py::gil_scoped_release release;
  handle_->CloseResults();
}

}  // namespace pyflinkpp
