#include "runtime/network/result_partition.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/graph/key_groups.h"

namespace pyflinkpp {

void ResultSubpartition::Gather(RecordBatch& batch, const uint32_t* positions, size_t count) {
  while (count > 0) {
    if (gathered_ != nullptr && (gathered_->serializer() != batch.serializer() ||
                                 gathered_->has_timestamps() != batch.has_timestamps() ||
                                 gathered_->has_keys() != batch.has_keys())) {
      Flush();
    }
    if (gathered_ == nullptr) gathered_ = std::make_unique<RecordBatch>(batch.serializer());
    const size_t room = std::min(count, kBatchRecordsMax - gathered_->size());
    gathered_->MoveFrom(batch, positions, room);
    positions += room;
    count -= room;
    if (gathered_->full()) Flush();
  }
}

void ResultSubpartition::Add(std::unique_ptr<RecordBatch> batch) {
  Flush();
  Enqueue(std::move(batch));
}

void ResultSubpartition::AddControl(StreamElement element) {
  Flush();
  ended_ |= std::holds_alternative<EndOfInput>(element);
  Enqueue(std::move(element));
}

void ResultSubpartition::Flush() {
  if (gathered_ != nullptr) Enqueue(std::move(gathered_));
}

void ResultSubpartition::Enqueue(StreamElement element) {
  if (waiting_.empty() && MaySend(element)) {
    channel_->Send(std::move(element));
  } else {
    waiting_.push_back(std::move(element));
  }
}

void ResultSubpartition::Pump() {
  while (!waiting_.empty() && MaySend(waiting_.front())) {
    channel_->Send(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void ResultSubpartition::Overtake(const CheckpointBarrier& barrier, Overtaken overtaken) {
  if (ended_ && waiting_.empty()) return;
  Flush();
  waiting_.emplace_back(barrier);
  OvertakeLate(barrier, overtaken);
}

void ResultSubpartition::OvertakeLate(const CheckpointBarrier& barrier, Overtaken overtaken) {
  // Checkpoints stay in order: `to` is behind the last barrier before it.
  size_t to = 0;
  for (size_t at = 0; at < waiting_.size(); ++at) {
    const auto* other = std::get_if<CheckpointBarrier>(&waiting_[at]);
    if (other == nullptr) continue;
    if (other->checkpoint() != barrier.checkpoint()) {
      to = at + 1;
      continue;
    }
    for (size_t i = to; i < at; ++i) {
      if (const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&waiting_[i]))
        overtaken(**batch);
    }
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(at));
    waiting_.insert(waiting_.begin() + static_cast<std::ptrdiff_t>(to), barrier);
    return Pump();
  }
}

bool ResultSubpartition::Waits(int64_t checkpoint) const {
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const StreamElement& element) {
    const auto* barrier = std::get_if<CheckpointBarrier>(&element);
    return barrier != nullptr && barrier->checkpoint() == checkpoint;
  });
}

void ResultSubpartition::Forget(int64_t checkpoint) {
  std::erase_if(waiting_, [&](const StreamElement& element) {
    const auto* barrier = std::get_if<CheckpointBarrier>(&element);
    return barrier != nullptr && barrier->checkpoint() == checkpoint;
  });
}

ResultPartition::ResultPartition(const idl::OutputDescriptor& descriptor,
                                 std::vector<std::unique_ptr<OutputChannel>> channels,
                                 Random& random)
    : edge_(descriptor.edge),
      partitioner_(descriptor.partitioner),
      overtakes_(descriptor.overtakes),
      targets_(descriptor.targets),
      side_output_(descriptor.side_output),
      blocking_(descriptor.blocking),
      may_fail_(descriptor.blocking ||
                std::any_of(descriptor.peers.begin(), descriptor.peers.end(),
                            [](const std::string& peer) { return !peer.empty(); })),
      max_parallelism_(descriptor.max_parallelism),
      target_parallelism_(descriptor.target_parallelism),
      random_(random) {
  for (auto& channel : channels) subpartitions_.emplace_back(std::move(channel));
  positions_.resize(subpartitions_.size());
  if (!subpartitions_.empty()) next_ = random_.Next() % subpartitions_.size();
}

absl::Status ResultPartition::Write(std::unique_ptr<RecordBatch> batch) {
  if (batch->empty()) return absl::OkStatus();
  if (partitioner_ == idl::Partitioner::BROADCAST) return WriteToAll(std::move(batch));
  if (subpartitions_.size() == 1 || partitioner_ == idl::Partitioner::GLOBAL) {
    WriteToFirst(std::move(batch));
    return absl::OkStatus();
  }
  for (auto& positions : positions_) positions.clear();
  RETURN_IF_ERROR(Select(*batch));
  // Starting with the first record's channel, so that records leave about in the order in which
  // they came.
  size_t first = 0;
  while (positions_[first].empty() || positions_[first][0] != 0) ++first;
  for (size_t i = 0; i < subpartitions_.size(); ++i) {
    const size_t channel = (first + i) % subpartitions_.size();
    const std::vector<uint32_t>& positions = positions_[channel];
    if (!positions.empty())
      subpartitions_[channel].Gather(*batch, positions.data(), positions.size());
  }
  if (!gathering_) flush_from_ = first;
  gathering_ = true;
  return absl::OkStatus();
}

