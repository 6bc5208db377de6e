// An operator that does what a test tells it and writes down what it was asked to do.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "harness/tracked_serializer.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp::harness {

using CallLog = std::vector<std::string>;

// What a FakeOperator does besides appending its name to each text. It works on values of a
// TrackedSerializer.
struct Behavior {
  std::string name = {};
  int copies = 1;                                           // results for each element
  bool yields = false;                                      // stops after each element
  bool between_elements = false;                            // and says so
  size_t output_max = std::numeric_limits<size_t>::max();   // stops when so much is in its output
  std::string waits_at = {};                                // before this text: kWait, once
  std::function<void(const std::string&)> on_element = {};  // called for each text
  std::string fails_at = {};
  bool emits_at_watermarks = false;
  int finish_parts = 0;  // calls of Finish that emit something and want another
  int finish_waits = 0;  // calls of Finish before these that say kWait
  bool commits = false;
  int commit_waits = 0;
  absl::Status open = {}, finish = {}, commit = {}, close = {};
};

class FakeOperator final : public Operator {
 public:
  FakeOperator(Behavior behavior, CallLog& log, std::shared_ptr<const TrackedSerializer> serializer)
      : behavior_(std::move(behavior)), log_(log), serializer_(std::move(serializer)) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    Log("open");
    return behavior_.open;
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    size_t emitted = 0;
    while (!view.done()) {
      const std::string text = serializer_->Get(view.batch->row(view.position));
      if (text == behavior_.fails_at) return absl::InvalidArgumentError("failed at " + text);
      if (text == behavior_.waits_at && !std::exchange(waited_, true)) {
        Log("waits");
        return Progress::kWait;
      }
      if (emitted >= behavior_.output_max) return Progress::kMore;
      Log(text);
      if (behavior_.on_element) behavior_.on_element(text);
      ++context_->counters[0].records_in;
      for (int copy = 0; copy < behavior_.copies; ++copy) {
        Emit(text + behavior_.name, output);
        ++emitted;
      }
      ++view.position;
      if (behavior_.yields || context_->should_yield()) break;
    }
    return view.done() ? Progress::kDone : Progress::kMore;
  }

  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) override {
    Log("W" + std::to_string(watermark.timestamp));
    if (behavior_.emits_at_watermarks) Emit("w" + behavior_.name, output);
    return Progress::kDone;
  }

  absl::StatusOr<Progress> Finish(Output& output) override {
    Log("finish");
    if (!behavior_.finish.ok()) return behavior_.finish;
    if (behavior_.finish_waits-- > 0) return Progress::kWait;
    if (behavior_.finish_parts-- <= 0) return Progress::kDone;
    Emit("f" + behavior_.name, output);
    return Progress::kMore;
  }

  bool between_elements() const override { return behavior_.between_elements; }
  bool needs_commit() const override { return behavior_.commits; }
  absl::StatusOr<Progress> Commit(Output&) override {
    Log("commit");
    if (!behavior_.commit.ok()) return behavior_.commit;
    return behavior_.commit_waits-- > 0 ? Progress::kWait : Progress::kDone;
  }

  absl::Status Close() override {
    Log("close");
    if (context_->report_accumulator) context_->report_accumulator("closed", behavior_.name);
    return behavior_.close;
  }

 private:
  void Log(const std::string& what) { log_.push_back(behavior_.name + " " + what); }
  void Emit(const std::string& text, Output& output) {
    serializer_->Put(output.batch(serializer_).Append(1), text);
    ++context_->counters[0].records_out;
  }

  Behavior behavior_;
  CallLog& log_;
  const std::shared_ptr<const TrackedSerializer> serializer_;
  OperatorContext* context_ = nullptr;
  bool waited_ = false;
};

}  // namespace pyflinkpp::harness
