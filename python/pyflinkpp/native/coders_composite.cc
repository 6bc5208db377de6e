// Collections, tuples and rows.
#include <cstring>
#include <utility>
#include <vector>

#include "native/gil.h"
#include "native/type_coder.h"

namespace pyflinkpp {
namespace {

using Coder = std::shared_ptr<const TypeCoder>;

// ---- parts that may be null: an element of a collection, a field ----

PyObject* NormalizeNullable(const TypeCoder& coder, PyObject* value) {
  if (value != Py_None) return coder.Normalize(value);
  Py_INCREF(value);
  return value;
}

bool WriteNullable(const TypeCoder& coder, PyObject* value, BinaryWriter& out) {
  out.Put(static_cast<uint8_t>(value != Py_None));
  return value == Py_None || coder.Write(value, out);
}

PyObject* ReadNullable(const TypeCoder& coder, BinaryReader& in) {
  uint8_t present;
  if (!in.Get(&present)) return BadBytes(coder.name());
  if (present) return coder.Read(in);
  Py_RETURN_NONE;
}

bool FormatNullable(const TypeCoder& coder, PyObject* value, std::string& out) {
  if (value != Py_None) return coder.Format(value, out);
  out += "null";
  return true;
}

PyObject* ForClientNullable(const TypeCoder& coder, PyObject* value) {
  if (value != Py_None) return coder.ForClient(value);
  Py_INCREF(value);
  return value;
}

// The fields of a TUPLE or ROW: a bitmap of the nulls, then the others.
class Fields {
 public:
  Fields(const idl::TypeInformation& type, std::vector<Coder> coders) : coders_(std::move(coders)) {
    for (const idl::TypeInformation& child : type.children) checks_.emplace_back(child.kind);
    for (const Coder& coder : coders_) {
      immutable_ &= coder->immutable();
      contains_float_ |= coder->contains_float();
    }
  }
  size_t size() const { return size_; }
  const TypeCoder& operator[](size_t i) const { return *coders_[i]; }
  bool immutable() const { return immutable_; }
  bool contains_float() const { return contains_float_; }

  // `like`: the fields of a normal value, or null.
  bool Accepts(PyObject* const* values, PyObject* const* like) const {
    const QuickCheck* check = checks_.data();
    for (size_t i = 0; i < size_; ++i) {
      if (like != nullptr && values[i] == like[i]) continue;
      if (!check[i].Passes(values[i]) && !AcceptsSlowly(i, values[i])) return false;
    }
    return true;
  }
  std::string Names() const {
    std::string names;
    for (const Coder& coder : coders_) names += (names.empty() ? "" : ", ") + coder->name();
    return names;
  }
  bool Write(PyObject* const* values, BinaryWriter& out) const {
    for (size_t begin = 0; begin < size(); begin += 8) {
      uint8_t nulls = 0;
      for (size_t i = begin; i < size() && i < begin + 8; ++i)
        nulls |= (values[i] == Py_None) << (i - begin);
      out.Put(nulls);
    }
    for (size_t i = 0; i < size(); ++i) {
      if (values[i] != Py_None && !coders_[i]->Write(values[i], out)) return false;
    }
    return true;
  }
  // Calls set(i, new reference) for each field.
  template <class Set>
  bool Read(BinaryReader& in, Set set) const {
    absl::string_view nulls;
    if (!in.GetRaw((size() + 7) / 8, &nulls)) {
      BadBytes("TUPLE");
      return false;
    }
    for (size_t i = 0; i < size(); ++i) {
      PyObject* value = Py_None;
      if ((nulls[i / 8] >> (i % 8)) & 1) {
        Py_INCREF(value);
      } else {
        value = coders_[i]->Read(in);
        if (value == nullptr) return false;
      }
      set(i, value);
    }
    return true;
  }
  bool Format(PyObject* const* values, const char* separator, std::string& out) const {
    for (size_t i = 0; i < size(); ++i) {
      if (i > 0) out += separator;
      if (!FormatNullable(*coders_[i], values[i], out)) return false;
    }
    return true;
  }