// A batch goes as it is. What is to be kept is gathered when it is small: such batches may hold on to
// buffers that are much larger (a block of the file that they were read from).
void ResultPartition::WriteToFirst(std::unique_ptr<RecordBatch> batch) {
  if (!blocking_ || batch->size() > kBatchRecordsMax / 2)
    return subpartitions_[0].Add(std::move(batch));
  std::vector<uint32_t>& positions = positions_[0];
  positions.resize(batch->size());
  std::iota(positions.begin(), positions.end(), 0u);
  subpartitions_[0].Gather(*batch, positions.data(), positions.size());
  if (!gathering_) flush_from_ = 0;
  gathering_ = true;
}

absl::Status ResultPartition::WriteToAll(std::unique_ptr<RecordBatch> batch) {
  for (size_t i = 1; i < subpartitions_.size(); ++i) {
    ASSIGN_OR_RETURN(auto copy, batch->Copy());
    subpartitions_[i].Add(std::move(copy));
  }
  subpartitions_[0].Add(std::move(batch));
  return absl::OkStatus();
}

absl::Status ResultPartition::Select(const RecordBatch& batch) {
  const uint32_t count = static_cast<uint32_t>(batch.size());
  const size_t channels = subpartitions_.size();
  switch (partitioner_) {
    case idl::Partitioner::HASH:
      PFPP_CHECK(batch.has_keys());
      for (uint32_t i = 0; i < count; ++i) {
        const int group = KeyGroupOf(batch.keys()[i].hash, max_parallelism_);
        positions_[SubtaskOfKeyGroup(group, target_parallelism_, max_parallelism_)].push_back(i);
      }
      return absl::OkStatus();
    case idl::Partitioner::CUSTOM:
      PFPP_CHECK(batch.has_keys());
      for (uint32_t i = 0; i < count; ++i) positions_[batch.keys()[i].hash].push_back(i);
      return absl::OkStatus();
    case idl::Partitioner::SHUFFLE:
      for (uint32_t i = 0; i < count; ++i) positions_[random_.Next() % channels].push_back(i);
      return absl::OkStatus();
    case idl::Partitioner::REBALANCE:
    case idl::Partitioner::RESCALE:
      for (uint32_t i = 0; i < count; ++i) {
        positions_[next_].push_back(i);
        if (++next_ == channels) next_ = 0;
      }
      return absl::OkStatus();
    case idl::Partitioner::FORWARD:
    case idl::Partitioner::GLOBAL:
    case idl::Partitioner::BROADCAST:
      break;
  }
  return absl::InternalError(absl::StrCat("a partitioner of kind ", static_cast<int>(partitioner_),
                                          " over ", channels, " channels"));
}

void ResultPartition::SendGathered() {
  if (!gathering_) return;
  gathering_ = false;
  for (size_t i = 0; i < subpartitions_.size(); ++i)
    subpartitions_[(flush_from_ + i) % subpartitions_.size()].Flush();
}

void ResultPartition::Overtake(const CheckpointBarrier& barrier, Overtaken overtaken) {
  SendGathered();  // in its own order
  for (size_t i = 0; i < subpartitions_.size(); ++i) {
    subpartitions_[i].Overtake(barrier,
                               [&](const RecordBatch& batch) { overtaken(targets_[i], batch); });
  }
}

void ResultPartition::OvertakeLate(const CheckpointBarrier& barrier, Overtaken overtaken) {
  for (size_t i = 0; i < subpartitions_.size(); ++i) {
    subpartitions_[i].OvertakeLate(
        barrier, [&](const RecordBatch& batch) { overtaken(targets_[i], batch); });
  }
}

bool ResultPartition::Waits(int64_t checkpoint) const {
  return std::any_of(subpartitions_.begin(), subpartitions_.end(),
                     [&](const auto& subpartition) { return subpartition.Waits(checkpoint); });
}

size_t ResultPartition::waiting() const {
  size_t most = 0;
  for (const ResultSubpartition& subpartition : subpartitions_)
    most = std::max(most, subpartition.waiting());
  return most;
}

bool ResultPartition::Pump() {
  bool blocked = false;
  for (ResultSubpartition& subpartition : subpartitions_) {
    subpartition.Pump();
    blocked |= subpartition.blocked();
  }
  return blocked;
}

absl::Status ResultPartition::status() const {
  absl::Status first;
  if (!may_fail_) return first;
  for (const ResultSubpartition& subpartition : subpartitions_) first.Update(subpartition.status());
  return first;
}

}  // namespace pyflinkpp
