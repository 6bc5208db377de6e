// The interface of all operators.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"
#include "core/stream/stream_element.h"
#include "runtime/operators/snapshot.h"
#include "runtime/operators/source_splits.h"
#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

// What a call that may do a part of its work says.
enum class Progress {
  kDone,  // nothing is left of what was asked for
  kMore,  // call again: it stopped because the output is full or the context asked it to yield
  kWait,  // call again after OperatorContext::wake was called
};

// Where an operator's results go: batches that its chain hands on when the call returns, the main
// one and one for each side output, and behind them at most one watermark.
class Output {
 public:
  static constexpr int kMain = -1;

  // The batch to append to; its rows have this serializer. At most one serializer an output is used
  // between two hand-overs.
  RecordBatch& batch(const std::shared_ptr<const TypeSerializer>& serializer, int output = kMain) {
    std::unique_ptr<RecordBatch>& batch = Slot(output);
    if (batch == nullptr) batch = std::make_unique<RecordBatch>(serializer);
    PFPP_DCHECK(batch->serializer() == serializer);
    return *batch;
  }
  // Hands on a whole batch. REQUIRES: nothing was appended since the last hand-over.
  void Emit(std::unique_ptr<RecordBatch> batch) {
    PFPP_CHECK(batch_ == nullptr);
    batch_ = std::move(batch);
  }
  // Sends a watermark of the operator's own, which has to replace those of its input
  // (Operator::makes_watermarks). The operator stops after the element in hand.
  void EmitWatermark(const Watermark& watermark) { watermark_ = watermark; }

  // When full, an operator stops after the element in hand.
  bool full() const {
    if (batch_ != nullptr && batch_->full()) return true;
    for (const auto& side : side_) {
      if (side != nullptr && side->full()) return true;
    }
    return watermark_.has_value();
  }
  std::unique_ptr<RecordBatch> Take(int output = kMain) { return std::move(Slot(output)); }
  std::optional<Watermark> TakeWatermark() { return std::exchange(watermark_, std::nullopt); }
  int side_outputs() const { return static_cast<int>(side_.size()); }  // that were used so far

 private:
  std::unique_ptr<RecordBatch>& Slot(int output) {
    if (output == kMain) return batch_;
    if (output >= side_outputs()) side_.resize(static_cast<size_t>(output) + 1);
    return side_[static_cast<size_t>(output)];
  }

  std::unique_ptr<RecordBatch> batch_;
  std::vector<std::unique_ptr<RecordBatch>> side_;
  std::optional<Watermark> watermark_;
};

struct OperatorCounters {
  int64_t records_in = 0;
  int64_t records_out = 0;
  int64_t late_dropped = 0;
  int64_t state_accesses = 0;
};

// What an operator may know and use. Lives as long as the operator; used on the task's loop except
// where said.
struct OperatorContext {
  Env& env;
  std::string task_name;  // "Source: lines -> Flat Map (1/2)"
  std::string job_id = {};
  int subtask = 0;
  int parallelism = 1;
  int max_parallelism = 128;
  int attempt = 0;
  const std::map<std::string, std::string>& configuration;
  KeyedStateBackend* keyed_state = nullptr;  // null unless the operator's input is keyed
  SourceSplits* splits = nullptr;            // of the chain's source; null when it has none
  std::function<void()> wake;  // any thread: something that kWait waited for has happened
  std::function<void(std::string, std::string)> report_accumulator;  // name, bytes: at Close()
  std::span<OperatorCounters> counters;  // one for each JobGraph operator that this Operator runs
  std::span<const idl::OperatorState> restored;  // the same, from a checkpoint; else empty
  int64_t restored_checkpoint = 0;
  bool checkpoints = false;                     // are taken while the job runs
  const std::atomic<bool>* ticked = &kNever;    // a millisecond has passed
  const std::atomic<bool>* has_mail = &kNever;  // mail is waiting

  // Asked after each element of a slow operator: whether to stop and give the rest of the batch
  // back to the loop.
  bool should_yield() const {
    return ticked->load(std::memory_order_relaxed) || has_mail->load(std::memory_order_relaxed);
  }
  static constexpr std::atomic<bool> kNever{false};
};