 private:
  bool AcceptsSlowly(size_t i, PyObject* value) const {
    return value == Py_None || coders_[i]->Accepts(value);
  }

  std::vector<Coder> coders_;
  size_t size_ = coders_.size();
  std::vector<QuickCheck> checks_;
  bool immutable_ = true;
  bool contains_float_ = false;
};

// ---- TUPLE ----

class TupleCoder final : public TypeCoder {
 public:
  TupleCoder(const idl::TypeInformation& type, std::vector<Coder> coders)
      : fields_(type, std::move(coders)) {}

  std::string name() const override { return "TUPLE<" + fields_.Names() + ">"; }
  bool immutable() const override { return fields_.immutable(); }
  bool contains_float() const override { return fields_.contains_float(); }

  bool Accepts(PyObject* value) const override {
    return IsOfSize(value) && fields_.Accepts(Items(value), nullptr);
  }
  bool AcceptsLike(PyObject* value, PyObject* like) const override {
    return IsOfSize(value) &&
           fields_.Accepts(Items(value), like == nullptr ? nullptr : Items(like));
  }
  PyObject* Normalize(PyObject* value) const override {
    if (PyTuple_CheckExact(value)) return NormalizeTuple(value);
    static PyObject* row_type = nullptr;
    const bool sequence = PyTuple_Check(value) || PyList_Check(value);
    if (!sequence) {
      if (Imported(&row_type, "pyflinkpp.common.types", "Row") == nullptr) return nullptr;
      const int is_row = PyObject_IsInstance(value, row_type);
      if (is_row < 0) return nullptr;
      if (!is_row) return DoesNotFit(value, "tuple");
    }
    const PyRef tuple = PyRef::Steal(PySequence_Tuple(value));
    return tuple ? NormalizeTuple(tuple.get()) : nullptr;
  }

  bool Write(PyObject* value, BinaryWriter& out) const override {
    return fields_.Write(Items(value), out);
  }
  PyObject* Read(BinaryReader& in) const override {
    PyRef tuple = PyRef::Steal(PyTuple_New(static_cast<Py_ssize_t>(fields_.size())));
    if (!tuple || !fields_.Read(in, [&](size_t i, PyObject* field) {
          PyTuple_SET_ITEM(tuple.get(), i, field);
        }))
      return nullptr;
    return tuple.release();
  }
  bool Format(PyObject* value, std::string& out) const override {
    out += '(';
    if (!fields_.Format(Items(value), ",", out)) return false;
    out += ')';
    return true;
  }
  PyObject* ForClient(PyObject* value) const override {
    if (!contains_float()) return TypeCoder::ForClient(value);
    PyRef tuple = PyRef::Steal(PyTuple_New(static_cast<Py_ssize_t>(fields_.size())));
    if (!tuple) return nullptr;
    for (size_t i = 0; i < fields_.size(); ++i) {
      PyObject* field = ForClientNullable(fields_[i], PyTuple_GET_ITEM(value, i));
      if (field == nullptr) return nullptr;
      PyTuple_SET_ITEM(tuple.get(), i, field);
    }
    return tuple.release();
  }

 private:
  bool IsOfSize(PyObject* value) const {
    return PyTuple_CheckExact(value) &&
           static_cast<size_t>(PyTuple_GET_SIZE(value)) == fields_.size();
  }
  static PyObject* const* Items(PyObject* tuple) {
    return reinterpret_cast<PyTupleObject*>(tuple)->ob_item;
  }

