#include "native/python_stage.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/gil.h"
#include "native/key_encoder.h"
#include "native/python_serializer.h"
#include "native/type_coder.h"
#include "native/user_function.h"
#include "native/watermark_step.h"

namespace pyflinkpp {
namespace {

// Takes the interpreter's lock once for a run of records and sends each of them through all its
// steps before the next: live objects pass from step to step, as in a program that calls the
// functions one after the other.
//
// A flat_map's iterator is a step's state: when the output is full or the loop has mail, the stage
// stops after the result in hand and goes on from there when it is called again. The element at the
// view's position is then still in progress.
class PythonStage final : public Operator {
 public:
  PythonStage(std::span<const idl::OperatorNode> nodes,
              std::shared_ptr<const TypeSerializer> output)
      : output_serializer_(std::move(output)) {
    for (const idl::OperatorNode& node : nodes) steps_.push_back(std::make_unique<Step>(node));
    const StepKind last = steps_.back()->kind;
    emits_keys_ = last == StepKind::kKeyBy || last == StepKind::kPartitionCustom;
    for (const auto& step : steps_) {
      if (!step->watermarks) continue;
      assigners_.push_back(step.get());
      assigner_ = step.get();
    }
  }

  ~PythonStage() override {
    if (steps_.empty()) return;
    Gil gil;
    steps_.clear();
    key_in_error_ = PyRef();
  }

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    Gil gil;
    for (size_t i = 0; i < steps_.size(); ++i)
      RETURN_IF_ERROR(steps_[i]->Open(context, context.counters[i], i));
    return absl::OkStatus();
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    for (const auto& step : steps_) {
      if (step->function) RETURN_IF_ERROR(step->function->Snapshot(context));
      if (step->partitioner) RETURN_IF_ERROR(step->partitioner->Snapshot(context));
    }
    return absl::OkStatus();
  }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    for (const auto& step : steps_) {
      if (step->function) RETURN_IF_ERROR(step->function->CheckpointCompleted(checkpoint));
      if (step->partitioner) RETURN_IF_ERROR(step->partitioner->CheckpointCompleted(checkpoint));
    }
    return absl::OkStatus();
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    for (const auto& step : steps_) {
      if (step->function) RETURN_IF_ERROR(step->function->CheckpointAborted(checkpoint));
      if (step->partitioner) RETURN_IF_ERROR(step->partitioner->CheckpointAborted(checkpoint));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(take_.Follow(batch));
    out_ = &output.batch(output_serializer_);
    output_ = &output;
    view_ = &view;
    out_->Reserve(std::min(kBatchRecordsMax, 2 * batch.size()));
    if (emits_keys_) out_->keys().reserve(std::min(kBatchRecordsMax, 2 * batch.size()));
    failure_ = absl::OkStatus();
    Gil gil;
    ReleaseWaiting();
    for (Step* step : assigners_) {
      if (!step->watermarks->Begin(batch.split()))
        return CaptureCallError(step->Owner(*context_), "failed");
    }
    const absl::StatusOr<Progress> progress = ProcessRecords(view);
    for (Step* step : assigners_) step->watermarks->End();
    // What a step gave is what the next one got.
    for (size_t i = 1; i < steps_.size(); ++i)
      steps_[i]->counters->records_in = steps_[i - 1]->counters->records_out;
    return progress;
  }

  bool between_elements() const override { return !in_progress_; }
  bool makes_watermarks() const override { return assigner_ != nullptr; }
  int64_t next_processing_time() const override {
    int64_t next = kMaxTimestamp;
    if (in_progress_) return next;
    for (const Step* step : assigners_) next = std::min(next, step->watermarks->next());
    return next;
  }
  absl::Status OnProcessingTime(int64_t now, Output& output) override {
    Gil gil;
    for (Step* step : assigners_) {
      std::optional<Watermark> watermark;
      if (step->watermarks->next() > now) continue;
      if (!step->watermarks->OnPeriodic(now, &watermark))
        return CaptureCallError(step->Owner(*context_), "failed");
      if (watermark && step == assigner_) output.EmitWatermark(*watermark);
    }
    return absl::OkStatus();
  }

