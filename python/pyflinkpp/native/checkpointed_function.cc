#include "native/checkpointed_function.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pyflinkpp {
namespace {

PyRef BytesOf(const std::string& bytes) {
  return PyRef::Steal(
      PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

// (name, redistribution, [bytes], type)
PyRef TupleOf(const idl::OperatorListState& list, const std::string& name) {
  PyRef elements = PyRef::Steal(PyList_New(0));
  for (const std::string& element : list.elements) {
    const PyRef bytes = BytesOf(element);
    if (!elements || !bytes || PyList_Append(elements.get(), bytes.get()) < 0) return PyRef();
  }
  if (!elements) return PyRef();
  return PyRef::Steal(Py_BuildValue("(siOs)", name.c_str(), static_cast<int>(list.redistribution),
                                    elements.get(), list.type.c_str()));
}

}  // namespace

bool CheckpointedFunction::Open(PyObject* function, PyObject* runtime_context,
                                const OperatorContext& context, size_t member, std::string scope) {
  member_ = member;
  scope_ = absl::StrCat(scope, ":");
  const PyRef lists = PyRef::Steal(PyList_New(0));
  if (!lists) return false;
  const bool restored = member < context.restored.size();
  if (restored) {
    for (const idl::OperatorListState& list : context.restored[member].lists) {
      if (!absl::StartsWith(list.name, scope_)) continue;
      const PyRef tuple = TupleOf(list, list.name.substr(scope_.size()));
      if (!tuple || PyList_Append(lists.get(), tuple.get()) < 0) return false;
    }
  }
  static PyObject* open = nullptr;
  if (Imported(&open, "pyflinkpp.datastream._checkpointed_runtime", "open_checkpointed") == nullptr)
    return false;
  PyRef runtime = PyRef::Steal(PyObject_CallFunction(
      open, "OOOLi", function, runtime_context == nullptr ? Py_None : runtime_context, lists.get(),
      static_cast<long long>(restored ? context.restored_checkpoint : -1), context.subtask));
  if (!runtime) return false;
  if (runtime.get() != Py_None) runtime_ = std::move(runtime);
  return true;
}

bool CheckpointedFunction::Snapshot(SnapshotContext& context) const {
  const PyRef lists = PyRef::Steal(PyObject_CallMethod(
      runtime_.get(), "snapshot", "LL", static_cast<long long>(context.checkpoint()),
      static_cast<long long>(context.timestamp())));
  if (!lists) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lists.get()); ++i) {
    const char* name;
    const char* type;
    int redistribution;
    PyObject* elements;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(lists.get(), i), "siO!s", &name, &redistribution,
                          &PyList_Type, &elements, &type)) {
      return false;
    }
    std::vector<std::string> bytes;
    for (Py_ssize_t j = 0; j < PyList_GET_SIZE(elements); ++j) {
      PyObject* element = PyList_GET_ITEM(elements, j);
      char* data;
      Py_ssize_t size;
      if (PyBytes_AsStringAndSize(element, &data, &size) < 0) return false;
      bytes.emplace_back(data, static_cast<size_t>(size));
    }
    context.AddList(absl::StrCat(scope_, name),
                    static_cast<idl::Redistribution::type>(redistribution), std::move(bytes), type,
                    member_);
  }
  return true;
}

bool CheckpointedFunction::Notify(int64_t checkpoint, bool completed) const {
  const PyRef done = PyRef::Steal(PyObject_CallMethod(runtime_.get(), "notify", "LO",
                                                      static_cast<long long>(checkpoint),
                                                      completed ? Py_True : Py_False));
  return static_cast<bool>(done);
}

}  // namespace pyflinkpp
