#include "native/type_descriptor.h"

#include <map>
#include <string>

namespace pyflinkpp {
namespace py = pybind11;

namespace {

const std::map<std::string, idl::TypeKind::type>& Kinds() {
  using Kind = idl::TypeKind;
  static const auto* const kinds =
      new std::map<std::string, idl::TypeKind::type>{{"PICKLED_BYTE_ARRAY", Kind::PICKLED},
                                                     {"BOOLEAN", Kind::BOOLEAN},
                                                     {"BYTE", Kind::BYTE},
                                                     {"SHORT", Kind::SHORT},
                                                     {"INT", Kind::INT},
                                                     {"LONG", Kind::LONG},
                                                     {"FLOAT", Kind::FLOAT},
                                                     {"DOUBLE", Kind::DOUBLE},
                                                     {"CHAR", Kind::CHAR},
                                                     {"STRING", Kind::STRING},
                                                     {"BIG_INT", Kind::BIG_INT},
                                                     {"BIG_DEC", Kind::BIG_DEC},
                                                     {"INSTANT", Kind::INSTANT},
                                                     {"SQL_DATE", Kind::SQL_DATE},
                                                     {"SQL_TIME", Kind::SQL_TIME},
                                                     {"SQL_TIMESTAMP", Kind::SQL_TIMESTAMP},
                                                     {"PRIMITIVE_ARRAY", Kind::PRIMITIVE_ARRAY},
                                                     {"BASIC_ARRAY", Kind::BASIC_ARRAY},
                                                     {"OBJECT_ARRAY", Kind::OBJECT_ARRAY},
                                                     {"LIST", Kind::LIST},
                                                     {"MAP", Kind::MAP},
                                                     {"TUPLE", Kind::TUPLE},
                                                     {"ROW", Kind::ROW}};
  return *kinds;
}

}  // namespace

idl::TypeInformation TypeFromDescriptor(const py::object& descriptor) {
  idl::TypeInformation type;
  type.kind = idl::TypeKind::PICKLED;
  if (descriptor.is_none()) return type;
  const auto parts = py::cast<py::tuple>(descriptor);
  const auto kind = Kinds().find(py::cast<std::string>(parts[0]));
  if (kind == Kinds().end())
    throw py::value_error("unknown type " + py::cast<std::string>(parts[0]));
  type.kind = kind->second;
  for (const py::handle child : parts[1])
    type.children.push_back(TypeFromDescriptor(py::reinterpret_borrow<py::object>(child)));
  for (const py::handle name : parts[2]) type.field_names.push_back(py::cast<std::string>(name));
  return type;
}

}  // namespace pyflinkpp
