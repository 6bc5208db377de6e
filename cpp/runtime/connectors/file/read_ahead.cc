#include "runtime/connectors/file/read_ahead.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp {

ReadAhead::ReadAhead(FileSystem& files, Executor& io, std::function<void()> ready,
                     const idl::FileSplit& split, ReadAheadLimits limits)
    : files_(files),
      io_(io),
      ready_(std::move(ready)),
      path_(split.path),
      start_(LineCutter::FeedFrom(split.first)),
      limit_(split.limit),
      limits_(limits),
      position_(start_),
      beyond_limit_bytes_(std::max<size_t>(limits.chunk_bytes / 16, 1)) {}

absl::StatusOr<std::optional<Chunk>> ReadAhead::Next() {
  absl::StatusOr<std::optional<Chunk>> result = std::optional<Chunk>();
  bool start;
  {
    MutexLock lock(mutex_);
    PFPP_CHECK(!stopped_);
    if (chunks_.empty()) {
      PFPP_CHECK(!ended_);
      wanted_ = true;
    } else {
      result = std::move(chunks_.front());
      chunks_.pop_front();
    }
    start = !under_way_ && WantsRead();
    under_way_ |= start;
  }
  if (start) StartJob();
  return result;
}

void ReadAhead::Stop() {
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    chunks_.clear();
    if (under_way_) return;                     // the job will see it
    if (ended_ || position_ == start_) return;  // no file is open
    under_way_ = true;
  }
  StartJob();
}

void ReadAhead::StartJob() {
  io_.Run([self = shared_from_this()] { self->Job(); });
}

void ReadAhead::Job() {
  for (size_t i = 0; i < limits_.chunks_max; ++i) {
    size_t bytes;
    {
      MutexLock lock(mutex_);
      if (!WantsRead()) {
        if (stopped_) stream_.reset();
        under_way_ = false;
        return;
      }
      bytes = NextChunkBytes();
    }
    absl::StatusOr<Chunk> chunk = Read(bytes);
    const bool ended = !chunk.ok() || chunk->last;
    if (ended) stream_.reset();
    bool call;
    {
      MutexLock lock(mutex_);
      if (chunk.ok()) position_ += static_cast<int64_t>(chunk->size);
      ended_ = ended;
      call = wanted_;
      wanted_ = false;
      if (!stopped_) chunks_.push_back(std::move(chunk));
    }
    if (call) ready_();
  }
  StartJob();  // the same job goes on, behind what others want of this thread
}

bool ReadAhead::WantsRead() const {
  if (stopped_ || ended_ || chunks_.size() >= limits_.chunks_max) return false;
  return position_ < limit_ || wanted_;
}

size_t ReadAhead::NextChunkBytes() {
  if (position_ < limit_) {
    return static_cast<size_t>(
        std::min<int64_t>(static_cast<int64_t>(limits_.chunk_bytes), limit_ - position_));
  }
  // Most lines end soon; the longer this one gets, the more of it comes at once.
  return std::exchange(beyond_limit_bytes_, std::min(beyond_limit_bytes_ * 2, limits_.chunk_bytes));
}

absl::StatusOr<Chunk> ReadAhead::Read(size_t bytes) {
  if (stream_ == nullptr) {
    ASSIGN_OR_RETURN(stream_, OpenByteStream(files_, path_, start_));
  }
  std::shared_ptr<char[]> buffer = std::make_shared_for_overwrite<char[]>(bytes);
  Chunk chunk;
  while (chunk.size < bytes) {
    ASSIGN_OR_RETURN(const size_t count,
                     stream_->Read(buffer.get() + chunk.size, bytes - chunk.size));
    chunk.last = count == 0;
    if (chunk.last) break;
    chunk.size += count;
  }
  chunk.bytes = std::move(buffer);
  return chunk;
}

}  // namespace pyflinkpp
