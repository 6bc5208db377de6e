#include "native/async_operator.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/python_serializer.h"
#include "native/result_collector.h"
#include "native/user_function.h"

namespace pyflinkpp {
namespace {

// What the event loop's thread hands to the task.
class Completions {
 public:
  struct Completion {
    PyRef results;  // a list; none when there is an exception
    PyRef exception;
  };

  explicit Completions(std::function<void()> wake) : wake_(std::move(wake)) {}

  // The event loop's thread. The lock is held by both sides, so it guards the map.
  void Add(int64_t number, Completion completion) {
    completed_.emplace(number, std::move(completion));
    order_.push_back(number);
    any_.store(true, std::memory_order_release);
    if (wake_ != nullptr) wake_();
  }
  bool any() const { return any_.load(std::memory_order_acquire); }

  // Under the interpreter's lock. `number`: -1 takes the one that came first.
  bool Take(int64_t number, int64_t* taken, Completion* completion) {
    if (number < 0 && !order_.empty()) number = order_.front();
    const auto found = completed_.find(number);
    if (found == completed_.end()) {
      any_.store(false, std::memory_order_release);
      return false;
    }
    *taken = number;
    *completion = std::move(found->second);
    completed_.erase(found);
    order_.erase(std::find(order_.begin(), order_.end(), number));
    return true;
  }
  void Close() {
    wake_ = nullptr;
    completed_.clear();
    order_.clear();
  }

 private:
  std::function<void()> wake_;
  std::map<int64_t, Completion> completed_;
  std::deque<int64_t> order_;  // as they came
  std::atomic<bool> any_{false};
};

constexpr char kCompletions[] = "pyflinkpp completions";

// completed(number, results, exception), bound to the Completions in a capsule.
PyObject* Completed(PyObject* self, PyObject* arguments) {
  auto* completions =
      static_cast<std::shared_ptr<Completions>*>(PyCapsule_GetPointer(self, kCompletions));
  long long number;
  PyObject *results, *exception;
  if (completions == nullptr ||
      !PyArg_ParseTuple(arguments, "LOO", &number, &results, &exception)) {
    return nullptr;
  }
  Completions::Completion completion;
  if (exception != Py_None) {
    completion.exception = PyRef::Borrow(exception);
  } else {
    completion.results = PyRef::Borrow(results);
  }
  (*completions)->Add(number, std::move(completion));
  Py_RETURN_NONE;
}

PyMethodDef completed_method = {"completed", Completed, METH_VARARGS, "A call has ended."};

// Holds at most `capacity` elements, whose calls run on an event loop of their own thread. Ordered:
// results leave in the order of the elements; unordered: as they come, but none passes a watermark.
// A watermark waits for the elements before it. Results that are ready are announced as processing
// time that is due.
class AsyncOperator final : public Operator {
 public:
  AsyncOperator(const idl::OperatorNode& node, std::shared_ptr<const TypeSerializer> output)
      : node_(node),
        spec_(node_.spec.async_function),
        function_(spec_.pickle, node_.name, "async_invoke"),
        results_(std::move(output), node_.output_type, {}, {}) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    completions_ = std::make_shared<Completions>(context.wake);
    Gil gil;
    if (!results_.Open()) return Failed(nullptr);
    RETURN_IF_ERROR(function_.Open(context));
    RETURN_IF_ERROR(MakeRunner());
    return Restore();
  }

  // The elements in hand, with their times; they are submitted anew when the job is restored.
  absl::Status Snapshot(SnapshotContext& context) override {
    RETURN_IF_ERROR(function_.Snapshot(context));
    if (in_hand_.empty()) return absl::OkStatus();
    Gil gil;
    std::vector<std::string> elements;
    for (const auto& [number, element] : in_hand_) {
      const PyRef pair = PyRef::Steal(
          Py_BuildValue("(OL)", element.value.get(), static_cast<long long>(element.timestamp)));
      std::string& bytes = elements.emplace_back();
      if (!pair || !Pickled(pair.get(), &bytes)) return Failed(element.value.get());
    }
    context.AddList(kInHandState, idl::Redistribution::SPLIT, std::move(elements), "PICKLED");
    return absl::OkStatus();
  }

  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    return function_.CheckpointCompleted(checkpoint);
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    return function_.CheckpointAborted(checkpoint);
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(take_.Follow(batch));
    Gil gil;
    ReleaseWaiting();
    RETURN_IF_ERROR(EmitCompleted(output));
    const PyRef calls = PyRef::Steal(PyList_New(0));
    if (!calls) return Failed(nullptr);
    while (!view.done() && static_cast<int>(in_hand_.size()) < spec_.capacity) {
      PyRef value = PyRef::Steal(take_(batch.row(view.position)));
      if (!value) return CaptureError("the input of a Python function can't be read");
      RETURN_IF_ERROR(TakeInHand(
          std::move(value),
          batch.has_timestamps() ? batch.timestamps()[view.position] : kMinTimestamp, calls.get()));
      ++context_->counters[0].records_in;
      ++view.position;
    }
    RETURN_IF_ERROR(Submit(calls.get()));
    if (view.done()) return Progress::kDone;
    return output.full() || completions_->any() ? Progress::kMore : Progress::kWait;
  }

  bool between_elements() const override { return true; }

  absl::StatusOr<Progress> ProcessWatermark(const Watermark&, Output& output) override {
    return EmitAll(output);
  }
  absl::StatusOr<Progress> Finish(Output& output) override { return EmitAll(output); }

  int64_t next_processing_time() const override {
    return completions_ != nullptr && completions_->any() ? kMinTimestamp : kMaxTimestamp;
  }
  absl::Status OnProcessingTime(int64_t, Output& output) override {
    Gil gil;
    return EmitCompleted(output);
  }

