#include "native/python_reduce.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/gil.h"
#include "native/key_encoder.h"
#include "native/python_serializer.h"
#include "native/user_function.h"

namespace pyflinkpp {
namespace {

// The field of a tuple, list or row that an aggregation works on; position -1, or 0 of anything
// else, is the value itself.
class Field {
 public:
  explicit Field(int position) : position_(position) {}

  // New reference.
  PyRef Get(PyObject* value) const {
    if (IsWhole(value)) return PyRef::Borrow(value);
    if (PyTuple_CheckExact(value) && position_ < PyTuple_GET_SIZE(value))
      return PyRef::Borrow(PyTuple_GET_ITEM(value, position_));
    const PyRef index = PyRef::Steal(PyLong_FromLong(position_));
    return PyRef::Steal(PyObject_GetItem(value, index.get()));
  }

  // A copy of `value` with the field replaced.
  PyRef With(PyObject* value, PyRef field) const {
    if (IsWhole(value)) return field;
    PyRef items = PyRef::Steal(PySequence_List(value));
    if (!items) return items;
    PyList_SetItem(items.get(), position_, field.release());
    if (PyTuple_Check(value)) return PyRef::Steal(PyList_AsTuple(items.get()));
    if (PyList_Check(value)) return items;
    static PyObject* copy = nullptr;
    if (Imported(&copy, "copy", "copy") == nullptr) return PyRef();
    PyRef row = PyRef::Steal(PyObject_CallOneArg(copy, value));
    if (row && PyObject_SetAttrString(row.get(), "_values", items.get()) < 0) return PyRef();
    return row;
  }

 private:
  bool IsWhole(PyObject* value) const {
    if (position_ < 0) return true;
    return position_ == 0 &&
           (PyUnicode_Check(value) || PyBytes_Check(value) || !PySequence_Check(value)) &&
           !PyObject_HasAttrString(value, "_values");
  }
  const int position_;
};

class PythonReduce final : public ReduceFunction {
 public:
  PythonReduce(const idl::OperatorNode& node, std::shared_ptr<const TypeSerializer> serializer)
      : node_(node),
        kind_(node.spec.reduce.kind),
        field_(node.spec.reduce.field),
        serializer_(std::static_pointer_cast<const PythonSerializer>(std::move(serializer))),
        outcome_(serializer_->coder(), node.output_type.kind) {
    if (kind_ == idl::ReduceKind::PYTHON)
      function_.emplace(node.spec.reduce.pickle, node.name, "reduce");
  }

  ~PythonReduce() override {
    if (!function_) return;
    Gil gil;
    function_.reset();
  }

  std::shared_ptr<const TypeSerializer> StateSerializer(const RecordBatch&) override {
    return serializer_;
  }

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    if (!function_) return absl::OkStatus();
    Gil gil;
    return function_->Open(context);
  }

  absl::Status Close() override {
    if (!function_) return absl::OkStatus();
    Gil gil;
    const absl::Status status = function_->Close();
    function_.reset();
    return status;
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    return function_ ? function_->Snapshot(context) : absl::OkStatus();
  }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    return function_ ? function_->CheckpointCompleted(checkpoint) : absl::OkStatus();
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    return function_ ? function_->CheckpointAborted(checkpoint) : absl::OkStatus();
  }

