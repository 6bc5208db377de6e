// Triggers written in Python.
#include <new>
#include <utility>

#include "core/base/status.h"
#include "native/errors.h"
#include "native/python_windows.h"
#include "native/user_function.h"

namespace pyflinkpp {
namespace {

// Lends a TriggerContext to Python for the time of a call.
struct TriggerContextObject {
  PyObject_HEAD TriggerContext* context;  // null between calls
};

TriggerContext* Of(PyObject* self) {
  TriggerContext* context = reinterpret_cast<TriggerContextObject*>(self)->context;
  if (context == nullptr) {
    PyErr_SetString(PyExc_RuntimeError,
                    "a trigger's context may only be used while the trigger is called");
  }
  return context;
}

template <int64_t (TriggerContext::*get)() const>
PyObject* GetTime(PyObject* self, PyObject*) {
  const TriggerContext* context = Of(self);
  return context == nullptr ? nullptr : PyLong_FromLongLong((context->*get)());
}

template <void (TriggerContext::*set)(int64_t)>
PyObject* SetTimer(PyObject* self, PyObject* time) {
  TriggerContext* context = Of(self);
  if (context == nullptr) return nullptr;
  const int64_t timestamp = PyLong_AsLongLong(time);
  if (timestamp == -1 && PyErr_Occurred()) return nullptr;
  (context->*set)(timestamp);
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"current_watermark", GetTime<&TriggerContext::current_watermark>, METH_NOARGS, "Event time."},
    {"current_processing_time", GetTime<&TriggerContext::current_processing_time>, METH_NOARGS,
     "The wall clock's time, milliseconds since the epoch."},
    {"register_event_time_timer", SetTimer<&TriggerContext::RegisterEventTimeTimer>, METH_O,
     "Once for each key, window and time."},
    {"register_processing_time_timer", SetTimer<&TriggerContext::RegisterProcessingTimeTimer>,
     METH_O, "Once for each key, window and time."},
    {"delete_event_time_timer", SetTimer<&TriggerContext::DeleteEventTimeTimer>, METH_O,
     "No effect when there is none."},
    {"delete_processing_time_timer", SetTimer<&TriggerContext::DeleteProcessingTimeTimer>, METH_O,
     "No effect when there is none."},
    {nullptr, nullptr, 0, nullptr}};

PyTypeObject* context_type = nullptr;

class PythonTrigger final : public Trigger {
 public:
  PythonTrigger(const idl::WindowTrigger& spec, std::shared_ptr<WindowShare> share)
      : spec_(spec), share_(std::move(share)) {}
  ~PythonTrigger() override {
    Gil gil;
    for (PyRef* ref : {&trigger_, &context_, &lent_, &window_}) *ref = PyRef();
  }

  void Enter() override { scope_.Enter(); }
  void Leave() override { scope_.Leave(); }

  absl::StatusOr<TriggerResult> OnElement(RecordBatch& batch, size_t i, int64_t timestamp,
                                          TriggerContext& context) override {
    Gil gil;
    RETURN_IF_ERROR(Prepare(context, timestamp));
    const PyRef value = PyRef::Steal(share_->Element(batch, i));
    if (!value) return Failed(nullptr);
    return Ask(PyRef::Steal(PyObject_CallMethod(trigger_.get(), "on_element", "OLOO", value.get(),
                                                static_cast<long long>(timestamp), window_.get(),
                                                context_.get())),
               value.get());
  }
  absl::StatusOr<TriggerResult> OnEventTime(int64_t time, TriggerContext& context) override {
    return OnTime("on_event_time", time, context);
  }
  absl::StatusOr<TriggerResult> OnProcessingTime(int64_t time, TriggerContext& context) override {
    return OnTime("on_processing_time", time, context);
  }

  // Asked before anything else.
  bool can_merge() const override {
    Gil gil;
    const PyRef trigger = Unpickled(spec_.pickle);
    const PyRef can =
        PyRef::Steal(trigger ? PyObject_CallMethod(trigger.get(), "can_merge", nullptr) : nullptr);
    if (!can) PyErr_Clear();
    return can && PyObject_IsTrue(can.get()) == 1;
  }
  absl::Status OnMerge(std::span<const Window> merged, TriggerContext& context) override {
    Gil gil;
    RETURN_IF_ERROR(Prepare(context, kMinTimestamp));
    const PyRef windows = PyRef::Steal(PyList_New(0));
    for (const Window& window : merged) {
      const PyRef words = PyRef::Steal(Py_BuildValue("(LL)", static_cast<long long>(window.start),
                                                     static_cast<long long>(window.end)));
      if (!windows || !words || PyList_Append(windows.get(), words.get()) < 0)
        return Failed(nullptr);
    }
    if (!windows || PyObject_SetAttrString(context_.get(), "_merged", windows.get()) < 0) {
      return Failed(nullptr);
    }
    const PyRef done = PyRef::Steal(
        PyObject_CallMethod(trigger_.get(), "on_merge", "OO", window_.get(), context_.get()));
    return done ? absl::OkStatus() : Failed(nullptr);
  }
  absl::Status Clear(TriggerContext& context) override {
    Gil gil;
    RETURN_IF_ERROR(Prepare(context, kMinTimestamp));
    const PyRef done = PyRef::Steal(
        PyObject_CallMethod(trigger_.get(), "clear", "OO", window_.get(), context_.get()));
    return done ? absl::OkStatus() : Failed(nullptr);
  }

