// Python objects as values of the engine: a row is an owned PyObject*.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/base/status.h"
#include "core/stream/record_batch.h"
#include "core/types/type_serializer.h"
#include "native/type_coder.h"

namespace pyflinkpp {

// Rows of 8 bytes; null owns nothing. Takes the interpreter's lock where it touches objects.
class PythonSerializer final : public TypeSerializer {
 public:
  explicit PythonSerializer(std::shared_ptr<const TypeCoder> coder) : coder_(std::move(coder)) {}

  const TypeCoder& coder() const { return *coder_; }

  // An equal object that shares nothing mutable (new reference; null with an error). REQUIRES: the
  // lock is held.
  PyObject* CopyObject(PyObject* value) const;

  std::string name() const override { return coder_->name(); }
  uint32_t stride() const override { return sizeof(PyObject*); }
  bool row_is_pointer() const override { return true; }
  void Release(std::byte* rows, size_t count) const override;
  void Move(std::byte* from, size_t count, std::byte* to, Arena& arena) const override;
  absl::Status Copy(const std::byte* from, size_t count, std::byte* to,
                    Arena& arena) const override;
  absl::Status Write(const std::byte* rows, size_t count, BinaryWriter& out) const override;
  absl::Status Read(BinaryReader& in, size_t count, std::byte* rows, Arena& arena) const override;
  absl::Status Format(const std::byte* rows, size_t count, std::string& out,
                      std::vector<size_t>& ends) const override;

 private:
  const std::shared_ptr<const TypeCoder> coder_;
};

// The serializer of a declared type. Takes the lock.
absl::StatusOr<std::shared_ptr<const TypeSerializer>> PythonSerializerOf(
    const idl::TypeInformation& type);

// Takes the value out of a row of any serializer as an object (new reference; null with an error);
// the row then owns nothing. REQUIRES: the lock is held.
using RowTaker = PyObject* (*)(std::byte* row);
absl::StatusOr<RowTaker> RowTakerOf(const TypeSerializer& serializer);

// The taker of an input's rows, looked up when a batch has another serializer than the last one.
class InputRowTaker {
 public:
  absl::Status Follow(const RecordBatch& batch) {
    if (serializer_ == batch.serializer().get()) return absl::OkStatus();
    ASSIGN_OR_RETURN(take_, RowTakerOf(*batch.serializer()));
    serializer_ = batch.serializer().get();
    return absl::OkStatus();
  }
  PyObject* operator()(std::byte* row) const { return take_(row); }

 private:
  const TypeSerializer* serializer_ = nullptr;
  RowTaker take_ = nullptr;
};

// The same without taking it out: the row keeps its value.
using RowReader = PyObject* (*)(const std::byte* row);
absl::StatusOr<RowReader> RowReaderOf(const TypeSerializer& serializer);

}  // namespace pyflinkpp
