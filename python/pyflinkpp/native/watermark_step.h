// The watermarks of an assign_timestamps step: C++'s generator or the user's.
#pragma once

#include <Python.h>

#include <map>
#include <memory>
#include <optional>

#include "core/time/watermark_generator.h"
#include "native/gil.h"
#include "native/user_function.h"
#include "runtime/operators/source_splits.h"

namespace pyflinkpp {

// A step behind a source (from_source) has a generator for each split, and gives the watermark of
// the subtask that follows from theirs. Another one has a single generator.
// All methods need the interpreter's lock.
class WatermarkStep {
 public:
  explicit WatermarkStep(const idl::PythonFunction& function)
      : strategy_(function.watermarks), of_source_(function.of_source) {}

  // False with an error set, as for the others. `splits`: of the chain's source.
  bool Open(int64_t now, SourceSplits* splits);

  // The elements that come now are of this split.
  bool Begin(int split) {
    if (splits_ == nullptr || (current_ != nullptr && split == current_split_)) return true;
    current_split_ = split;
    current_ = GeneratorOf(split);
    return current_ != nullptr;
  }
  // An element of this timestamp: `*watermark` is what has to follow it at once.
  bool OnEvent(PyObject* value, int64_t timestamp, std::optional<Watermark>* watermark) {
    current_->emitter.OnEvent();
    if (strategy_.generator == idl::WatermarkGeneratorKind::BOUNDED)
      current_->bounded.OnEvent(timestamp);
    return strategy_.generator != idl::WatermarkGeneratorKind::PYTHON ||
           AskUser(value, timestamp, watermark);
  }
  // Some elements have come: tells how far the split is.
  void End() {
    if (splits_ != nullptr && strategy_.generator == idl::WatermarkGeneratorKind::BOUNDED)
      splits_->Reach(current_split_, current_->bounded.watermark());
  }

  // When the periodic call is due; kMaxTimestamp: never.
  int64_t next() const { return splits_ != nullptr && splits_->stale() ? 0 : next_; }
  bool OnPeriodic(int64_t now, std::optional<Watermark>* watermark);

 private:
  struct Generator {
    explicit Generator(const idl::WatermarkStrategy& strategy)
        : bounded(strategy.max_out_of_orderness_ms), emitter(strategy.idle_timeout_ms) {}

    BoundedOutOfOrderness bounded;
    WatermarkEmitter emitter;
    PyRef user;    // the user's
    PyRef output;  // what it sends watermarks to
  };

  std::unique_ptr<Generator> MakeGenerator();
  // Made when it is first asked for; null with an error set.
  Generator* GeneratorOf(int split);
  bool Periodic(Generator& generator, int64_t now, std::optional<Watermark>* watermark);
  bool AskUser(PyObject* value, int64_t timestamp, std::optional<Watermark>* watermark);
  bool TakeFromUser(Generator& generator, std::optional<Watermark>* watermark);

  const idl::WatermarkStrategy strategy_;
  const bool of_source_;
  SourceSplits* splits_ = nullptr;  // of_source_ only
  std::map<int, std::unique_ptr<Generator>>
      generators_;  // by split; SourceSplits::kNone: the single one
  Generator* current_ = nullptr;
  int current_split_ = SourceSplits::kNone;
  PyRef supplier_;  // makes the user's generators
  int64_t next_ = kMaxTimestamp;
};

}  // namespace pyflinkpp
