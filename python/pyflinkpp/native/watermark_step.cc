#include "native/watermark_step.h"

namespace pyflinkpp {

bool WatermarkStep::Open(int64_t now) {
  if (strategy_.interval_ms > 0 && strategy_.generator != idl::WatermarkGeneratorKind::NONE)
    next_ = now + strategy_.interval_ms;
  if (strategy_.generator != idl::WatermarkGeneratorKind::PYTHON) return true;
  static PyObject* output_type = nullptr;
  if (Imported(&output_type, "pyflinkpp.datastream._watermark_runtime", "CollectedWatermarks") ==
      nullptr) {
    return false;
  }
  const PyRef supplier = Unpickled(strategy_.pickle);
  if (supplier) generator_ = PyRef::Steal(PyObject_CallNoArgs(supplier.get()));
  output_ = PyRef::Steal(generator_ ? PyObject_CallNoArgs(output_type) : nullptr);
  return static_cast<bool>(output_);
}

bool WatermarkStep::OnPeriodic(int64_t now, std::optional<Watermark>* watermark) {
  next_ = now + strategy_.interval_ms;
  if (strategy_.generator == idl::WatermarkGeneratorKind::BOUNDED) {
    *watermark = emitter_.Periodic(bounded_.watermark(), now);
    return true;
  }
  const PyRef called =
      PyRef::Steal(PyObject_CallMethod(generator_.get(), "on_periodic_emit", "O", output_.get()));
  if (!called || !TakeFromUser(watermark)) return false;
  if (!*watermark) *watermark = emitter_.Periodic(kMinTimestamp, now);  // may be idle
  return true;
}

bool WatermarkStep::AskUser(PyObject* value, int64_t timestamp,
                            std::optional<Watermark>* watermark) {
  const PyRef called =
      PyRef::Steal(PyObject_CallMethod(generator_.get(), "on_event", "OLO", value,
                                       static_cast<long long>(timestamp), output_.get()));
  return called && TakeFromUser(watermark);
}

// What the user's generator has sent since the last call: None, True (idle) or a timestamp.
bool WatermarkStep::TakeFromUser(std::optional<Watermark>* watermark) {
  const PyRef sent = PyRef::Steal(PyObject_CallMethod(output_.get(), "take", nullptr));
  if (!sent) return false;
  if (sent.get() == Py_None) return true;
  if (sent.get() == Py_True) {
    *watermark = emitter_.MarkIdle();
    return true;
  }
  const int64_t timestamp = PyLong_AsLongLong(sent.get());
  if (timestamp == -1 && PyErr_Occurred()) return false;
  *watermark = emitter_.Advance(timestamp);
  return true;
}

}  // namespace pyflinkpp
