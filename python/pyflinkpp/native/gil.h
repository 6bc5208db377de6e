// The interpreter's lock, owned references, and objects that die while nobody holds the lock.
#pragma once

#include <Python.h>

#include <cstddef>
#include <string>
#include <utility>

namespace pyflinkpp {

// Holds the lock for its lifetime, on a thread of the engine; no effect where the lock is held
// already. Not to be taken while a mutex is held. A thread of the engine keeps its thread state
// from its first use to its end, so that taking the lock again is cheap.
class Gil {
 public:
  // `take`: false has no effect.
  explicit Gil(bool take = true);
  ~Gil();
  Gil(const Gil&) = delete;
  Gil& operator=(const Gil&) = delete;

 private:
  const bool held_before_;
};

// Whether this is a thread of Python's, not of the engine's: jobs that are debugged and harnesses run
// in the thread that waits for them. REQUIRES: the lock is held.
bool InCallersThread();

// An owned reference. Copy and destroy under the lock only.
class PyRef {
 public:
  PyRef() = default;
  static PyRef Steal(PyObject* object) { return PyRef(object); }
  static PyRef Borrow(PyObject* object) {
    Py_XINCREF(object);
    return PyRef(object);
  }
  PyRef(PyRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PyRef& operator=(PyRef&& other) noexcept {
    PyObject* old = std::exchange(object_, std::exchange(other.object_, nullptr));
    Py_XDECREF(old);
    return *this;
  }
  ~PyRef() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  explicit PyRef(PyObject* object) : object_(object) {}
  PyObject* object_ = nullptr;
};

// Gives up `count` references (nulls are skipped): at once under the lock, else they wait in a
// bounded list for the next holder of the lock.
void ReleaseReferences(PyObject** objects, size_t count);

// Drops what waits. REQUIRES: the lock is held.
void ReleaseWaiting();

// module.attribute, imported once and kept until the process ends. REQUIRES: the lock is held. Null
// with an error set.
PyObject* Imported(PyObject** cache, const char* module, const char* attribute);

// What a pickle holds. REQUIRES: the lock is held. None with an error set.
PyRef Unpickled(const std::string& pickle);
// The other way. False with an error set.
bool Pickled(PyObject* object, std::string* pickle);

}  // namespace pyflinkpp
