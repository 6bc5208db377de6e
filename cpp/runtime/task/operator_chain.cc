#include "runtime/task/operator_chain.h"

#include <algorithm>
#include <utility>

#include "core/base/status.h"

namespace pyflinkpp {

OperatorChain::OperatorChain(std::vector<std::unique_ptr<Node>> nodes,
                             std::vector<std::unique_ptr<ResultPartition>> partitions,
                             BarrierListener& listener)
    : nodes_(std::move(nodes)),
      partitions_(std::move(partitions)),
      listener_(listener),
      predecessor_(nodes_.size(), kOutside) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (const size_t successor : nodes_[i]->successors) predecessor_[successor] = i;
  }
}

absl::Status OperatorChain::Open() {
  for (auto& node : nodes_) {
    node->opened = true;  // Close also follows an Open that failed half-way
    RETURN_IF_ERROR(node->op->Open(node->context));
  }
  return absl::OkStatus();
}

absl::Status OperatorChain::Close() {
  absl::Status first;
  for (size_t i = nodes_.size(); i-- > 0;) {
    if (std::exchange(nodes_[i]->opened, false)) first.Update(nodes_[i]->op->Close());
  }
  return first;
}

void OperatorChain::PushBatch(std::unique_ptr<RecordBatch> batch, int input, size_t position) {
  PFPP_DCHECK(drained());
  Node& head = *nodes_[0];
  head.pending = std::move(batch);
  head.pending_position = position;
  head.pending_input = input;
  head_may_stop_ = true;
}

void OperatorChain::PushRestored(int op, std::unique_ptr<RecordBatch> batch, int input) {
  PFPP_DCHECK(drained());
  for (const auto& node : nodes_) {
    if (node->operator_ids[0] != op) continue;
    node->pending = std::move(batch);
    node->pending_position = 0;
    node->pending_input = input;
    head_may_stop_ = node == nodes_[0];
    return;
  }
  PFPP_CHECK(false);  // it was deployed for the operator
}

OperatorChain::Rest OperatorChain::TakeRest() {
  Node& head = *nodes_[0];
  if (!head_may_stop_ || !controls_.empty() || !failure_.ok() || deepest_pending() != 0) return {};
  return {std::move(head.pending), head.pending_position, head.pending_input};
}

// Only the last watermark passes an operator that makes its own.
bool OperatorChain::Passes(const Moving& moving, size_t node) const {
  const auto* watermark = std::get_if<Watermark>(&moving.control);
  return watermark == nullptr || node == moving.origin || !nodes_[node]->op->makes_watermarks() ||
         (!watermark->idle && watermark->timestamp == kMaxTimestamp);
}

void OperatorChain::BeginControl(const Control& control, size_t origin) {
  PFPP_CHECK(origin != kOutside || controls_.empty());
  Moving moving{control, origin, origin == kOutside ? 0 : origin + 1,
                std::vector<bool>(nodes_.size())};
  moving.reaches[origin == kOutside ? 0 : origin] = true;
  const auto* watermark = std::get_if<Watermark>(&moving.control);
  if (watermark != nullptr && (origin != kOutside || Passes(moving, 0))) watermark_ = *watermark;
  for (size_t i = 1; i < nodes_.size(); ++i) {
    const size_t before = predecessor_[i];
    if (moving.reaches[before] && Passes(moving, before)) moving.reaches[i] = true;
  }
  controls_.push_back(std::move(moving));
}

void OperatorChain::PushEndWithWatermark() {
  PushEnd();
  controls_.back().brings_watermark = true;
  watermark_ = {kMaxTimestamp, false};
}

absl::StatusOr<Progress> OperatorChain::PollSource() {
  Node& head = *nodes_[0];
  auto* source = static_cast<SourceOperator*>(head.op.get());
  ASSIGN_OR_RETURN(const Progress progress, source->Poll(head.output));
  RETURN_IF_ERROR(Deliver(0));
  return progress;
}

int OperatorChain::deepest_pending() const {
  for (int i = static_cast<int>(nodes_.size()); i-- > 0;) {
    if (nodes_[i]->pending != nullptr) return i;
  }
  return -1;
}