  PyObject* NormalizeTuple(PyObject* value) const {
    const size_t size = fields_.size();
    if (static_cast<size_t>(PyTuple_GET_SIZE(value)) != size) {
      return PyErr_Format(PyExc_TypeError, "%R has %zd fields, not %zu", value,
                          PyTuple_GET_SIZE(value), size);
    }
    if (fields_.Accepts(Items(value), nullptr)) {
      Py_INCREF(value);
      return value;
    }
    PyRef tuple = PyRef::Steal(PyTuple_New(static_cast<Py_ssize_t>(size)));
    if (!tuple) return nullptr;
    for (size_t i = 0; i < size; ++i) {
      PyObject* normalized = NormalizeNullable(fields_[i], PyTuple_GET_ITEM(value, i));
      if (normalized == nullptr) return nullptr;
      PyTuple_SET_ITEM(tuple.get(), i, normalized);
    }
    return tuple.release();
  }

  const Fields fields_;
};

// ---- ROW ----

class RowCoder final : public TypeCoder {
 public:
  RowCoder(const idl::TypeInformation& type, std::vector<Coder> coders, PyRef names)
      : fields_(type, std::move(coders)), names_(std::move(names)) {}
  ~RowCoder() override {  // on any thread
    PyObject* names = names_.release();
    ReleaseReferences(&names, 1);
  }

  std::string name() const override { return "ROW<" + fields_.Names() + ">"; }
  bool immutable() const override { return false; }
  bool contains_float() const override { return fields_.contains_float(); }

  PyObject* Normalize(PyObject* value) const override {
    PyRef values;
    PyRef kind;
    if (PyTuple_Check(value) || PyList_Check(value)) {
      values = PyRef::Steal(PySequence_List(value));
    } else if (PyDict_Check(value)) {
      values = FromDict(value);
    } else {
      static PyObject* row_type = nullptr;
      if (Imported(&row_type, "pyflinkpp.common.types", "Row") == nullptr) return nullptr;
      const int is_row = PyObject_IsInstance(value, row_type);
      if (is_row < 0) return nullptr;
      if (!is_row) return DoesNotFit(value, "Row, tuple, list or dict");
      kind = PyRef::Steal(PyObject_GetAttrString(value, "_row_kind"));
      values = PyRef::Steal(PySequence_List(value));
      if (!kind) return nullptr;
    }
    if (!values) return nullptr;
    if (static_cast<size_t>(PyList_GET_SIZE(values.get())) != fields_.size()) {
      return PyErr_Format(PyExc_TypeError, "%R has %zd fields, not %zu", value,
                          PyList_GET_SIZE(values.get()), fields_.size());
    }
    for (size_t i = 0; i < fields_.size(); ++i) {
      PyObject* normalized = NormalizeNullable(fields_[i], PyList_GET_ITEM(values.get(), i));
      if (normalized == nullptr) return nullptr;
      PyList_SetItem(values.get(), static_cast<Py_ssize_t>(i), normalized);
    }
    return Make(std::move(values), std::move(kind));
  }

