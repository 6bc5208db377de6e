#include "runtime/network/blocking_partition.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/status.h"
#include "core/stream/batch_codec.h"

namespace pyflinkpp {
namespace {

constexpr int kWritesMax = 4;        // unfinished, before the producer has to wait
constexpr size_t kReadAheadMax = 3;  // elements of a channel

}  // namespace

bool MemoryBudget::Take(size_t bytes) {
  size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used > total_ || bytes > total_ - used) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

BlockingPartition::BlockingPartition(Env& env, std::shared_ptr<MemoryBudget> budget,
                                     std::string file_name)
    : io_(env.io),
      budget_(std::move(budget)),
      file_(std::make_shared<SpillFile>(env.files, env.files.temporary_directory(), file_name)),
      strand_(std::make_shared<IoStrand>(env.io, [] {})) {}

// ---- producer's loop ----

void BlockingPartition::OpenWriter(int target, Mailbox& producer) {
  MutexLock lock(mutex_);
  channels_[target];
  producer_ = &producer;
  ++writers_;
  ++open_writers_;
}

bool BlockingPartition::writable() const {
  MutexLock lock(mutex_);
  return unfinished_ < kWritesMax;
}

void BlockingPartition::Append(int target, StreamElement element) {
  {
    MutexLock lock(mutex_);
    if (!status_.ok()) return;  // it never gets complete
    if (channels_[target].done && !std::holds_alternative<EndOfInput>(element)) return;
  }
  Stored stored;
  if (auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&element)) {
    absl::StatusOr<Stored> kept = Store(std::move(*batch));
    if (!kept.ok()) return Fail(kept.status());
    stored = *std::move(kept);
  } else {
    stored.element = std::move(element);
  }
  bool close = false;
  {
    MutexLock lock(mutex_);
    if (std::holds_alternative<EndOfInput>(stored.element)) ++ended_;
    channels_[target].elements.push_back(std::move(stored));
    if (ended_ < writers_) return;
    PFPP_CHECK(ended_ == writers_);
    close = spilled_;
    if (close) {
      ++unfinished_;
    } else {
      Complete();
    }
  }
  if (close) PostCounted([file = file_] { return file->Close(); });
}

absl::StatusOr<BlockingPartition::Stored> BlockingPartition::Store(
    std::unique_ptr<RecordBatch> batch) {
  value_size_.Sample(*batch, 0);
  size_t bytes =
      batch->size() * (batch->stride() + value_size_.bytes() +
                       (batch->has_timestamps() ? sizeof(int64_t) : 0) + sizeof(RecordKey));
  for (const RecordKey& key : batch->keys()) bytes += key.size;
  Stored stored;
  if (budget_->Take(bytes)) {
    stored.memory_bytes = bytes;
    stored.element = std::move(batch);
    return stored;
  }
  std::string block;
  RETURN_IF_ERROR(EncodeBatch(*batch, block));
  stored.serializer = batch->serializer();
  stored.offset = written_bytes_;
  stored.block_bytes = static_cast<uint32_t>(block.size());
  written_bytes_ += stored.block_bytes;
  {
    MutexLock lock(mutex_);
    spilled_ = true;
    ++unfinished_;
  }
  PostCounted([file = file_, block = std::move(block)] { return file->Append(block); });
  return stored;
}

void BlockingPartition::PostCounted(IoStrand::Work work) {
  strand_->Post([self = shared_from_this(), work = std::move(work)]() mutable {
    absl::Status status = work();
    self->OnWritten(status);
    return status;
  });
}

void BlockingPartition::OnWritten(const absl::Status& status) {
  MutexLock lock(mutex_);
  --unfinished_;
  status_.Update(status);
  if (unfinished_ == 0 && ended_ == writers_ && status_.ok()) Complete();
  if (producer_ != nullptr) producer_->Notify();
}

void BlockingPartition::Fail(const absl::Status& status) {
  MutexLock lock(mutex_);
  status_.Update(status);
}

bool BlockingPartition::settled() const {
  MutexLock lock(mutex_);
  return ended_ < writers_ || complete_;
}

absl::Status BlockingPartition::status() const {
  MutexLock lock(mutex_);
  return status_;
}

void BlockingPartition::CloseWriter() {
  {
    MutexLock lock(mutex_);
    if (--open_writers_ > 0) return;
    producer_ = nullptr;
    if (complete_) return;
  }
  Drop();
}

// A reader that is there looks, and by that begins to read.
void BlockingPartition::Complete() {
  complete_ = true;
  for (auto& [target, channel] : channels_) {
    if (channel.ready == nullptr) continue;
    channel.told = true;
    channel.ready->Push(channel.number);
  }
}

// ---- a consumer's loop ----

