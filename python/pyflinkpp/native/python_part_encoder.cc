#include "native/python_part_encoder.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "core/base/check.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/gil.h"
#include "native/python_serializer.h"
#include "runtime/connectors/file/file_sink_operator.h"

namespace pyflinkpp {
namespace {

// Whose code runs, for its errors.
class OwnedEncoder : public PartEncoder {
 public:
  explicit OwnedEncoder(std::string operator_name) : operator_name_(std::move(operator_name)) {}

  absl::Status Open(const OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }

 protected:
  // The error that is set; the interpreter's lock is held.
  absl::Status Failed(const CallPoint& point = {}) const {
    return CaptureCallError({operator_name_, context_->subtask, context_->parallelism}, "failed",
                            point);
  }

 private:
  const std::string operator_name_;
  const OperatorContext* context_ = nullptr;
};

// Lines in another encoding; what it does not have becomes a question mark.
class CharsetEncoder final : public OwnedEncoder {
 public:
  CharsetEncoder(std::string operator_name, std::string charset)
      : OwnedEncoder(std::move(operator_name)), charset_(std::move(charset)) {}

  absl::Status Encode(RecordBatchView& view, size_t count, std::string& bytes,
                      std::vector<size_t>& ends) override {
    text_.clear();
    text_ends_.clear();
    const RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(batch.serializer()->Format(batch.row(view.position), count, text_, text_ends_));
    view.position += count;
    Gil gil;
    size_t begin = 0;
    for (const size_t end : text_ends_) {
      const PyRef line = PyRef::Steal(PyUnicode_DecodeUTF8(
          text_.data() + begin, static_cast<Py_ssize_t>(end - begin), "replace"));
      const PyRef encoded = PyRef::Steal(
          line ? PyUnicode_AsEncodedString(line.get(), charset_.c_str(), "replace") : nullptr);
      if (!encoded) return Failed();
      bytes.append(PyBytes_AS_STRING(encoded.get()),
                   static_cast<size_t>(PyBytes_GET_SIZE(encoded.get())));
      bytes.push_back('\n');  // one byte, as in Flink, whatever the encoding
      ends.push_back(bytes.size());
      begin = end;
    }
    return absl::OkStatus();
  }

 private:
  const std::string charset_;
  std::string text_;
  std::vector<size_t> text_ends_;
};

// An Encoder or BulkWriterFactory of the user's, behind a Python object that calls it for a run of
// elements (pyflinkpp.datastream.connectors._part_encoding).
class PythonPartEncoder final : public OwnedEncoder {
 public:
  explicit PythonPartEncoder(const idl::OperatorNode& node)
      : OwnedEncoder(node.name),
        pickle_(node.spec.file_sink.pickle),
        bulk_(node.spec.file_sink.format == idl::PartFormat::BULK) {}

  absl::Status Open(const OperatorContext& context) override {
    RETURN_IF_ERROR(OwnedEncoder::Open(context));
    Gil gil;
    static PyObject* makes[2] = {nullptr, nullptr};
    PyObject* make = Imported(&makes[bulk_], "pyflinkpp.datastream.connectors._part_encoding",
                              bulk_ ? "BulkParts" : "EncodedParts");
    if (make == nullptr) return Failed();
    const PyRef object = Unpickled(pickle_);
    if (object) parts_ = PyRef::Steal(PyObject_CallOneArg(make, object.get()));
    return parts_ ? absl::OkStatus() : Failed();
  }

  absl::Status Begin() override {
    Gil gil;
    const PyRef begun = PyRef::Steal(PyObject_CallMethod(parts_.get(), "begin", nullptr));
    return begun ? absl::OkStatus() : Failed();
  }

  absl::Status Encode(RecordBatchView& view, size_t count, std::string& bytes,
                      std::vector<size_t>& ends) override {
    RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(take_.Follow(batch));
    Gil gil;
    ReleaseWaiting();
    const PyRef elements = PyRef::Steal(PyList_New(static_cast<Py_ssize_t>(count)));
    if (!elements) return Failed();
    for (size_t i = 0; i < count; ++i, ++view.position) {
      PyObject* element = take_(batch.row(view.position));
      if (element == nullptr) return CaptureError("the input of a file sink can't be read");
      PyList_SET_ITEM(elements.get(), static_cast<Py_ssize_t>(i), element);
    }
    const PyRef result =
        PyRef::Steal(PyObject_CallMethod(parts_.get(), "encode", "O", elements.get()));
    if (!result) return FailedAtElement();
    const size_t before = bytes.size();
    PyObject* encoded;
    PyObject* row_ends;
    if (!PyArg_ParseTuple(result.get(), "SO!", &encoded, &PyList_Type, &row_ends)) return Failed();
    bytes.append(PyBytes_AS_STRING(encoded), static_cast<size_t>(PyBytes_GET_SIZE(encoded)));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(row_ends); ++i) {
      ends.push_back(before + static_cast<size_t>(PyLong_AsSsize_t(PyList_GET_ITEM(row_ends, i))));
    }
    return absl::OkStatus();
  }

  absl::Status End(std::string& bytes) override {
    Gil gil;
    const PyRef rest = PyRef::Steal(PyObject_CallMethod(parts_.get(), "end", nullptr));
    if (!rest) return Failed();
    bytes.append(PyBytes_AS_STRING(rest.get()), static_cast<size_t>(PyBytes_GET_SIZE(rest.get())));
    return absl::OkStatus();
  }

  bool whole_rows() const override { return !bulk_; }

  void Close() override {
    Gil gil;
    parts_ = PyRef();
  }

 private:
  absl::Status FailedAtElement() const {
    PyRef element;
    {
      const ErrorAside aside;
      element = PyRef::Steal(PyObject_GetAttrString(parts_.get(), "element"));
      PyErr_Clear();
    }
    return Failed({.element = element.get()});
  }

  const std::string pickle_;
  const bool bulk_;
  PyRef parts_;
  InputRowTaker take_;
};

bool IsUtf8(const std::string& encoding) {
  const std::string name = absl::AsciiStrToLower(encoding);
  return name.empty() || name == "utf-8" || name == "utf8";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Operator>> MakePythonFileSink(
    std::span<const idl::OperatorNode> nodes, const SerializerFactory&) {
  const idl::FileSink& sink = nodes[0].spec.file_sink;
  std::unique_ptr<PartEncoder> encoder;
  if (sink.format != idl::PartFormat::TEXT) {
    encoder = std::make_unique<PythonPartEncoder>(nodes[0]);
  } else if (!IsUtf8(sink.encoding)) {
    encoder = std::make_unique<CharsetEncoder>(nodes[0].name, sink.encoding);
  }
  return MakeFileSinkOperator(sink, std::move(encoder));
}

}  // namespace pyflinkpp
