#include "native/function_runtime.h"

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/errors.h"
#include "native/python_serializer.h"
#include "native/type_descriptor.h"

namespace pyflinkpp {

namespace {

std::vector<std::weak_ptr<FunctionRuntime>>& Runtimes() {
  static auto* const runtimes = new std::vector<std::weak_ptr<FunctionRuntime>>;
  return *runtimes;
}

}  // namespace

std::shared_ptr<FunctionRuntime> FunctionRuntime::Make(OperatorContext& context,
                                                       std::string operator_name) {
  auto runtime = std::make_shared<FunctionRuntime>(context, std::move(operator_name));
  std::erase_if(Runtimes(), [](const auto& known) { return known.expired(); });
  Runtimes().push_back(runtime);
  return runtime;
}

std::vector<std::shared_ptr<FunctionRuntime>> FunctionRuntime::OpenOnes(
    const std::string& operator_name) {
  std::vector<std::shared_ptr<FunctionRuntime>> open;
  for (const auto& known : Runtimes()) {
    auto runtime = known.lock();
    if (runtime != nullptr && !runtime->closed() && runtime->operator_name_ == operator_name) {
      open.push_back(std::move(runtime));
    }
  }
  return open;
}

PyObject* FunctionRuntime::Inspect() const {
  PyRef states = PyRef::Steal(PyDict_New());
  for (const auto& cell : cells_) {
    const PyRef values = PyRef::Steal(PyDict_New());
    bool failed = !values;
    const absl::Status scanned =
        cell->state->Scan(nullptr, [&](absl::string_view key, const std::byte* row) {
          if (cell->of_window) key.remove_suffix(sizeof(Namespace));
          const PyRef object = PyRef::Steal(keys_->Decode(key));
          failed = failed || !object ||
                   PyDict_SetItem(values.get(), object.get(),
                                  *reinterpret_cast<PyObject* const*>(row)) < 0;
          return !failed;
        });
    if (failed || !states ||
        PyDict_SetItemString(states.get(), cell->name.c_str(), values.get()) < 0) {
      return nullptr;
    }
    if (!scanned.ok()) {
      RaiseStatus(scanned);
      return nullptr;
    }
  }
  const auto timers_of = [&](const TimerQueue& queue) {
    PyRef list = PyRef::Steal(PyList_New(0));
    queue.ForEach([&](const TimerQueue::Timer& timer) {
      if (!list) return;
      PyRef key = PyRef::Steal(keys_->Decode(timer.record_key().bytes()));
      const PyRef pair = PyRef::Steal(
          key ? Py_BuildValue("(OL)", key.get(), static_cast<long long>(timer.timestamp))
              : nullptr);
      if (!pair || PyList_Append(list.get(), pair.get()) < 0) list = PyRef();
    });
    return list;
  };
  const PyRef event = timers_of(event_timers);
  const PyRef processing = timers_of(processing_timers);
  if (!event || !processing) return nullptr;
  return Py_BuildValue("{s:O,s:O,s:O}", "states", states.get(), "event_time_timers", event.get(),
                       "processing_time_timers", processing.get());
}

absl::Status FunctionRuntime::RegisterTimers() {
  if (!keyed_ || context_->keyed_state == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(context_->keyed_state->RegisterEntries("event-timers", &event_timers));
  return context_->keyed_state->RegisterEntries("processing-timers", &processing_timers);
}

bool FunctionRuntime::Open(bool keyed, const idl::TypeInformation* key_type) {
  keyed_ = keyed;
  std::shared_ptr<const TypeCoder> coder;
  if (!MakeKeyCoder(key_type, &coder)) return false;
  keys_ = std::make_unique<KeyDecoder>(std::move(coder));
  return true;
}

void FunctionRuntime::Close() {
  End();
  cells_.clear();
  context_ = nullptr;
}

absl::Status FunctionRuntime::Prefetch(std::span<const RecordKey> keys) {
  if (cells_.empty() || cells_.front()->of_window) return absl::OkStatus();
  return cells_.front()->state->Prefetch(keys);
}

absl::Status FunctionRuntime::Flush() {
  int64_t accesses = 0;
  for (const auto& cell : cells_) {
    RETURN_IF_ERROR(cell->state->Flush());
    accesses += cell->state->accesses();
  }
  context_->counters[0].state_accesses = accesses;
  return absl::OkStatus();
}

absl::Status FunctionRuntime::ClearStates() {
  for (const auto& cell : cells_) RETURN_IF_ERROR(cell->state->Clear());
  return absl::OkStatus();
}

PyObject* FunctionRuntime::KeyObject() {
  if (key_ == nullptr) {
    PyErr_Format(
        PyExc_RuntimeError, "operator '%s' has no key here: call key_by() before it%s",
        operator_name_.c_str(),
        keyed_ ? ", and ask for the key only while an element or a timer is processed" : "");
    return nullptr;
  }
  if (!key_object_) key_object_ = PyRef::Steal(keys_->Decode(key_->bytes()));
  Py_XINCREF(key_object_.get());
  return key_object_.get();
}

const RecordKey* FunctionRuntime::KeyOf(const StateCell& cell) {
  if (key_ == nullptr) {
    PyErr_Format(
        PyExc_RuntimeError,
        "the keyed state '%s' of operator '%s' was used without a key: state may only be used "
        "while an element of a "
        "keyed stream or a timer is processed, not in open(), close() or for a broadcast element",
        cell.name.c_str(), operator_name_.c_str());
    return nullptr;
  }
  if (!cell.of_window) return key_;
  window_key_bytes_.resize(key_->size + sizeof(Namespace));
  window_key_ = NamespacedKey(*key_, window, context_->max_parallelism, window_key_bytes_.data());
  return &window_key_;
}

PointInHand::PointInHand(FunctionRuntime* runtime, PyObject* element, bool with_key) {
  point.element = element;
  if (runtime == nullptr) return;
  point.timestamp = runtime->timestamp();
  point.timer = runtime->time_domain();
  if (!with_key || runtime->key() == nullptr) return;
  const ErrorAside aside;
  key_ = PyRef::Steal(runtime->KeyObject());
  PyErr_Clear();
  point.key = key_.get();
}

StateCell* FunctionRuntime::MakeCell(const std::string& name, PyObject* type_descriptor,
                                     bool of_window, int64_t time_to_live_ms) {
  if (!keyed_ || context_->keyed_state == nullptr) {
    PyErr_Format(PyExc_RuntimeError,
                 "the state '%s' needs keys, but operator '%s' has none: call key_by() before it",
                 name.c_str(), operator_name_.c_str());
    return nullptr;
  }
  idl::TypeInformation type;
  try {
    type = TypeFromDescriptor(pybind11::reinterpret_borrow<pybind11::object>(type_descriptor));
  } catch (const pybind11::value_error& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
    return nullptr;
  }
  auto cell = std::make_unique<StateCell>();
  cell->name = name;
  cell->of_window = of_window;
  cell->coder = MakeCoder(type);
  if (cell->coder == nullptr) return nullptr;
  if (type.kind != idl::TypeKind::PICKLED)
    cell->normalizer = std::make_unique<Normalizer>(*cell->coder, type.kind);
  if (type.kind == idl::TypeKind::LIST || type.kind == idl::TypeKind::MAP) {
    for (size_t i = 0; i < type.children.size() && i < 2; ++i) {
      if (type.children[i].kind == idl::TypeKind::PICKLED) continue;
      cell->child_coders[i] = MakeCoder(type.children[i]);
      if (cell->child_coders[i] == nullptr) return nullptr;
      cell->children[i] =
          std::make_unique<Normalizer>(*cell->child_coders[i], type.children[i].kind);
    }
  }
  auto state = context_->keyed_state->CreateValueState(
      absl::StrCat(of_window ? "window:" : "user:", name),
      std::make_shared<PythonSerializer>(cell->coder),
      of_window ? KeyShape::kNamespacedKey : KeyShape::kKey, time_to_live_ms);
  if (!state.ok()) {
    RaiseStatus(state.status());
    return nullptr;
  }
  cell->state = *std::move(state);
  cells_.push_back(std::move(cell));
  return cells_.back().get();
}

}  // namespace pyflinkpp
