// The one seam: time, files, threads and randomness enter the engine only through these interfaces.
// Production gets the real ones (runtime/env), tests simulated ones.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pyflinkpp {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowMillis() const = 0;  // wall clock, milliseconds since the epoch
  virtual int64_t NowNanos() const = 0;   // never goes back; its origin means nothing
};

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;  // uniform over 64 bits; any thread
};

struct FileInfo {
  std::string path;
  int64_t size = 0;  // bytes
  bool directory = false;
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Reads up to `size` bytes at `offset`; fewer only at the end of the file.
  virtual absl::StatusOr<size_t> Read(int64_t offset, char* to, size_t size) = 0;
};

class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes, keeps what was written
  virtual absl::Status Append(absl::string_view bytes) = 0;
  virtual absl::Status Sync() = 0;  // returns when the bytes are durable
  virtual absl::Status Close() = 0;
};

// Blocks: called on the I/O executor only. Errors name the path and what the operating system said.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual absl::StatusOr<FileInfo> Stat(const std::string& path) = 0;
  virtual absl::StatusOr<std::vector<FileInfo>> List(
      const std::string& directory) = 0;  // sorted by path
  virtual absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  virtual absl::Status CreateDirectories(const std::string& path) = 0;
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;  // durable on return
  // Gives a file a second name, which is not there yet; its bytes are durable on return. Not every
  // file system can, and none between two devices: then a copy has to do.
  virtual absl::Status Link(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Delete(const std::string& path) = 0;           // a file
  virtual absl::Status DeleteDirectory(const std::string& path) = 0;  // an empty one
  // Where temporary files go. Does not block.
  virtual std::string temporary_directory() const = 0;
};

// Runs what may block, on threads of its own.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Run(absl::AnyInvocable<void()> work) = 0;
};

// Where print sinks write: the process's standard output and error as its host sees them.
class Console {
 public:
  virtual ~Console() = default;
  virtual void Write(absl::string_view text, bool standard_error) = 0;
};

class LoopRunner;  // runtime/mailbox/loop.h

struct Env {
  Clock& clock;
  Random& random;
  FileSystem& files;
  Executor& io;
  Console& console;
  LoopRunner& loops;
};

}  // namespace pyflinkpp
