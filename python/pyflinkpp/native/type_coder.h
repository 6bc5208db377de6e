// What a declared type makes of Python objects: checks and conversions, the binary format, the
// printed form.
#pragma once

#include <Python.h>

#include <memory>
#include <string>

#include "core/idl/pyflinkpp_types.h"
#include "core/types/binary_io.h"
#include "native/gil.h"

namespace pyflinkpp {

// All methods need the interpreter's lock. A failure leaves a Python error set, its message for the
// user.
//
// Binary format, by type: numbers fixed width little endian; STRING, CHAR, BIG_INT (two's
// complement), BIG_DEC (its text), PICKLED and byte arrays as length and bytes; INSTANT i64 seconds
// and i32 nanoseconds; dates i32 days, times i32 milliseconds, timestamps i64 milliseconds;
// collections their count and elements; TUPLE a bitmap of its null fields and the others; ROW the
// kind in a byte and then as TUPLE. An element that may be null has a byte 0 or 1 before it.
class TypeCoder {
 public:
  virtual ~TypeCoder() = default;

  virtual std::string name() const = 0;

  // Whether Normalize would give the very same object. Quick; may say no.
  virtual bool Accepts(PyObject* value) const {
    (void)value;
    return false;
  }

  // The same, knowing a value that is normal: fields that are the same objects needn't be looked
  // at, so that a field that is not in the cache isn't fetched just to see its type.
  virtual bool AcceptsLike(PyObject* value, PyObject* like) const {
    (void)like;
    return Accepts(value);
  }

  // The value as an operator of this type emits it (new reference): TypeError when it doesn't fit,
  // OverflowError when it is too large.
  virtual PyObject* Normalize(PyObject* value) const = 0;

  // Whether normalized values can be shared: nothing in them can change.
  virtual bool immutable() const { return true; }

  // REQUIRES for these: `value` is normalized.
  virtual bool Write(PyObject* value, BinaryWriter& out) const = 0;
  virtual bool Format(PyObject* value, std::string& out) const = 0;
  // The value that a client gets: FLOATs as the shortest decimal, as PyFlink shows them (new
  // reference).
  virtual PyObject* ForClient(PyObject* value) const {
    Py_INCREF(value);
    return value;
  }
  virtual bool contains_float() const { return false; }

  // New reference; null with an error when the bytes are not of this type.
  virtual PyObject* Read(BinaryReader& in) const = 0;
};

// REQUIRES: the lock is held. Null with an error set for a type that makes no sense.
std::shared_ptr<const TypeCoder> MakeCoder(const idl::TypeInformation& type);

// Parts of MakeCoder; null without an error when the kind isn't theirs.
std::shared_ptr<const TypeCoder> MakeScalarCoder(const idl::TypeInformation& type);
std::shared_ptr<const TypeCoder> MakeTimeCoder(const idl::TypeInformation& type);
std::shared_ptr<const TypeCoder> MakeCompositeCoder(const idl::TypeInformation& type);
std::shared_ptr<const TypeCoder> PickleCoder();

// The check that hot loops make without a call: an exact type, and for some that the value is an
// everyday one. A value that passes is normal; one that doesn't may be.
class QuickCheck {
 public:
  explicit QuickCheck(idl::TypeKind::type kind);

  bool Passes(PyObject* value) const {
    if (Py_TYPE(value) != type_) return false;
    // Ints of few digits (30 bits each), strings of ASCII; the bit of a str's state says both
    // compact and ASCII.
    if (digits_max_ >= 0)
      return static_cast<size_t>(Py_SIZE(value) + digits_max_) <=
             static_cast<size_t>(2 * digits_max_);
    return !string_ || PyUnicode_IS_COMPACT_ASCII(value);
  }

 private:
  PyTypeObject* type_ = nullptr;  // null: nothing passes
  int digits_max_ = -1;
  bool string_ = false;
};

// Makes an operator's results normal. Takes tuples that can't be part of a cycle out of the garbage
// collector's list, as the collector itself would do when it first met them: so they don't touch
// cold neighbours in that list when they die.
class Normalizer {
 public:
  Normalizer(const TypeCoder& coder, idl::TypeKind::type kind)
      : coder_(coder), quick_(kind), untrack_(kind == idl::TypeKind::TUPLE && coder.immutable()) {}

  // Takes a new reference over, gives one back; null with an error set when the value doesn't fit.
  // `like`: a value that is normal and that the new one may share fields with; may be null.
  PyObject* Normalize(PyObject* value, PyObject* like = nullptr) const {
    if (quick_.Passes(value)) return value;
    if (!coder_.AcceptsLike(value, like)) {
      PyObject* normalized = coder_.Normalize(value);
      Py_DECREF(value);
      if (normalized == nullptr) return nullptr;
      value = normalized;
    }
    if (untrack_) PyObject_GC_UnTrack(value);
    return value;
  }
  const TypeCoder& coder() const { return coder_; }

 private:
  const TypeCoder& coder_;
  const QuickCheck quick_;
  const bool untrack_;
};

// Sets TypeError: "REPR (TYPE) is no EXPECTED".
PyObject* DoesNotFit(PyObject* value, const char* expected);
// Sets ValueError: the bytes are not what the type says.
PyObject* BadBytes(const std::string& type);

// Whether nothing in an object can ever change (exact built-in types only).
bool IsDeeplyImmutable(PyObject* value);

// The shortened repr of a value for messages; never fails.
std::string ShortRepr(PyObject* value);

// Numbers as Java prints them.
void AppendJavaDouble(double value, std::string& out);
void AppendJavaFloat(float value, std::string& out);

}  // namespace pyflinkpp
