// The interface of all operators.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"
#include "core/stream/stream_element.h"
#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

// What a call that may do a part of its work says.
enum class Progress {
  kDone,  // nothing is left of what was asked for
  kMore,  // call again: it stopped because the output is full or the context asked it to yield
  kWait,  // call again after OperatorContext::wake was called
};

// Where an operator's results go: a batch that its chain hands on when the call returns.
class Output {
 public:
  // The batch to append to; its rows have this serializer. At most one serializer is used between two hand-overs.
  RecordBatch& batch(const std::shared_ptr<const TypeSerializer>& serializer) {
    if (batch_ == nullptr) batch_ = std::make_unique<RecordBatch>(serializer);
    PFPP_DCHECK(batch_->serializer() == serializer);
    return *batch_;
  }
  // Hands on a whole batch. REQUIRES: nothing was appended since the last hand-over.
  void Emit(std::unique_ptr<RecordBatch> batch) {
    PFPP_CHECK(batch_ == nullptr);
    batch_ = std::move(batch);
  }
  // When full, an operator stops after the element in hand.
  bool full() const { return batch_ != nullptr && batch_->full(); }
  std::unique_ptr<RecordBatch> Take() { return std::move(batch_); }

 private:
  std::unique_ptr<RecordBatch> batch_;
};

struct OperatorCounters {
  int64_t records_in = 0;
  int64_t records_out = 0;
  int64_t late_dropped = 0;
  int64_t state_accesses = 0;
};

// What an operator may know and use. Lives as long as the operator; used on the task's loop except where said.
struct OperatorContext {
  Env& env;
  std::string task_name;  // "Source: lines -> Flat Map (1/2)"
  int subtask = 0;
  int parallelism = 1;
  int max_parallelism = 128;
  int attempt = 0;
  const std::map<std::string, std::string>& configuration;
  KeyedStateBackend* keyed_state = nullptr;      // null unless the operator's input is keyed
  std::function<void()> wake;                    // any thread: something that kWait waited for has happened
  std::function<void(std::string, std::string)> report_accumulator;  // name, bytes: at Close()
  std::span<OperatorCounters> counters;          // one for each JobGraph operator that this Operator runs
  const std::atomic<bool>* ticked = &kNever;     // a millisecond has passed
  const std::atomic<bool>* has_mail = &kNever;   // mail is waiting

  // Asked after each element of a slow operator: whether to stop and give the rest of the batch back to the loop.
  bool should_yield() const {
    return ticked->load(std::memory_order_relaxed) || has_mail->load(std::memory_order_relaxed);
  }
  static constexpr std::atomic<bool> kNever{false};
};

// Owned by its task; called by the task's loop only; never blocks. The calls come in this order: Open, then any number of
// ProcessBatch and ProcessWatermark, then Finish and Commit (a bounded job's end), and at last Close, which comes after
// every Open, however the task ended.
class Operator {
 public:
  virtual ~Operator() = default;

  virtual absl::Status Open(OperatorContext& context) = 0;

  // Consumes a prefix of `batch` by advancing its position: stops after the element in hand when the context says so or
  // the output is full, and is called again with the rest. May move rows out of the batch.
  // It counts records_in and records_out itself.
  virtual absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& batch, Output& output) = 0;

  // REQUIRES: every batch before it has been consumed. The chain forwards the watermark afterwards.
  virtual absl::Status ProcessWatermark(const Watermark& watermark, Output& output) {
    (void)watermark, (void)output;
    return absl::OkStatus();
  }

  // The input has ended: emits what is left.
  virtual absl::StatusOr<Progress> Finish(Output& output) {
    (void)output;
    return Progress::kDone;
  }

  // An operator with effects outside the engine makes them visible in Commit, which is called when every task of the
  // job has finished its input (in the place of the final checkpoint).
  virtual bool needs_commit() const { return false; }
  virtual absl::StatusOr<Progress> Commit() { return Progress::kDone; }

  virtual absl::Status Close() { return absl::OkStatus(); }
};

// The head of a source task. It has no input: Poll takes the place of ProcessBatch.
class SourceOperator : public Operator {
 public:
  // Emits at most one batch. kDone: the splits are read and no more will come.
  virtual absl::StatusOr<Progress> Poll(Output& output) = 0;
  virtual void AddSplits(std::vector<idl::SourceSplit> splits, bool no_more_splits) = 0;
  // Set before Open: asks the JobManager for a split; the answer comes by AddSplits.
  std::function<void()> request_split;

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView&, Output&) final {
    return absl::InternalError("a source has no input");
  }
};

}  // namespace pyflinkpp
