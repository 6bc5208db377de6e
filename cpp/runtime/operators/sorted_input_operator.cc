#include "runtime/operators/sorted_input_operator.h"

#include <optional>
#include <utility>

#include "core/base/hash.h"
#include "core/base/status.h"
#include "runtime/operators/record_sorter.h"

namespace pyflinkpp {
namespace {

class SortedInputOperator final : public Operator {
 public:
  SortedInputOperator(std::unique_ptr<Operator> op, UnkeyedInput unkeyed, size_t memory_bytes)
      : op_(std::move(op)), unkeyed_(unkeyed), memory_bytes_(memory_bytes) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    sorter_.emplace(context, memory_bytes_);
    return op_->Open(context);
  }

  absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& view, Output& output) override {
    RecordBatch& batch = *view.batch;
    if (!batch.has_keys()) {
      if (unkeyed_ == UnkeyedInput::kPasses) return op_->ProcessBatch(input, view, output);
      batch.keys().assign(batch.size(), RecordKey{nullptr, 0, MurmurHash({})});
    }
    if (!batch.has_timestamps()) batch.timestamps().assign(batch.size(), kMinTimestamp);
    return sorter_->Add(input, view);
  }

  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output&) override {
    if (!watermark.idle) watermark_ = watermark;
    return Progress::kDone;
  }

  absl::StatusOr<Progress> Finish(Output& output) override {
    while (!sorted_ended_) {
      if (output.full()) return Progress::kMore;
      if (piece_.batch != nullptr) {
        RecordBatchView view{piece_.batch.get(), position_};
        absl::StatusOr<Progress> progress = op_->ProcessBatch(piece_.input, view, output);
        position_ = view.position;
        if (view.done()) piece_.batch.reset();
        if (!progress.ok() || *progress != Progress::kDone) return progress;
      } else if (piece_.ends_key) {
        ASSIGN_OR_RETURN(const Progress progress, op_->FinishKey(output));
        if (progress != Progress::kDone) return progress;
        piece_.ends_key = false;
        if (context_->should_yield()) return Progress::kMore;
      } else {
        ASSIGN_OR_RETURN(const Progress progress, sorter_->Next(piece_));
        if (progress != Progress::kDone) return progress;
        position_ = 0;
        sorted_ended_ = piece_.batch == nullptr;
      }
    }
    if (watermark_.has_value()) {
      ASSIGN_OR_RETURN(const Progress progress, op_->ProcessWatermark(*watermark_, output));
      if (progress != Progress::kDone) return progress;
      watermark_.reset();
      return Progress::kMore;
    }
    return op_->Finish(output);
  }

  bool needs_commit() const override { return op_->needs_commit(); }
  absl::StatusOr<Progress> Commit(Output& output) override { return op_->Commit(output); }
  absl::Status Close() override {
    sorter_.reset();
    piece_ = {};
    return op_->Close();
  }

 private:
  const std::unique_ptr<Operator> op_;
  const UnkeyedInput unkeyed_;
  const size_t memory_bytes_;
  OperatorContext* context_ = nullptr;
  std::optional<RecordSorter> sorter_;
  RecordSorter::Piece piece_;  // in hand
  size_t position_ = 0;        // in it
  bool sorted_ended_ = false;
  std::optional<Watermark> watermark_;  // the last one, until it has gone on
};

}  // namespace

std::unique_ptr<Operator> MakeSortedInputOperator(std::unique_ptr<Operator> op,
                                                  UnkeyedInput unkeyed, size_t memory_bytes) {
  return std::make_unique<SortedInputOperator>(std::move(op), unkeyed, memory_bytes);
}

}  // namespace pyflinkpp
