// The module pyflinkpp._native; _native.pyi tells what each name means.
#include <pybind11/pybind11.h>

#include "core/base/hash.h"
#include "core/config/options.h"
#include "native/function_runtime.h"
#include "native/gil.h"
#include "native/graph_bindings.h"
#include "native/harness_bindings.h"
#include "native/job_bindings.h"
#include "native/process_bindings.h"
#include "native/python_windows.h"
#include "native/type_coder.h"
#include "native/type_descriptor.h"

namespace pyflinkpp {
namespace py = pybind11;

namespace {

std::shared_ptr<const TypeCoder> CoderOf(const py::object& type) {
  auto coder = MakeCoder(TypeFromDescriptor(type));
  if (coder == nullptr) throw py::error_already_set();
  return coder;
}

py::object Owned(PyObject* object) {
  if (object == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

py::bytes SerializeValue(const py::object& type, const py::object& value) {
  const auto coder = CoderOf(type);
  const py::object normalized = Owned(coder->Normalize(value.ptr()));
  std::string bytes;
  BinaryWriter writer(bytes);
  if (!coder->Write(normalized.ptr(), writer)) throw py::error_already_set();
  return bytes;
}

py::object DeserializeValue(const py::object& type, const std::string& data) {
  BinaryReader reader(data);
  const auto coder = CoderOf(type);
  py::object value = Owned(coder->Read(reader));
  if (reader.remaining() > 0) throw py::value_error("bytes are left behind the value");
  return value;
}

py::object NormalizeValue(const py::object& type, const py::object& value) {
  return Owned(CoderOf(type)->Normalize(value.ptr()));
}

std::string ValueToString(const py::object& type, const py::object& value) {
  const auto coder = CoderOf(type);
  const py::object normalized = Owned(coder->Normalize(value.ptr()));
  std::string text;
  if (!coder->Format(normalized.ptr(), text)) throw py::error_already_set();
  return text;
}

py::list Options() {
  py::list list;
  for (const Option& option : kOptions)
    list.append(py::make_tuple(option.key, option.type, option.default_value, option.description));
  return list;
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  module.doc() = "The C++ engine of pyflinkpp.";
  BindJobGraph(module);
  if (!AddFunctionTypes(module.ptr()) || !AddTriggerContextType(module.ptr()))
    throw py::error_already_set();
  BindJob(module);
  BindProcesses(module);
  BindHarness(module);
  module.def("serialize", SerializeValue, py::arg("type"), py::arg("value"));
  module.def("deserialize", DeserializeValue, py::arg("type"), py::arg("data"));
  module.def("normalize", NormalizeValue, py::arg("type"), py::arg("value"));
  module.def("to_string", ValueToString, py::arg("type"), py::arg("value"));
  module.def("options", Options);
  module.def(
      "murmur_hash", [](const std::string& data) { return MurmurHash(data); }, py::arg("data"));
}

}  // namespace pyflinkpp