  absl::Status Close() override {
    Gil gil;
    absl::Status first;
    assigner_ = nullptr;
    assigners_.clear();
    for (size_t i = steps_.size(); i-- > 0;) first.Update(steps_[i]->Close());
    steps_.clear();
    key_in_error_ = PyRef();
    return first;
  }

 private:
  enum class Flow { kThrough, kPaused, kFailed };
  enum class StepKind {
    kMap,
    kFlatMap,
    kFilter,
    kKeyBy,
    kPartitionCustom,
    kProject,
    kAssignTimestamps
  };
  static StepKind KindOf(idl::PythonFunctionKind::type kind) {
    switch (kind) {
      case idl::PythonFunctionKind::MAP:
        return StepKind::kMap;
      case idl::PythonFunctionKind::FLAT_MAP:
        return StepKind::kFlatMap;
      case idl::PythonFunctionKind::FILTER:
        return StepKind::kFilter;
      case idl::PythonFunctionKind::KEY_BY:
        return StepKind::kKeyBy;
      case idl::PythonFunctionKind::PARTITION_CUSTOM:
        return StepKind::kPartitionCustom;
      case idl::PythonFunctionKind::ASSIGN_TIMESTAMPS:
        return StepKind::kAssignTimestamps;
    }
    return StepKind::kMap;
  }

  struct Step {
    explicit Step(const idl::OperatorNode& op) : node(op) {
      if (!node.spec.__isset.python) return;
      const idl::PythonFunction& python = node.spec.python;
      kind = KindOf(python.kind);
      if (kind == StepKind::kAssignTimestamps) watermarks.emplace(python);
      if (kind == StepKind::kAssignTimestamps && python.pickle.empty()) return;
      const char* method = kind == StepKind::kMap                ? "map"
                           : kind == StepKind::kFlatMap          ? "flat_map"
                           : kind == StepKind::kFilter           ? "filter"
                           : kind == StepKind::kAssignTimestamps ? "extract_timestamp"
                                                                 : "get_key";
      function.emplace(python.pickle, node.name, method);
    }

    // `member`: the step's position.
    absl::Status Open(OperatorContext& context, OperatorCounters& count, size_t member) {
      counters = &count;
      if (node.output_type.kind != idl::TypeKind::PICKLED) {
        coder = MakeCoder(node.output_type);
        if (coder == nullptr)
          return CaptureError(absl::StrCat("the output type of operator '", node.name, "'"));
        outcome.emplace(*coder, node.output_type.kind);
      }
      if (watermarks && !watermarks->Open(context.env.clock.NowMillis(), context.splits)) {
        return CaptureCallError(Owner(context), "can't be opened");
      }
      if (!function) return absl::OkStatus();
      if (kind == StepKind::kPartitionCustom) return OpenPartitioner(context, member);
      if (kind == StepKind::kKeyBy) {
        std::shared_ptr<const TypeCoder> key_coder;
        if (node.spec.python.__isset.key_type) {
          key_coder = MakeCoder(node.spec.python.key_type);
          if (key_coder == nullptr)
            return CaptureError(absl::StrCat("the key type of operator '", node.name, "'"));
        }
        keys.emplace(std::move(key_coder));
      }
      return function->Open(context, nullptr, member);
    }