absl::StatusOr<Progress> OperatorChain::Run() {
  bool blocked = false;
  bool overfull = !over_credit_;
  for (auto& partition : partitions_) {
    blocked |= partition->Pump();
    overfull |= over_credit_ && partition->waiting() > partition->over_credit();
    RETURN_IF_ERROR(partition->status());
  }
  if (blocked && failure_.ok() && (overfull || drained())) return Progress::kWait;

  const int deepest = deepest_pending();
  if (!failure_.ok() && deepest <= failed_) return SendBeforeFailure();
  if (deepest < 0 && controls_.empty()) return Progress::kDone;
  // What an operator sends goes on before that operator does.
  if (deepest < 0 || (!controls_.empty() && controls_.back().origin != kOutside &&
                      deepest <= static_cast<int>(controls_.back().origin))) {
    return RunControl();
  }
  Node& node = *nodes_[deepest];
  RecordBatchView view{node.pending.get(), node.pending_position};
  absl::StatusOr<Progress> progress = node.op->ProcessBatch(node.pending_input, view, node.output);
  node.pending_position = view.position;
  if (deepest == 0)
    head_may_stop_ = progress.ok() && *progress != Progress::kDone && node.op->between_elements();
  if (view.done()) node.pending.reset();
  const absl::Status delivered = Deliver(static_cast<size_t>(deepest));
  if (!progress.ok() && failure_.ok()) {
    // What was finished before goes on: its effects come before the failure's.
    failure_ = progress.status();
    failed_ = deepest;
    return deepest_pending() > failed_ ? absl::StatusOr<Progress>(Progress::kMore)
                                       : SendBeforeFailure();
  }
  if (!progress.ok() || !delivered.ok())
    return SendBeforeFailure(progress.ok() ? delivered : progress.status());
  if (*progress == Progress::kWait && node.pending != nullptr) {
    return failure_.ok() ? absl::StatusOr<Progress>(Progress::kWait) : SendBeforeFailure();
  }
  return drained() ? Progress::kDone : Progress::kMore;
}

// Lets go of what was gathered; the first failure is the one that counts.
absl::Status OperatorChain::SendBeforeFailure(const absl::Status& status) {
  Flush();
  return failure_.ok() ? status : failure_;
}

absl::StatusOr<Progress> OperatorChain::RunControl() {
  const size_t moving = controls_.size() - 1;  // an operator may add another one
  if (const size_t position = controls_[moving].position; position < nodes_.size()) {
    Node& node = *nodes_[position];
    absl::StatusOr<Progress> progress = Progress::kDone;
    if (controls_[moving].reaches[position]) {
      const Control& control = controls_[moving].control;
      if (const auto* watermark = std::get_if<Watermark>(&control)) {
        progress = node.op->ProcessWatermark(*watermark, node.output);
      } else if (std::holds_alternative<EndOfInput>(control)) {
        if (controls_[moving].brings_watermark && !controls_[moving].brought) {
          progress = node.op->ProcessWatermark({kMaxTimestamp, false}, node.output);
          controls_[moving].brought = progress.ok() && *progress == Progress::kDone;
          if (controls_[moving].brought) progress = Progress::kMore;  // Finish
        } else {
          progress = node.op->Finish(node.output);
        }
      } else if (const auto* barrier = std::get_if<CheckpointBarrier>(&control)) {
        progress = node.op->PrepareSnapshot(node.output);
        if (progress.ok() && *progress == Progress::kDone)
          RETURN_IF_ERROR(listener_.OnBarrierAt(position, *barrier));
      }
      const absl::Status delivered = Deliver(position);
      RETURN_IF_ERROR(progress.status());
      RETURN_IF_ERROR(delivered);
    }
    if (*progress == Progress::kDone) {
      ++controls_[moving].position;
      controls_[moving].brought = false;
    }
    return *progress == Progress::kWait ? Progress::kWait : Progress::kMore;
  }
  const Moving done = std::move(controls_.back());
  controls_.pop_back();
  if (!end_sent_ || std::holds_alternative<CheckpointBarrier>(done.control)) Send(done);
  end_sent_ = end_sent_ || std::holds_alternative<EndOfInput>(done.control);
  if (const auto* barrier = std::get_if<CheckpointBarrier>(&done.control))
    listener_.OnBarrierPassed(*barrier);
  return Progress::kMore;  // the partitions may have to wait for credit
}

void OperatorChain::SendEnd() {
  for (const auto& node : nodes_) {
    for (const size_t partition : node->partitions) {
      partitions_[partition]->Broadcast(Watermark{kMaxTimestamp, false});
      if (!node->op->needs_commit()) partitions_[partition]->Broadcast(EndOfInput{});
    }
  }
  end_sent_ = true;
}