  bool Write(PyObject* value, BinaryWriter& out) const override {
    const PyRef kind = PyRef::Steal(PyObject_GetAttrString(value, "_row_kind"));
    const PyRef number = kind ? PyRef::Steal(PyObject_GetAttrString(kind.get(), "value")) : PyRef();
    const PyRef values = Values(value);
    if (!number || !values) return false;
    out.Put(static_cast<uint8_t>(PyLong_AsLong(number.get())));
    return fields_.Write(Items(values.get()), out);
  }
  PyObject* Read(BinaryReader& in) const override {
    uint8_t number;
    if (!in.Get(&number)) return BadBytes(name());
    PyRef kind;
    if (number != 0) {
      static PyObject* kind_type = nullptr;
      if (Imported(&kind_type, "pyflinkpp.common.types", "RowKind") == nullptr) return nullptr;
      kind = PyRef::Steal(PyObject_CallFunction(kind_type, "i", number));
      if (!kind) return nullptr;
    }
    PyRef values = PyRef::Steal(PyList_New(static_cast<Py_ssize_t>(fields_.size())));
    if (!values || !fields_.Read(in, [&](size_t i, PyObject* field) {
          PyList_SET_ITEM(values.get(), i, field);
        }))
      return nullptr;
    return Make(std::move(values), std::move(kind));
  }
  bool Format(PyObject* value, std::string& out) const override {
    const PyRef kind = PyRef::Steal(PyObject_GetAttrString(value, "_row_kind"));
    const PyRef text = kind ? PyRef::Steal(PyObject_Str(kind.get())) : PyRef();
    const PyRef values = Values(value);
    if (!text || !values) return false;
    out += PyUnicode_AsUTF8(text.get());
    out += '[';
    if (!fields_.Format(Items(values.get()), ", ", out)) return false;
    out += ']';
    return true;
  }
  PyObject* ForClient(PyObject* value) const override {
    if (!contains_float()) return TypeCoder::ForClient(value);
    PyRef kind = PyRef::Steal(PyObject_GetAttrString(value, "_row_kind"));
    const PyRef values = Values(value);
    PyRef converted = PyRef::Steal(PyList_New(static_cast<Py_ssize_t>(fields_.size())));
    if (!kind || !values || !converted) return nullptr;
    for (size_t i = 0; i < fields_.size(); ++i) {
      PyObject* field = ForClientNullable(fields_[i], PyList_GET_ITEM(values.get(), i));
      if (field == nullptr) return nullptr;
      PyList_SET_ITEM(converted.get(), i, field);
    }
    return Make(std::move(converted), std::move(kind));
  }

 private:
  static PyObject* const* Items(PyObject* list) {
    return reinterpret_cast<PyListObject*>(list)->ob_item;
  }

  PyRef Values(PyObject* row) const {
    PyRef values = PyRef::Steal(PyObject_GetAttrString(row, "_values"));
    if (values && (!PyList_Check(values.get()) ||
                   static_cast<size_t>(PyList_GET_SIZE(values.get())) != fields_.size())) {
      DoesNotFit(row, "row of its type");
      return PyRef();
    }
    return values;
  }
  PyRef FromDict(PyObject* value) const {
    PyRef values = PyRef::Steal(PyList_New(0));
    for (size_t i = 0; i < fields_.size(); ++i) {
      PyObject* name = PyTuple_GET_ITEM(names_.get(), i);
      PyObject* field = PyDict_GetItemWithError(value, name);
      if (field == nullptr) {
        if (!PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%R has no field %R", value, name);
        return PyRef();
      }
      if (PyList_Append(values.get(), field) < 0) return PyRef();
    }
    return values;
  }
  PyObject* Make(PyRef values, PyRef kind) const {
    static PyObject* make = nullptr;
    if (Imported(&make, "pyflinkpp.common.types", "_make_row") == nullptr) return nullptr;
    PyRef row =
        PyRef::Steal(PyObject_CallFunctionObjArgs(make, names_.get(), values.get(), nullptr));
    if (row && kind && PyObject_SetAttrString(row.get(), "_row_kind", kind.get()) < 0)
      return nullptr;
    return row.release();
  }

  const Fields fields_;
  PyRef names_;
};

// ---- LIST and the arrays, which are lists in Python ----

class ListCoder final : public TypeCoder {
 public:
  ListCoder(const char* kind, Coder element) : kind_(kind), element_(std::move(element)) {}

  std::string name() const override { return std::string(kind_) + "<" + element_->name() + ">"; }
  bool immutable() const override { return false; }
  bool contains_float() const override { return element_->contains_float(); }

