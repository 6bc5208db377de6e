#include "native/result_collector.h"

#include <utility>

#include "core/base/status.h"
#include "native/gil.h"

namespace pyflinkpp {

absl::StatusOr<std::vector<std::shared_ptr<const TypeSerializer>>> SideSerializers(
    const std::vector<idl::OutputTag>& tags, const SerializerFactory& serializers) {
  std::vector<std::shared_ptr<const TypeSerializer>> sides;
  for (const idl::OutputTag& tag : tags) {
    ASSIGN_OR_RETURN(auto side, serializers(tag.type));
    sides.push_back(std::move(side));
  }
  return sides;
}

ResultCollector::ResultCollector(std::shared_ptr<const TypeSerializer> output,
                                 const idl::TypeInformation& type,
                                 const std::vector<idl::OutputTag>& tags,
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

const ResultCollector::Target* ResultCollector::Normal(const Target& target, PyObject** result) {
  if (target.normalizer && (*result = target.normalizer->Normalize(*result)) == nullptr) {
    type_that_failed_ = target.normalizer->coder().name();
    return nullptr;
  }
  return &target;
}

const ResultCollector::Target* ResultCollector::Sort(PyObject** result, int* output) {
  dropped_ = false;
  if (PyTuple_CheckExact(*result) && PyTuple_GET_SIZE(*result) == 2 &&
      Py_TYPE(PyTuple_GET_ITEM(*result, 0)) == tag_type_) {
    return SortTagged(result, output);
  }
  *output = Output::kMain;
  return Normal(main_, result);
}

const ResultCollector::Target* ResultCollector::SortTagged(PyObject** result, int* output) {
  const PyRef tagged = PyRef::Steal(*result);
  const PyRef id =
      PyRef::Steal(PyObject_GetAttrString(PyTuple_GET_ITEM(tagged.get(), 0), "tag_id"));
  const char* text = id ? PyUnicode_AsUTF8(id.get()) : nullptr;
  if (text == nullptr) return nullptr;
  for (size_t i = 0; i < sides_.size(); ++i) {
    if (sides_[i].id != text) continue;
    *result = PyTuple_GET_ITEM(tagged.get(), 1);
    Py_INCREF(*result);
    *output = static_cast<int>(i);
    return Normal(sides_[i], result);
  }
  dropped_ = true;
  return nullptr;
}

}  // namespace pyflinkpp
