#include "native/key_encoder.h"

#include <algorithm>
#include <cstring>

#include "core/base/hash.h"
#include "native/errors.h"
#include "native/gil.h"

namespace pyflinkpp {
namespace {

constexpr int kDepthMax = 64;

bool Refuse(PyObject* key, const char* why) {
  PyErr_Format(PyExc_TypeError,
               "%s (%s) can't be a key: %s. Use a str, bytes, int, float, bool, None, a tuple or "
               "list of these, or an object with fields",
               ShortRepr(key).c_str(), Py_TYPE(key)->tp_name, why);
  return false;
}

bool EncodeAny(PyObject* value, BinaryWriter& out, int depth);

// memcpy of few bytes: two overlapping words instead of a call.
template <class Word>
void CopyWords(const uint8_t* from, size_t size, char* to) {
  Word first, last;
  std::memcpy(&first, from, sizeof(Word));
  std::memcpy(&last, from + size - sizeof(Word), sizeof(Word));
  std::memcpy(to, &first, sizeof(Word));
  std::memcpy(to + size - sizeof(Word), &last, sizeof(Word));
}

void CopyShort(const uint8_t* from, size_t size, char* to) {
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    CopyWords<uint64_t>(from, size, to);
  } else if (size >= 4) {
    CopyWords<uint32_t>(from, size, to);
  } else {
    for (size_t i = 0; i < size; ++i) to[i] = static_cast<char>(from[i]);
  }
}

bool EncodeItems(PyObject* sequence, char tag, BinaryWriter& out, int depth) {
  const PyRef items = PyRef::Steal(PySequence_Fast(sequence, "a sequence"));
  if (!items) return false;
  out.Put(tag);
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(items.get());
  out.PutVarint(static_cast<uint64_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!EncodeAny(PySequence_Fast_GET_ITEM(items.get(), i), out, depth + 1)) return false;
  }
  return true;
}

// The fields of an object, in the order of their names.
bool EncodeFields(PyObject* dict, BinaryWriter& out, int depth) {
  const PyRef items = PyRef::Steal(PyDict_Items(dict));
  if (!items || PyList_Sort(items.get()) < 0) return false;
  return EncodeItems(items.get(), 'f', out, depth);
}

bool EncodeName(PyObject* object, char tag, BinaryWriter& out) {
  const PyRef module = PyRef::Steal(PyObject_GetAttrString(object, "__module__"));
  const PyRef name = PyRef::Steal(PyObject_GetAttrString(object, "__qualname__"));
  if (!module || !name) return false;
  out.Put(tag);
  for (PyObject* part : {module.get(), name.get()}) {
    const char* text = PyUnicode_Check(part) ? PyUnicode_AsUTF8(part) : "";
    if (text == nullptr) return false;
    out.PutBytes(text);
  }
  return true;
}

// An object by its class and state, as pickle would take it apart.
bool EncodeObject(PyObject* value, BinaryWriter& out, int depth) {
  const PyRef reduced = PyRef::Steal(PyObject_CallMethod(value, "__reduce_ex__", "i", 2));
  if (!reduced) {
    PyErr_Clear();
    return Refuse(value, "it has no stable bytes");
  }
  if (!PyTuple_Check(reduced.get())) return EncodeAny(reduced.get(), out, depth + 1);
  PyObject* maker = PyTuple_GET_ITEM(reduced.get(), 0);
  PyObject* arguments = PyTuple_GET_ITEM(reduced.get(), 1);
  PyObject* state =
      PyTuple_GET_SIZE(reduced.get()) > 2 ? PyTuple_GET_ITEM(reduced.get(), 2) : Py_None;
  // copyreg.__newobj__(cls): an object that is nothing but its state; without one, two such objects
  // can't be told apart.
  if (state == Py_None && PyTuple_Check(arguments) && PyTuple_GET_SIZE(arguments) == 1 &&
      PyTuple_GET_ITEM(arguments, 0) == reinterpret_cast<PyObject*>(Py_TYPE(value))) {
    return Refuse(value, "it has no fields");
  }
  return EncodeName(maker, 'o', out) && EncodeAny(arguments, out, depth + 1) &&
         (PyDict_Check(state) ? EncodeFields(state, out, depth + 1)
                              : EncodeAny(state, out, depth + 1));
}

