// Window assigners written in Python, and sessions whose gap the user's function tells.
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/python_windows.h"

namespace pyflinkpp {
namespace {

class PythonWindowAssigner final : public WindowAssigner {
 public:
  PythonWindowAssigner(const idl::WindowAssigner& spec, std::shared_ptr<WindowShare> share)
      : spec_(spec), share_(std::move(share)) {}
  ~PythonWindowAssigner() override {
    Gil gil;
    assigner_ = PyRef();
    context_ = PyRef();
  }

  bool event_time() const override { return spec_.event_time; }
  bool merging() const override { return spec_.merging || is_session(); }
  void Enter() override { scope_.Enter(); }
  void Leave() override { scope_.Leave(); }

  absl::Status Assign(const RecordBatch& batch, size_t i, int64_t timestamp,
                      AssignerContext& context, std::vector<Window>& windows) override {
    Gil gil;
    key_ = &context.key();
    timestamp_ = timestamp;
    if (!assigner_) RETURN_IF_ERROR(MakeAssigner());
    const PyRef value = PyRef::Steal(share_->Element(batch, i));
    if (!value) return Failed(nullptr);
    if (is_session()) return AssignSession(value.get(), timestamp, context, windows);
    const PyRef given =
        PyRef::Steal(PyObject_CallMethod(assigner_.get(), "assign_windows", "OLO", value.get(),
                                         static_cast<long long>(timestamp), context_.get()));
    const PyRef iterator = PyRef::Steal(given ? PyObject_GetIter(given.get()) : nullptr);
    if (!iterator) return Failed(value.get());
    while (const PyRef object = PyRef::Steal(PyIter_Next(iterator.get()))) {
      Window window;
      if (!WindowShare::WindowOf(object.get(), &window)) return Failed(value.get());
      windows.push_back(window);
    }
    return PyErr_Occurred() ? Failed(value.get()) : absl::OkStatus();
  }

  absl::Status MergeWindows(std::span<const Window> windows, WindowMerges& merges) override {
    if (is_session()) return WindowAssigner::MergeWindows(windows, merges);
    Gil gil;
    if (!assigner_) RETURN_IF_ERROR(MakeAssigner());
    static PyObject* merge = nullptr;
    if (Imported(&merge, "pyflinkpp.datastream._window_context", "merged_windows") == nullptr)
      return Failed(nullptr);
    const PyRef list = PyRef::Steal(PyList_New(0));
    for (const Window& window : windows) {
      const PyRef object = PyRef::Steal(share_->WindowObject(window));
      if (!list || !object || PyList_Append(list.get(), object.get()) < 0) return Failed(nullptr);
    }
    // A list of (result, [merged, ...]).
    const PyRef groups =
        PyRef::Steal(PyObject_CallFunctionObjArgs(merge, assigner_.get(), list.get(), nullptr));
    if (!groups) return Failed(nullptr);
    for (Py_ssize_t g = 0; g < PyList_GET_SIZE(groups.get()); ++g) {
      PyObject* group = PyList_GET_ITEM(groups.get(), g);
      Window result;
      if (!WindowShare::WindowOf(PyTuple_GET_ITEM(group, 0), &result)) return Failed(nullptr);
      merges.results.push_back(result);
      PyObject* members = PyTuple_GET_ITEM(group, 1);
      for (Py_ssize_t m = 0; m < PyList_GET_SIZE(members); ++m) {
        Window member;
        if (!WindowShare::WindowOf(PyList_GET_ITEM(members, m), &member)) return Failed(nullptr);
        merges.merged.push_back(member);
      }
      merges.ends.push_back(static_cast<uint32_t>(merges.merged.size()));
    }
    return absl::OkStatus();
  }

 private:
  bool is_session() const { return spec_.kind == idl::WindowAssignerKind::SESSION; }

  absl::Status Failed(PyObject* element) const {
    if (key_ != nullptr) share_->BeginElement(*key_, timestamp_);
    return share_->Failed(element, "failed in its window assigner");
  }

  absl::Status MakeAssigner() {
    static PyObject* type = nullptr;
    if (Imported(&type, "pyflinkpp.datastream._window_context", "AssignerContext") == nullptr) {
      return Failed(nullptr);
    }
    assigner_ = Unpickled(spec_.pickle);
    const PyRef function_context =
        PyRef::Steal(assigner_ ? NewFunctionContext(share_->runtime()) : nullptr);
    if (function_context)
      context_ = PyRef::Steal(PyObject_CallFunctionObjArgs(type, function_context.get(),
                                                           share_->runtime_context(), nullptr));
    return context_ ? absl::OkStatus() : Failed(nullptr);
  }

  absl::Status AssignSession(PyObject* value, int64_t timestamp, AssignerContext& context,
                             std::vector<Window>& windows) {
    const PyRef name = PyRef::Steal(PyUnicode_InternFromString("extract"));
    const PyRef gap = PyRef::Steal(PyObject_CallMethodOneArg(assigner_.get(), name.get(), value));
    if (!gap) return Failed(value);
    const int64_t millis = PyLong_AsLongLong(gap.get());
    if (millis == -1 && PyErr_Occurred()) return Failed(value);
    if (millis <= 0) {
      PyErr_Format(PyExc_ValueError, "the gap of a session must be more than 0 ms, not %lld",
                   static_cast<long long>(millis));
      return Failed(value);
    }
    if (spec_.event_time && timestamp == kMinTimestamp) {
      return UserError(
          absl::StrCat("operator '", share_->operator_name(),
                       "': an element without a timestamp came to an "
                       "event-time session; call assign_timestamps_and_watermarks() before it"));
    }
    const int64_t start = spec_.event_time ? timestamp : context.current_processing_time();
    windows.push_back({start, SaturatingAdd(start, millis)});
    return absl::OkStatus();
  }

  const idl::WindowAssigner spec_;
  const std::shared_ptr<WindowShare> share_;
  GilScope scope_;
  PyRef assigner_;
  PyRef context_;
  const RecordKey* key_ = nullptr;  // of the element in hand, for errors
  int64_t timestamp_ = kMinTimestamp;
};

}  // namespace

std::unique_ptr<WindowAssigner> MakePythonWindowAssigner(const idl::WindowAssigner& spec,
                                                         std::shared_ptr<WindowShare> share) {
  return std::make_unique<PythonWindowAssigner>(spec, std::move(share));
}

}  // namespace pyflinkpp
