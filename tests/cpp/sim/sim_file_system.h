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
#include "sim/sim_random.h"

namespace pyflinkpp::sim {

// Behaves like PosixFileSystem, in its error messages too. A crash loses of every file what was not
// synced; names are durable at once. On demand, changes fail now and then, or the disk is full.
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
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status Delete(const std::string& path) override;
  absl::Status DeleteDirectory(const std::string& path) override;
  std::string temporary_directory() const override { return "/tmp"; }

  // ---- trouble ----
  // From now on each change fails with this probability, at most `most` times in all; the random
  // numbers outlive us.
  void FailAtRandom(SimRandom& random, int64_t permille, int64_t most) {
    random_ = &random;
    fail_permille_ = permille;
    fail_most_ = most;
  }
  void SetFull(bool full) { full_ = full; }
  // Whether a file may have two names; false: Link is refused.
  void SetLinks(bool links) { links_ = links; }
  // The machine is down: nothing can be read or changed.
  void SetDead(bool dead) { dead_ = dead; }
  int64_t failed() const { return failed_; }
  // The machine has crashed: what was not synced is gone.
  void LoseUnsynced();
  // Changes a bit of a file. REQUIRES: it has bytes.
  void Flip(const std::string& path, size_t position);

  // While one lives, the test itself may call what belongs on the executor; nothing fails.
  class TestAccess {
   public:
    explicit TestAccess(SimFileSystem& files) : files_(files) { ++files_.test_depth_; }
    ~TestAccess() { --files_.test_depth_; }

   private:
    SimFileSystem& files_;
  };

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
  // Whether this change is to fail, and how; 0: it is not. `grows`: it needs room.
  int Trouble(bool grows);
  Node* Find(const std::string& path);
  int WhyMissing(const std::string& path) const;
  absl::Status MakeDirectories(const std::string& path);

  const std::function<bool()> on_executor_;
  std::map<std::string, Node> nodes_ = {{"/", {}}};  // by normal path
  int open_files_ = 0;
  int renamed_unsynced_ = 0;
  int test_depth_ = 0;
  SimRandom* random_ = nullptr;
  int64_t fail_permille_ = 0;
  int64_t fail_most_ = 0;
  int64_t failed_ = 0;
  bool full_ = false;
  bool links_ = true;
  bool dead_ = false;
};

}  // namespace pyflinkpp::sim
