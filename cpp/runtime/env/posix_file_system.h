// The files of the machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/env/env.h"

namespace pyflinkpp {

// The production FileSystem: plain POSIX calls. Stateless, so any number of I/O executor threads
// may share it; the files it opens belong to who opened them and serve one thread at a time. All
// errors are EXTERNAL failures that read "cannot <do what> <path>: <what the operating system
// said>".
//
// Durability: WritableFile::Sync writes the bytes through; Rename and CreateDirectories also write
// through the directories in which they change a name.
class PosixFileSystem final : public FileSystem {
 public:
  // Follows symbolic links. What is neither a file nor a directory (a pipe, a device) is an error.
  absl::StatusOr<FileInfo> Stat(const std::string& path) override;
  // Leaves out pipes, sockets and devices, and what vanishes meanwhile.
  absl::StatusOr<std::vector<FileInfo>> List(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  absl::Status CreateDirectories(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status Delete(const std::string& path) override;
  absl::Status DeleteDirectory(const std::string& path) override;
  std::string temporary_directory() const override;
};

}  // namespace pyflinkpp
