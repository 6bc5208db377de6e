#include "native/watermark_step.h"

#include <utility>

namespace pyflinkpp {

bool WatermarkStep::Open(int64_t now, SourceSplits* splits) {
  if (of_source_) splits_ = splits;
  if (strategy_.interval_ms > 0 && strategy_.generator != idl::WatermarkGeneratorKind::NONE)
    next_ = now + strategy_.interval_ms;
  if (strategy_.generator == idl::WatermarkGeneratorKind::PYTHON) {
    supplier_ = Unpickled(strategy_.pickle);
    if (!supplier_) return false;
  }
  if (splits_ != nullptr) return true;
  current_ = GeneratorOf(SourceSplits::kNone);
  return current_ != nullptr;
}

std::unique_ptr<WatermarkStep::Generator> WatermarkStep::MakeGenerator() {
  auto generator = std::make_unique<Generator>(strategy_);
  if (strategy_.generator != idl::WatermarkGeneratorKind::PYTHON) return generator;
  static PyObject* output_type = nullptr;
  if (Imported(&output_type, "pyflinkpp.datastream._watermark_runtime", "CollectedWatermarks") ==
      nullptr) {
    return nullptr;
  }
  generator->user = PyRef::Steal(PyObject_CallNoArgs(supplier_.get()));
  generator->output = PyRef::Steal(generator->user ? PyObject_CallNoArgs(output_type) : nullptr);
  return generator->output ? std::move(generator) : nullptr;
}

WatermarkStep::Generator* WatermarkStep::GeneratorOf(int split) {
  std::unique_ptr<Generator>& generator = generators_[split];
  if (generator == nullptr) generator = MakeGenerator();
  return generator.get();
}

bool WatermarkStep::OnPeriodic(int64_t now, std::optional<Watermark>* watermark) {
  const bool due = next_ <= now;
  if (due) next_ = now + strategy_.interval_ms;
  if (splits_ == nullptr) return Periodic(*current_, now, watermark);

  std::erase_if(generators_, [&](const auto& entry) { return !splits_->lives(entry.first); });
  if (!splits_->lives(current_split_)) current_ = nullptr;
  if (splits_->stale()) *watermark = splits_->Combine();
  if (!due) return true;
  for (const SourceSplits::Split& split : splits_->live()) {
    Generator* generator = GeneratorOf(split.id);
    std::optional<Watermark> of_split;
    // A split that waits for other sources is not without elements.
    if (generator != nullptr && splits_->paused(split.id)) generator->emitter.OnEvent();
    if (generator == nullptr || !Periodic(*generator, now, &of_split)) return false;
    if (!of_split) continue;
    if (const auto combined = splits_->Advance(split.id, *of_split)) *watermark = combined;
  }
  return true;
}

bool WatermarkStep::Periodic(Generator& generator, int64_t now,
                             std::optional<Watermark>* watermark) {
  if (strategy_.generator == idl::WatermarkGeneratorKind::BOUNDED) {
    *watermark = generator.emitter.Periodic(generator.bounded.watermark(), now);
    return true;
  }
  const PyRef called = PyRef::Steal(
      PyObject_CallMethod(generator.user.get(), "on_periodic_emit", "O", generator.output.get()));
  if (!called || !TakeFromUser(generator, watermark)) return false;
  if (!*watermark) *watermark = generator.emitter.Periodic(kMinTimestamp, now);  // may be idle
  return true;
}

bool WatermarkStep::AskUser(PyObject* value, int64_t timestamp,
                            std::optional<Watermark>* watermark) {
  const PyRef called =
      PyRef::Steal(PyObject_CallMethod(current_->user.get(), "on_event", "OLO", value,
                                       static_cast<long long>(timestamp), current_->output.get()));
  if (!called || !TakeFromUser(*current_, watermark)) return false;
  if (*watermark && splits_ != nullptr) *watermark = splits_->Advance(current_split_, **watermark);
  return true;
}

// What the user's generator has sent since the last call: None, True (idle) or a timestamp.
bool WatermarkStep::TakeFromUser(Generator& generator, std::optional<Watermark>* watermark) {
  const PyRef sent = PyRef::Steal(PyObject_CallMethod(generator.output.get(), "take", nullptr));
  if (!sent) return false;
  if (sent.get() == Py_None) return true;
  if (sent.get() == Py_True) {
    *watermark = generator.emitter.MarkIdle();
    return true;
  }
  const int64_t timestamp = PyLong_AsLongLong(sent.get());
  if (timestamp == -1 && PyErr_Occurred()) return false;
  *watermark = generator.emitter.Advance(timestamp);
  return true;
}

}  // namespace pyflinkpp
