// A small Env for the tests of files: real files in a temporary directory, all else under the
// test's hand.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/status.h"
#include "core/env/env.h"
#include "core/types/native_serializers.h"
#include "runtime/env/posix_file_system.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp::file_test {

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = testing::TempDir() + "pyflinkpp_XXXXXX";
    PFPP_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  std::string Write(const std::string& name, const std::string& contents) const {
    const std::string path = *this / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << contents;
    return path;
  }
  // Relative paths of all files, sorted.
  std::vector<std::string> Files() const {
    std::vector<std::string> result;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file())
        result.push_back(std::filesystem::relative(entry.path(), path_).string());
    }
    std::sort(result.begin(), result.end());
    return result;
  }

 private:
  std::string path_;
};

inline std::string ContentsOf(const std::string& path) {
  std::stringstream result;
  result << std::ifstream(path, std::ios::binary).rdbuf();
  return result.str();
}

// Work waits until the test runs it.
class StepExecutor final : public Executor {
 public:
  void Run(absl::AnyInvocable<void()> work) override { waiting_.push_back(std::move(work)); }
  size_t waiting() const { return waiting_.size(); }
  bool RunOne() {
    if (waiting_.empty()) return false;
    absl::AnyInvocable<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    running_ = true;
    work();
    running_ = false;
    return true;
  }
  void RunAll() {
    while (RunOne()) {
    }
  }
  bool running() const { return running_; }

 private:
  std::deque<absl::AnyInvocable<void()>> waiting_;
  bool running_ = false;
};

class ManualClock final : public Clock {
 public:
  int64_t NowMillis() const override { return millis; }
  int64_t NowNanos() const override { return millis * 1'000'000; }
  int64_t millis = 1'700'000'000'000;
};

class CountingRandom final : public Random {
 public:
  uint64_t Next() override { return next_++; }

 private:
  uint64_t next_ = 0xabc;
};

class SilentConsole final : public Console {
 public:
  void Write(absl::string_view, bool) override {}
};

// Real files; counts open ones, and checks that all calls come from the executor. Fails when told
// to.
class WatchedFileSystem final : public FileSystem {
 public:
  explicit WatchedFileSystem(const StepExecutor& executor) : executor_(executor) {}

  int open_files = 0;
  int reads = 0;
  std::string temporary = "/tmp";
  std::map<std::string, absl::Status>
      failures;  // by operation: "read", "append", "create", "rename", "sync"

  absl::StatusOr<FileInfo> Stat(const std::string& path) override { return Checked().Stat(path); }
  absl::StatusOr<std::vector<FileInfo>> List(const std::string& path) override {
    return Checked().List(path);
  }
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    absl::StatusOr<std::unique_ptr<ReadableFile>> file = Checked().Open(path);
    if (!file.ok()) return file.status();
    return std::make_unique<WatchedReadable>(*this, *std::move(file));
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    if (absl::Status status = failures["create"]; !status.ok()) return status;
    absl::StatusOr<std::unique_ptr<WritableFile>> file = Checked().Create(path);
    if (!file.ok()) return file.status();
    return std::make_unique<WatchedWritable>(*this, *std::move(file));
  }
  absl::Status CreateDirectories(const std::string& path) override {
    return Checked().CreateDirectories(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (absl::Status status = failures["rename"]; !status.ok()) return status;
    return Checked().Rename(from, to);
  }
  absl::Status Link(const std::string& from, const std::string& to) override {
    return Checked().Link(from, to);
  }
  absl::Status Delete(const std::string& path) override { return Checked().Delete(path); }
  absl::Status DeleteDirectory(const std::string& path) override {
    return Checked().DeleteDirectory(path);
  }
  std::string temporary_directory() const override { return temporary; }

 private:
  class WatchedReadable final : public ReadableFile {
   public:
    WatchedReadable(WatchedFileSystem& owner, std::unique_ptr<ReadableFile> file)
        : owner_(owner), file_(std::move(file)) {
      ++owner_.open_files;
    }
    ~WatchedReadable() override {
      owner_.Checked();
      --owner_.open_files;
    }
    absl::StatusOr<size_t> Read(int64_t offset, char* to, size_t size) override {
      owner_.Checked();
      ++owner_.reads;
      if (absl::Status status = owner_.failures["read"]; !status.ok()) return status;
      return file_->Read(offset, to, size);
    }

   private:
    WatchedFileSystem& owner_;
    const std::unique_ptr<ReadableFile> file_;
  };

  class WatchedWritable final : public WritableFile {
   public:
    WatchedWritable(WatchedFileSystem& owner, std::unique_ptr<WritableFile> file)
        : owner_(owner), file_(std::move(file)) {
      ++owner_.open_files;
    }
    ~WatchedWritable() override {
      owner_.Checked();
      --owner_.open_files;
    }
    absl::Status Append(absl::string_view bytes) override {
      owner_.Checked();
      if (absl::Status status = owner_.failures["append"]; !status.ok()) return status;
      return file_->Append(bytes);
    }
    absl::Status Sync() override {
      owner_.Checked();
      if (absl::Status status = owner_.failures["sync"]; !status.ok()) return status;
      return file_->Sync();
    }
    absl::Status Close() override {
      owner_.Checked();
      return file_->Close();
    }

   private:
    WatchedFileSystem& owner_;
    const std::unique_ptr<WritableFile> file_;
  };

  PosixFileSystem& Checked() {
    PFPP_CHECK(executor_.running());
    return files_;
  }

  const StepExecutor& executor_;
  PosixFileSystem files_;
};

// The context of one operator and all of its Env. The LoopRunner is not used by connectors and not
// there.
struct FileTestEnv {
  TempDirectory directory;
  ManualClock clock;
  CountingRandom random;
  StepExecutor io;
  WatchedFileSystem files{io};
  SilentConsole console;
  alignas(64) char no_loops[64] = {};
  Env env{clock, random, files, io, console, reinterpret_cast<LoopRunner&>(no_loops)};

  int wakes = 0;
  std::atomic<bool> yield = false;
  std::map<std::string, std::string> configuration;
  std::vector<OperatorCounters> counters = std::vector<OperatorCounters>(1);
  OperatorContext context{
      .env = env,
      .task_name = "test (1/1)",
      .configuration = configuration,
      .keyed_state = nullptr,
      .wake = [this] { ++wakes; },
      .report_accumulator = nullptr,
      .counters = counters,
      .ticked = &yield,
  };
};

inline void AppendLines(const RecordBatch& batch, std::vector<std::string>& lines) {
  for (size_t i = 0; i < batch.size(); ++i) {
    const StringRow& row = batch.rows<StringRow>()[i];
    lines.emplace_back(row.data, row.size);
  }
}

// What readLine of a BufferedReader would return, by the most obvious code.
inline std::vector<std::pair<size_t, std::string>> ExpectedLines(const std::string& text) {
  std::vector<std::pair<size_t, std::string>> lines;  // with their positions
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && text[end] != '\n' && text[end] != '\r') ++end;
    lines.emplace_back(at, text.substr(at, end - at));
    at = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  return lines;
}

}  // namespace pyflinkpp::file_test