  PyObject* Normalize(PyObject* value) const override {
    if (PyUnicode_Check(value) || PyBytes_Check(value) || PyDict_Check(value))
      return DoesNotFit(value, "list");
    PyRef list = PyRef::Steal(PySequence_Check(value) ? PySequence_List(value) : nullptr);
    if (!list) return PyErr_Occurred() ? nullptr : DoesNotFit(value, "list");
    return Each(std::move(list),
                [this](PyObject* element) { return NormalizeNullable(*element_, element); });
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    out.PutVarint(static_cast<uint64_t>(PyList_GET_SIZE(value)));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(value); ++i) {
      if (!WriteNullable(*element_, PyList_GET_ITEM(value, i), out)) return false;
    }
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    uint64_t count;
    if (!in.GetVarint(&count) || count > in.remaining()) return BadBytes(name());
    PyRef list = PyRef::Steal(PyList_New(static_cast<Py_ssize_t>(count)));
    for (uint64_t i = 0; list && i < count; ++i) {
      PyObject* element = ReadNullable(*element_, in);
      if (element == nullptr) return nullptr;
      PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), element);
    }
    return list.release();
  }
  bool Format(PyObject* value, std::string& out) const override {
    out += '[';
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(value); ++i) {
      if (i > 0) out += ", ";
      if (!FormatNullable(*element_, PyList_GET_ITEM(value, i), out)) return false;
    }
    out += ']';
    return true;
  }
  PyObject* ForClient(PyObject* value) const override {
    if (!contains_float()) return TypeCoder::ForClient(value);
    return Each(PyRef::Steal(PySequence_List(value)),
                [this](PyObject* element) { return ForClientNullable(*element_, element); });
  }

 private:
  template <class Convert>
  static PyObject* Each(PyRef list, Convert convert) {
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list.get()); ++i) {
      PyObject* converted = convert(PyList_GET_ITEM(list.get(), i));
      if (converted == nullptr) return nullptr;
      PyList_SetItem(list.get(), i, converted);
    }
    return list.release();
  }

  const char* const kind_;
  const Coder element_;
};

// PRIMITIVE_ARRAY(BYTE()): bytes in Python.
class BytesCoder final : public TypeCoder {
 public:
  std::string name() const override { return "PRIMITIVE_ARRAY<BYTE>"; }
  PyObject* Normalize(PyObject* value) const override {
    if (PyBytes_CheckExact(value)) {
      Py_INCREF(value);
      return value;
    }
    if (!PyObject_CheckBuffer(value)) return DoesNotFit(value, "bytes object");
    return PyBytes_FromObject(value);
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    out.PutBytes({PyBytes_AS_STRING(value), static_cast<size_t>(PyBytes_GET_SIZE(value))});
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    absl::string_view bytes;
    if (!in.GetBytes(&bytes)) return BadBytes(name());
    return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
  }
  bool Format(PyObject* value, std::string& out) const override {
    out += '[';
    for (Py_ssize_t i = 0; i < PyBytes_GET_SIZE(value); ++i) {
      if (i > 0) out += ", ";
      out +=
          std::to_string(static_cast<int>(static_cast<signed char>(PyBytes_AS_STRING(value)[i])));
    }
    out += ']';
    return true;
  }
};

// ---- MAP ----

class MapCoder final : public TypeCoder {
 public:
  MapCoder(Coder key, Coder value) : key_(std::move(key)), value_(std::move(value)) {}

  std::string name() const override { return "MAP<" + key_->name() + ", " + value_->name() + ">"; }
  bool immutable() const override { return false; }
  bool contains_float() const override {
    return key_->contains_float() || value_->contains_float();
  }

