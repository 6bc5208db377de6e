// The bytes of keys: what decides whether two keys are the same.
#pragma once

#include <Python.h>

#include <memory>

#include "core/stream/record_batch.h"
#include "native/type_coder.h"

namespace pyflinkpp {

// A key with a declared type is the binary format of its normalized value. One without is a canonical form of the object,
// in which 1, 1.0 and True differ: a tag byte and the content, recursively for tuples, lists and rows; other objects by
// what they are reduced to for pickling. Sets, dicts and objects without fields have no such form and are refused.
class KeyEncoder {
 public:
  // `coder`: null for keys without a declared type.
  explicit KeyEncoder(std::shared_ptr<const TypeCoder> coder);

  // Encodes into `arena`; false with a Python error set. REQUIRES: the lock is held.
  bool Encode(PyObject* key, Arena& arena, RecordKey* result);

 private:
  const std::shared_ptr<const TypeCoder> coder_;
  const bool string_;
  std::string scratch_;
};

}  // namespace pyflinkpp
