// Reads a file split on the I/O executor, a little ahead of the loop that needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"
#include "runtime/connectors/file/compression.h"
#include "runtime/connectors/file/line_cutter.h"

namespace pyflinkpp {

struct ReadAheadLimits {
  size_t chunk_bytes = size_t{256} * 1024;
  size_t chunks_max = 2;  // read and not yet taken
};

// The chunks of one split (of decompressed bytes), from LineCutter::FeedFrom(first) on. Up to the
// split's limit they are read ahead; beyond it, where only the end of one line is wanted, a chunk
// is read when the loop asks for it.
//
//   loop      Next ──┐ nothing there          ┌─ Next: a chunk ──┐ room again
//                    ▼                        │                  ▼
//   executor   [read chunk] ── ready() ───────┘           [read chunk] [read chunk]
//
// Shared by the operator, whose loop calls Next and Stop, and by its one job on the executor: it
// may outlive the operator, but calls nothing of it after Stop but `ready`, which has to bear that.
// Invariants: at most one job is under way; only it touches stream_, which it alone opens and
// closes; chunks_ holds at most chunks_max; nothing comes behind an error or the last chunk.
class ReadAhead : public std::enable_shared_from_this<ReadAhead> {
 public:
  // `ready` (any thread) is called once after each Next() that found nothing. `files` and `io`
  // outlive all work on `io`.
  ReadAhead(FileSystem& files, Executor& io, std::function<void()> ready,
            const idl::FileSplit& split, ReadAheadLimits limits);

  // On the loop. The next chunk, if it is there.
  absl::StatusOr<std::optional<Chunk>> Next() ABSL_LOCKS_EXCLUDED(mutex_);

  // On the loop: no more is wanted. The file is closed on the executor.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void StartJob();
  void Job() ABSL_LOCKS_EXCLUDED(mutex_);
  size_t NextChunkBytes() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Chunk> Read(size_t bytes);
  bool WantsRead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FileSystem& files_;
  Executor& io_;
  const std::function<void()> ready_;
  const std::string path_;
  const int64_t start_;
  const int64_t limit_;
  const ReadAheadLimits limits_;

  std::unique_ptr<ByteStream> stream_;  // the job's

  Mutex mutex_;
  std::deque<absl::StatusOr<Chunk>> chunks_ ABSL_GUARDED_BY(mutex_);
  int64_t position_ ABSL_GUARDED_BY(mutex_);  // up to where chunks were read
  size_t beyond_limit_bytes_ ABSL_GUARDED_BY(mutex_);
  bool under_way_ ABSL_GUARDED_BY(mutex_) = false;
  bool wanted_ ABSL_GUARDED_BY(mutex_) = false;  // the loop waits for a chunk
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;   // by the last chunk or an error
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pyflinkpp
