// An Env without a machine: time stands still until the test moves it, work waits until the test
// runs it, what goes to the console is kept, and there are no files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/env/env.h"
#include "runtime/mailbox/loop.h"

namespace pyflinkpp::harness {

class ManualClock final : public Clock {
 public:
  int64_t NowMillis() const override { return kEpochMillis + nanos_ / 1'000'000; }
  int64_t NowNanos() const override { return nanos_; }
  void AdvanceMillis(int64_t millis) { nanos_ += millis * 1'000'000; }
  void AdvanceTo(int64_t nanos) { nanos_ = std::max(nanos_, nanos); }

 private:
  static constexpr int64_t kEpochMillis = 1'700'000'000'000;
  int64_t nanos_ = 0;
};

// SplitMix64: equal seeds, equal numbers.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed = 0) : state_(seed) {}
  uint64_t Next() override {
    uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

class StepExecutor final : public Executor {
 public:
  void Run(absl::AnyInvocable<void()> work) override { waiting_.push_back(std::move(work)); }
  size_t waiting() const { return waiting_.size(); }
  bool RunOne() {
    if (waiting_.empty()) return false;
    absl::AnyInvocable<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    work();
    return true;
  }

 private:
  std::deque<absl::AnyInvocable<void()>> waiting_;
};

class RecordingConsole final : public Console {
 public:
  void Write(absl::string_view text, bool standard_error) override {
    (standard_error ? err : out).append(text.data(), text.size());
  }
  std::string out;
  std::string err;
};

class NoFiles final : public FileSystem {
 public:
  absl::StatusOr<FileInfo> Stat(const std::string&) override { return None(); }
  absl::StatusOr<std::vector<FileInfo>> List(const std::string&) override { return None(); }
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string&) override { return None(); }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string&) override {
    return None();
  }
  absl::Status CreateDirectories(const std::string&) override { return None(); }
  absl::Status Rename(const std::string&, const std::string&) override { return None(); }
  absl::Status Link(const std::string&, const std::string&) override { return None(); }
  absl::Status Delete(const std::string&) override { return None(); }
  absl::Status DeleteDirectory(const std::string&) override { return None(); }
  std::string temporary_directory() const override { return "/tmp"; }

 private:
  static absl::Status None() { return absl::UnimplementedError("this test has no files"); }
};

// Steps its loops in turn, when told to.
class StepLoopRunner final : public LoopRunner {
 public:
  void Start(std::shared_ptr<Loop> loop) override { loops_.push_back(std::move(loop)); }

  // Steps every loop until none has anything to do at this time. Finished loops are let go.
  void RunUntilIdle() {
    for (bool active = true; active;) {
      active = false;
      for (size_t i = 0; i < loops_.size();) {  // a step may start further loops
        const std::shared_ptr<Loop> loop = loops_[i];
        const StepResult::State state = StepUntilWait(*loop);
        active |= state != StepResult::State::kWait;
        if (state == StepResult::State::kDone) {
          loops_.erase(loops_.begin() + static_cast<int64_t>(i));
        } else {
          ++i;
        }
      }
      for (const std::shared_ptr<Loop>& loop :
           loops_) {  // each may have given the others something to do
        int64_t timer;
        active |= loop->mailbox().Ready(&timer);
      }
    }
  }
  size_t running() const { return loops_.size(); }

 private:
  static StepResult::State StepUntilWait(Loop& loop) {
    StepResult::State state = StepResult::State::kMore;
    for (int steps = 0; steps < 100 && state == StepResult::State::kMore; ++steps) {
      state = loop.Step().state;
    }
    return state;
  }

  std::vector<std::shared_ptr<Loop>> loops_;
};

struct TestEnv {
  ManualClock clock;
  SeededRandom random;
  NoFiles files;
  StepExecutor io;
  RecordingConsole console;
  StepLoopRunner loops;
  Env env{clock, random, files, io, console, loops};
};

}  // namespace pyflinkpp::harness