    // The pickle is of a pair: the partitioner and the key selector.
    absl::Status OpenPartitioner(OperatorContext& context, size_t member) {
      static PyObject* dumps = nullptr;
      if (Imported(&dumps, "cloudpickle", "dumps") == nullptr) {
        return CaptureError("partition_custom");
      }
      const PyRef pair = Unpickled(node.spec.python.pickle);
      if (!pair || !PyTuple_Check(pair.get())) return CaptureError("partition_custom");
      std::string parts[2];
      for (int i = 0; i < 2; ++i) {
        const PyRef bytes =
            PyRef::Steal(PyObject_CallOneArg(dumps, PyTuple_GET_ITEM(pair.get(), i)));
        if (!bytes) return CaptureError("partition_custom");
        parts[i].assign(PyBytes_AS_STRING(bytes.get()),
                        static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())));
      }
      partitioner.emplace(parts[0], node.name, "partition");
      function.emplace(parts[1], node.name, "get_key");
      targets = PyRef::Steal(PyLong_FromLong(node.target_parallelism));
      RETURN_IF_ERROR(partitioner->Open(context, nullptr, member, "partitioner"));
      return function->Open(context, nullptr, member);
    }

    absl::Status Close() {
      iterator = PyRef();
      element = PyRef();
      absl::Status first;
      if (partitioner) first.Update(partitioner->Close());
      if (function) first.Update(function->Close());
      return first;
    }

    CallOwner Owner(const OperatorContext& context) const {
      return {node.name, context.subtask, context.parallelism};
    }