void BlockingPartition::OpenReader(int target, ReadyChannels& ready, size_t number) {
  MutexLock lock(mutex_);
  Channel& channel = channels_[target];
  channel.ready = &ready;
  channel.number = number;
  if (!complete_) return;
  channel.told = true;
  ready.Push(number);
}

bool BlockingPartition::Available(const Channel& channel) const {
  if (!complete_ || channel.elements.empty()) return false;
  const Stored& front = channel.elements.front();
  return front.serializer == nullptr || (front.read != nullptr && front.read->done);
}

std::optional<StreamElement> BlockingPartition::Poll(int target, bool* more) {
  std::optional<Stored> next;
  Reads reads;
  {
    MutexLock lock(mutex_);
    Channel& channel = channels_[target];
    if (Available(channel)) {
      next = std::move(channel.elements.front());
      channel.elements.pop_front();
    }
    reads = BeginReads(channel);
    *more = channel.told = Available(channel);
  }
  for (auto& [offset, read] : reads) RunRead(target, offset, std::move(read));
  if (!next) return std::nullopt;
  absl::StatusOr<StreamElement> element = Load(*std::move(next));
  if (!element.ok()) {
    MutexLock lock(mutex_);
    channels_[target].status = element.status();
    *more = false;
    return std::nullopt;
  }
  if (std::holds_alternative<EndOfInput>(*element)) {
    {
      MutexLock lock(mutex_);
      channels_[target].done = true;
    }
    DeleteFileWhenRead();
  }
  return *std::move(element);
}

BlockingPartition::Reads BlockingPartition::BeginReads(Channel& channel) {
  Reads reads;
  if (!complete_) return reads;
  const size_t count = std::min(kReadAheadMax, channel.elements.size());
  for (size_t i = 0; i < count; ++i) {
    Stored& stored = channel.elements[i];
    if (stored.serializer == nullptr || stored.read != nullptr) continue;
    stored.read = std::make_shared<Read>();
    stored.read->bytes.resize(stored.block_bytes);
    reads.emplace_back(stored.offset, stored.read);
  }
  return reads;
}

void BlockingPartition::RunRead(int target, int64_t offset, std::shared_ptr<Read> read) {
  io_.Run([self = shared_from_this(), target, offset, read = std::move(read)] {
    absl::Status status = self->file_->Read(offset, read->bytes);
    MutexLock lock(self->mutex_);
    read->status = std::move(status);
    read->done = true;
    Channel& channel = self->channels_[target];
    if (channel.ready == nullptr || channel.told || !self->Available(channel)) return;
    channel.told = true;
    channel.ready->Push(channel.number);
  });
}

absl::StatusOr<StreamElement> BlockingPartition::Load(Stored stored) {
  if (stored.serializer == nullptr) {
    budget_->Give(stored.memory_bytes);
    return std::move(stored.element);
  }
  RETURN_IF_ERROR(stored.read->status);
  BinaryReader reader(stored.read->bytes);
  ASSIGN_OR_RETURN(std::unique_ptr<RecordBatch> batch, DecodeBatch(reader, stored.serializer));
  return StreamElement(std::move(batch));
}

absl::Status BlockingPartition::reader_status(int target) const {
  MutexLock lock(mutex_);
  return channels_.at(target).status;
}

void BlockingPartition::CloseReader(int target) {
  std::deque<Stored> dropped;
  {
    MutexLock lock(mutex_);
    Channel& channel = channels_[target];
    channel.ready = nullptr;
    channel.done = true;
    dropped = Empty(channel);
  }
  DeleteFileWhenRead();
}

// What it held dies outside of the lock: values may need another one.
std::deque<BlockingPartition::Stored> BlockingPartition::Empty(Channel& channel) {
  for (const Stored& stored : channel.elements) budget_->Give(stored.memory_bytes);
  return std::exchange(channel.elements, {});
}

void BlockingPartition::DeleteFileWhenRead() {
  {
    MutexLock lock(mutex_);
    if (!complete_ || deleted_ || !spilled_) return;
    for (const auto& [target, channel] : channels_) {
      if (!channel.done) return;
    }
    deleted_ = true;
  }
  strand_->PostAlways([file = file_] { file->Delete(); });
}

// ---- any thread ----

void BlockingPartition::Drop() {
  std::vector<std::deque<Stored>> dropped;
  {
    MutexLock lock(mutex_);
    for (auto& [target, channel] : channels_) {
      channel.done = true;
      dropped.push_back(Empty(channel));
    }
    if (!spilled_ || std::exchange(deleted_, true)) return;
  }
  strand_->PostAlways([file = file_] { file->Delete(); });
}

}  // namespace pyflinkpp
