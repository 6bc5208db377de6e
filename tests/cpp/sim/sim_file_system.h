// The disk of a simulation: files and directories in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/env/env.h"

namespace pyflinkpp::sim {

// Behaves like PosixFileSystem, in its error messages too. It knows of every file how much of it
// was synced, and of every name which contents it stands for, so a crash that loses the rest can be
// added here alone.
//
// Invariants: every path's parent is a directory; the engine calls from the I/O executor only
// (`on_executor` is asked).
class SimFileSystem final : public FileSystem {
 public:
  explicit SimFileSystem(std::function<bool()> on_executor)
      : on_executor_(std::move(on_executor)) {}

  absl::StatusOr<FileInfo> Stat(const std::string& path) override;
  absl::StatusOr<std::vector<FileInfo>> List(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  absl::Status CreateDirectories(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Delete(const std::string& path) override;
  absl::Status DeleteDirectory(const std::string& path) override;
  std::string temporary_directory() const override { return "/tmp"; }

  // For the test itself, at any time.
  void Put(const std::string& path, std::string bytes);
  std::map<std::string, std::string> FilesBelow(const std::string& directory) const;  // path: bytes
  int open_files() const { return open_files_; }
  // What no careful program does: files that got their final name before their bytes were durable.
  int renamed_unsynced() const { return renamed_unsynced_; }

 private:
  struct Contents {
    std::string bytes;
    size_t synced = 0;
  };
  struct Node {
    std::shared_ptr<Contents> contents;  // null: a directory
  };
  class Reader;
  class Writer;

  void CheckCaller() const;
  Node* Find(const std::string& path);
  int WhyMissing(const std::string& path) const;
  absl::Status MakeDirectories(const std::string& path);

  const std::function<bool()> on_executor_;
  std::map<std::string, Node> nodes_ = {{"/", {}}};  // by normal path
  int open_files_ = 0;
  int renamed_unsynced_ = 0;
};

}  // namespace pyflinkpp::sim
