#include "native/result_collector.h"

#include <utility>

#include "native/gil.h"

namespace pyflinkpp {

ResultCollector::ResultCollector(std::shared_ptr<const TypeSerializer> output,
                                 const idl::TypeInformation& type, std::vector<idl::OutputTag> tags,
                                 std::vector<std::shared_ptr<const TypeSerializer>> sides)
    : main_(TargetOf(std::move(output), type)) {
  for (size_t i = 0; i < tags.size(); ++i) {
    sides_.push_back(TargetOf(std::move(sides[i]), tags[i].type));
    sides_.back().id = tags[i].id;
  }
}

ResultCollector::Target ResultCollector::TargetOf(std::shared_ptr<const TypeSerializer> serializer,
                                                  const idl::TypeInformation& type) {
  Target target;
  if (type.kind != idl::TypeKind::PICKLED) {
    target.normalizer.emplace(static_cast<const PythonSerializer&>(*serializer).coder(), type.kind);
  }
  target.serializer = std::move(serializer);
  return target;
}

bool ResultCollector::Open() {
  static PyObject* type = nullptr;
  tag_type_ = reinterpret_cast<PyTypeObject*>(
      Imported(&type, "pyflinkpp.datastream.output_tag", "OutputTag"));
  return tag_type_ != nullptr;
}

bool ResultCollector::Append(Target& target, int output, PyObject* result, int64_t timestamp,
                             Output& out) {
  if (target.normalizer && (result = target.normalizer->Normalize(result)) == nullptr) {
    type_that_failed_ = target.normalizer->coder().name();
    return false;
  }
  RecordBatch& batch = out.batch(target.serializer, output);
  batch.AppendRow(result);
  batch.timestamps().push_back(timestamp);
  return true;
}

bool ResultCollector::Collect(PyObject* result, int64_t timestamp, Output& out,
                              OperatorCounters& counters) {
  if (PyTuple_CheckExact(result) && PyTuple_GET_SIZE(result) == 2 &&
      Py_TYPE(PyTuple_GET_ITEM(result, 0)) == tag_type_) {
    const bool collected = CollectTagged(result, timestamp, out);
    Py_DECREF(result);
    return collected;
  }
  ++counters.records_out;
  return Append(main_, Output::kMain, result, timestamp, out);
}

// A tag that nobody asks for is dropped.
bool ResultCollector::CollectTagged(PyObject* result, int64_t timestamp, Output& out) {
  const PyRef id = PyRef::Steal(PyObject_GetAttrString(PyTuple_GET_ITEM(result, 0), "tag_id"));
  const char* text = id ? PyUnicode_AsUTF8(id.get()) : nullptr;
  if (text == nullptr) return false;
  for (size_t i = 0; i < sides_.size(); ++i) {
    if (sides_[i].id != text) continue;
    PyObject* value = PyTuple_GET_ITEM(result, 1);
    Py_INCREF(value);
    return Append(sides_[i], static_cast<int>(i), value, timestamp, out);
  }
  return true;
}

}  // namespace pyflinkpp
