#include "runtime/operators/keyed_reduce_operator.h"

#include <algorithm>
#include <utility>

#include "core/base/status.h"

namespace pyflinkpp {
namespace {

// Keys that are made ready together: enough to hide the memory's latency, few enough that they are
// still in the cache when their turn comes.
constexpr size_t kPrefetch = 64;

class KeyedReduceOperator final : public Operator {
 public:
  KeyedReduceOperator(std::unique_ptr<ReduceFunction> function, bool final_only)
      : function_(std::move(function)), final_only_(final_only) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return function_->Open(context);
  }

  absl::Status Snapshot(SnapshotContext& context) override { return function_->Snapshot(context); }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    return function_->CheckpointCompleted(checkpoint);
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    return function_->CheckpointAborted(checkpoint);
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    RecordBatch& batch = *view.batch;
    if (state_ == nullptr) {
      serializer_ = function_->StateSerializer(batch);
      ASSIGN_OR_RETURN(state_, context_->keyed_state->CreateValueState("reduce", serializer_));
    }
    PFPP_CHECK(batch.has_keys());
    RecordBatch* emitted = final_only_ ? nullptr : &output.batch(serializer_);
    const size_t emitted_before = emitted == nullptr ? 0 : emitted->size();
    const size_t begin = view.position;
    absl::Status status;
    bool stopped = false;
    while (status.ok() && !stopped && !view.done()) {
      const size_t count = std::min(kPrefetch, view.remaining());
      const size_t until = view.position + count;
      RETURN_IF_ERROR(
          state_->Prefetch(std::span<const RecordKey>(batch.keys()).subspan(view.position, count)));
      status = function_->Reduce(view, count, *state_, emitted, *context_);
      RETURN_IF_ERROR(state_->Flush());
      stopped = view.position < until || (emitted != nullptr && emitted->full()) ||
                context_->should_yield();
    }
    context_->counters[0].records_in += static_cast<int64_t>(view.position - begin);
    if (emitted != nullptr)
      context_->counters[0].records_out += static_cast<int64_t>(emitted->size() - emitted_before);
    context_->counters[0].state_accesses = state_->accesses();
    RETURN_IF_ERROR(status);
    return view.done() ? Progress::kDone : Progress::kMore;
  }

  bool between_elements() const override { return true; }

  absl::StatusOr<Progress> Finish(Output& output) override {
    if (!final_only_ || state_ == nullptr) return Progress::kDone;
    RecordBatch& batch = output.batch(serializer_);
    absl::Status copied;
    bool more = false;
    RETURN_IF_ERROR(state_->Scan(last_emitted_ ? &*last_emitted_ : nullptr,
                                 [&](absl::string_view key, const std::byte* row) {
                                   if (batch.full()) {
                                     more = true;
                                     return false;
                                   }
                                   std::byte* to = batch.Append(1);
                                   std::memset(to, 0, batch.stride());
                                   copied = serializer_->Copy(row, 1, to, batch.arena());
                                   last_emitted_ = std::string(key);
                                   return copied.ok();
                                 }));
    RETURN_IF_ERROR(copied);
    context_->counters[0].records_out += static_cast<int64_t>(batch.size());
    return more ? Progress::kMore : Progress::kDone;
  }

  absl::Status Close() override {
    state_.reset();
    return function_->Close();
  }

 private:
  const std::unique_ptr<ReduceFunction> function_;
  const bool final_only_;
  OperatorContext* context_ = nullptr;
  std::shared_ptr<const TypeSerializer> serializer_;
  std::unique_ptr<ValueState>
      state_;  // made with the first batch, which tells what values look like
  std::optional<std::string> last_emitted_;
};

}  // namespace

std::unique_ptr<Operator> MakeKeyedReduceOperator(std::unique_ptr<ReduceFunction> function,
                                                  bool final_only) {
  return std::make_unique<KeyedReduceOperator>(std::move(function), final_only);
}

}  // namespace pyflinkpp