void OperatorChain::Send(const Moving& done) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!done.reaches[i] || !Passes(done, i)) continue;
    // Behind what it commits.
    if (std::holds_alternative<EndOfInput>(done.control) && nodes_[i]->op->needs_commit()) continue;
    for (const size_t partition : nodes_[i]->partitions) {
      if (const auto* barrier = std::get_if<CheckpointBarrier>(&done.control)) {
        listener_.SendBarrier(*barrier, *partitions_[partition], end_sent_);
        continue;
      }
      if (done.brings_watermark) partitions_[partition]->Broadcast(Watermark{kMaxTimestamp, false});
      std::visit([&](const auto& control) { partitions_[partition]->Broadcast(control); },
                 done.control);
    }
  }
}

int64_t OperatorChain::next_processing_time() const {
  int64_t next = kMaxTimestamp;
  if (!failure_.ok() || !controls_.empty()) return next;
  for (size_t i = static_cast<size_t>(std::max(deepest_pending(), 0)); i < nodes_.size(); ++i) {
    next = std::min(next, nodes_[i]->op->next_processing_time());
  }
  return next;
}

absl::Status OperatorChain::RunProcessingTime(int64_t now) {
  for (size_t i = static_cast<size_t>(std::max(deepest_pending(), 0)); i < nodes_.size(); ++i) {
    Operator& op = *nodes_[i]->op;
    if (op.next_processing_time() > now) continue;
    const absl::Status status = op.OnProcessingTime(now, nodes_[i]->output);
    const absl::Status delivered = Deliver(i);
    return status.ok() ? delivered : status;
  }
  return absl::OkStatus();
}

absl::Status OperatorChain::Deliver(size_t position) {
  Node& node = *nodes_[position];
  RETURN_IF_ERROR(DeliverBatch(node, Output::kMain));
  for (int side = 0; side < node.output.side_outputs(); ++side)
    RETURN_IF_ERROR(DeliverBatch(node, side));
  if (const auto watermark = node.output.TakeWatermark()) BeginControl(*watermark, position);
  return absl::OkStatus();
}

// All consumers but the last get copies.
absl::Status OperatorChain::DeliverBatch(Node& node, int output) {
  std::unique_ptr<RecordBatch> batch = node.output.Take(output);
  if (batch == nullptr || batch->empty()) return absl::OkStatus();
  size_t consumers = 0;
  for (const size_t successor : node.successors) consumers += nodes_[successor]->takes == output;
  for (const size_t partition : node.partitions)
    consumers += partitions_[partition]->side_output() == output;
  const auto next = [&]() -> absl::StatusOr<std::unique_ptr<RecordBatch>> {
    if (--consumers == 0) return std::move(batch);
    return batch->Copy();
  };
  for (const size_t successor : node.successors) {
    Node& to = *nodes_[successor];
    if (to.takes != output) continue;
    PFPP_CHECK(to.pending == nullptr);
    ASSIGN_OR_RETURN(to.pending, next());
    to.pending_position = 0;
  }
  for (const size_t partition : node.partitions) {
    if (partitions_[partition]->side_output() != output) continue;
    ASSIGN_OR_RETURN(std::unique_ptr<RecordBatch> mine, next());
    RETURN_IF_ERROR(partitions_[partition]->Write(std::move(mine)));
  }
  return absl::OkStatus();
}

void OperatorChain::Flush() {
  for (auto& partition : partitions_) partition->Flush();
}

bool OperatorChain::needs_commit() const {
  for (const auto& node : nodes_) {
    if (node->op->needs_commit()) return true;
  }
  return false;
}

absl::StatusOr<Progress> OperatorChain::Commit() {
  while (committed_ < nodes_.size()) {
    if (nodes_[committed_]->op->needs_commit()) {
      Node& node = *nodes_[committed_];
      bool blocked = false;
      for (auto& partition : partitions_) blocked |= partition->Pump();
      if (blocked) return Progress::kWait;
      ASSIGN_OR_RETURN(const Progress progress, node.op->Commit(node.output));
      RETURN_IF_ERROR(Deliver(committed_));
      if (progress != Progress::kDone) return progress;
      for (const size_t partition : node.partitions)
        partitions_[partition]->Broadcast(EndOfInput{});
    }
    ++committed_;
  }
  // The task ends with this: what waits for credit goes first.
  bool blocked = false;
  for (auto& partition : partitions_) blocked |= partition->Pump();
  return blocked ? Progress::kWait : Progress::kDone;
}

}  // namespace pyflinkpp
