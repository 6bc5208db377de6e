// Numbers, strings and pickles.
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "native/gil.h"
#include "native/type_coder.h"

namespace pyflinkpp {
namespace {

// An int that fits into 64 bits, from an int or what has __index__ (numpy's integers).
bool AsInt64(PyObject* value, const char* type, int64_t* result) {
  PyRef index;
  if (!PyLong_Check(value)) {
    if (!PyIndex_Check(value)) return DoesNotFit(value, "integer") != nullptr;
    index = PyRef::Steal(PyNumber_Index(value));
    if (!index) return false;
    value = index.get();
  }
  int overflow = 0;
  *result = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow == 0) return true;
  PyErr_Format(PyExc_OverflowError, "%R does not fit %s", value, type);
  return false;
}

template <class Int, idl::TypeKind::type kKind>
class IntCoder final : public TypeCoder {
 public:
  std::string name() const override { return kName; }

  bool Accepts(PyObject* value) const override { return check_.Passes(value); }
  PyObject* Normalize(PyObject* value) const override {
    if (Accepts(value)) {
      Py_INCREF(value);
      return value;
    }
    int64_t number = 0;
    if (!AsInt64(value, kName, &number)) return nullptr;
    if (number < std::numeric_limits<Int>::min() || number > std::numeric_limits<Int>::max()) {
      return PyErr_Format(PyExc_OverflowError, "%R does not fit %s", value, kName);
    }
    return PyLong_FromLongLong(number);
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    out.Put(static_cast<Int>(PyLong_AsLongLong(value)));
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    Int number;
    return in.Get(&number) ? PyLong_FromLongLong(number) : BadBytes(kName);
  }
  bool Format(PyObject* value, std::string& out) const override {
    out += std::to_string(PyLong_AsLongLong(value));
    return true;
  }

