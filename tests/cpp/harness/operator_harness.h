// Drives one Operator the way its task would, a call at a time.
//
//   OperatorHarness harness(MakePrintSink(spec));
//   ASSERT_TRUE(harness.Open().ok());
//   ASSERT_TRUE(harness.Push(Longs({1, 2})).ok());
//   ASSERT_TRUE(harness.Finish().ok());
//   EXPECT_EQ(harness.env().console.out, "1\n2\n");
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/graph/key_groups.h"
#include "harness/batches.h"
#include "harness/test_env.h"
#include "runtime/operators/operator.h"
#include "state/memory/memory_keyed_state_backend.h"

namespace pyflinkpp::harness {

// Owns the operator and everything it may know: a clock under the test's hand, keyed state in
// memory, counters. What the operator emits is kept in `outputs`. Calls that answer kMore or kWait
// are made again, kWait after the operator's wake; `calls` counts them.
class OperatorHarness {
 public:
  struct Setup {
    int subtask = 0;
    int parallelism = 1;
    int max_parallelism = 128;
    size_t operators = 1;  // JobGraph operators that the Operator runs: so many counters
  };

  explicit OperatorHarness(std::unique_ptr<Operator> op)
      : OperatorHarness(std::move(op), Setup()) {}
  OperatorHarness(std::unique_ptr<Operator> op, const Setup& setup)
      : setup_(setup),
        counters_(setup.operators),
        state_(MakeMemoryKeyedStateBackend(
            KeyGroupsOfSubtask(setup.subtask, setup.parallelism, setup.max_parallelism),
            setup.max_parallelism)),
        context_{.env = env_.env,
                 .task_name = "test",
                 .subtask = setup.subtask,
                 .parallelism = setup.parallelism,
                 .max_parallelism = setup.max_parallelism,
                 .configuration = configuration_,
                 .keyed_state = state_.get(),
                 .wake = [this] { ++wakes_; },
                 .report_accumulator =
                     [this](std::string name, std::string bytes) {
                       accumulators[std::move(name)].push_back(std::move(bytes));
                     },
                 .counters = counters_,
                 .ticked = &yield_},
        op_(std::move(op)) {}
  // As a task does, whatever happened before.
  ~OperatorHarness() { Close().IgnoreError(); }

  TestEnv& env() { return env_; }
  std::map<std::string, std::string>& configuration() { return configuration_; }
  Operator& op() { return *op_; }
  const OperatorCounters& counters(size_t index = 0) const { return counters_[index]; }
  // From now on the operator is asked to stop after each element.
  void YieldAlways(bool yield) { yield_ = yield; }

  absl::Status Open() {
    opened_ = true;
    return op_->Open(context_);
  }
  // Hands over a batch and calls until it is consumed.
  absl::Status Push(std::unique_ptr<RecordBatch> batch, int input = 0) {
    RecordBatchView view{batch.get()};
    while (!view.done()) {
      const size_t before = view.position;
      ASSIGN_OR_RETURN(const Progress progress, Called(op_->ProcessBatch(input, view, output_)));
      if (progress == Progress::kMore && view.position == before && !emitted_) {
        return absl::InternalError("the operator makes no progress");
      }
      RETURN_IF_ERROR(WaitIf(progress));
    }
    return absl::OkStatus();
  }
  absl::Status PushWatermark(int64_t timestamp) {
    return Repeat([&] { return op_->ProcessWatermark({timestamp, false}, output_); });
  }
  // Tells the operator the clock's time as often as it wants.
  absl::Status RunProcessingTime() {
    while (op_->next_processing_time() <= env_.clock.NowMillis()) {
      const absl::Status status = op_->OnProcessingTime(env_.clock.NowMillis(), output_);
      TakeOutput();
      RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  }
  // A source: polls once.
  absl::StatusOr<Progress> Poll() { return Called(source().Poll(output_)); }
  // A source: polls until it has no more.
  absl::Status PollAll() {
    return Repeat([this] { return source().Poll(output_); });
  }
  absl::Status Finish() {
    return Repeat([this] { return op_->Finish(output_); });
  }
  absl::Status Commit() {
    return Repeat([this] { return op_->Commit(output_); });
  }
  absl::Status Close() { return std::exchange(opened_, false) ? op_->Close() : absl::OkStatus(); }

  std::vector<std::unique_ptr<RecordBatch>> outputs;  // one for each call that emitted something
  std::map<int, std::vector<std::unique_ptr<RecordBatch>>>
      side_outputs;                   // by position of their tag
  std::vector<Watermark> watermarks;  // of the operator's own
  std::map<std::string, std::vector<std::string>> accumulators;
  int calls = 0;

  // All that was emitted, each value as a sink would print it.
  std::vector<std::string> Texts() const {
    std::vector<std::string> texts;
    for (const auto& batch : outputs) {
      for (std::string& text : TextsOf(*batch)) texts.push_back(std::move(text));
    }
    return texts;
  }

 private:
  SourceOperator& source() { return dynamic_cast<SourceOperator&>(*op_); }

  void TakeOutput() {
    std::unique_ptr<RecordBatch> batch = output_.Take();
    emitted_ = batch != nullptr && !batch->empty();
    if (emitted_) outputs.push_back(std::move(batch));
    for (int side = 0; side < output_.side_outputs(); ++side) {
      if (batch = output_.Take(side); batch != nullptr && !batch->empty()) {
        side_outputs[side].push_back(std::move(batch));
        emitted_ = true;
      }
    }
    if (const auto watermark = output_.TakeWatermark()) watermarks.push_back(*watermark);
  }
  absl::StatusOr<Progress> Called(absl::StatusOr<Progress> progress) {
    ++calls;
    TakeOutput();
    return progress;
  }
  template <class Call>
  absl::Status Repeat(Call call) {
    for (;;) {
      ASSIGN_OR_RETURN(const Progress progress, Called(call()));
      if (progress == Progress::kDone) return absl::OkStatus();
      RETURN_IF_ERROR(WaitIf(progress));
    }
  }
  // After kWait: runs work of the executor until the operator is woken.
  absl::Status WaitIf(Progress progress) {
    if (progress != Progress::kWait) return absl::OkStatus();
    while (wakes_ == 0) {
      if (!env_.io.RunOne())
        return absl::InternalError("the operator waits, and nothing will wake it");
    }
    wakes_ = 0;
    return absl::OkStatus();
  }

  const Setup setup_;
  TestEnv env_;
  std::map<std::string, std::string> configuration_;
  std::vector<OperatorCounters> counters_;
  std::unique_ptr<KeyedStateBackend> state_;
  std::atomic<bool> yield_ = false;
  int wakes_ = 0;
  bool opened_ = false;
  bool emitted_ = false;
  Output output_;
  OperatorContext context_;
  std::unique_ptr<Operator> op_;  // destroyed before what it uses
};

}  // namespace pyflinkpp::harness
