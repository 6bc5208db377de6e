// Window functions on Python objects.
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/python_serializer.h"
#include "native/python_windows.h"
#include "native/result_collector.h"
#include "native/user_function.h"

namespace pyflinkpp {
namespace {

// The pickle is of a pyflinkpp.datastream._window_runtime.WindowCall, which tells how the user's
// functions are called.
class PythonWindowFunction final : public WindowFunction {
 public:
  PythonWindowFunction(const idl::OperatorNode& node, std::shared_ptr<WindowShare> share,
                       std::shared_ptr<const TypeSerializer> contents,
                       std::shared_ptr<const TypeSerializer> output,
                       std::vector<std::shared_ptr<const TypeSerializer>> sides)
      : node_(node),
        spec_(node_.spec.window),
        share_(std::move(share)),
        contents_(std::move(contents)),
        call_(spec_.pickle, node_.name, "emit"),
        results_(std::move(output), node_.output_type, spec_.side_outputs, std::move(sides)) {
    const idl::TypeInformation& kept = spec_.contents == idl::WindowFunctionKind::REDUCE
                                           ? spec_.input_type
                                           : spec_.accumulator_type;
    if (spec_.contents != idl::WindowFunctionKind::LIST && kept.kind != idl::TypeKind::PICKLED) {
      normalizer_.emplace(static_cast<const PythonSerializer&>(*contents_).coder(), kept.kind);
    }
  }

  absl::Status Open(OperatorContext& context, const WindowTimes& times) override {
    Gil gil;
    RETURN_IF_ERROR(share_->Open(context, times, spec_));
    if (!results_.Open()) return share_->Failed(nullptr, "can't be opened");
    RETURN_IF_ERROR(call_.Open(context, share_->runtime()));
    share_->set_runtime_context(call_.runtime_context());
    ASSIGN_OR_RETURN(emit_, call_.Bind("emit"));
    if (spec_.contents == idl::WindowFunctionKind::REDUCE) {
      ASSIGN_OR_RETURN(combine_, call_.Bind("reduce"));
    } else if (spec_.contents == idl::WindowFunctionKind::AGGREGATE) {
      ASSIGN_OR_RETURN(create_, call_.Bind("create"));
      ASSIGN_OR_RETURN(combine_, call_.Bind("add"));
      ASSIGN_OR_RETURN(result_, call_.Bind("result"));
      if (PyObject_HasAttrString(call_.function(), "merge")) {
        ASSIGN_OR_RETURN(merge_, call_.Bind("merge"));
      }
    }
    emits_value_ = Flag("emits_value");
    with_timestamps_ = Flag("with_timestamps");
    clears_ = Flag("clears");
    return MakeContext();
  }

  absl::Status Close() override {
    Gil gil;
    share_->set_runtime_context(Py_None);
    const absl::Status status = call_.Close();
    share_->Close();
    for (Callable* callable : {&emit_, &combine_, &create_, &result_, &merge_})
      *callable = Callable();
    context_ = PyRef();
    timestamped_ = PyRef();
    return status;
  }

  absl::Status Snapshot(SnapshotContext& context) override { return call_.Snapshot(context); }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    return call_.CheckpointCompleted(checkpoint);
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    return call_.CheckpointAborted(checkpoint);
  }

  void Enter() override {
    scope_.Enter();
    ReleaseWaiting();
  }
  void Leave() override {
    share_->End();
    flushed_.Update(share_->runtime()->Flush());
    scope_.Leave();
  }

  std::shared_ptr<const TypeSerializer> ContentsSerializer() override { return contents_; }

  bool merges_panes() const override {
    return spec_.merges_panes && spec_.contents != idl::WindowFunctionKind::LIST;
  }

