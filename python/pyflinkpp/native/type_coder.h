// What a declared type makes of Python objects: checks and conversions, the binary format, the printed form.
#pragma once

#include <Python.h>

#include <memory>
#include <string>

#include "core/idl/pyflinkpp_types.h"
#include "core/types/binary_io.h"

namespace pyflinkpp {

// All methods need the interpreter's lock. A failure leaves a Python error set, its message for the user.
//
// Binary format, by type: numbers fixed width little endian; STRING, CHAR, BIG_INT (two's complement), BIG_DEC (its text),
// PICKLED and byte arrays as length and bytes; INSTANT i64 seconds and i32 nanoseconds; dates i32 days, times i32
// milliseconds, timestamps i64 milliseconds; collections their count and elements; TUPLE a bitmap of its null fields and
// the others; ROW the kind in a byte and then as TUPLE. An element that may be null has a byte 0 or 1 before it.
class TypeCoder {
 public:
  virtual ~TypeCoder() = default;

  virtual std::string name() const = 0;

  // Whether Normalize would give the very same object. Quick; may say no.
  virtual bool Accepts(PyObject* value) const {
    (void)value;
    return false;
  }

  // The value as an operator of this type emits it (new reference): TypeError when it doesn't fit, OverflowError when it
  // is too large.
  virtual PyObject* Normalize(PyObject* value) const = 0;

  // Whether normalized values can be shared: nothing in them can change.
  virtual bool immutable() const { return true; }

  // Takes a normalized value that can't be part of a cycle out of the garbage collector's list, as the collector itself
  // would do when it first met it. So it doesn't touch cold neighbours in that list when it dies, long after.
  void Untrack(PyObject* value) const {
    if (PyTuple_CheckExact(value) && immutable()) PyObject_GC_UnTrack(value);
  }

  // REQUIRES for these: `value` is normalized.
  virtual bool Write(PyObject* value, BinaryWriter& out) const = 0;
  virtual bool Format(PyObject* value, std::string& out) const = 0;
  // The value that a client gets: FLOATs as the shortest decimal, as PyFlink shows them (new reference).
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

// The checks that hot loops make without a call. kNone: ask the coder.
enum class QuickCheck : uint8_t { kNone, kLong, kInt, kString, kDouble, kBoolean };
QuickCheck QuickCheckOf(idl::TypeKind::type kind);

inline bool PassesQuickCheck(QuickCheck check, PyObject* value) {
  switch (check) {
    case QuickCheck::kLong: return PyLong_CheckExact(value) && -2 <= Py_SIZE(value) && Py_SIZE(value) <= 2;  // 60 bits
    case QuickCheck::kInt: return PyLong_CheckExact(value) && -1 <= Py_SIZE(value) && Py_SIZE(value) <= 1;   // 30 bits
    case QuickCheck::kString: return PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value);
    case QuickCheck::kDouble: return PyFloat_CheckExact(value);
    case QuickCheck::kBoolean: return PyBool_Check(value);
    case QuickCheck::kNone: return false;
  }
  return false;
}

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
