// What one subtask has sent over one blocking exchange: kept until its consumers have read it.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "core/stream/value_size.h"
#include "runtime/io/io_strand.h"
#include "runtime/io/spill_file.h"
#include "runtime/network/channel.h"

namespace pyflinkpp {

// Bytes that partitions may keep in memory, all together. Any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes) : total_(bytes) {}
  // All of them, or none.
  bool Take(size_t bytes);
  void Give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const size_t total_;
  std::atomic<size_t> used_{0};
};

// Shared by the ends of its channels, by the transport that made it and by its works on the I/O
// executor; survives its producer.
//
//   producer's loop:  Append ... Append(EndOfInput) to each target; settled() when all is written
//                     a batch stays in memory while the budget lasts; else it goes to the file
//   consumers' loops: Poll; blocks of the file are read ahead, and decoded in Poll
//
// Invariants: a consumer sees nothing before the partition is complete: all ends of input sent, all
// blocks in the file. A batch gives its bytes back when it is taken. The file is gone when every
// channel has been read to its end or closed, or when the partition is dropped.
class BlockingPartition : public std::enable_shared_from_this<BlockingPartition> {
 public:
  BlockingPartition(Env& env, std::shared_ptr<MemoryBudget> budget, std::string file_name);

  // ---- producer's loop ----

  // REQUIRES: every writer is opened before the first Append.
  void OpenWriter(int target, Mailbox& producer);
  // Whether more may be appended; if not, the producer is notified when it may.
  bool writable() const;
  void Append(int target, StreamElement element);
  // Everything that was sent is where it survives the producer. Asked behind the ends of input; the
  // producer is notified when it becomes true.
  bool settled() const;
  absl::Status status() const;
  // A producer that leaves before the partition is complete takes its results along.
  void CloseWriter();

  // ---- a consumer's loop ----

  void OpenReader(int target, ReadyChannels& ready, size_t channel);
  std::optional<StreamElement> Poll(int target, bool* more);
  // Why Poll has nothing.
  absl::Status reader_status(int target) const;
  void CloseReader(int target);

  // ---- any thread ----

  // The job has ended: lets go of what is left.
  void Drop();

 private:
  // A block of the file on its way into memory.
  struct Read {
    std::string bytes;
    bool done = false;
    absl::Status status;
  };
  // An element in memory, or where its block is.
  struct Stored {
    StreamElement element;
    size_t memory_bytes = 0;
    std::shared_ptr<const TypeSerializer> serializer;  // null: in memory
    int64_t offset = 0;
    uint32_t block_bytes = 0;
    std::shared_ptr<Read> read;  // null: not begun
  };
  struct Channel {
    std::deque<Stored> elements;
    ReadyChannels* ready = nullptr;  // of the reader that is there
    size_t number = 0;               // the reader's, for the channel
    bool told = false;               // the reader will look
    bool done = false;               // was read to its end, or closed
    absl::Status status;
  };
  using Reads = std::vector<std::pair<int64_t, std::shared_ptr<Read>>>;  // by offset

  absl::StatusOr<Stored> Store(std::unique_ptr<RecordBatch> batch);
  // Posts what was counted in unfinished_.
  void PostCounted(IoStrand::Work work);
  void OnWritten(const absl::Status& status);
  void Fail(const absl::Status& status);
  void Complete() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Available(const Channel& channel) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Reads BeginReads(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunRead(int target, int64_t offset, std::shared_ptr<Read> read);
  absl::StatusOr<StreamElement> Load(Stored stored);
  std::deque<Stored> Empty(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DeleteFileWhenRead();

  Executor& io_;
  const std::shared_ptr<MemoryBudget> budget_;
  const std::shared_ptr<SpillFile> file_;
  const std::shared_ptr<IoStrand> strand_;

  // The producer's.
  ValueSize value_size_;
  int64_t written_bytes_ = 0;

  mutable Mutex mutex_;
  std::map<int, Channel> channels_ ABSL_GUARDED_BY(mutex_);  // by target
  Mailbox* producer_ ABSL_GUARDED_BY(mutex_) = nullptr;
  size_t writers_ ABSL_GUARDED_BY(mutex_) = 0;       // opened
  size_t open_writers_ ABSL_GUARDED_BY(mutex_) = 0;  // and not closed
  size_t ended_ ABSL_GUARDED_BY(mutex_) = 0;         // ends of input sent
  int unfinished_ ABSL_GUARDED_BY(mutex_) = 0;       // works on the strand
  bool spilled_ ABSL_GUARDED_BY(mutex_) = false;
  bool complete_ ABSL_GUARDED_BY(mutex_) = false;
  bool deleted_ ABSL_GUARDED_BY(mutex_) = false;  // the file is, or will be
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