    const idl::OperatorNode node;
    StepKind kind = StepKind::kProject;
    std::optional<UserFunction> function;    // none: project
    std::shared_ptr<const TypeCoder> coder;  // null: any value
    std::optional<Normalizer> outcome;       // with coder
    OperatorCounters* counters = nullptr;
    PyRef iterator;                           // flat_map: of the element in progress
    PyRef element;                            // the same: to name it in errors
    std::optional<KeyEncoder> keys;           // key_by
    std::optional<UserFunction> partitioner;  // partition_custom
    PyRef targets;
    std::optional<WatermarkStep> watermarks;  // assign_timestamps
  };

  Flow Fail(absl::Status status) {
    failure_ = std::move(status);
    return Flow::kFailed;
  }
  // The error that is set was raised by a step, on no element.
  // The error that is set was raised on `value`, which is taken over.
  Flow FailOn(const Step& step, PyObject* value) {
    const PyRef owned = PyRef::Steal(value);
    return Fail(CaptureCallError(step.Owner(*context_), "failed", PointOf(step, value)));
  }
  CallPoint PointOf(const Step& step, PyObject* element) {
    const RecordKey* key = KeyOf(step);
    key_in_error_ = key == nullptr ? PyRef() : KeyInError(step.node.spec.python.key_type, *key);
    const bool assigns = step.kind == StepKind::kAssignTimestamps;
    return {.element = element,
            .key = key_in_error_.get(),
            .timestamp = assigns ? element_timestamp_ : timestamp_};
  }
  // The key under which a step is called: that of the input, or of the key_by just before.
  const RecordKey* KeyOf(const Step& step) const {
    if (&step == steps_.front().get()) {
      return view_->batch->has_keys() ? &view_->batch->keys()[view_->position] : nullptr;
    }
    for (size_t i = 1; i < steps_.size(); ++i) {
      if (&step == steps_[i].get() && steps_[i - 1]->kind == StepKind::kKeyBy) return &key_;
    }
    return nullptr;
  }

  absl::StatusOr<Progress> ProcessRecords(RecordBatchView& view) {
    RecordBatch& batch = *view.batch;
    while (!view.done()) {
      element_timestamp_ = timestamp_ =
          batch.has_timestamps() ? batch.timestamps()[view.position] : kMinTimestamp;
      has_timestamp_ = batch.has_timestamps() || assigner_ != nullptr;
      const Flow flow = in_progress_ ? Resume() : Enter(take_(batch.row(view.position)));
      in_progress_ = flow == Flow::kPaused;
      if (flow == Flow::kFailed) return failure_;
      if (flow == Flow::kPaused) return Progress::kMore;
      ++view.position;
      if (watermark_) {
        output_->EmitWatermark(*std::exchange(watermark_, std::nullopt));
        break;
      }
      if (out_->full() || context_->should_yield()) break;
    }
    return view.done() ? Progress::kDone : Progress::kMore;
  }

  // Sends a value (owned; null with an error when it could not be read) in at the front.
  Flow Enter(PyObject* value) {
    if (value == nullptr) return Fail(CaptureError("the input of a Python function can't be read"));
    ++steps_[0]->counters->records_in;
    return Run(0, value);
  }

  // Goes on with the element in progress: the deepest iterator first.
  Flow Resume() {
    for (size_t i = steps_.size(); i-- > 0;) {
      if (!steps_[i]->iterator) continue;
      const Flow flow = Drain(i);
      if (flow != Flow::kThrough) return flow;
    }
    return Flow::kThrough;
  }

  // Sends a value (taken over) through the steps from position `i` on. References are counted by
  // hand here: this and Drain are what each record costs.
  Flow Run(size_t i, PyObject* value) {
    for (; i < steps_.size(); ++i) {
      Step& step = *steps_[i];
      switch (step.kind) {
        case StepKind::kMap: {
          PyObject* result = step.function->Call(value);
          if (result == nullptr) return FailOn(step, value);
          if (step.outcome && (result = step.outcome->Normalize(result)) == nullptr)
            return DoesNotFit(step, value);
          Py_DECREF(value);
          value = result;
          break;
        }
        case StepKind::kFilter: {
          PyObject* result = step.function->Call(value);
          const int keep = result == Py_True    ? 1
                           : result == Py_False ? 0
                           : result == nullptr  ? -1
                                                : PyObject_IsTrue(result);
          Py_XDECREF(result);
          if (keep < 0) return FailOn(step, value);
          if (keep == 0) {
            Py_DECREF(value);
            return Flow::kThrough;
          }
          break;
        }
        case StepKind::kFlatMap: {
          const PyRef results = PyRef::Steal(step.function->Call(value));
          if (results) step.iterator = PyRef::Steal(PyObject_GetIter(results.get()));
          if (!step.iterator) return FailOn(step, value);
          step.element = PyRef::Steal(value);
          return Drain(i);
        }
        case StepKind::kKeyBy: {
          PyObject* key = step.function->Call(value);
          const bool encoded = key != nullptr && step.keys->Encode(key, out_->arena(), &key_);
          Py_XDECREF(key);
          if (!encoded) return FailOn(step, value);
          break;
        }
        case StepKind::kPartitionCustom: {
          const PyRef key = PyRef::Steal(step.function->Call(value));
          const PyRef target =
              key ? PyRef::Steal(step.partitioner->Call(key.get(), step.targets.get())) : PyRef();
          if (!target || !CheckTarget(step, target.get())) return FailOn(step, value);
          break;
        }
        case StepKind::kAssignTimestamps:
          if (!AssignTimestamp(step, value)) return FailOn(step, value);
          break;
        case StepKind::kProject: {
          PyObject* result = Project(step, value).release();
          if (result == nullptr) return FailOn(step, value);
          Py_DECREF(value);
          value = result;
          break;
        }
      }
      ++step.counters->records_out;
    }
    out_->AppendRow(value);
    if (has_timestamp_) out_->timestamps().push_back(timestamp_);
    if (emits_keys_) out_->keys().push_back(key_);
    return Flow::kThrough;
  }

  // Sends on what the iterator of step `i` gives, until it ends or the stage has to pause.
  Flow Drain(size_t i) {
    Step& step = *steps_[i];
    PyObject* iterator = step.iterator.get();
    const iternextfunc next = Py_TYPE(iterator)->tp_iternext;
    for (;;) {
      PyObject* result = next(iterator);
      if (result == nullptr) {
        if (PyErr_Occurred()) {
          if (!PyErr_ExceptionMatches(PyExc_StopIteration))
            return Fail(step.function->Raised(PointOf(step, step.element.get())));
          PyErr_Clear();
        }
        step.iterator = PyRef();
        step.element = PyRef();
        return Flow::kThrough;
      }
      if (step.outcome && (result = step.outcome->Normalize(result)) == nullptr)
        return DoesNotFit(step, PyRef::Borrow(step.element.get()).release());
      ++step.counters->records_out;
      timestamp_ = element_timestamp_;
      const Flow flow = Run(i + 1, result);
      if (flow != Flow::kThrough) return flow;
      if (out_->full() || context_->should_yield()) return Flow::kPaused;
    }
  }

  Flow DoesNotFit(const Step& step, PyObject* value) {
    const PyRef owned = PyRef::Steal(value);
    return Fail(step.function->DoesNotFit(step.coder->name(), PointOf(step, value)));
  }

  static PyRef Project(const Step& step, PyObject* value) {
    const std::vector<int32_t>& fields = step.node.spec.project.fields;
    PyRef tuple = PyRef::Steal(PyTuple_New(static_cast<Py_ssize_t>(fields.size())));
    for (size_t i = 0; tuple && i < fields.size(); ++i) {
      PyObject* field = PySequence_GetItem(value, fields[i]);
      if (field == nullptr) return PyRef();
      PyTuple_SET_ITEM(tuple.get(), i, field);
    }
    return tuple;
  }

  bool AssignTimestamp(Step& step, PyObject* value) {
    if (step.function) {
      static PyObject* const none = PyLong_FromLongLong(kMinTimestamp);
      const PyRef before = timestamp_ == kMinTimestamp
                               ? PyRef::Borrow(none)
                               : PyRef::Steal(PyLong_FromLongLong(timestamp_));
      const PyRef timestamp =
          before ? PyRef::Steal(step.function->Call(value, before.get())) : PyRef();
      if (!timestamp) return false;
      timestamp_ = PyLong_AsLongLong(timestamp.get());
      if (timestamp_ == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError,
                     "the timestamp assigner returned %s; it must be milliseconds since the epoch, "
                     "an int of 64 bits",
                     ShortRepr(timestamp.get()).c_str());
        return false;
      }
    }
    std::optional<Watermark> watermark;
    if (!step.watermarks->OnEvent(value, timestamp_, &watermark)) return false;
    if (watermark && &step == assigner_) watermark_ = watermark;
    return true;
  }

  bool CheckTarget(const Step& step, PyObject* target) {
    const long index = PyLong_Check(target) ? PyLong_AsLong(target) : -1;
    if (index < 0 || index >= step.node.target_parallelism) {
      PyErr_Clear();
      PyErr_Format(PyExc_ValueError, "the partitioner returned %s; it must be an int from 0 to %d",
                   ShortRepr(target).c_str(), step.node.target_parallelism - 1);
      return false;
    }
    key_ = {nullptr, 0, static_cast<uint32_t>(index)};
    return true;
  }

  const std::shared_ptr<const TypeSerializer> output_serializer_;
  bool emits_keys_ = false;
  OperatorContext* context_ = nullptr;
  std::vector<std::unique_ptr<Step>> steps_;
  InputRowTaker take_;

  // Of the call that runs.
  const RecordBatchView* view_ = nullptr;
  PyRef key_in_error_;
  RecordBatch* out_ = nullptr;
  RecordKey key_;
  Output* output_ = nullptr;
  int64_t timestamp_ = 0;
  int64_t element_timestamp_ = 0;
  bool has_timestamp_ = false;
  absl::Status failure_;

  std::vector<Step*> assigners_;        // the steps with watermarks
  Step* assigner_ = nullptr;            // the last of them: its watermarks are the stage's
  std::optional<Watermark> watermark_;  // that has to follow the element in hand
  bool in_progress_ = false;            // the element at the view's position has results left
};

}  // namespace

absl::StatusOr<std::unique_ptr<Operator>> MakePythonStage(std::span<const idl::OperatorNode> nodes,
                                                          const SerializerFactory& serializers) {
  ASSIGN_OR_RETURN(auto output, serializers(nodes.back().output_type));
  return std::make_unique<PythonStage>(nodes, std::move(output));
}

}  // namespace pyflinkpp