bool EncodeAny(PyObject* value, BinaryWriter& out, int depth) {
  if (depth > kDepthMax) return Refuse(value, "it is nested too deeply");
  if (value == Py_None) {
    out.Put('n');
    return true;
  }
  if (PyUnicode_CheckExact(value)) {
    Py_ssize_t size;
    const char* bytes = PyUnicode_AsUTF8AndSize(value, &size);
    if (bytes == nullptr) return false;
    out.Put('s');
    out.PutBytes({bytes, static_cast<size_t>(size)});
    return true;
  }
  if (PyBool_Check(value)) {
    out.Put(value == Py_True ? 't' : 'u');
    return true;
  }
  if (PyLong_CheckExact(value)) {
    int overflow = 0;
    const int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0) {
      out.Put('i');
      out.Put(number);
      return true;
    }
    out.Put('I');
    idl::TypeInformation big_int;
    big_int.kind = idl::TypeKind::BIG_INT;
    return MakeCoder(big_int)->Write(value, out);
  }
  if (PyFloat_CheckExact(value)) {
    out.Put('d');
    out.Put(PyFloat_AS_DOUBLE(value));
    return true;
  }
  if (PyBytes_CheckExact(value)) {
    out.Put('b');
    out.PutBytes({PyBytes_AS_STRING(value), static_cast<size_t>(PyBytes_GET_SIZE(value))});
    return true;
  }
  if (PyTuple_CheckExact(value)) return EncodeItems(value, '(', out, depth);
  if (PyList_CheckExact(value)) return EncodeItems(value, '[', out, depth);
  if (PyAnySet_Check(value)) return Refuse(value, "the order of a set's elements is not fixed");
  if (PyDict_Check(value)) return Refuse(value, "a dict has no stable bytes");
  if (PyType_Check(value) || PyFunction_Check(value) || PyCFunction_Check(value))
    return EncodeName(value, 'c', out);
  return EncodeObject(value, out, depth);
}

// ---- the way back ----

PyRef DecodeAny(BinaryReader& in, int depth);

PyRef Torn() {
  PyErr_SetString(PyExc_ValueError, "the bytes of a key are torn");
  return PyRef();
}

PyRef DecodeItems(BinaryReader& in, int depth) {
  uint64_t size;
  if (!in.GetVarint(&size) || size > in.remaining()) return Torn();
  PyRef items = PyRef::Steal(PyTuple_New(static_cast<Py_ssize_t>(size)));
  for (uint64_t i = 0; items && i < size; ++i) {
    PyRef item = DecodeAny(in, depth + 1);
    if (!item) return item;
    PyTuple_SET_ITEM(items.get(), static_cast<Py_ssize_t>(i), item.release());
  }
  return items;
}

PyRef DecodeName(BinaryReader& in) {
  absl::string_view module, name;
  if (!in.GetBytes(&module) || !in.GetBytes(&name)) return Torn();
  PyRef object = PyRef::Steal(PyImport_ImportModule(std::string(module).c_str()));
  const std::string path(name);
  for (size_t begin = 0; object && begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    object =
        PyRef::Steal(PyObject_GetAttrString(object.get(), path.substr(begin, end - begin).c_str()));
    begin = end + 1;
  }
  return object;
}

// Gives an object its state, as pickle does.
bool SetState(PyObject* object, PyObject* state) {
  if (state == Py_None) return true;
  if (PyObject_HasAttrString(object, "__setstate__")) {
    return static_cast<bool>(PyRef::Steal(PyObject_CallMethod(object, "__setstate__", "O", state)));
  }
  PyObject* parts[2] = {state, Py_None};  // of __dict__, of slots
  if (PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 2) {
    parts[0] = PyTuple_GET_ITEM(state, 0);
    parts[1] = PyTuple_GET_ITEM(state, 1);
  }
  for (PyObject* part : parts) {
    if (!PyDict_Check(part)) continue;
    PyObject *name, *value;
    for (Py_ssize_t position = 0; PyDict_Next(part, &position, &name, &value);) {
      if (PyObject_SetAttr(object, name, value) < 0) return false;
    }
  }
  return true;
}

PyRef DecodeObject(BinaryReader& in, int depth) {
  const PyRef maker = DecodeName(in);
  const PyRef arguments = maker ? DecodeAny(in, depth + 1) : PyRef();
  const PyRef state = arguments ? DecodeAny(in, depth + 1) : PyRef();
  if (!state) return PyRef();
  if (!PyTuple_Check(arguments.get())) return Torn();
  PyRef object = PyRef::Steal(PyObject_CallObject(maker.get(), arguments.get()));
  if (object && !SetState(object.get(), state.get())) return PyRef();
  return object;
}