 private:
  absl::Status Failed(PyObject* element) const {
    return share_->Failed(element, "failed in its trigger");
  }

  // The trigger's copy and its context, made with the first call.
  absl::Status MakeTrigger() {
    static PyObject* type = nullptr;
    trigger_ = Unpickled(spec_.pickle);
    if (!trigger_ ||
        Imported(&type, "pyflinkpp.datastream._window_context", "TriggerContext") == nullptr) {
      return Failed(nullptr);
    }
    lent_ = PyRef::Steal(context_type->tp_alloc(context_type, 0));
    const PyRef store = PyRef::Steal(NewStateStore(share_->runtime()));
    if (lent_ && store) {
      context_ = PyRef::Steal(PyObject_CallFunctionObjArgs(type, lent_.get(), store.get(),
                                                           share_->runtime_context(), nullptr));
    }
    return context_ ? absl::OkStatus() : Failed(nullptr);
  }

  absl::Status Prepare(TriggerContext& context, int64_t timestamp) {
    if (!trigger_) RETURN_IF_ERROR(MakeTrigger());
    share_->Begin(context.key(), context.window(), timestamp);
    reinterpret_cast<TriggerContextObject*>(lent_.get())->context = &context;
    window_ = PyRef::Steal(share_->WindowObject(context.window()));
    return window_ ? absl::OkStatus() : Failed(nullptr);
  }

  absl::StatusOr<TriggerResult> OnTime(const char* method, int64_t time, TriggerContext& context) {
    Gil gil;
    RETURN_IF_ERROR(Prepare(context, time));
    return Ask(PyRef::Steal(PyObject_CallMethod(trigger_.get(), method, "LOO",
                                                static_cast<long long>(time), window_.get(),
                                                context_.get())),
               nullptr);
  }

  // What a TriggerResult says; its value has the bits of C++'s.
  absl::StatusOr<TriggerResult> Ask(const PyRef& answer, PyObject* element) const {
    if (!answer) return Failed(element);
    const PyRef fires = PyRef::Steal(PyObject_CallMethod(answer.get(), "is_fire", nullptr));
    const PyRef purges =
        PyRef::Steal(fires ? PyObject_CallMethod(answer.get(), "is_purge", nullptr) : nullptr);
    if (!purges) {
      PyErr_Format(PyExc_TypeError, "a trigger has to give a TriggerResult, not %s",
                   ShortRepr(answer.get()).c_str());
      return Failed(element);
    }
    const int bits =
        (PyObject_IsTrue(fires.get()) == 1 ? 1 : 0) + (PyObject_IsTrue(purges.get()) == 1 ? 2 : 0);
    return static_cast<TriggerResult>(bits);
  }

  const idl::WindowTrigger spec_;
  const std::shared_ptr<WindowShare> share_;
  GilScope scope_;
  PyRef trigger_;
  PyRef context_;  // what the trigger sees
  PyRef lent_;     // the native part of it
  PyRef window_;
};

}  // namespace

std::unique_ptr<Trigger> MakePythonTrigger(const idl::WindowTrigger& spec,
                                           std::shared_ptr<WindowShare> share) {
  auto trigger = std::make_unique<PythonTrigger>(spec, std::move(share));
  return spec.purging ? MakePurgingTrigger(std::move(trigger)) : std::move(trigger);
}

bool AddTriggerContextType(PyObject* module) {
  static PyType_Slot slots[] = {
      {Py_tp_methods, methods},
      {Py_tp_doc, const_cast<char*>("Time and timers of a key's window.")},
      {0, nullptr}};
  static PyType_Spec spec = {
      "pyflinkpp._native.WindowTriggerContext", sizeof(TriggerContextObject), 0,
      static_cast<unsigned>(Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION), slots};
  context_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return context_type != nullptr &&
         PyModule_AddObjectRef(module, "WindowTriggerContext",
                               reinterpret_cast<PyObject*>(context_type)) == 0;
}

}  // namespace pyflinkpp
