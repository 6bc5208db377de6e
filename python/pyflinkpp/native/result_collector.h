// Where the results of a Python function go: the main output or, as (tag, value), a side output.
#pragma once

#include <Python.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "native/python_serializer.h"
#include "native/type_coder.h"
#include "runtime/operators/registry.h"

namespace pyflinkpp {

// The serializers of side outputs, one for each tag.
absl::StatusOr<std::vector<std::shared_ptr<const TypeSerializer>>> SideSerializers(
    const std::vector<idl::OutputTag>& tags, const SerializerFactory& serializers);

// All methods need the interpreter's lock.
class ResultCollector {
 public:
  // `output`: the PythonSerializer of the operator's output type; `sides`: one for each tag.
  ResultCollector(std::shared_ptr<const TypeSerializer> output, const idl::TypeInformation& type,
                  const std::vector<idl::OutputTag>& tags,
                  std::vector<std::shared_ptr<const TypeSerializer>> sides);

  // False with an error set.
  bool Open();

  // Takes a result over and appends it to the batch of its output, which is
  // `out.batch(serializer, output)`. Null with an error set: it doesn't fit its type, which
  // type_that_failed() names; null with dropped(): nobody takes its tag.
  template <class Out>
  RecordBatch* Collect(PyObject* result, Out& out, int* output) {
    const Target* target = Sort(&result, output);
    if (target == nullptr) return nullptr;
    RecordBatch& batch = out.batch(target->serializer, *output);
    batch.AppendRow(result);
    return &batch;
  }
  bool dropped() const { return dropped_; }
  const std::string& type_that_failed() const { return type_that_failed_; }

 private:
  struct Target {
    std::shared_ptr<const TypeSerializer> serializer;
    std::optional<Normalizer> normalizer;  // none: any value
    std::string id;                        // of the tag
  };
  static Target TargetOf(std::shared_ptr<const TypeSerializer> serializer,
                         const idl::TypeInformation& type);
  // The target of a result, which becomes the normal value.
  const Target* Sort(PyObject** result, int* output);
  const Target* SortTagged(PyObject** result, int* output);
  const Target* Normal(const Target& target, PyObject** result);

  Target main_;
  std::vector<Target> sides_;
  PyTypeObject* tag_type_ = nullptr;
  bool dropped_ = false;
  std::string type_that_failed_;
};

}  // namespace pyflinkpp
