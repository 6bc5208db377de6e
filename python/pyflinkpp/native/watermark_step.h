// The watermarks of an assign_timestamps step: C++'s generator or the user's.
#pragma once

#include <Python.h>

#include <optional>

#include "core/time/watermark_generator.h"
#include "native/gil.h"
#include "native/user_function.h"

namespace pyflinkpp {

// All methods need the interpreter's lock.
class WatermarkStep {
 public:
  explicit WatermarkStep(const idl::WatermarkStrategy& strategy)
      : strategy_(strategy),
        bounded_(strategy.max_out_of_orderness_ms),
        emitter_(strategy.idle_timeout_ms) {}

  // False with an error set, as for the others.
  bool Open(int64_t now);

  // An element of this timestamp: `*watermark` is what has to follow it at once.
  bool OnEvent(PyObject* value, int64_t timestamp, std::optional<Watermark>* watermark) {
    emitter_.OnEvent();
    if (strategy_.generator == idl::WatermarkGeneratorKind::BOUNDED) bounded_.OnEvent(timestamp);
    return strategy_.generator != idl::WatermarkGeneratorKind::PYTHON ||
           AskUser(value, timestamp, watermark);
  }

  // When the periodic call is due; kMaxTimestamp: never.
  int64_t next() const { return next_; }
  bool OnPeriodic(int64_t now, std::optional<Watermark>* watermark);

 private:
  bool AskUser(PyObject* value, int64_t timestamp, std::optional<Watermark>* watermark);
  bool TakeFromUser(std::optional<Watermark>* watermark);

  const idl::WatermarkStrategy strategy_;
  BoundedOutOfOrderness bounded_;
  WatermarkEmitter emitter_;
  int64_t next_ = kMaxTimestamp;
  PyRef generator_;  // the user's
  PyRef output_;     // what it sends watermarks to
};

}  // namespace pyflinkpp
