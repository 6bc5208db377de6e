#include "native/type_coder.h"

#include <charconv>
#include <cmath>

#include "native/gil.h"

namespace pyflinkpp {

std::shared_ptr<const TypeCoder> MakeCoder(const idl::TypeInformation& type) {
  auto coder = MakeScalarCoder(type);
  if (coder == nullptr) coder = MakeTimeCoder(type);
  if (coder == nullptr) coder = MakeCompositeCoder(type);
  if (coder == nullptr && !PyErr_Occurred()) {
    PyErr_Format(PyExc_ValueError, "a type of kind %d with %zu parts", static_cast<int>(type.kind),
                 type.children.size());
  }
  return coder;
}

QuickCheck::QuickCheck(idl::TypeKind::type kind) {
  switch (kind) {
    case idl::TypeKind::LONG:
      type_ = &PyLong_Type;
      digits_max_ = 2;
      break;
    case idl::TypeKind::INT:
      type_ = &PyLong_Type;
      digits_max_ = 1;
      break;
    case idl::TypeKind::STRING:
      type_ = &PyUnicode_Type;
      string_ = true;
      break;
    case idl::TypeKind::DOUBLE:
      type_ = &PyFloat_Type;
      break;
    case idl::TypeKind::BOOLEAN:
      type_ = &PyBool_Type;
      break;
    default:
      break;
  }
}

PyObject* DoesNotFit(PyObject* value, const char* expected) {
  const bool vowel =
      expected[0] == 'i' || expected[0] == 'a' || expected[0] == 'o' || expected[0] == 'u';
  return PyErr_Format(PyExc_TypeError, "%s (%s) is not %s %s", ShortRepr(value).c_str(),
                      Py_TYPE(value)->tp_name, vowel ? "an" : "a", expected);
}

PyObject* BadBytes(const std::string& type) {
  return PyErr_Format(PyExc_ValueError, "the bytes are not those of a %s", type.c_str());
}

bool IsDeeplyImmutable(PyObject* value) {
  if (value == Py_None || PyUnicode_CheckExact(value) || PyLong_CheckExact(value) ||
      PyFloat_CheckExact(value) || PyBool_Check(value) || PyBytes_CheckExact(value) ||
      PyComplex_CheckExact(value)) {
    return true;
  }
  if (!PyTuple_CheckExact(value)) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i) {
    if (!IsDeeplyImmutable(PyTuple_GET_ITEM(value, i))) return false;
  }
  return true;
}

std::string ShortRepr(PyObject* value) {
  constexpr Py_ssize_t kMax = 200;
  PyObject *type, *error, *traceback;
  PyErr_Fetch(&type, &error, &traceback);  // the caller's error, if any, stays
  std::string text = std::string("<") + Py_TYPE(value)->tp_name + ">";
  const PyRef repr = PyRef::Steal(PyObject_Repr(value));
  if (repr) {
    const bool cut = PyUnicode_GetLength(repr.get()) > kMax;
    const PyRef shown =
        cut ? PyRef::Steal(PyUnicode_Substring(repr.get(), 0, kMax)) : PyRef::Borrow(repr.get());
    const PyRef bytes =
        shown ? PyRef::Steal(PyUnicode_AsEncodedString(shown.get(), "utf-8", "backslashreplace"))
              : PyRef();
    if (bytes) text = std::string(PyBytes_AS_STRING(bytes.get())) + (cut ? "…" : "");
  }
  PyErr_Clear();
  PyErr_Restore(type, error, traceback);
  return text;
}

namespace {

// Java's Double.toString: decimal notation from 10^-3 to 10^7, else scientific; always a digit
// behind the point.
template <class Real>
void AppendJavaReal(Real value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) out += '-';
  value = std::abs(value);
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  if (value == 0) {
    out += "0.0";
    return;
  }
  char text[64];
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific).ptr;
  std::string digits;  // of d.ddde±xx
  const char* at = text;
  for (; *at != 'e'; ++at) {
    if (*at != '.') digits += *at;
  }
  int exponent = 0;
  ++at;
  if (*at == '+') ++at;
  std::from_chars(at, end, exponent);
  if (exponent >= -3 && exponent < 7) {
    if (exponent < 0) {
      out += "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
      return;
    }
    const size_t whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() <= whole) digits.append(whole + 1 - digits.size(), '0');
    out += digits.substr(0, whole) + "." + digits.substr(whole);
    return;
  }
  out += digits.substr(0, 1) + "." + (digits.size() > 1 ? digits.substr(1) : "0") + "E" +
         std::to_string(exponent);
}

}  // namespace

void AppendJavaDouble(double value, std::string& out) { AppendJavaReal(value, out); }
void AppendJavaFloat(float value, std::string& out) { AppendJavaReal(value, out); }

}  // namespace pyflinkpp
