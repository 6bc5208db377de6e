// Where the results of a Python function go: the main output or, as (tag, value), a side output.
#pragma once

#include <Python.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "native/python_serializer.h"
#include "native/type_coder.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// All methods need the interpreter's lock.
class ResultCollector {
 public:
  // `output`: the PythonSerializer of the operator's output type; `sides`: one for each tag.
  ResultCollector(std::shared_ptr<const TypeSerializer> output, const idl::TypeInformation& type,
                  std::vector<idl::OutputTag> tags,
                  std::vector<std::shared_ptr<const TypeSerializer>> sides);

  // False with an error set.
  bool Open();

  // Takes a result over and appends it. False with an error set: it doesn't fit the type;
  // `type_that_failed` names it.
  bool Collect(PyObject* result, int64_t timestamp, Output& out, OperatorCounters& counters);
  const std::string& type_that_failed() const { return type_that_failed_; }

 private:
  struct Target {
    std::shared_ptr<const TypeSerializer> serializer;
    std::optional<Normalizer> normalizer;  // none: any value
    std::string id;                        // of the tag
  };
  static Target TargetOf(std::shared_ptr<const TypeSerializer> serializer,
                         const idl::TypeInformation& type);
  bool Append(Target& target, int output, PyObject* result, int64_t timestamp, Output& out);
  bool CollectTagged(PyObject* result, int64_t timestamp, Output& out);

  Target main_;
  std::vector<Target> sides_;
  PyTypeObject* tag_type_ = nullptr;
  std::string type_that_failed_;
};

}  // namespace pyflinkpp
