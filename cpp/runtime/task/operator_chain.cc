#include "runtime/task/operator_chain.h"

#include <utility>

#include "core/base/status.h"

namespace pyflinkpp {

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

void OperatorChain::PushBatch(std::unique_ptr<RecordBatch> batch, int input) {
  PFPP_DCHECK(drained());
  Node& head = *nodes_[0];
  head.pending = std::move(batch);
  head.pending_position = 0;
  head.pending_input = input;
}

void OperatorChain::BeginControl(Control control) {
  PFPP_CHECK(!control_);
  control_ = std::move(control);
  control_position_ = 0;
}

absl::StatusOr<Progress> OperatorChain::PollSource() {
  Node& head = *nodes_[0];
  auto* source = static_cast<SourceOperator*>(head.op.get());
  ASSIGN_OR_RETURN(const Progress progress, source->Poll(head.output));
  RETURN_IF_ERROR(Deliver(head));
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
  for (auto& partition : partitions_) blocked |= partition->Pump();
  if (blocked && failure_.ok()) return Progress::kWait;

  const int deepest = deepest_pending();
  if (!failure_.ok() && deepest <= failed_) return SendBeforeFailure();
  if (deepest < 0) return control_ ? RunControl() : Progress::kDone;
  Node& node = *nodes_[deepest];
  RecordBatchView view{node.pending.get(), node.pending_position};
  absl::StatusOr<Progress> progress = node.op->ProcessBatch(node.pending_input, view, node.output);
  node.pending_position = view.position;
  if (view.done()) node.pending.reset();
  const absl::Status delivered = Deliver(node);
  if (!progress.ok() && failure_.ok()) {
    // What was finished before goes on: its effects come before the failure's.
    failure_ = progress.status();
    failed_ = deepest;
    return deepest_pending() > failed_ ? absl::StatusOr<Progress>(Progress::kMore) : SendBeforeFailure();
  }
  if (!progress.ok() || !delivered.ok()) return SendBeforeFailure(progress.ok() ? delivered : progress.status());
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
  if (control_position_ < nodes_.size()) {
    Node& node = *nodes_[control_position_];
    Progress progress = Progress::kDone;
    if (const auto* watermark = std::get_if<Watermark>(&*control_)) {
      RETURN_IF_ERROR(node.op->ProcessWatermark(*watermark, node.output));
    } else if (std::holds_alternative<EndOfInput>(*control_)) {
      ASSIGN_OR_RETURN(progress, node.op->Finish(node.output));
    }
    RETURN_IF_ERROR(Deliver(node));
    if (progress == Progress::kDone) ++control_position_;
    return progress == Progress::kWait ? Progress::kWait : Progress::kMore;
  }
  for (auto& partition : partitions_) {
    std::visit([&](const auto& control) { partition->Broadcast(control); }, *control_);
  }
  control_.reset();
  return Progress::kMore;  // the partitions may have to wait for credit
}

absl::Status OperatorChain::Deliver(Node& node) {
  std::unique_ptr<RecordBatch> batch = node.output.Take();
  if (batch == nullptr || batch->empty()) return absl::OkStatus();
  const size_t consumers = node.successors.size() + node.partitions.size();
  for (size_t i = 0; i < consumers; ++i) {
    std::unique_ptr<RecordBatch> mine;
    if (i + 1 == consumers) {
      mine = std::move(batch);
    } else {
      ASSIGN_OR_RETURN(mine, batch->Copy());
    }
    if (i < node.successors.size()) {
      Node& successor = *nodes_[node.successors[i]];
      PFPP_CHECK(successor.pending == nullptr);
      successor.pending = std::move(mine);
      successor.pending_position = 0;
    } else {
      RETURN_IF_ERROR(partitions_[node.partitions[i - node.successors.size()]]->Write(std::move(mine)));
    }
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
      ASSIGN_OR_RETURN(const Progress progress, nodes_[committed_]->op->Commit());
      if (progress != Progress::kDone) return progress;
    }
    ++committed_;
  }
  return Progress::kDone;
}

}  // namespace pyflinkpp