  absl::Status Reduce(RecordBatchView& view, size_t count, ValueState& state, RecordBatch* emitted,
                      OperatorContext& context) override {
    RecordBatch& batch = *view.batch;
    ASSIGN_OR_RETURN(const RowTaker take, RowTakerOf(*batch.serializer()));
    const bool share = serializer_->coder().immutable();
    const bool timestamps = batch.has_timestamps();
    Gil gil;
    ReleaseWaiting();
    for (size_t i = 0; i < count; ++i) {
      if (i + kLookAhead < count) PrefetchFields(state.Hint(i + kLookAhead));
      PyObject* value = take(batch.row(view.position));
      if (value == nullptr) return CaptureError("the input of a reduce can't be read");
      bool found;
      auto** slot = reinterpret_cast<PyObject**>(state.Access(i, &found));
      if (!found) {
        *slot = value;
      } else {
        PyObject* combined = Combine(*slot, value);
        if (combined == nullptr) return Failed(batch, view.position, value, "failed");
        combined = outcome_.Normalize(combined, *slot);
        if (combined == nullptr) return DoesNotFit(batch, view.position, value);
        PyObject* old = std::exchange(*slot, combined);
        Py_DECREF(value);
        Py_DECREF(old);
      }
      if (emitted != nullptr) {
        PyObject* copy = *slot;
        if (share) {
          Py_INCREF(copy);
        } else {
          copy = serializer_->CopyObject(copy);
          if (copy == nullptr)
            return Failed(batch, view.position, nullptr, "has state that can't be copied");
        }
        emitted->AppendRow(copy);
        if (timestamps) emitted->timestamps().push_back(batch.timestamps()[view.position]);
      }
      ++view.position;
      if ((emitted != nullptr && emitted->full()) || context.should_yield()) break;
    }
    return absl::OkStatus();
  }

 private:
  // State that is not in the cache costs more than the function: the fields of a tuple are fetched
  // while others are worked on. (The backend has fetched the tuple.)
  static constexpr size_t kLookAhead = 8;
  static void PrefetchFields(const std::byte* row) {
    PyObject* value = row == nullptr ? nullptr : *reinterpret_cast<PyObject* const*>(row);
    if (value == nullptr || !PyTuple_CheckExact(value)) return;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i)
      __builtin_prefetch(PyTuple_GET_ITEM(value, i));
  }

  // New reference; null with an error set.
  PyObject* Combine(PyObject* current, PyObject* value) const {
    return function_ ? function_->Call(current, value) : Aggregate(current, value).release();
  }

  PyRef Aggregate(PyObject* current, PyObject* value) const {
    const PyRef a = field_.Get(current);
    const PyRef b = field_.Get(value);
    if (!a || !b) return PyRef();
    if (kind_ == idl::ReduceKind::SUM) {
      PyRef sum = PyRef::Steal(PyNumber_Add(a.get(), b.get()));
      return sum ? field_.With(current, std::move(sum)) : PyRef();
    }
    const bool least = kind_ == idl::ReduceKind::MIN || kind_ == idl::ReduceKind::MIN_BY;
    const int better = PyObject_RichCompareBool(b.get(), a.get(), least ? Py_LT : Py_GT);
    if (better < 0) return PyRef();
    if (!better) return PyRef::Borrow(current);
    if (kind_ == idl::ReduceKind::MIN_BY || kind_ == idl::ReduceKind::MAX_BY)
      return PyRef::Borrow(value);
    return field_.With(current, PyRef::Borrow(b.get()));
  }

  // The error that is set, of record `i`; takes its element over.
  absl::Status Failed(const RecordBatch& batch, size_t i, PyObject* element,
                      absl::string_view what) const {
    const PyRef owned = PyRef::Steal(element);
    CallPoint point{.element = element};
    if (batch.has_timestamps()) point.timestamp = batch.timestamps()[i];
    const PyRef key =
        batch.has_keys() ? KeyInError(node_.spec.reduce.key_type, batch.keys()[i]) : PyRef();
    point.key = key.get();
    return CaptureCallError({node_.name, context_->subtask, context_->parallelism}, what, point);
  }
  absl::Status DoesNotFit(const RecordBatch& batch, size_t i, PyObject* element) const {
    return Failed(
        batch, i, element,
        absl::StrCat("returned a value that does not fit its declared type ", serializer_->name()));
  }

  const idl::OperatorNode node_;
  const idl::ReduceKind::type kind_;
  const Field field_;
  const std::shared_ptr<const PythonSerializer> serializer_;
  const Normalizer outcome_;
  std::optional<UserFunction> function_;
  OperatorContext* context_ = nullptr;
};

}  // namespace

std::unique_ptr<ReduceFunction> MakePythonReduce(const idl::OperatorNode& node,
                                                 std::shared_ptr<const TypeSerializer> serializer) {
  return std::make_unique<PythonReduce>(node, std::move(serializer));
}

}  // namespace pyflinkpp