  absl::Status Close() override {
    Gil gil;
    absl::Status status;
    if (runner_) {
      const PyRef closed = PyRef::Steal(PyObject_CallMethod(runner_.get(), "close", nullptr));
      if (!closed) status = Failed(nullptr);
    }
    runner_ = PyRef();
    if (completions_ != nullptr) completions_->Close();
    in_hand_.clear();
    status.Update(function_.Close());
    return status;
  }

 private:
  struct Element {
    PyRef value;
    int64_t timestamp;
  };

  static constexpr char kInHandState[] = "in-hand";

  absl::Status TakeInHand(PyRef value, int64_t timestamp, PyObject* calls) {
    const PyRef call =
        PyRef::Steal(Py_BuildValue("(LO)", static_cast<long long>(next_), value.get()));
    if (!call || PyList_Append(calls, call.get()) < 0) return Failed(value.get());
    in_hand_.emplace(next_++, Element{std::move(value), timestamp});
    return absl::OkStatus();
  }
  absl::Status Submit(PyObject* calls) {
    if (PyList_GET_SIZE(calls) == 0) return absl::OkStatus();
    const PyRef done = PyRef::Steal(PyObject_CallMethod(runner_.get(), "submit", "O", calls));
    return done ? absl::OkStatus() : Failed(nullptr);
  }
  absl::Status Restore() {
    const idl::OperatorListState* list =
        context_->restored.empty() ? nullptr : FindList(context_->restored[0], kInHandState);
    if (list == nullptr) return absl::OkStatus();
    const PyRef calls = PyRef::Steal(PyList_New(0));
    if (!calls) return Failed(nullptr);
    for (const std::string& element : list->elements) {
      const PyRef pair = Unpickled(element);
      PyObject* value;
      long long timestamp;
      if (!pair || !PyArg_ParseTuple(pair.get(), "OL", &value, &timestamp)) return Failed(nullptr);
      RETURN_IF_ERROR(TakeInHand(PyRef::Borrow(value), timestamp, calls.get()));
    }
    return Submit(calls.get());
  }

  absl::Status Failed(PyObject* element, int64_t timestamp = kMinTimestamp) const {
    return function_.Raised({.element = element, .timestamp = timestamp});
  }

  absl::Status MakeRunner() {
    static PyObject* type = nullptr;
    if (Imported(&type, "pyflinkpp.datastream._async_runtime", "AsyncRunner") == nullptr) {
      return Failed(nullptr);
    }
    const PyRef strategy =
        spec_.retry_strategy.empty() ? PyRef::Borrow(Py_None) : Unpickled(spec_.retry_strategy);
    const PyRef capsule = PyRef::Steal(PyCapsule_New(
        new std::shared_ptr<Completions>(completions_), kCompletions, [](PyObject* self) {
          delete static_cast<std::shared_ptr<Completions>*>(
              PyCapsule_GetPointer(self, kCompletions));
        }));
    const PyRef completed =
        PyRef::Steal(capsule ? PyCFunction_New(&completed_method, capsule.get()) : nullptr);
    if (strategy && completed) {
      runner_ = PyRef::Steal(PyObject_CallFunction(type, "OLOO", function_.function(),
                                                   static_cast<long long>(spec_.timeout_ms),
                                                   strategy.get(), completed.get()));
    }
    return runner_ ? absl::OkStatus() : Failed(nullptr);
  }

  absl::StatusOr<Progress> EmitAll(Output& output) {
    if (in_hand_.empty()) return Progress::kDone;
    Gil gil;
    RETURN_IF_ERROR(EmitCompleted(output));
    if (in_hand_.empty()) return Progress::kDone;
    return output.full() || completions_->any() ? Progress::kMore : Progress::kWait;
  }

  // Emits the results that may leave.
  absl::Status EmitCompleted(Output& output) {
    Completions::Completion completion;
    int64_t number;
    const auto first = [this] { return in_hand_.empty() ? next_ : in_hand_.begin()->first; };
    while (!output.full() &&
           completions_->Take(spec_.ordered ? first() : -1, &number, &completion)) {
      const auto element = in_hand_.find(number);
      PFPP_CHECK(element != in_hand_.end());
      if (completion.exception) {
        PyObject* exception = completion.exception.get();
        PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
        return Failed(element->second.value.get(), element->second.timestamp);
      }
      for (Py_ssize_t i = 0; i < PyList_GET_SIZE(completion.results.get()); ++i) {
        PyObject* result = PyList_GET_ITEM(completion.results.get(), i);
        Py_INCREF(result);
        int to;
        RecordBatch* batch = results_.Collect(result, output, &to);
        if (batch == nullptr && results_.dropped()) continue;
        if (batch == nullptr) {
          return function_.DoesNotFit(
              results_.type_that_failed(),
              {.element = element->second.value.get(), .timestamp = element->second.timestamp});
        }
        batch->timestamps().push_back(element->second.timestamp);
        ++context_->counters[0].records_out;
      }
      in_hand_.erase(element);
    }
    return absl::OkStatus();
  }

  const idl::OperatorNode node_;
  const idl::PythonAsync& spec_;
  UserFunction function_;
  ResultCollector results_;
  OperatorContext* context_ = nullptr;
  std::shared_ptr<Completions> completions_;
  PyRef runner_;
  std::map<int64_t, Element> in_hand_;  // by number, in the order of the elements
  int64_t next_ = 0;
  InputRowTaker take_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Operator>> MakeAsyncOperator(
    std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers) {
  ASSIGN_OR_RETURN(auto output, serializers(nodes[0].output_type));
  return std::make_unique<AsyncOperator>(nodes[0], std::move(output));
}

}  // namespace pyflinkpp
