#include "native/process_operator.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/function_runtime.h"
#include "native/gil.h"
#include "native/python_serializer.h"
#include "native/result_collector.h"
#include "native/user_function.h"

namespace pyflinkpp {
namespace {

constexpr char kBroadcastState[] = "broadcast";
// Keys that are made ready together.
constexpr size_t kPrefetch = 64;

// Takes the interpreter's lock once for a run of records or timers. A function that gives a
// generator is suspended when the output is full or the loop has mail; until it has ended nothing
// else is called, and an element counts as not consumed.
class ProcessOperator final : public Operator {
 public:
  ProcessOperator(const idl::OperatorNode& node, std::shared_ptr<const TypeSerializer> output,
                  std::vector<std::shared_ptr<const TypeSerializer>> sides)
      : node_(node),
        spec_(node_.spec.process),
        function_(spec_.pickle, node_.name, spec_.inputs[0].method.c_str()),
        results_(std::move(output), node_.output_type, spec_.side_outputs, std::move(sides)),
        inputs_(spec_.inputs.size()) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    Gil gil;
    runtime_ = FunctionRuntime::Make(context, node_.name);
    if (!results_.Open() ||
        !runtime_->Open(spec_.keyed, spec_.__isset.key_type ? &spec_.key_type : nullptr)) {
      return CaptureCallError({node_.name, context.subtask, context.parallelism},
                              "can't be opened");
    }
    RETURN_IF_ERROR(runtime_->RegisterTimers());
    RETURN_IF_ERROR(function_.Open(context, runtime_));
    for (size_t i = 0; i < inputs_.size(); ++i) {
      ASSIGN_OR_RETURN(inputs_[i].method, function_.Bind(spec_.inputs[i].method.c_str()));
    }
    if (spec_.keyed && PyObject_HasAttrString(function_.function(), "on_timer")) {
      ASSIGN_OR_RETURN(on_timer_, function_.Bind("on_timer"));
    }
    return MakeContexts();
  }

  // A generator of a timer in processing time may be suspended: what it has changed is in the
  // state already, so what it gives has to be in front of the barrier.
  absl::StatusOr<Progress> PrepareSnapshot(Output& output) override {
    if (!iterator_ || timer_ == nullptr) return Progress::kDone;
    Gil gil;
    RETURN_IF_ERROR(Drain(output));
    if (iterator_) return Progress::kMore;
    timer_.reset();
    runtime_->End();
    RETURN_IF_ERROR(runtime_->Flush());
    return Progress::kDone;
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    RETURN_IF_ERROR(function_.Snapshot(context));
    if (!spec_.broadcast) return absl::OkStatus();
    Gil gil;
    const PyRef snapshot = PyRef::Steal(PyObject_CallMethod(states_.get(), "snapshot", nullptr));
    std::string bytes;
    if (!snapshot || !Pickled(snapshot.get(), &bytes)) return Failed();
    context.AddList(kBroadcastState, idl::Redistribution::BROADCAST, {std::move(bytes)}, "PICKLED");
    return absl::OkStatus();
  }

  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    return function_.CheckpointCompleted(checkpoint);
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    return function_.CheckpointAborted(checkpoint);
  }

  absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& view, Output& output) override {
    RecordBatch& batch = *view.batch;
    Input& in = inputs_[static_cast<size_t>(input)];
    RETURN_IF_ERROR(in.take.Follow(batch));
    Gil gil;
    ReleaseWaiting();
    if (iterator_) {
      RETURN_IF_ERROR(Drain(output));
      if (iterator_) return Progress::kMore;
      if (timer_ == nullptr) ++view.position;
    }
    timer_.reset();
    const bool keys = spec_.keyed && batch.has_keys();
    size_t prefetched = view.position;
    while (!view.done()) {
      if (output.full() || (view.position > 0 && context_->should_yield())) break;
      if (keys && view.position == prefetched) {
        RETURN_IF_ERROR(runtime_->Flush());
        prefetched += std::min(kPrefetch, view.remaining());
        RETURN_IF_ERROR(
            runtime_->Prefetch(std::span<const RecordKey>(batch.keys())
                                   .subspan(view.position, prefetched - view.position)));
      }
      runtime_->Begin(batch.has_timestamps() ? batch.timestamps()[view.position] : kMinTimestamp,
                      keys ? &batch.keys()[view.position] : nullptr);
      ++context_->counters[0].records_in;
      RETURN_IF_ERROR(
          ProcessElement(static_cast<size_t>(input), in.take(batch.row(view.position)), output));
      if (iterator_) return Progress::kMore;  // the element is consumed when its results are
      ++view.position;
      if (context_->should_yield()) break;
    }
    runtime_->End();
    RETURN_IF_ERROR(runtime_->Flush());
    return view.done() ? Progress::kDone : Progress::kMore;
  }

  bool between_elements() const override { return !iterator_; }

  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) override {
    if (watermark.idle) return Progress::kDone;
    runtime_->watermark = watermark.timestamp;
    return FireTimers(runtime_->event_timers, watermark.timestamp, "EVENT_TIME", output);
  }

  absl::StatusOr<Progress> FinishKey(Output& output) override {
    runtime_->refuses_timers = true;
    runtime_->watermark = kMaxTimestamp;
    ASSIGN_OR_RETURN(Progress progress,
                     FireTimers(runtime_->event_timers, kMaxTimestamp, "EVENT_TIME", output));
    if (progress == Progress::kDone) {
      ASSIGN_OR_RETURN(progress, FireTimers(runtime_->processing_timers, kMaxTimestamp,
                                            "PROCESSING_TIME", output));
    }
    if (progress != Progress::kDone) return progress;
    Gil gil;
    RETURN_IF_ERROR(runtime_->ClearStates());
    runtime_->refuses_timers = false;
    runtime_->watermark = kMinTimestamp;
    return Progress::kDone;
  }

  int64_t next_processing_time() const override {
    if (runtime_ == nullptr) return kMaxTimestamp;
    if (iterator_) return timer_ == nullptr ? kMaxTimestamp : kMinTimestamp;
    return runtime_->processing_timers.next();
  }

  absl::Status OnProcessingTime(int64_t now, Output& output) override {
    return FireTimers(runtime_->processing_timers, now, "PROCESSING_TIME", output).status();
  }

  absl::Status Close() override {
    Gil gil;
    iterator_ = PyRef();
    element_ = PyRef();
    if (runtime_ != nullptr) runtime_->End();
    const absl::Status status = function_.Close();
    if (runtime_ != nullptr) runtime_->Close();
    on_timer_ = Callable();
    for (Input& input : inputs_) input = Input();
    timer_context_ = PyRef();
    states_ = PyRef();
    return status;
  }

 private:
  struct Input {
    Callable method;
    PyRef context;
    InputRowTaker take;
  };

  // One context for all calls, or those of broadcast functions.
  absl::Status MakeContexts() {
    if (!spec_.broadcast) {
      timer_context_ = PyRef::Steal(NewFunctionContext(runtime_));
      for (Input& input : inputs_) input.context = PyRef::Borrow(timer_context_.get());
    } else {
      static PyObject* factory = nullptr;
      if (Imported(&factory, "pyflinkpp.datastream._broadcast_context", "broadcast_states") ==
          nullptr)
        return Failed();
      static PyObject* reading = nullptr;
      static PyObject* writing = nullptr;
      if (Imported(&reading, "pyflinkpp.datastream._broadcast_context", "ReadOnlyContext") ==
              nullptr ||
          Imported(&writing, "pyflinkpp.datastream._broadcast_context", "WritableContext") ==
              nullptr) {
        return Failed();
      }
      states_ = PyRef::Steal(
          PyObject_CallFunction(factory, "y#", spec_.broadcast_states.data(),
                                static_cast<Py_ssize_t>(spec_.broadcast_states.size())));
      if (!states_) return Failed();
      const idl::OperatorListState* restored =
          context_->restored.empty() ? nullptr : FindList(context_->restored[0], kBroadcastState);
      if (restored != nullptr && !restored->elements.empty()) {
        const PyRef snapshot = Unpickled(restored->elements[0]);
        const PyRef name = PyRef::Steal(PyUnicode_FromString("restore"));
        const PyRef done = PyRef::Steal(
            snapshot && name ? PyObject_CallMethodOneArg(states_.get(), name.get(), snapshot.get())
                             : nullptr);
        if (!done) return Failed();
      }
      for (size_t i = 0; i < inputs_.size(); ++i) {
        auto* type = reinterpret_cast<PyTypeObject*>(i == 0 ? reading : writing);
        inputs_[i].context = PyRef::Steal(NewFunctionContext(runtime_, type));
        if (!inputs_[i].context ||
            PyObject_SetAttrString(inputs_[i].context.get(), "_states", states_.get()) < 0)
          return Failed();
      }
      timer_context_ = PyRef::Borrow(inputs_[0].context.get());
    }
    return timer_context_ ? absl::OkStatus() : Failed();
  }

  // The error that is set, with what is at hand: element, key, time.
  absl::Status Failed() const {
    return function_.Raised(PointInHand(runtime_.get(), element_.get()).point);
  }

  // Takes an element over (null: it could not be read).
  absl::Status ProcessElement(size_t input, PyObject* value, Output& output) {
    if (value == nullptr) return CaptureError("the input of a Python function can't be read");
    element_ = PyRef::Steal(value);
    const Input& in = inputs_[input];
    const idl::ProcessInput& how = spec_.inputs[input];
    PyObject* result =
        how.with_context ? in.method.Call(value, in.context.get()) : in.method.Call(value);
    if (result == nullptr) return Failed();
    if (!how.many) {
      if (result != Py_None || !how.drop_none) return Collect(result, output);
      Py_DECREF(result);
      return absl::OkStatus();
    }
    return DrainAll(result, output);
  }

  // Takes what a function gave over: None or an iterable of results.
  absl::Status DrainAll(PyObject* results, Output& output) {
    if (results == Py_None) {
      Py_DECREF(results);
      return absl::OkStatus();
    }
    iterator_ = PyRef::Steal(PyObject_GetIter(results));
    Py_DECREF(results);
    return iterator_ ? Drain(output) : Failed();
  }

  // Emits what the iterator gives, until it ends or the operator has to pause.
  absl::Status Drain(Output& output) {
    PyObject* iterator = iterator_.get();
    const iternextfunc next = Py_TYPE(iterator)->tp_iternext;
    for (;;) {
      PyObject* result = next(iterator);
      if (result == nullptr) {
        if (PyErr_Occurred()) {
          if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return Failed();
          PyErr_Clear();
        }
        iterator_ = PyRef();
        return absl::OkStatus();
      }
      RETURN_IF_ERROR(Collect(result, output));
      if (output.full() || context_->should_yield()) return absl::OkStatus();
    }
  }

  // Takes a result over.
  absl::Status Collect(PyObject* result, Output& output) {
    int64_t timestamp = runtime_->timestamp();
    if (spec_.timestamped) {
      const PyRef timestamped = PyRef::Steal(result);
      const PyRef time = PyRef::Steal(PyObject_GetAttrString(result, "timestamp"));
      timestamp = time ? PyLong_AsLongLong(time.get()) : -1;
      result = time ? PyObject_GetAttrString(timestamped.get(), "value") : nullptr;
      if (result == nullptr) return Failed();
    }
    int to;
    RecordBatch* batch = results_.Collect(result, output, &to);
    if (batch != nullptr) {
      batch->timestamps().push_back(timestamp);
      context_->counters[0].records_out += to == Output::kMain;
    } else if (!results_.dropped()) {
      return function_.DoesNotFit(results_.type_that_failed(),
                                  PointInHand(runtime_.get(), element_.get()).point);
    }
    return absl::OkStatus();
  }

  // Fires what is due up to `time`.
  absl::StatusOr<Progress> FireTimers(TimerQueue& timers, int64_t time, const char* domain,
                                      Output& output) {
    if (!iterator_ && !timers.due(time)) return Progress::kDone;
    Gil gil;
    ReleaseWaiting();
    if (iterator_) RETURN_IF_ERROR(Drain(output));
    while (!iterator_ && timers.due(time)) {
      if (output.full()) return Progress::kMore;
      timer_ = timers.Pop();
      timer_key_ = timer_->record_key();
      runtime_->Begin(timer_->timestamp, &timer_key_, domain);
      element_ = PyRef();
      if (!on_timer_) continue;
      const PyRef timestamp = PyRef::Steal(PyLong_FromLongLong(timer_->timestamp));
      PyObject* results =
          timestamp ? on_timer_.Call(timestamp.get(), timer_context_.get()) : nullptr;
      if (results == nullptr) return Failed();
      RETURN_IF_ERROR(DrainAll(results, output));
      if (context_->should_yield()) break;
    }
    if (!iterator_) {
      timer_.reset();
      runtime_->End();
      RETURN_IF_ERROR(runtime_->Flush());
    }
    return iterator_ || timers.due(time) ? Progress::kMore : Progress::kDone;
  }

  const idl::OperatorNode node_;
  const idl::PythonProcess& spec_;
  UserFunction function_;
  ResultCollector results_;
  std::vector<Input> inputs_;
  Callable on_timer_;
  PyRef timer_context_;
  PyRef states_;  // broadcast
  OperatorContext* context_ = nullptr;
  std::shared_ptr<FunctionRuntime> runtime_;

  PyRef element_;               // in hand; none while a timer fires
  PyRef iterator_;              // of its results, or the timer's
  TimerQueue::TimerPtr timer_;  // that fires; null: an element is in hand
  RecordKey timer_key_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Operator>> MakeProcessOperator(
    std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers) {
  const idl::OperatorNode& node = nodes[0];
  ASSIGN_OR_RETURN(auto output, serializers(node.output_type));
  ASSIGN_OR_RETURN(auto sides, SideSerializers(node.spec.process.side_outputs, serializers));
  return std::make_unique<ProcessOperator>(node, std::move(output), std::move(sides));
}

}  // namespace pyflinkpp
