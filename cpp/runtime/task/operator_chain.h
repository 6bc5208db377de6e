// The operators of one task, and what is under way between them.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/network/result_partition.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// Is told how a barrier passes.
class BarrierListener {
 public:
  virtual ~BarrierListener() = default;
  // Everything before the barrier has been processed by the node, nothing behind it.
  virtual absl::Status OnBarrierAt(size_t node, const CheckpointBarrier& barrier) = 0;
  // It leaves by this partition. `ended`: the end was sent before it, nothing may follow that.
  virtual void SendBarrier(const CheckpointBarrier& barrier, ResultPartition& partition,
                           bool ended) {
    if (!ended) partition.Broadcast(barrier);
  }
  // It has passed all nodes and was sent on.
  virtual void OnBarrierPassed(const CheckpointBarrier& barrier) = 0;
};

// A tree of operators; the first is its head. Between two operators lies at most one batch: an
// operator runs only when its successors have consumed theirs, so the chain is a small scheduler
// instead of a call stack, every operator may stop after any element, and memory is bounded.
//
//   Push/Poll -> [0] -batch-> [1] -batch-> [3] -> partition
//                   \-copy-> [2] -> partition
//
// A control element (watermark, barrier, end of input) passes an operator when all data before it
// has. An operator may send watermarks of its own to what follows it. Owned by its task, used on
// its loop.
class OperatorChain {
 public:
  struct Node {
    std::unique_ptr<Operator> op;
    OperatorContext context;
    std::vector<OperatorCounters> counters;    // by JobGraph operator
    std::vector<idl::OperatorState> restored;  // the same; empty unless restored
    std::vector<int> operator_ids;
    std::vector<size_t> successors;  // all greater than the node's own position
    std::vector<size_t> partitions;
    int takes = Output::kMain;  // which output of its predecessor
    Output output;
    std::unique_ptr<RecordBatch> pending;  // of input pending_input, from pending_position on
    size_t pending_position = 0;
    int pending_input = 0;
    bool opened = false;
    KeyedStateBackend* keyed_state = nullptr;  // null: it has none
  };

  // `listener` outlives the chain.
  OperatorChain(std::vector<std::unique_ptr<Node>> nodes,
                std::vector<std::unique_ptr<ResultPartition>> partitions,
                BarrierListener& listener);

  absl::Status Open();
  // Closes what was opened, last first; the first error wins.
  absl::Status Close();

  // REQUIRES for the next three: drained(). `position`: of the first record that is left.
  void PushBatch(std::unique_ptr<RecordBatch> batch, int input, size_t position = 0);
  // Gives a batch to the node whose first JobGraph operator is `op`.
  void PushRestored(int op, std::unique_ptr<RecordBatch> batch, int input);
  void PushWatermark(const Watermark& watermark) { BeginControl(watermark); }
  void PushBarrier(const CheckpointBarrier& barrier) { BeginControl(barrier); }
  void PushEnd() { BeginControl(EndOfInput{}); }
  // The same without the operators: they had finished before the job was restored.
  void SendEnd();
  // The same in batch mode, where the end brings the last watermark: it comes to each operator
  // behind all results of those before it, and the operator's own Finish follows at once.
  void PushEndWithWatermark();
  absl::StatusOr<Progress> PollSource();

  // Moves what is under way one operator call further. kDone: the chain is drained. kWait: for
  // credit or an operator's wake.
  absl::StatusOr<Progress> Run();
  // A barrier waits that overtakes data: what is under way goes on without credit until the chain is
  // drained. That is what one element of input makes, and at most kOverCredit batches a channel.
  void set_over_credit(bool over_credit) { over_credit_ = over_credit; }
  // Whether more waits for credit than may: no barrier passes.
  bool overfull() const {
    return std::any_of(partitions_.begin(), partitions_.end(), [](const auto& partition) {
      return partition->waiting() > partition->over_credit();
    });
  }
  // Takes the rest of the head's batch out, if it is all that is under way and the head can stop
  // there.
  struct Rest {
    std::unique_ptr<RecordBatch> batch;  // null: there is none, or it has to be finished
    size_t position = 0;
    int input = 0;
  };
  Rest TakeRest();
  bool drained() const { return controls_.empty() && deepest_pending() < 0; }

  // When an operator wants the clock's time, milliseconds since the epoch; kMaxTimestamp: none
  // does. Operators in front of one with work left are not asked: its batch goes first.
  int64_t next_processing_time() const;
  // Tells the time to the first of them for which it has come.
  absl::Status RunProcessingTime(int64_t now);

  // The last one that passed, or that an operator sent itself.
  Watermark watermark() const { return watermark_; }

  void Flush();
  bool needs_commit() const;
  absl::StatusOr<Progress> Commit();

  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  const std::vector<std::unique_ptr<ResultPartition>>& partitions() const { return partitions_; }
  SourceOperator* source() { return dynamic_cast<SourceOperator*>(nodes_[0]->op.get()); }

 private:
  using Control = std::variant<Watermark, CheckpointBarrier, EndOfInput>;
  // A control element on its way.
  struct Moving {
    Control control;
    size_t origin;
    size_t position;                // the node it has reached
    std::vector<bool> reaches;      // by node: comes there at all
    bool brings_watermark = false;  // the end of input in batch mode
    bool brought = false;           // to the node it has reached
  };
  static constexpr size_t kOutside = ~size_t{0};

  int deepest_pending() const;
  // `origin`: the node that sends it, or kOutside.
  void BeginControl(const Control& control, size_t origin = kOutside);
  bool Passes(const Moving& moving, size_t node) const;
  absl::StatusOr<Progress> RunControl();
  void Send(const Moving& done);
  absl::Status SendBeforeFailure(const absl::Status& status = absl::OkStatus());
  // Hands the outputs of a node to its successors and partitions.
  absl::Status Deliver(size_t position);
  absl::Status DeliverBatch(Node& node, int output);

  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<ResultPartition>> partitions_;
  BarrierListener& listener_;
  bool end_sent_ = false;  // nothing may follow it on a channel
  bool over_credit_ = false;
  bool head_may_stop_ = false;       // its batch is untouched, or it stopped between two elements
  std::vector<size_t> predecessor_;  // by node
  std::vector<Moving>
      controls_;  // the last one goes first: what an operator sends while another passes
  Watermark watermark_;
  size_t committed_ = 0;
  absl::Status
      failure_;  // of the node failed_, while its successors still work on what came before
  int failed_ = -1;
};

}  // namespace pyflinkpp
