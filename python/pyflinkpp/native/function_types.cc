// The Python types of function_runtime.h, in the C API: a function calls them several times for
// each element.
#include <new>

#include "native/errors.h"
#include "native/function_runtime.h"

namespace pyflinkpp {
namespace {

struct RuntimeObject {
  PyObject_HEAD std::shared_ptr<FunctionRuntime> runtime;
  PyObject* timer_service;  // of a context
  StateCell* cell;          // of a state
};

PyTypeObject* context_type = nullptr;
PyTypeObject* timer_service_type = nullptr;
PyTypeObject* cell_type = nullptr;
PyTypeObject* store_type = nullptr;

PyObject* New(PyTypeObject* type, std::shared_ptr<FunctionRuntime> runtime) {
  PyObject* self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  auto* object = reinterpret_cast<RuntimeObject*>(self);
  new (&object->runtime) std::shared_ptr<FunctionRuntime>(std::move(runtime));
  object->timer_service = nullptr;
  object->cell = nullptr;
  return self;
}

void Dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (PyType_IS_GC(type)) PyObject_GC_UnTrack(self);
  auto* object = reinterpret_cast<RuntimeObject*>(self);
  object->runtime.~shared_ptr();
  Py_CLEAR(object->timer_service);
  type->tp_free(self);
  Py_DECREF(type);
}

// The runtime of an object; null with an error set when its function has been closed.
FunctionRuntime* Of(PyObject* self) {
  FunctionRuntime* runtime = reinterpret_cast<RuntimeObject*>(self)->runtime.get();
  if (runtime != nullptr && !runtime->closed()) return runtime;
  PyErr_Format(PyExc_RuntimeError, "this %s is used after its function was closed",
               Py_TYPE(self)->tp_name);
  return nullptr;
}

// ---- FunctionContext ----

PyObject* Timestamp(PyObject* self, PyObject*) {
  FunctionRuntime* runtime = Of(self);
  return runtime == nullptr ? nullptr : PyLong_FromLongLong(runtime->timestamp());
}
PyObject* CurrentKey(PyObject* self, PyObject*) {
  FunctionRuntime* runtime = Of(self);
  return runtime == nullptr ? nullptr : runtime->KeyObject();
}
PyObject* CurrentWatermark(PyObject* self, PyObject*) {
  FunctionRuntime* runtime = Of(self);
  return runtime == nullptr ? nullptr : PyLong_FromLongLong(runtime->watermark);
}
PyObject* CurrentProcessingTime(PyObject* self, PyObject*) {
  FunctionRuntime* runtime = Of(self);
  return runtime == nullptr ? nullptr : PyLong_FromLongLong(runtime->now());
}
PyObject* TimeDomain(PyObject* self, PyObject*) {
  FunctionRuntime* runtime = Of(self);
  if (runtime == nullptr) return nullptr;
  if (runtime->time_domain() == nullptr) {
    PyErr_SetString(PyExc_RuntimeError,
                    "time_domain() tells of the timer that fires; no timer fires here");
    return nullptr;
  }
  static PyObject* type = nullptr;
  if (Imported(&type, "pyflinkpp.datastream.time_domain", "TimeDomain") == nullptr) return nullptr;
  return PyObject_GetAttrString(type, runtime->time_domain());
}
PyObject* TimerServiceOf(PyObject* self, PyObject*) {
  auto* object = reinterpret_cast<RuntimeObject*>(self);
  if (object->timer_service == nullptr)
    object->timer_service = New(timer_service_type, object->runtime);
  Py_XINCREF(object->timer_service);
  return object->timer_service;
}

PyMethodDef context_methods[] = {
    {"timestamp", Timestamp, METH_NOARGS,
     "The time of the element or of the firing timer, milliseconds since the epoch."},
    {"timer_service", TimerServiceOf, METH_NOARGS, "Access to time and timers."},
    {"get_current_key", CurrentKey, METH_NOARGS, "The key of the element or of the firing timer."},
    {"time_domain", TimeDomain, METH_NOARGS, "Which kind of time the firing timer stands in."},
    {"current_watermark", CurrentWatermark, METH_NOARGS,
     "The event time that the task has reached."},
    {"current_processing_time", CurrentProcessingTime, METH_NOARGS,
     "The wall clock's time, milliseconds since the epoch."},
    {nullptr, nullptr, 0, nullptr}};

// ---- TimerService ----

// `queue` of the runtime; registers or deletes a timer of the current key.
template <TimerQueue FunctionRuntime::*queue, bool registers>
PyObject* SetTimer(PyObject* self, PyObject* timestamp) {
  FunctionRuntime* runtime = Of(self);
  if (runtime == nullptr) return nullptr;
  const int64_t time = PyLong_AsLongLong(timestamp);
  if (time == -1 && PyErr_Occurred()) return nullptr;
  if (runtime->key() == nullptr) {
    PyErr_Format(PyExc_RuntimeError,
                 "operator '%s': timers can only be set under a key: call key_by() before it",
                 runtime->operator_name().c_str());
    return nullptr;
  }
  if constexpr (registers) {
    if (!runtime->refuses_timers) (runtime->*queue).Register(time, *runtime->key());
  } else {
    (runtime->*queue).Delete(time, *runtime->key());
  }
  Py_RETURN_NONE;
}

PyMethodDef timer_service_methods[] = {
    {"current_processing_time", CurrentProcessingTime, METH_NOARGS,
     "The wall clock's time, milliseconds since the epoch."},
    {"current_watermark", CurrentWatermark, METH_NOARGS,
     "The event time that the task has reached."},
    {"register_event_time_timer", SetTimer<&FunctionRuntime::event_timers, true>, METH_O,
     "Once for each key and time."},
    {"register_processing_time_timer", SetTimer<&FunctionRuntime::processing_timers, true>, METH_O,
     "Once for each key and time."},
    {"delete_event_time_timer", SetTimer<&FunctionRuntime::event_timers, false>, METH_O,
     "No effect when there is none."},
    {"delete_processing_time_timer", SetTimer<&FunctionRuntime::processing_timers, false>, METH_O,
     "No effect when there is none."},
    {nullptr, nullptr, 0, nullptr}};

// ---- StateCell ----

// The key that the cell's value is under; null with an error set.
const RecordKey* CellKey(PyObject* self, StateCell** cell) {
  FunctionRuntime* runtime = Of(self);
  if (runtime == nullptr) return nullptr;
  *cell = reinterpret_cast<RuntimeObject*>(self)->cell;
  return runtime->KeyOf(**cell);
}

PyObject* Raised(const absl::Status& status) {
  RaiseStatus(status);
  return nullptr;
}

PyObject* CellValue(PyObject* self, PyObject*) {
  StateCell* cell;
  const RecordKey* key = CellKey(self, &cell);
  if (key == nullptr) return nullptr;
  const absl::StatusOr<const std::byte*> row = cell->state->Find(*key);
  if (!row.ok()) return Raised(row.status());
  PyObject* value = *row == nullptr ? Py_None : *reinterpret_cast<PyObject* const*>(*row);
  Py_INCREF(value);
  return value;
}

PyObject* CellClear(PyObject* self, PyObject*) {
  StateCell* cell;
  const RecordKey* key = CellKey(self, &cell);
  if (key == nullptr) return nullptr;
  if (const absl::Status status = cell->state->Erase(*key); !status.ok()) return Raised(status);
  Py_RETURN_NONE;
}

PyObject* CellUpdate(PyObject* self, PyObject* value) {
  if (value == Py_None) return CellClear(self, nullptr);
  StateCell* cell;
  const RecordKey* key = CellKey(self, &cell);
  if (key == nullptr) return nullptr;
  Py_INCREF(value);
  PyObject* normal = cell->normalizer == nullptr ? value : cell->normalizer->Normalize(value);
  if (normal == nullptr) {
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    const PyRef text = PyRef::Steal(error == nullptr ? nullptr : PyObject_Str(error));
    PyErr_Format(type, "the state '%s' of type %s: %S", cell->name.c_str(),
                 cell->coder->name().c_str(), text.get());
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return nullptr;
  }
  bool found;
  const absl::StatusOr<std::byte*> row = cell->state->FindOrInsert(*key, &found);
  if (!row.ok()) {
    Py_DECREF(normal);
    return Raised(row.status());
  }
  PyObject* old = std::exchange(*reinterpret_cast<PyObject**>(*row), normal);
  Py_XDECREF(old);  // may run code of the user's: the row is not looked at any more
  Py_RETURN_NONE;
}

// The normal form of an element, key or value (new reference).
PyObject* NormalChild(const StateCell& cell, int child, PyObject* value) {
  Py_INCREF(value);
  return cell.children[child] == nullptr ? value : cell.children[child]->Normalize(value);
}

// The row of the cell's value, to be changed in place; null with an error set.
PyObject** ChangedRow(StateCell& cell, const RecordKey& key) {
  bool found;
  const absl::StatusOr<std::byte*> row = cell.state->FindOrInsert(key, &found);
  if (row.ok()) return reinterpret_cast<PyObject**>(*row);
  Raised(row.status());
  return nullptr;
}

PyObject* CellAppend(PyObject* self, PyObject* value) {
  StateCell* cell;
  const RecordKey* key = CellKey(self, &cell);
  if (key == nullptr) return nullptr;
  const PyRef normal = PyRef::Steal(NormalChild(*cell, 0, value));
  if (!normal) return nullptr;
  PyObject** row = ChangedRow(*cell, *key);
  if (row == nullptr) return nullptr;
  if (*row == nullptr) *row = PyList_New(0);
  if (*row == nullptr || PyList_Append(*row, normal.get()) < 0) return nullptr;
  Py_RETURN_NONE;
}

PyObject* CellPut(PyObject* self, PyObject* arguments) {
  StateCell* cell;
  const RecordKey* key = CellKey(self, &cell);
  PyObject *name, *value;
  if (key == nullptr || !PyArg_ParseTuple(arguments, "OO", &name, &value)) return nullptr;
  const PyRef normal_name = PyRef::Steal(NormalChild(*cell, 0, name));
  const PyRef normal_value = normal_name ? PyRef::Steal(NormalChild(*cell, 1, value)) : PyRef();
  if (!normal_value || PyObject_Hash(normal_name.get()) == -1) return nullptr;
  PyObject** row = ChangedRow(*cell, *key);
  if (row == nullptr) return nullptr;
  if (*row == nullptr) *row = PyDict_New();
  const PyRef map = PyRef::Borrow(*row);  // comparing keys may run code of the user's
  if (!map || PyDict_SetItem(map.get(), normal_name.get(), normal_value.get()) < 0) return nullptr;
  Py_RETURN_NONE;
}

// The object that value() gave was changed in place.
PyObject* CellTouch(PyObject* self, PyObject*) {
  StateCell* cell;
  const RecordKey* key = CellKey(self, &cell);
  if (key == nullptr) return nullptr;
  const absl::StatusOr<const std::byte*> row = cell->state->Find(*key);
  if (!row.ok()) return Raised(row.status());
  if (*row != nullptr && ChangedRow(*cell, *key) == nullptr) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef cell_methods[] = {
    {"value", CellValue, METH_NOARGS, "The value of the current key, or None."},
    {"update", CellUpdate, METH_O, "Sets the value of the current key; None clears it."},
    {"clear", CellClear, METH_NOARGS, "Takes the value of the current key away."},
    {"append", CellAppend, METH_O, "A list: appends an element."},
    {"put", CellPut, METH_VARARGS, "A map: sets the value of a key."},
    {"touch", CellTouch, METH_NOARGS, "Tells that the value was changed in place."},
    {nullptr, nullptr, 0, nullptr}};

// ---- StateStore ----

template <bool of_window>
PyObject* MakeCell(PyObject* self, PyObject* arguments) {
  FunctionRuntime* runtime = Of(self);
  const char* name;
  PyObject* type;
  long long time_to_live_ms = 0;
  if (runtime == nullptr || !PyArg_ParseTuple(arguments, "sO|L", &name, &type, &time_to_live_ms))
    return nullptr;
  StateCell* cell = runtime->MakeCell(name, type, of_window, time_to_live_ms);
  if (cell == nullptr) return nullptr;
  PyObject* object = New(cell_type, reinterpret_cast<RuntimeObject*>(self)->runtime);
  if (object != nullptr) reinterpret_cast<RuntimeObject*>(object)->cell = cell;
  return object;
}

PyObject* SetWindow(PyObject* self, PyObject* arguments) {
  FunctionRuntime* runtime = Of(self);
  long long start, end;
  if (runtime == nullptr || !PyArg_ParseTuple(arguments, "LL", &start, &end)) return nullptr;
  const Namespace before = std::exchange(runtime->window, Namespace{start, end});
  return Py_BuildValue("(LL)", static_cast<long long>(before.first),
                       static_cast<long long>(before.second));
}

PyMethodDef store_methods[] = {
    {"cell", MakeCell<false>, METH_VARARGS,
     "Makes a state: cell(name, type[, time_to_live_ms]). Values with a time to live are tuples "
     "that "
     "begin with the time of their last use."},
    {"window_cell", MakeCell<true>, METH_VARARGS,
     "Makes a state whose values belong to the current window."},
    {"set_window", SetWindow, METH_VARARGS,
     "Makes another window the current one and gives the old one: set_window(start, end)."},
    {"now", CurrentProcessingTime, METH_NOARGS,
     "The wall clock's time, milliseconds since the epoch."},
    {nullptr, nullptr, 0, nullptr}};

PyTypeObject* MakeType(PyObject* module, const char* name, PyMethodDef* methods, const char* doc,
                       unsigned flags) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(Dealloc)},
                         {Py_tp_methods, methods},
                         {Py_tp_doc, const_cast<char*>(doc)},
                         {0, nullptr}};
  PyType_Spec spec = {
      name, sizeof(RuntimeObject), 0,
      static_cast<unsigned>(Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION) | flags, slots};
  auto* type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (type == nullptr ||
      PyModule_AddObjectRef(module, strrchr(name, '.') + 1, reinterpret_cast<PyObject*>(type)) < 0)
    return nullptr;
  return type;
}

}  // namespace

bool AddFunctionTypes(PyObject* module) {
  context_type = MakeType(module, "pyflinkpp._native.FunctionContext", context_methods,
                          "What a function may know of the element in hand.", Py_TPFLAGS_BASETYPE);
  timer_service_type = MakeType(module, "pyflinkpp._native.TimerService", timer_service_methods,
                                "Time and timers.", 0);
  cell_type = MakeType(module, "pyflinkpp._native.StateCell", cell_methods,
                       "A keyed state: one value for each key.", 0);
  store_type =
      MakeType(module, "pyflinkpp._native.StateStore", store_methods, "Makes keyed states.", 0);
  return context_type != nullptr && timer_service_type != nullptr && cell_type != nullptr &&
         store_type != nullptr;
}

PyObject* NewFunctionContext(std::shared_ptr<FunctionRuntime> runtime, PyTypeObject* type) {
  return New(type == nullptr ? context_type : type, std::move(runtime));
}

PyObject* NewStateStore(std::shared_ptr<FunctionRuntime> runtime) {
  return New(store_type, std::move(runtime));
}

}  // namespace pyflinkpp