  void Hint(const std::byte* contents) override {
    PyObject* kept = *reinterpret_cast<PyObject* const*>(contents);
    if (kept == nullptr || !PyTuple_CheckExact(kept)) return;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kept); ++i) {
      __builtin_prefetch(PyTuple_GET_ITEM(kept, i));
    }
  }

  absl::Status Add(RecordBatch& batch, size_t i, bool is_new, std::byte* contents) override {
    RETURN_IF_ERROR(flushed_);
    PyRef value = PyRef::Steal(share_->Element(batch, i));
    if (!value) return FailedToAdd(batch, i, nullptr, "can't read its input");
    PyObject*& kept = *reinterpret_cast<PyObject**>(contents);
    PyObject* next = nullptr;
    switch (spec_.contents) {
      case idl::WindowFunctionKind::REDUCE:
        if (is_new) {
          kept = value.release();
          return absl::OkStatus();
        }
        next = combine_.Call(kept, value.get());
        break;
      case idl::WindowFunctionKind::AGGREGATE: {
        const PyRef created = PyRef::Steal(is_new ? create_.Call() : nullptr);
        if (is_new && !created) return FailedToAdd(batch, i, value.get());
        next = combine_.Call(value.get(), is_new ? created.get() : kept);
        break;
      }
      default:
        return Append(batch, i, value, is_new, kept);
    }
    if (next == nullptr) return FailedToAdd(batch, i, value.get());
    if (normalizer_ && (next = normalizer_->Normalize(next, kept)) == nullptr) {
      share_->BeginElement(batch, i);
      return share_->DoesNotFit(value.get(), normalizer_->coder().name());
    }
    PyObject* old = std::exchange(kept, next);
    Py_XDECREF(old);
    return absl::OkStatus();
  }

  absl::Status Merge(const RecordKey& key, std::byte* from, std::byte* into) override {
    PyObject*& kept = *reinterpret_cast<PyObject**>(into);
    PyObject* other = *reinterpret_cast<PyObject**>(from);
    PyObject* next;
    if (kept == nullptr) {
      Py_XINCREF(other);
      kept = other;
      return absl::OkStatus();
    }
    if (spec_.contents == idl::WindowFunctionKind::LIST) {
      next = PySequence_InPlaceConcat(kept, other);
    } else if (spec_.contents == idl::WindowFunctionKind::REDUCE) {
      next = combine_.Call(kept, other);
    } else {
      next = merge_.Call(kept, other);
    }
    if (next == nullptr) {
      share_->BeginElement(key, kMinTimestamp);
      return share_->Failed(nullptr, "failed to merge");
    }
    if (normalizer_ && (next = normalizer_->Normalize(next)) == nullptr) {
      share_->BeginElement(key, kMinTimestamp);
      return share_->DoesNotFit(nullptr, normalizer_->coder().name());
    }
    PyObject* old = std::exchange(kept, next);
    Py_DECREF(old);
    return absl::OkStatus();
  }

  absl::Status Emit(const RecordKey& key, const Window& window, const std::byte* contents,
                    WindowOutput& output) override {
    PyObject* kept = *reinterpret_cast<PyObject* const*>(contents);
    share_->Begin(key, window, window.max_timestamp());
    PyRef value = spec_.contents == idl::WindowFunctionKind::AGGREGATE
                      ? PyRef::Steal(result_.Call(kept))
                      : PyRef::Borrow(kept);
    if (!value) return share_->Failed(nullptr, "failed");
    if (emits_value_) return Collect(CopyOfKept(std::move(value), kept), output);

    const PyRef key_object =
        spec_.all ? PyRef::Borrow(Py_None) : PyRef::Steal(share_->runtime()->KeyObject());
    const PyRef window_object = key_object ? PyRef::Steal(share_->WindowObject(window)) : PyRef();
    if (!window_object ||
        PyObject_SetAttrString(context_.get(), "_window", window_object.get()) < 0) {
      return share_->Failed(nullptr, "failed");
    }
    const PyRef results = PyRef::Steal(
        emit_.Call(key_object.get(), window_object.get(), value.get(), context_.get()));
    return results ? CollectAll(results.get(), output) : share_->Failed(nullptr, "failed");
  }

  absl::Status Clear(const RecordKey& key, const Window& window) override {
    if (!clears_) return absl::OkStatus();
    share_->Begin(key, window, window.max_timestamp());
    const PyRef object = PyRef::Steal(share_->WindowObject(window));
    if (!object || PyObject_SetAttrString(context_.get(), "_window", object.get()) < 0) {
      return share_->Failed(nullptr, "failed");
    }
    const PyRef cleared =
        PyRef::Steal(PyObject_CallMethod(call_.function(), "clear", "O", context_.get()));
    return cleared ? absl::OkStatus() : share_->Failed(nullptr, "failed to clear a window");
  }

  absl::Status FinishKey() override {
    Gil gil;
    return share_->runtime()->ClearStates();
  }

 private:
  bool Flag(const char* name) const {
    const PyRef flag = PyRef::Steal(PyObject_GetAttrString(call_.function(), name));
    if (!flag) PyErr_Clear();
    return flag && PyObject_IsTrue(flag.get()) == 1;
  }

  absl::Status MakeContext() {
    static PyObject* type = nullptr;
    static PyObject* timestamped = nullptr;
    if (Imported(&type, "pyflinkpp.datastream._window_context", "WindowContext") == nullptr ||
        Imported(&timestamped, "pyflinkpp.datastream._window_context", "timestamped") == nullptr) {
      return share_->Failed(nullptr, "can't be opened");
    }
    timestamped_ = PyRef::Borrow(timestamped);
    const PyRef function_context = PyRef::Steal(NewFunctionContext(share_->runtime()));
    const PyRef store = function_context ? PyRef::Steal(NewStateStore(share_->runtime())) : PyRef();
    if (store) {
      context_ = PyRef::Steal(
          PyObject_CallFunctionObjArgs(type, function_context.get(), store.get(), nullptr));
    }
    return context_ ? absl::OkStatus() : share_->Failed(nullptr, "can't be opened");
  }

  // The error that is set, of the element in hand.
  absl::Status FailedToAdd(const RecordBatch& batch, size_t i, PyObject* element,
                           const char* what = "failed") {
    share_->BeginElement(batch, i);
    return share_->Failed(element, what);
  }

  // An element for a list of them, with its timestamp where an evictor wants to see it.
  absl::Status Append(const RecordBatch& batch, size_t i, PyRef& value, bool is_new,
                      PyObject*& kept) {
    if (is_new) kept = PyList_New(0);
    if (kept == nullptr) return FailedToAdd(batch, i, value.get());
    if (with_timestamps_) {
      const int64_t timestamp = batch.has_timestamps() ? batch.timestamps()[i] : kMinTimestamp;
      value = PyRef::Steal(PyObject_CallFunction(timestamped_.get(), "OL", value.get(),
                                                 static_cast<long long>(timestamp)));
    }
    if (!value || PyList_Append(kept, value.get()) < 0) return FailedToAdd(batch, i, value.get());
    return absl::OkStatus();
  }

  // What is emitted shares nothing mutable with what the window keeps.
  PyObject* CopyOfKept(PyRef value, PyObject* kept) const {
    if (value.get() != kept) return value.release();
    return static_cast<const PythonSerializer&>(*contents_).CopyObject(kept);
  }

  // Takes a result over; null: an error is set.
  absl::Status Collect(PyObject* result, WindowOutput& output) {
    if (result == nullptr) return share_->Failed(nullptr, "failed");
    int to;
    if (results_.Collect(result, output, &to) == nullptr && !results_.dropped()) {
      return share_->DoesNotFit(nullptr, results_.type_that_failed());
    }
    return absl::OkStatus();
  }

  absl::Status CollectAll(PyObject* results, WindowOutput& output) {
    if (results == Py_None) return absl::OkStatus();
    const PyRef iterator = PyRef::Steal(PyObject_GetIter(results));
    if (!iterator) return share_->Failed(nullptr, "failed");
    while (PyObject* result = PyIter_Next(iterator.get())) RETURN_IF_ERROR(Collect(result, output));
    return PyErr_Occurred() ? share_->Failed(nullptr, "failed") : absl::OkStatus();
  }

  const idl::OperatorNode node_;
  const idl::Window& spec_;
  const std::shared_ptr<WindowShare> share_;
  const std::shared_ptr<const TypeSerializer> contents_;
  UserFunction call_;
  ResultCollector results_;
  std::optional<Normalizer> normalizer_;  // of what is kept
  Callable emit_, combine_, create_, result_, merge_;
  bool emits_value_ = false;      // no window function: the value itself is the result
  bool clears_ = false;           // it wants to know when a window goes
  bool with_timestamps_ = false;  // there is an evictor
  PyRef context_;
  PyRef timestamped_;  // makes a TimestampedValue
  GilScope scope_;
  absl::Status flushed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<WindowFunction>> MakePythonWindowFunction(
    const idl::OperatorNode& node, std::shared_ptr<WindowShare> share,
    const SerializerFactory& serializers) {
  const idl::Window& spec = node.spec.window;
  idl::TypeInformation kept;  // any Python object, unless a type is known
  kept.kind = idl::TypeKind::PICKLED;
  if (spec.contents == idl::WindowFunctionKind::REDUCE) kept = spec.input_type;
  if (spec.contents == idl::WindowFunctionKind::AGGREGATE && spec.__isset.accumulator_type) {
    kept = spec.accumulator_type;
  }
  ASSIGN_OR_RETURN(auto contents, serializers(kept));
  ASSIGN_OR_RETURN(auto output, serializers(node.output_type));
  ASSIGN_OR_RETURN(auto sides, SideSerializers(spec.side_outputs, serializers));
  return std::make_unique<PythonWindowFunction>(node, std::move(share), std::move(contents),
                                                std::move(output), std::move(sides));
}

}  // namespace pyflinkpp
