#include "native/gil.h"

#include <vector>

#include "core/base/mutex.h"

namespace pyflinkpp {
namespace {

// The bound on objects that wait for the lock; who exceeds it takes the lock himself.
constexpr size_t kWaitingMax = 64 * 1024;

struct WaitingList {
  Mutex mutex;
  std::vector<PyObject*> objects ABSL_GUARDED_BY(mutex);
};

WaitingList& Waiting() {
  static auto* const list = new WaitingList;
  return *list;
}

// The thread state of an engine's thread while it doesn't hold the lock.
struct ThreadStateKeeper {
  PyThreadState* state = nullptr;
  bool made = false;  // by the engine: Python did not know the thread before
  ~ThreadStateKeeper() {
    if (state == nullptr || !made || !Py_IsInitialized()) return;  // Python's own has gone already
    PyEval_RestoreThread(state);
    PyGILState_Release(
        PyGILState_UNLOCKED);  // undoes the one Ensure of this thread: the state goes
  }
};

thread_local ThreadStateKeeper keeper;

}  // namespace

Gil::Gil(bool take) : held_before_(!take || PyGILState_Check() != 0) {
  if (held_before_) return;
  if (keeper.state != nullptr) {
    PyEval_RestoreThread(keeper.state);
  } else {
    keeper.made = PyGILState_GetThisThreadState() == nullptr;
    PyGILState_Ensure();
  }
}

bool InCallersThread() { return !keeper.made; }

Gil::~Gil() {
  if (!held_before_) keeper.state = PyEval_SaveThread();
}

void ReleaseReferences(PyObject** objects, size_t count) {
  if (PyGILState_Check()) {
    for (size_t i = 0; i < count; ++i) Py_XDECREF(objects[i]);
    return;
  }
  bool too_many;
  {
    WaitingList& list = Waiting();
    MutexLock lock(list.mutex);
    list.objects.insert(list.objects.end(), objects, objects + count);
    too_many = list.objects.size() > kWaitingMax;
  }
  if (too_many) {
    const PyGILState_STATE state = PyGILState_Ensure();  // this may be a thread of Python's
    ReleaseWaiting();
    PyGILState_Release(state);
  }
}

void ReleaseWaiting() {
  thread_local std::vector<PyObject*> objects;
  {
    WaitingList& list = Waiting();
    MutexLock lock(list.mutex);
    objects.swap(list.objects);
  }
  for (PyObject* object : objects) Py_XDECREF(object);
  objects.clear();
}

PyObject* Imported(PyObject** cache, const char* module, const char* attribute) {
  if (*cache == nullptr) {
    const PyRef imported = PyRef::Steal(PyImport_ImportModule(module));
    if (imported) *cache = PyObject_GetAttrString(imported.get(), attribute);
  }
  return *cache;
}

PyRef Unpickled(const std::string& pickle) {
  static PyObject* loads = nullptr;
  if (Imported(&loads, "pickle", "loads") == nullptr) return PyRef();
  return PyRef::Steal(
      PyObject_CallFunction(loads, "y#", pickle.data(), static_cast<Py_ssize_t>(pickle.size())));
}

bool Pickled(PyObject* object, std::string* pickle) {
  static PyObject* dumps = nullptr;
  if (Imported(&dumps, "pickle", "dumps") == nullptr) return false;
  const PyRef bytes = PyRef::Steal(PyObject_CallOneArg(dumps, object));
  if (!bytes || !PyBytes_Check(bytes.get())) return false;
  pickle->assign(PyBytes_AS_STRING(bytes.get()),
                 static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())));
  return true;
}

}  // namespace pyflinkpp