// Owned by its task; called by the task's loop only; never blocks. The calls come in this order:
// Open, then any number of ProcessBatch, ProcessWatermark and Snapshot, then Finish, perhaps further
// Snapshots, and Commit (a bounded job's end), and at last Close, which comes after every Open,
// however the task ended.
class Operator : public Checkpointed {
 public:
  virtual absl::Status Open(OperatorContext& context) = 0;

  // Consumes a prefix of `batch` by advancing its position: stops after the element in hand when
  // the context says so or the output is full, and is called again with the rest. May move rows out
  // of the batch. It counts records_in and records_out itself.
  virtual absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& batch,
                                                Output& output) = 0;

  // Whether it is between two elements when ProcessBatch says kMore or kWait: of none is a part done,
  // and of the rest of the batch it holds nothing. Then a barrier that overtakes data may pass here.
  virtual bool between_elements() const { return false; }

  // REQUIRES: every batch before it has been consumed. The chain forwards the watermark when this
  // says kDone; after kMore it is called again with the same one.
  virtual absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) {
    (void)watermark, (void)output;
    return Progress::kDone;
  }
  // The operator sends watermarks of its own: of its input's only the last one, kMaxTimestamp,
  // passes.
  virtual bool makes_watermarks() const { return false; }

  // When OnProcessingTime wants to be called: wall clock, milliseconds since the epoch;
  // kMaxTimestamp: not at all.
  virtual int64_t next_processing_time() const { return kMaxTimestamp; }
  // The wall clock shows `now`, at least next_processing_time(). Comes between two elements. Called
  // again while the next time is not later than the clock.
  virtual absl::Status OnProcessingTime(int64_t now, Output& output) {
    (void)now, (void)output;
    return absl::OkStatus();
  }

  // Batch mode: the last element of a key has come. The key's timers fire, its windows emit, its
  // state goes; then it is as if no watermark had come. kMore: call again.
  virtual absl::StatusOr<Progress> FinishKey(Output& output) {
    (void)output;
    return absl::UnimplementedError("this operator in batch mode");
  }

  // The input has ended: emits what is left.
  virtual absl::StatusOr<Progress> Finish(Output& output) {
    (void)output;
    return Progress::kDone;
  }

  // An operator with effects outside the engine makes them visible in Commit, which is called when
  // every task of the job has finished its input (in the place of the final checkpoint).
  virtual bool needs_commit() const { return false; }
  // What it emits here is the last that leaves it: the end of its output comes behind it.
  virtual absl::StatusOr<Progress> Commit(Output& output) {
    (void)output;
    return Progress::kDone;
  }

  // A barrier is about to pass: what processing time has begun is brought to an end, and its
  // results go in front of the barrier. kMore: call again.
  virtual absl::StatusOr<Progress> PrepareSnapshot(Output& output) {
    (void)output;
    return Progress::kDone;
  }
  virtual absl::Status Close() { return absl::OkStatus(); }
};

// The head of a source task. It has no input: Poll takes the place of ProcessBatch.
class SourceOperator : public Operator {
 public:
  // Emits at most one batch, of about batch_limit() records. kDone: the splits are read and no more
  // will come.
  virtual absl::StatusOr<Progress> Poll(Output& output) = 0;
  virtual void AddSplits(std::vector<idl::SourceSplit> splits, bool no_more_splits) = 0;
  // How many records the operators behind it process in a few milliseconds, at most kBatchRecordsMax:
  // what comes behind a batch, a barrier above all, does not wait longer.
  size_t batch_limit() const { return batch_limit_; }
  void SetBatchLimit(size_t records) { batch_limit_ = records; }
  // Set before Open: asks the JobManager for a split; the answer comes by AddSplits.
  std::function<void()> request_split;
  // Its splits. A batch is of one split and says of which.
  virtual SourceSplits& splits() { return splits_; }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView&, Output&) final {
    return absl::InternalError("a source has no input");
  }

 private:
  SourceSplits splits_;
  size_t batch_limit_ = kBatchRecordsMax;
};

}  // namespace pyflinkpp