  PyObject* Normalize(PyObject* value) const override {
    if (!PyDict_Check(value)) return DoesNotFit(value, "dict");
    return Each(value, NormalizeNullable);
  }
  bool Write(PyObject* dict, BinaryWriter& out) const override {
    out.PutVarint(static_cast<uint64_t>(PyDict_GET_SIZE(dict)));
    PyObject* key;
    PyObject* value;
    for (Py_ssize_t position = 0; PyDict_Next(dict, &position, &key, &value);) {
      if (!WriteNullable(*key_, key, out) || !WriteNullable(*value_, value, out)) return false;
    }
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    uint64_t count;
    if (!in.GetVarint(&count)) return BadBytes(name());
    PyRef dict = PyRef::Steal(PyDict_New());
    for (uint64_t i = 0; dict && i < count; ++i) {
      const PyRef key = PyRef::Steal(ReadNullable(*key_, in));
      const PyRef value = key ? PyRef::Steal(ReadNullable(*value_, in)) : PyRef();
      if (!value || PyDict_SetItem(dict.get(), key.get(), value.get()) < 0) return nullptr;
    }
    return dict.release();
  }
  bool Format(PyObject* dict, std::string& out) const override {
    out += '{';
    PyObject* key;
    PyObject* value;
    bool first = true;
    for (Py_ssize_t position = 0; PyDict_Next(dict, &position, &key, &value); first = false) {
      if (!first) out += ", ";
      if (!FormatNullable(*key_, key, out)) return false;
      out += '=';
      if (!FormatNullable(*value_, value, out)) return false;
    }
    out += '}';
    return true;
  }
  PyObject* ForClient(PyObject* value) const override {
    return contains_float() ? Each(value, ForClientNullable) : TypeCoder::ForClient(value);
  }

 private:
  PyObject* Each(PyObject* dict, PyObject* (*convert)(const TypeCoder&, PyObject*)) const {
    PyRef result = PyRef::Steal(PyDict_New());
    PyObject* key;
    PyObject* value;
    for (Py_ssize_t position = 0; result && PyDict_Next(dict, &position, &key, &value);) {
      const PyRef new_key = PyRef::Steal(convert(*key_, key));
      const PyRef new_value = new_key ? PyRef::Steal(convert(*value_, value)) : PyRef();
      if (!new_value || PyDict_SetItem(result.get(), new_key.get(), new_value.get()) < 0)
        return nullptr;
    }
    return result.release();
  }

  const Coder key_;
  const Coder value_;
};

Coder MakeRowCoder(const idl::TypeInformation& type, std::vector<Coder> coders) {
  PyRef names = PyRef::Steal(PyTuple_New(static_cast<Py_ssize_t>(type.children.size())));
  if (!names) return nullptr;
  for (size_t i = 0; i < type.children.size(); ++i) {
    const std::string name =
        i < type.field_names.size() ? type.field_names[i] : "f" + std::to_string(i);
    PyObject* text = PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size()));
    if (text == nullptr) return nullptr;
    PyTuple_SET_ITEM(names.get(), i, text);
  }
  return std::make_shared<RowCoder>(type, std::move(coders), std::move(names));
}

}  // namespace

std::shared_ptr<const TypeCoder> MakeCompositeCoder(const idl::TypeInformation& type) {
  using Kind = idl::TypeKind;
  std::vector<Coder> children;
  for (const idl::TypeInformation& child : type.children) {
    children.push_back(MakeCoder(child));
    if (children.back() == nullptr) return nullptr;
  }
  const size_t wanted = type.kind == Kind::MAP                               ? 2
                        : type.kind == Kind::TUPLE || type.kind == Kind::ROW ? children.size()
                                                                             : 1;
  if (children.size() != wanted) return nullptr;
  switch (type.kind) {
    case Kind::PRIMITIVE_ARRAY:
      if (type.children[0].kind == Kind::BYTE) return std::make_shared<BytesCoder>();
      return std::make_shared<ListCoder>("PRIMITIVE_ARRAY", children[0]);
    case Kind::BASIC_ARRAY:
      return std::make_shared<ListCoder>("BASIC_ARRAY", children[0]);
    case Kind::OBJECT_ARRAY:
      return std::make_shared<ListCoder>("OBJECT_ARRAY", children[0]);
    case Kind::LIST:
      return std::make_shared<ListCoder>("LIST", children[0]);
    case Kind::MAP:
      return std::make_shared<MapCoder>(children[0], children[1]);
    case Kind::TUPLE:
      return std::make_shared<TupleCoder>(type, std::move(children));
    case Kind::ROW:
      return MakeRowCoder(type, std::move(children));
    default:
      return nullptr;
  }
}

}  // namespace pyflinkpp