PyRef DecodeAny(BinaryReader& in, int depth) {
  char tag;
  if (depth > kDepthMax || !in.Get(&tag)) return Torn();
  absl::string_view bytes;
  switch (tag) {
    case 'n':
      return PyRef::Borrow(Py_None);
    case 't':
      return PyRef::Borrow(Py_True);
    case 'u':
      return PyRef::Borrow(Py_False);
    case 's':
      if (!in.GetBytes(&bytes)) return Torn();
      return PyRef::Steal(
          PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr));
    case 'b':
      if (!in.GetBytes(&bytes)) return Torn();
      return PyRef::Steal(
          PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
    case 'i': {
      int64_t number;
      return in.Get(&number) ? PyRef::Steal(PyLong_FromLongLong(number)) : Torn();
    }
    case 'I': {
      idl::TypeInformation big_int;
      big_int.kind = idl::TypeKind::BIG_INT;
      return PyRef::Steal(MakeCoder(big_int)->Read(in));
    }
    case 'd': {
      double number;
      return in.Get(&number) ? PyRef::Steal(PyFloat_FromDouble(number)) : Torn();
    }
    case '(':
      return DecodeItems(in, depth);
    case '[': {
      const PyRef items = DecodeItems(in, depth);
      return items ? PyRef::Steal(PySequence_List(items.get())) : PyRef();
    }
    case 'f': {
      const PyRef items = DecodeItems(in, depth);
      PyRef fields = items ? PyRef::Steal(PyDict_New()) : PyRef();
      if (!fields || PyDict_MergeFromSeq2(fields.get(), items.get(), 1) < 0) return PyRef();
      return fields;
    }
    case 'c':
      return DecodeName(in);
    case 'o':
      return DecodeObject(in, depth);
    default:
      return Torn();
  }
}

}  // namespace

KeyEncoder::KeyEncoder(std::shared_ptr<const TypeCoder> coder)
    : coder_(std::move(coder)),
      string_(coder_ != nullptr && coder_->name() == "STRING"),
      long_(coder_ != nullptr && coder_->name() == "LONG") {}

bool KeyEncoder::Encode(PyObject* key, Arena& arena, RecordKey* result) {
  if (string_ && PyUnicode_CheckExact(key) && PyUnicode_IS_COMPACT_ASCII(key)) {
    const size_t size = static_cast<size_t>(PyUnicode_GET_LENGTH(key));
    if (size < 0x80) {  // its length takes one byte
      char* bytes = arena.Allocate(size + 1);
      bytes[0] = static_cast<char>(size);
      CopyShort(PyUnicode_1BYTE_DATA(key), size, bytes + 1);
      *result = {bytes, static_cast<uint32_t>(size + 1), MurmurHash({bytes, size + 1})};
      return true;
    }
  }
  // Ints of at most two digits (30 bits each) fit for sure.
  if (long_ && PyLong_CheckExact(key) && static_cast<size_t>(Py_SIZE(key) + 2) <= 4) {
    const int64_t number = PyLong_AsLongLong(key);
    char* bytes = arena.Allocate(sizeof(number));
    std::memcpy(bytes, &number, sizeof(number));
    *result = {bytes, sizeof(number), MurmurHash({bytes, sizeof(number)})};
    return true;
  }
  scratch_.clear();
  BinaryWriter writer(scratch_);
  if (coder_ == nullptr) {
    if (!EncodeAny(key, writer, 0)) return false;
  } else {
    const PyRef normalized = PyRef::Steal(coder_->Normalize(key));
    if (!normalized || !coder_->Write(normalized.get(), writer)) return false;
  }
  const absl::string_view bytes = arena.Copy(scratch_);
  *result = {bytes.data(), static_cast<uint32_t>(bytes.size()), MurmurHash(bytes)};
  return true;
}

PyObject* KeyDecoder::Decode(absl::string_view bytes) const {
  BinaryReader in(bytes);
  return coder_ == nullptr ? DecodeAny(in, 0).release() : coder_->Read(in);
}

PyRef KeyInError(const idl::TypeInformation& type, const RecordKey& key) {
  const ErrorAside aside;
  std::shared_ptr<const TypeCoder> coder;
  PyRef object;
  if (MakeKeyCoder(&type, &coder))
    object = PyRef::Steal(KeyDecoder(std::move(coder)).Decode(key.bytes()));
  PyErr_Clear();
  return object;
}

bool MakeKeyCoder(const idl::TypeInformation* type, std::shared_ptr<const TypeCoder>* coder) {
  if (type == nullptr || type->kind == idl::TypeKind::PICKLED) return true;
  *coder = MakeCoder(*type);
  return *coder != nullptr;
}

}  // namespace pyflinkpp
