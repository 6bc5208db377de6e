#include "native/python_windows.h"

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/windowing/window_plan.h"
#include "native/errors.h"
#include "native/python_serializer.h"
#include "runtime/operators/window_operator.h"

namespace pyflinkpp {
namespace {

PyObject* WindowClass(const char* name) {
  static std::map<std::string, PyObject*> classes;
  return Imported(&classes[name], "pyflinkpp.datastream._window_types", name);
}

bool IsInstance(PyObject* object, PyObject* type) {
  return type != nullptr && PyObject_IsInstance(object, type) == 1;
}

bool NumberOf(PyObject* object, const char* attribute, int64_t* number) {
  const PyRef value = PyRef::Steal(PyObject_GetAttrString(object, attribute));
  if (!value) return false;
  *number = PyLong_AsLongLong(value.get());
  return *number != -1 || !PyErr_Occurred();
}

// Holds the interpreter's lock through whole calls of an operator that takes it for run after run.
// Not with state on disk, which is read and written between the runs.
class HoldingLock final : public Operator {
 public:
  explicit HoldingLock(std::unique_ptr<Operator> op) : op_(std::move(op)) {}

  absl::Status Open(OperatorContext& context) override {
    const auto backend = context.configuration.find("state.backend.type");
    holds_ = backend == context.configuration.end() || backend->second != "rocksdb";
    return op_->Open(context);
  }
  absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& batch,
                                        Output& output) override {
    const Gil gil(holds_);
    return op_->ProcessBatch(input, batch, output);
  }
  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) override {
    const Gil gil(holds_);
    return op_->ProcessWatermark(watermark, output);
  }
  int64_t next_processing_time() const override { return op_->next_processing_time(); }
  absl::Status OnProcessingTime(int64_t now, Output& output) override {
    const Gil gil(holds_);
    return op_->OnProcessingTime(now, output);
  }
  absl::StatusOr<Progress> FinishKey(Output& output) override {
    const Gil gil(holds_);
    return op_->FinishKey(output);
  }
  absl::StatusOr<Progress> Finish(Output& output) override { return op_->Finish(output); }
  absl::StatusOr<Progress> PrepareSnapshot(Output& output) override {
    return op_->PrepareSnapshot(output);
  }
  absl::Status Snapshot(SnapshotContext& context) override { return op_->Snapshot(context); }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    return op_->CheckpointCompleted(checkpoint);
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    return op_->CheckpointAborted(checkpoint);
  }
  absl::Status Close() override { return op_->Close(); }

 private:
  const std::unique_ptr<Operator> op_;
  bool holds_ = true;
};

}  // namespace

absl::Status WindowShare::Open(OperatorContext& context, const WindowTimes& times,
                               const idl::Window& spec) {
  context_ = &context;
  times_ = &times;
  shows_key_ = !spec.all;
  runtime_ = FunctionRuntime::Make(context, operator_name_);
  if (!runtime_->Open(true, spec.__isset.key_type ? &spec.key_type : nullptr)) {
    return Failed(nullptr, "can't be opened");
  }
  return absl::OkStatus();
}

void WindowShare::Close() {
  if (runtime_ != nullptr) runtime_->Close();
}

void WindowShare::Begin(const RecordKey& key, const Window& window, int64_t timestamp) {
  runtime_->Begin(timestamp, &key);
  runtime_->watermark = times_->current_watermark();
  runtime_->window = {window.start, window.end};
  window_ = window;
}

void WindowShare::BeginElement(const RecordKey& key, int64_t timestamp) {
  runtime_->Begin(timestamp, &key);
  window_.reset();
}

void WindowShare::BeginElement(const RecordBatch& batch, size_t i) {
  runtime_->Begin(batch.has_timestamps() ? batch.timestamps()[i] : kMinTimestamp,
                  batch.has_keys() ? &batch.keys()[i] : nullptr);
  window_.reset();
}

