#include "native/key_encoder.h"

#include <cstring>

#include "core/base/hash.h"
#include "native/gil.h"

namespace pyflinkpp {
namespace {

constexpr int kDepthMax = 64;

bool Refuse(PyObject* key, const char* why) {
  PyErr_Format(PyExc_TypeError,
               "%s (%s) can't be a key: %s. Use a str, bytes, int, float, bool, None, a tuple or list of these, or an object with fields",
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
  const PyRef text = PyRef::Steal(PyUnicode_FromFormat("%S.%S", module.get(), name.get()));
  if (!text) return false;
  out.Put(tag);
  out.PutBytes(PyUnicode_AsUTF8(text.get()));
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
  PyObject* state = PyTuple_GET_SIZE(reduced.get()) > 2 ? PyTuple_GET_ITEM(reduced.get(), 2) : Py_None;
  // copyreg.__newobj__(cls): an object that is nothing but its state; without one, two such objects can't be told apart.
  if (state == Py_None && PyTuple_Check(arguments) && PyTuple_GET_SIZE(arguments) == 1 &&
      PyTuple_GET_ITEM(arguments, 0) == reinterpret_cast<PyObject*>(Py_TYPE(value))) {
    return Refuse(value, "it has no fields");
  }
  return EncodeName(maker, 'o', out) && EncodeAny(arguments, out, depth + 1) &&
         (PyDict_Check(state) ? EncodeFields(state, out, depth + 1) : EncodeAny(state, out, depth + 1));
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
  if (PyType_Check(value) || PyFunction_Check(value) || PyCFunction_Check(value)) return EncodeName(value, 'c', out);
  return EncodeObject(value, out, depth);
}

}  // namespace

KeyEncoder::KeyEncoder(std::shared_ptr<const TypeCoder> coder)
    : coder_(std::move(coder)), string_(coder_ != nullptr && coder_->name() == "STRING") {}

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

}  // namespace pyflinkpp
