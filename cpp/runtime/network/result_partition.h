// The sending side of an edge: spreads records over the edge's channels.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"
#include "runtime/network/channel.h"

namespace pyflinkpp {

inline constexpr size_t kOverCredit = 256;

// What one target subtask will get: records being gathered, then elements that wait for credit.
class ResultSubpartition {
 public:
  explicit ResultSubpartition(std::unique_ptr<OutputChannel> channel)
      : channel_(std::move(channel)) {}

  // Appends records of `batch`; a gathered batch goes out when it is full.
  void Gather(RecordBatch& batch, const uint32_t* positions, size_t count);
  // Sends a whole batch behind what was gathered.
  void Add(std::unique_ptr<RecordBatch> batch);
  void AddControl(StreamElement element);
  // Ends the gathering: what there is goes out now.
  void Flush();
  // Sends as far as credit allows.
  void Pump();
  // Sends a barrier in front of all that waits, but behind other barriers: `overtaken` is called with
  // each batch that was written before it. Nothing, if the end has left.
  using Overtaken = absl::FunctionRef<void(const RecordBatch&)>;
  void Overtake(const CheckpointBarrier& barrier, Overtaken overtaken);
  // The same with one that waits since it was added; nothing, if it has left.
  void OvertakeLate(const CheckpointBarrier& barrier, Overtaken overtaken);
  // Whether it has not left yet.
  bool Waits(int64_t checkpoint) const;
  // It was given up: if its barrier waits, it goes.
  void Forget(int64_t checkpoint);
  size_t waiting() const { return waiting_.size(); }
  bool blocked() const { return !waiting_.empty() || (ended_ && !channel_->settled()); }
  absl::Status status() const { return channel_->status(); }

 private:
  void Enqueue(StreamElement element);
  bool MaySend(const StreamElement& element) const {
    return std::holds_alternative<CheckpointBarrier>(element) || channel_->credit() > 0;
  }

  std::unique_ptr<OutputChannel> channel_;
  std::unique_ptr<RecordBatch> gathered_;
  std::deque<StreamElement> waiting_;
  bool ended_ = false;
};

// Owned by its task, used on its loop. While it is blocked (a channel without credit has something
// to send) the task takes no further input: so what waits here is bounded by what one element of
// input can produce.
class ResultPartition {
 public:
  ResultPartition(const idl::OutputDescriptor& descriptor,
                  std::vector<std::unique_ptr<OutputChannel>> channels, Random& random);

  int edge() const { return edge_; }
  // Barriers may overtake data.
  bool overtakes() const { return overtakes_; }
  // Which output of its operator it takes; -1: the main one.
  int side_output() const { return side_output_; }

  absl::Status Write(std::unique_ptr<RecordBatch> batch);
  // To all channels, behind everything written so far.
  void Broadcast(const Watermark& watermark) {
    // Who reads when all is written needs no other.
    if (blocking_ && (watermark.idle || watermark.timestamp != kMaxTimestamp)) return;
    BroadcastControl(watermark);
  }
  void Broadcast(const CheckpointBarrier& barrier) { BroadcastControl(barrier); }
  void Broadcast(const EndOfInput& end) { BroadcastControl(end); }
  // To all channels, in front of what waits for credit. `overtaken` is told the target subtask of
  // each batch that was written before.
  using Overtaken = absl::FunctionRef<void(int target, const RecordBatch&)>;
  void Overtake(const CheckpointBarrier& barrier, Overtaken overtaken);
  // The same with one that was broadcast, where it still waits.
  void OvertakeLate(const CheckpointBarrier& barrier, Overtaken overtaken);
  bool Waits(int64_t checkpoint) const;
  void Forget(int64_t checkpoint) {
    for (ResultSubpartition& subpartition : subpartitions_) subpartition.Forget(checkpoint);
  }
  // Elements that wait for credit at one channel, at most; and how many may when a barrier passes. To
  // the client none: it answers no checkpoint, so what has not been sent is lost with the task.
  size_t waiting() const;
  size_t over_credit() const { return edge_ < 0 ? 0 : kOverCredit; }
  // What was gathered goes out; not to a blocking exchange, where nobody waits for it.
  void Flush() {
    if (!blocking_) SendGathered();
  }
  // Whether elements still wait for credit after sending what can be sent, or the end of input
  // until everything is where it survives the task.
  bool Pump();
  // The first failure of a channel.
  absl::Status status() const;

 private:
  template <class Control>
  void BroadcastControl(const Control& control) {
    SendGathered();  // in its own order
    for (ResultSubpartition& subpartition : subpartitions_) subpartition.AddControl(control);
  }
  void SendGathered();
  void WriteToFirst(std::unique_ptr<RecordBatch> batch);
  absl::Status WriteToAll(std::unique_ptr<RecordBatch> batch);
  // Fills positions_ with each record's channel.
  absl::Status Select(const RecordBatch& batch);

  const int edge_;
  const idl::Partitioner::type partitioner_;
  const bool overtakes_;
  const std::vector<int> targets_;
  const int side_output_;
  const bool blocking_;
  const bool may_fail_;  // its elements are written, not only handed over
  const int max_parallelism_;
  const int target_parallelism_;
  Random& random_;
  std::vector<ResultSubpartition> subpartitions_;
  std::vector<std::vector<uint32_t>> positions_;  // of the batch in hand, by channel
  size_t next_ = 0;                               // round robin
  bool gathering_ = false;                        // records wait for Flush
  size_t flush_from_ = 0;                         // the channel of the first of them
};

}  // namespace pyflinkpp
