// The bytes of keys: what decides whether two keys are the same.
#pragma once

#include <Python.h>

#include <memory>

#include "core/stream/record_batch.h"
#include "native/type_coder.h"

namespace pyflinkpp {

// A key with a declared type is the binary format of its normalized value. One without is a
// canonical form of the object, in which 1, 1.0 and True differ: a tag byte and the content,
// recursively for tuples, lists and rows; other objects by what they are reduced to for pickling
// (class or maker, arguments, state). Sets, dicts and objects without fields have no such form and
// are refused.
class KeyEncoder {
 public:
  // `coder`: null for keys without a declared type.
  explicit KeyEncoder(std::shared_ptr<const TypeCoder> coder);

  // Encodes into `arena`; false with a Python error set. REQUIRES: the lock is held.
  bool Encode(PyObject* key, Arena& arena, RecordKey* result);

 private:
  const std::shared_ptr<const TypeCoder> coder_;
  const bool string_;
  const bool long_;
  std::string scratch_;
};

// Makes keys of their bytes again.
class KeyDecoder {
 public:
  // `coder`: as the encoder's.
  explicit KeyDecoder(std::shared_ptr<const TypeCoder> coder) : coder_(std::move(coder)) {}

  // New reference; null with a Python error set. REQUIRES: the lock is held.
  PyObject* Decode(absl::string_view bytes) const;

 private:
  const std::shared_ptr<const TypeCoder> coder_;
};

// The coder of a declared key type, null for keys without one. REQUIRES: the lock is held; false
// with an error set.
bool MakeKeyCoder(const idl::TypeInformation* type, std::shared_ptr<const TypeCoder>* coder);

// The key of a call whose error is set, which stays set; none when it can't be read. `type`: as it
// was declared; PICKLED for keys without a type.
PyRef KeyInError(const idl::TypeInformation& type, const RecordKey& key);

}  // namespace pyflinkpp
