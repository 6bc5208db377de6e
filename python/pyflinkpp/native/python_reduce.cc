#include "native/python_reduce.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/gil.h"
#include "native/python_serializer.h"
#include "native/user_function.h"

namespace pyflinkpp {
namespace {

// The field of a tuple, list or row that an aggregation works on; position -1, or 0 of anything else, is the value itself.
class Field {
 public:
  explicit Field(int position) : position_(position) {}

  // New reference.
  PyRef Get(PyObject* value) const {
    if (IsWhole(value)) return PyRef::Borrow(value);
    if (PyTuple_CheckExact(value) && position_ < PyTuple_GET_SIZE(value)) return PyRef::Borrow(PyTuple_GET_ITEM(value, position_));
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
    return position_ == 0 && (PyUnicode_Check(value) || PyBytes_Check(value) || !PySequence_Check(value)) && !PyObject_HasAttrString(value, "_values");
  }
  const int position_;
};

class PythonReduce final : public ReduceFunction {
 public:
  PythonReduce(const idl::OperatorNode& node, std::shared_ptr<const TypeSerializer> serializer)
      : node_(node),
        kind_(node.spec.reduce.kind),
        field_(node.spec.reduce.field),
        serializer_(std::static_pointer_cast<const PythonSerializer>(std::move(serializer))) {
    if (kind_ == idl::ReduceKind::PYTHON) function_.emplace(node.spec.reduce.pickle, node.name, "reduce");
  }

  ~PythonReduce() override {
    if (!function_) return;
    Gil gil;
    function_.reset();
  }

  std::shared_ptr<const TypeSerializer> StateSerializer(const RecordBatch&) override { return serializer_; }

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

  absl::Status Reduce(RecordBatchView& view, size_t count, ValueState& state, RecordBatch* emitted,
                      OperatorContext& context) override {
    RecordBatch& batch = *view.batch;
    ASSIGN_OR_RETURN(const RowTaker take, RowTakerOf(*batch.serializer()));
    const bool share = serializer_->coder().immutable();
    const size_t begin = view.position;
    Gil gil;
    ReleaseWaiting();
    PrefetchObjects(state, count);
    while (view.position < begin + count) {
      PyRef value = PyRef::Steal(take(batch.row(view.position)));
      if (!value) return CaptureError("the input of a reduce can't be read");
      bool found;
      auto** slot = reinterpret_cast<PyObject**>(state.Access(view.position - begin, &found));
      if (!found) {
        *slot = value.release();
      } else {
        PyRef combined = Combine(*slot, value.get());
        if (!combined) return Raised(value.get());
        if (!serializer_->coder().Accepts(combined.get())) {
          combined = PyRef::Steal(serializer_->coder().Normalize(combined.get()));
          if (!combined) return DoesNotFit();
        }
        serializer_->coder().Untrack(combined.get());
        PyObject* old = std::exchange(*slot, combined.release());
        Py_DECREF(old);
      }
      if (emitted != nullptr) {
        PyObject* copy = *slot;
        if (share) {
          Py_INCREF(copy);
        } else {
          copy = serializer_->CopyObject(copy);
          if (copy == nullptr) return Raised(*slot);
        }
        emitted->AppendRow(copy);
        if (batch.has_timestamps()) emitted->timestamps().push_back(batch.timestamps()[view.position]);
      }
      ++view.position;
      if ((emitted != nullptr && emitted->full()) || context.should_yield()) break;
    }
    return absl::OkStatus();
  }

 private:
  // State that is not in the cache costs more than the function: what the values of the next records point to is fetched
  // while others are worked on.
  void PrefetchObjects(ValueState& state, size_t count) {
    hints_.clear();
    for (size_t i = 0; i < count; ++i) {
      const std::byte* row = state.Hint(i);
      PyObject* value = row == nullptr ? nullptr : *reinterpret_cast<PyObject* const*>(row);
      if (value == nullptr) continue;
      __builtin_prefetch(value);
      __builtin_prefetch(reinterpret_cast<const char*>(value) + 32);
      hints_.push_back(value);
    }
    for (PyObject* value : hints_) {
      if (!PyTuple_CheckExact(value)) continue;
      for (Py_ssize_t item = 0; item < PyTuple_GET_SIZE(value); ++item) __builtin_prefetch(PyTuple_GET_ITEM(value, item));
    }
  }

  // New reference; null with an error set.
  PyRef Combine(PyObject* current, PyObject* value) const {
    if (function_) return PyRef::Steal(function_->Call(current, value));
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
    if (kind_ == idl::ReduceKind::MIN_BY || kind_ == idl::ReduceKind::MAX_BY) return PyRef::Borrow(value);
    return field_.With(current, PyRef::Borrow(b.get()));
  }

  absl::Status Raised(PyObject* element) const {
    if (function_) return function_->Raised(element);
    return CaptureOperatorError(absl::StrCat("operator '", node_.name, "' (subtask ", context_->subtask + 1, "/", context_->parallelism,
                                             ") failed on the element ", ShortRepr(element)),
                                node_.name, context_->subtask);
  }
  absl::Status DoesNotFit() const {
    if (function_) return function_->DoesNotFit(serializer_->name());
    return CaptureOperatorError(absl::StrCat("the result of operator '", node_.name, "' does not fit its type ", serializer_->name()),
                                node_.name, context_->subtask);
  }

  const idl::OperatorNode node_;
  const idl::ReduceKind::type kind_;
  const Field field_;
  const std::shared_ptr<const PythonSerializer> serializer_;
  std::optional<UserFunction> function_;
  OperatorContext* context_ = nullptr;
  std::vector<PyObject*> hints_;  // of the call that runs; borrowed
};

}  // namespace

std::unique_ptr<ReduceFunction> MakePythonReduce(const idl::OperatorNode& node, std::shared_ptr<const TypeSerializer> serializer) {
  return std::make_unique<PythonReduce>(node, std::move(serializer));
}

}  // namespace pyflinkpp