PyObject* WindowShare::WindowObject(const Window& window) {
  switch (kind_) {
    case idl::WindowAssignerKind::COUNT_TUMBLING:
    case idl::WindowAssignerKind::COUNT_SLIDING: {
      PyObject* type = WindowClass("CountWindow");
      return type == nullptr
                 ? nullptr
                 : PyObject_CallFunction(type, "L", static_cast<long long>(window.start));
    }
    default:
      break;
  }
  if (window.end == kMinTimestamp) {  // without an end
    PyObject* type = WindowClass(window.start == 0 ? "GlobalWindow" : "CountWindow");
    if (type == nullptr) return nullptr;
    return window.start == 0
               ? PyObject_CallMethod(type, "get", nullptr)
               : PyObject_CallFunction(type, "L", static_cast<long long>(window.start));
  }
  PyObject* type = WindowClass("TimeWindow");
  return type == nullptr ? nullptr
                         : PyObject_CallFunction(type, "LL", static_cast<long long>(window.start),
                                                 static_cast<long long>(window.end));
}

bool WindowShare::WindowOf(PyObject* object, Window* window) {
  if (IsInstance(object, WindowClass("TimeWindow"))) {
    return NumberOf(object, "start", &window->start) && NumberOf(object, "end", &window->end);
  }
  if (IsInstance(object, WindowClass("GlobalWindow"))) {
    *window = GlobalWindow();
    return true;
  }
  if (IsInstance(object, WindowClass("CountWindow"))) {
    *window = CountWindow(0);
    return NumberOf(object, "id", &window->start);
  }
  if (!PyErr_Occurred()) {
    PyErr_Format(PyExc_TypeError, "%s is no TimeWindow, CountWindow or GlobalWindow",
                 ShortRepr(object).c_str());
  }
  return false;
}

PyObject* WindowShare::Element(const RecordBatch& batch, size_t i) {
  if (reads_ != batch.serializer().get()) {
    const absl::StatusOr<RowReader> reader = RowReaderOf(*batch.serializer());
    PFPP_CHECK(reader.ok());
    read_ = *reader;
    reads_ = batch.serializer().get();
  }
  return read_(batch.row(i));
}

absl::Status WindowShare::Failed(PyObject* element, absl::string_view what) {
  PointInHand at(runtime_.get(), element, shows_key_);
  PyRef window;
  if (window_.has_value()) {
    const ErrorAside aside;
    window = PyRef::Steal(WindowObject(*window_));
    PyErr_Clear();
    at.point.window = window.get();
  }
  return CaptureCallError({operator_name_, context_->subtask, context_->parallelism}, what,
                          at.point);
}

absl::Status WindowShare::DoesNotFit(PyObject* element, const std::string& type) {
  return Failed(element,
                absl::StrCat("returned a value that does not fit its declared type ", type));
}

absl::StatusOr<std::unique_ptr<Operator>> MakePythonWindowOperator(
    std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers) {
  const idl::OperatorNode& node = nodes[0];
  const idl::Window& spec = node.spec.window;
  auto share = std::make_shared<WindowShare>(node.name, spec.assigner.kind);
  WindowParts parts;
  ASSIGN_OR_RETURN(parts.function, MakePythonWindowFunction(node, share, serializers));
  const bool own_assigner =
      spec.assigner.kind == idl::WindowAssignerKind::PYTHON || !spec.assigner.pickle.empty();
  if (own_assigner) {
    parts.assigner = MakePythonWindowAssigner(spec.assigner, share);
  } else {
    ASSIGN_OR_RETURN(parts.assigner, MakeWindowAssigner(spec.assigner));
  }
  if (spec.trigger.kind == idl::TriggerKind::PYTHON) {
    parts.trigger = MakePythonTrigger(spec.trigger, share);
  } else {
    ASSIGN_OR_RETURN(parts.trigger, MakeTrigger(spec.trigger));
  }
  parts.allowed_lateness_ms = spec.allowed_lateness_ms;
  for (size_t i = 0; spec.__isset.late_output && i < spec.side_outputs.size(); ++i) {
    if (spec.side_outputs[i].id == spec.late_output.id) parts.late_output = static_cast<int>(i);
  }
  return std::make_unique<HoldingLock>(MakeWindowOperator(std::move(parts)));
}

}  // namespace pyflinkpp
