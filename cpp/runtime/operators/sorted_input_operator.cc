#include "runtime/operators/sorted_input_operator.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/base/status.h"

namespace pyflinkpp {
namespace {

class SortedInputOperator final : public Operator {
 public:
  explicit SortedInputOperator(std::unique_ptr<Operator> op) : op_(std::move(op)) {}

  absl::Status Open(OperatorContext& context) override { return op_->Open(context); }

  absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& view, Output& output) override {
    RecordBatch& batch = *view.batch;
    if (!batch.has_keys()) return op_->ProcessBatch(input, view, output);
    if (!batch.has_timestamps()) batch.timestamps().assign(batch.size(), kMinTimestamp);
    if (inputs_.size() <= static_cast<size_t>(input))
      inputs_.resize(static_cast<size_t>(input) + 1);
    std::unique_ptr<RecordBatch>& gathered = inputs_[static_cast<size_t>(input)];
    if (gathered == nullptr) gathered = std::make_unique<RecordBatch>(batch.serializer());
    const auto first = static_cast<uint32_t>(gathered->size());
    positions_.clear();
    for (; view.position < batch.size(); ++view.position) {
      positions_.push_back(static_cast<uint32_t>(view.position));
    }
    gathered->MoveFrom(batch, positions_.data(), positions_.size());
    for (uint32_t i = first; i < gathered->size(); ++i) order_.push_back({input, i});
    return Progress::kDone;
  }

  // The last one is said to `op_` key by key.
  absl::StatusOr<Progress> ProcessWatermark(const Watermark&, Output&) override {
    return Progress::kDone;
  }

  absl::StatusOr<Progress> Finish(Output& output) override {
    if (!sorted_) Sort();
    while (true) {
      if (output.full()) return Progress::kMore;
      if (batch_ != nullptr) {
        RecordBatchView view{batch_.get(), position_};
        absl::StatusOr<Progress> progress = op_->ProcessBatch(batch_input_, view, output);
        position_ = view.position;
        if (view.done()) batch_.reset();
        if (!progress.ok() || *progress != Progress::kDone) return progress;
      } else if (key_ends_) {
        ASSIGN_OR_RETURN(const Progress progress, op_->FinishKey(output));
        if (progress != Progress::kDone) return progress;
        key_ends_ = false;
      } else if (next_ < order_.size()) {
        TakeRun();
      } else {
        return op_->Finish(output);
      }
    }
  }

  int64_t next_processing_time() const override { return op_->next_processing_time(); }
  absl::Status OnProcessingTime(int64_t now, Output& output) override {
    return op_->OnProcessingTime(now, output);
  }
  bool needs_commit() const override { return op_->needs_commit(); }
  absl::StatusOr<Progress> Commit() override { return op_->Commit(); }
  absl::Status Close() override { return op_->Close(); }

 private:
  struct Position {
    int input;
    uint32_t record;
  };

  const RecordKey& KeyAt(const Position& at) const {
    return inputs_[static_cast<size_t>(at.input)]->keys()[at.record];
  }
  int64_t TimestampAt(const Position& at) const {
    return inputs_[static_cast<size_t>(at.input)]->timestamps()[at.record];
  }

  void Sort() {
    sorted_ = true;
    std::stable_sort(order_.begin(), order_.end(), [this](const Position& a, const Position& b) {
      const int keys = KeyAt(a).bytes().compare(KeyAt(b).bytes());
      return keys != 0 ? keys < 0 : TimestampAt(a) < TimestampAt(b);
    });
  }

  // Takes the next records of one key and one input.
  void TakeRun() {
    const Position first = order_[next_];
    positions_.clear();
    while (next_ < order_.size() && positions_.size() < kBatchRecordsMax &&
           order_[next_].input == first.input &&
           KeyAt(order_[next_]).bytes() == KeyAt(first).bytes()) {
      positions_.push_back(order_[next_++].record);
    }
    key_ends_ = next_ == order_.size() || KeyAt(order_[next_]).bytes() != KeyAt(first).bytes();
    RecordBatch& from = *inputs_[static_cast<size_t>(first.input)];
    batch_ = std::make_unique<RecordBatch>(from.serializer());
    batch_->MoveFrom(from, positions_.data(), positions_.size());
    batch_input_ = first.input;
    position_ = 0;
  }

  const std::unique_ptr<Operator> op_;
  std::vector<std::unique_ptr<RecordBatch>> inputs_;  // what was gathered
  std::vector<Position> order_;
  std::vector<uint32_t> positions_;  // scratch
  bool sorted_ = false;
  size_t next_ = 0;                     // in order_
  std::unique_ptr<RecordBatch> batch_;  // in hand
  size_t position_ = 0;
  int batch_input_ = 0;
  bool key_ends_ = false;  // behind it
};

}  // namespace

std::unique_ptr<Operator> MakeSortedInputOperator(std::unique_ptr<Operator> op) {
  return std::make_unique<SortedInputOperator>(std::move(op));
}

}  // namespace pyflinkpp