 private:
  static constexpr const char* kName = kKind == idl::TypeKind::BYTE    ? "BYTE"
                                       : kKind == idl::TypeKind::SHORT ? "SHORT"
                                       : kKind == idl::TypeKind::INT   ? "INT"
                                                                       : "LONG";
  const QuickCheck check_{kKind};
};

class BooleanCoder final : public TypeCoder {
 public:
  std::string name() const override { return "BOOLEAN"; }
  bool Accepts(PyObject* value) const override { return PyBool_Check(value); }
  PyObject* Normalize(PyObject* value) const override {
    if (Accepts(value)) {
      Py_INCREF(value);
      return value;
    }
    // numpy's booleans, and 0 and 1.
    if (std::strcmp(Py_TYPE(value)->tp_name, "numpy.bool_") == 0 ||
        std::strcmp(Py_TYPE(value)->tp_name, "numpy.bool") == 0) {
      return PyBool_FromLong(PyObject_IsTrue(value));
    }
    if (PyLong_Check(value)) {
      const long number = PyLong_AsLong(value);
      if (number == 0 || number == 1) return PyBool_FromLong(number);
      PyErr_Clear();
    }
    return DoesNotFit(value, "boolean");
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    out.Put(static_cast<uint8_t>(value == Py_True));
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    uint8_t byte;
    return in.Get(&byte) ? PyBool_FromLong(byte) : BadBytes(name());
  }
  bool Format(PyObject* value, std::string& out) const override {
    out += value == Py_True ? "true" : "false";
    return true;
  }
};

// A float from a number: a float, an int, or what has __float__ and is no string.
bool AsDouble(PyObject* value, double* result) {
  if (PyFloat_Check(value)) {
    *result = PyFloat_AS_DOUBLE(value);
    return true;
  }
  const PyNumberMethods* number = Py_TYPE(value)->tp_as_number;
  if (!PyLong_Check(value) && (number == nullptr || number->nb_float == nullptr))
    return DoesNotFit(value, "number") != nullptr;
  *result = PyFloat_AsDouble(value);
  return *result != -1.0 || !PyErr_Occurred();
}

class DoubleCoder final : public TypeCoder {
 public:
  std::string name() const override { return "DOUBLE"; }
  bool Accepts(PyObject* value) const override { return PyFloat_CheckExact(value); }
  PyObject* Normalize(PyObject* value) const override {
    if (Accepts(value)) {
      Py_INCREF(value);
      return value;
    }
    double number = 0;
    return AsDouble(value, &number) ? PyFloat_FromDouble(number) : nullptr;
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    out.Put(PyFloat_AS_DOUBLE(value));
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    double number = 0;
    return in.Get(&number) ? PyFloat_FromDouble(number) : BadBytes(name());
  }
  bool Format(PyObject* value, std::string& out) const override {
    AppendJavaDouble(PyFloat_AS_DOUBLE(value), out);
    return true;
  }
};

class FloatCoder final : public TypeCoder {
 public:
  std::string name() const override { return "FLOAT"; }
  PyObject* Normalize(PyObject* value) const override {
    double number = 0;
    if (!AsDouble(value, &number)) return nullptr;
    const double rounded = static_cast<float>(number);
    if (std::isinf(rounded) && std::isfinite(number)) {
      return PyErr_Format(PyExc_OverflowError, "%R does not fit FLOAT", value);
    }
    if (rounded == number && PyFloat_CheckExact(value)) {
      Py_INCREF(value);
      return value;
    }
    return PyFloat_FromDouble(rounded);
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    out.Put(static_cast<float>(PyFloat_AS_DOUBLE(value)));
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    float number;
    return in.Get(&number) ? PyFloat_FromDouble(number) : BadBytes(name());
  }
  bool Format(PyObject* value, std::string& out) const override {
    AppendJavaFloat(static_cast<float>(PyFloat_AS_DOUBLE(value)), out);
    return true;
  }
  PyObject* ForClient(PyObject* value) const override {
    const float number = static_cast<float>(PyFloat_AS_DOUBLE(value));
    if (!std::isfinite(number)) return PyFloat_FromDouble(number);
    char text[64];
    const auto end = std::to_chars(text, text + sizeof(text), number).ptr;
    double shortest = 0;
    std::from_chars(text, end, shortest);
    return PyFloat_FromDouble(shortest);
  }
  bool contains_float() const override { return true; }
};

// A str that has a UTF-8 form.
PyObject* NormalizeString(PyObject* value) {
  if (!PyUnicode_Check(value)) return DoesNotFit(value, "string");
  PyObject* string = PyUnicode_FromObject(value);  // the same object unless it is of a subclass
  if (string != nullptr && PyUnicode_KIND(string) != PyUnicode_1BYTE_KIND &&
      PyUnicode_AsUTF8AndSize(string, nullptr) == nullptr) {
    Py_DECREF(string);  // lone surrogates: the error says where
    return nullptr;
  }
  return string;
}

class StringCoder : public TypeCoder {
 public:
  std::string name() const override { return "STRING"; }
  bool Accepts(PyObject* value) const override {
    return PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value);
  }
  PyObject* Normalize(PyObject* value) const override {
    if (Accepts(value)) {
      Py_INCREF(value);
      return value;
    }
    return NormalizeString(value);
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    Py_ssize_t size;
    const char* bytes = PyUnicode_AsUTF8AndSize(value, &size);
    if (bytes == nullptr) return false;
    out.PutBytes({bytes, static_cast<size_t>(size)});
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    absl::string_view bytes;
    if (!in.GetBytes(&bytes)) return BadBytes(name());
    return PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr);
  }
  bool Format(PyObject* value, std::string& out) const override {
    Py_ssize_t size;
    const char* bytes = PyUnicode_AsUTF8AndSize(value, &size);
    if (bytes == nullptr) return false;
    out.append(bytes, static_cast<size_t>(size));
    return true;
  }
};

class CharCoder final : public StringCoder {
 public:
  std::string name() const override { return "CHAR"; }
  bool Accepts(PyObject*) const override { return false; }
  PyObject* Normalize(PyObject* value) const override {
    if (!PyUnicode_Check(value) || PyUnicode_GetLength(value) != 1)
      return DoesNotFit(value, "single character");
    return NormalizeString(value);
  }
};

class BigIntCoder final : public TypeCoder {
 public:
  std::string name() const override { return "BIG_INT"; }
  PyObject* Normalize(PyObject* value) const override {
    if (PyLong_CheckExact(value)) {
      Py_INCREF(value);
      return value;
    }
    if (!PyIndex_Check(value)) return DoesNotFit(value, "integer");
    const PyRef index = PyRef::Steal(PyNumber_Index(value));
    return index ? PyNumber_Long(index.get()) : nullptr;
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    const size_t bits = _PyLong_NumBits(value);
    std::vector<unsigned char> bytes(bits / 8 + 1);
    if (_PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(value), bytes.data(), bytes.size(),
                            /*little_endian=*/1,
                            /*is_signed=*/1) < 0) {
      return false;
    }
    out.PutBytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    absl::string_view bytes;
    if (!in.GetBytes(&bytes)) return BadBytes(name());
    return _PyLong_FromByteArray(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                                 1, 1);
  }
  bool Format(PyObject* value, std::string& out) const override {
    const PyRef text = PyRef::Steal(PyObject_Str(value));
    if (!text) return false;
    out += PyUnicode_AsUTF8(text.get());
    return true;
  }
};

