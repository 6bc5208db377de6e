#include "native/python_serializer.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/types/native_serializers.h"
#include "native/errors.h"
#include "native/gil.h"

namespace pyflinkpp {
namespace {

PyObject* const* Objects(const std::byte* rows) { return reinterpret_cast<PyObject* const*>(rows); }

}  // namespace

PyObject* PythonSerializer::CopyObject(PyObject* value) const {
  if (coder_->immutable() || IsDeeplyImmutable(value)) {
    Py_INCREF(value);
    return value;
  }
  std::string bytes;
  BinaryWriter writer(bytes);
  if (!coder_->Write(value, writer)) return nullptr;
  BinaryReader reader(bytes);
  return coder_->Read(reader);
}

void PythonSerializer::Release(std::byte* rows, size_t count) const {
  ReleaseReferences(reinterpret_cast<PyObject**>(rows), count);
}

void PythonSerializer::Move(std::byte* from, size_t count, std::byte* to, Arena&) const {
  std::memcpy(to, from, count * sizeof(PyObject*));
  std::memset(from, 0, count * sizeof(PyObject*));
}

absl::Status PythonSerializer::Copy(const std::byte* from, size_t count, std::byte* to,
                                    Arena&) const {
  Gil gil;
  auto** copies = reinterpret_cast<PyObject**>(to);
  for (size_t i = 0; i < count; ++i) {
    copies[i] = CopyObject(Objects(from)[i]);
    if (copies[i] == nullptr) {
      const absl::Status status =
          CaptureError(absl::StrCat("the value ", ShortRepr(Objects(from)[i]),
                                    " is needed more than once and can't be copied"));
      for (size_t done = 0; done < i; ++done) Py_CLEAR(copies[done]);
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status PythonSerializer::Write(const std::byte* rows, size_t count, BinaryWriter& out) const {
  Gil gil;
  for (size_t i = 0; i < count; ++i) {
    if (!coder_->Write(Objects(rows)[i], out)) {
      return CaptureError(
          absl::StrCat("the value ", ShortRepr(Objects(rows)[i]), " can't be serialized"));
    }
  }
  return absl::OkStatus();
}

absl::Status PythonSerializer::Read(BinaryReader& in, size_t count, std::byte* rows, Arena&) const {
  Gil gil;
  for (size_t i = 0; i < count; ++i) {
    PyObject* value = coder_->Read(in);
    if (value == nullptr)
      return CaptureError(absl::StrCat("a value of type ", name(), " can't be read"));
    reinterpret_cast<PyObject**>(rows)[i] = value;
  }
  return absl::OkStatus();
}

absl::Status PythonSerializer::Format(const std::byte* rows, size_t count, std::string& out,
                                      std::vector<size_t>& ends) const {
  Gil gil;
  for (size_t i = 0; i < count; ++i) {
    if (!coder_->Format(Objects(rows)[i], out)) {
      return CaptureError(
          absl::StrCat("the value ", ShortRepr(Objects(rows)[i]), " can't be printed"));
    }
    ends.push_back(out.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const TypeSerializer>> PythonSerializerOf(
    const idl::TypeInformation& type) {
  Gil gil;
  auto coder = MakeCoder(type);
  if (coder == nullptr) return CaptureError("an unknown type");
  return std::make_shared<PythonSerializer>(std::move(coder));
}

namespace {

PyObject* ReadLong(const std::byte* row) {
  return PyLong_FromLongLong(*reinterpret_cast<const int64_t*>(row));
}

PyObject* ReadString(const std::byte* row) {
  const auto* string = reinterpret_cast<const StringRow*>(row);
  return PyUnicode_DecodeUTF8(string->data, static_cast<Py_ssize_t>(string->size), nullptr);
}

absl::Status NoPythonForm(const TypeSerializer& serializer) {
  return absl::InternalError(
      absl::StrCat("no Python form of native values of type ", serializer.name()));
}

}  // namespace

absl::StatusOr<RowTaker> RowTakerOf(const TypeSerializer& serializer) {
  if (dynamic_cast<const PythonSerializer*>(&serializer) != nullptr) {
    return RowTaker(
        [](std::byte* row) { return std::exchange(*reinterpret_cast<PyObject**>(row), nullptr); });
  }
  if (&serializer == LongSerializer().get()) {
    return RowTaker([](std::byte* row) { return ReadLong(row); });
  }
  if (&serializer == StringSerializer().get()) {
    return RowTaker([](std::byte* row) { return ReadString(row); });
  }
  return NoPythonForm(serializer);
}

absl::StatusOr<RowReader> RowReaderOf(const TypeSerializer& serializer) {
  if (dynamic_cast<const PythonSerializer*>(&serializer) != nullptr) {
    return RowReader([](const std::byte* row) {
      PyObject* value = *reinterpret_cast<PyObject* const*>(row);
      Py_INCREF(value);
      return value;
    });
  }
  if (&serializer == LongSerializer().get()) return RowReader(ReadLong);
  if (&serializer == StringSerializer().get()) return RowReader(ReadString);
  return NoPythonForm(serializer);
}

}  // namespace pyflinkpp