class BigDecCoder final : public TypeCoder {
 public:
  std::string name() const override { return "BIG_DEC"; }
  PyObject* Normalize(PyObject* value) const override {
    PyObject* decimal = Decimal();
    if (decimal == nullptr) return nullptr;
    const int is_decimal = PyObject_IsInstance(value, decimal);
    if (is_decimal < 0) return nullptr;
    if (is_decimal) {
      Py_INCREF(value);
      return value;
    }
    if (!PyLong_Check(value)) return DoesNotFit(value, "decimal.Decimal");
    return PyObject_CallOneArg(decimal, value);
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    std::string text;
    if (!Format(value, text)) return false;
    out.PutBytes(text);
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    absl::string_view bytes;
    if (!in.GetBytes(&bytes)) return BadBytes(name());
    PyObject* decimal = Decimal();
    return decimal == nullptr ? nullptr
                              : PyObject_CallFunction(decimal, "s#", bytes.data(),
                                                      static_cast<Py_ssize_t>(bytes.size()));
  }
  bool Format(PyObject* value, std::string& out) const override {
    const PyRef text = PyRef::Steal(PyObject_Str(value));
    if (!text) return false;
    out += PyUnicode_AsUTF8(text.get());
    return true;
  }

 private:
  static PyObject* Decimal() {
    static PyObject* decimal = nullptr;
    return Imported(&decimal, "decimal", "Decimal");
  }
};

class AnyCoder final : public TypeCoder {
 public:
  std::string name() const override { return "PICKLED_BYTE_ARRAY"; }
  bool Accepts(PyObject*) const override { return true; }
  PyObject* Normalize(PyObject* value) const override {
    Py_INCREF(value);
    return value;
  }
  bool immutable() const override { return false; }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    static PyObject* dumps = nullptr;
    static PyObject* cloud_dumps = nullptr;
    if (Imported(&dumps, "pickle", "dumps") == nullptr) return false;
    PyRef bytes = PyRef::Steal(PyObject_CallFunction(dumps, "Oi", value, 5));
    if (!bytes) {  // functions and classes of __main__ need cloudpickle; its error is the better
                   // one, too
      PyErr_Clear();
      if (Imported(&cloud_dumps, "cloudpickle", "dumps") == nullptr) return false;
      bytes = PyRef::Steal(PyObject_CallFunction(cloud_dumps, "Oi", value, 5));
      if (!bytes) return false;
    }
    out.PutBytes(
        {PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))});
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    static PyObject* loads = nullptr;
    absl::string_view bytes;
    if (!in.GetBytes(&bytes)) return BadBytes(name());
    if (Imported(&loads, "pickle", "loads") == nullptr) return nullptr;
    const PyRef view = PyRef::Steal(
        PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
    return view ? PyObject_CallOneArg(loads, view.get()) : nullptr;
  }
  bool Format(PyObject* value, std::string& out) const override {
    const PyRef text = PyRef::Steal(PyObject_Str(value));
    if (!text) return false;
    Py_ssize_t size;
    const char* bytes = PyUnicode_AsUTF8AndSize(text.get(), &size);
    if (bytes == nullptr) return false;
    out.append(bytes, static_cast<size_t>(size));
    return true;
  }
};

}  // namespace

std::shared_ptr<const TypeCoder> PickleCoder() { return std::make_shared<AnyCoder>(); }

std::shared_ptr<const TypeCoder> MakeScalarCoder(const idl::TypeInformation& type) {
  using Kind = idl::TypeKind;
  switch (type.kind) {
    case Kind::PICKLED:
      return PickleCoder();
    case Kind::BOOLEAN:
      return std::make_shared<BooleanCoder>();
    case Kind::BYTE:
      return std::make_shared<IntCoder<int8_t, Kind::BYTE>>();
    case Kind::SHORT:
      return std::make_shared<IntCoder<int16_t, Kind::SHORT>>();
    case Kind::INT:
      return std::make_shared<IntCoder<int32_t, Kind::INT>>();
    case Kind::LONG:
      return std::make_shared<IntCoder<int64_t, Kind::LONG>>();
    case Kind::FLOAT:
      return std::make_shared<FloatCoder>();
    case Kind::DOUBLE:
      return std::make_shared<DoubleCoder>();
    case Kind::CHAR:
      return std::make_shared<CharCoder>();
    case Kind::STRING:
      return std::make_shared<StringCoder>();
    case Kind::BIG_INT:
      return std::make_shared<BigIntCoder>();
    case Kind::BIG_DEC:
      return std::make_shared<BigDecCoder>();
    default:
      return nullptr;
  }
}

}  // namespace pyflinkpp
