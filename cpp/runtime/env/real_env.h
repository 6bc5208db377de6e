// Production's Env: the machine's clock, files, threads and randomness.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "core/base/mutex.h"
#include "core/env/env.h"
#include "runtime/env/posix_file_system.h"
#include "runtime/mailbox/thread_loop_runner.h"

namespace pyflinkpp {

class RealClock : public Clock {
 public:
  int64_t NowMillis() const override;
  int64_t NowNanos() const override;
};

// SplitMix64 over an atomic counter, seeded by the operating system (Steele, Lea, Flood: Fast
// splittable pseudorandom number generators, 2014).
class RealRandom : public Random {
 public:
  RealRandom();
  uint64_t Next() override;

 private:
  std::atomic<uint64_t> state_;
};

// A small pool of threads. The destructor runs what is queued, then joins.
class ThreadExecutor : public Executor {
 public:
  explicit ThreadExecutor(int threads);
  ~ThreadExecutor() override;
  void Run(absl::AnyInvocable<void()> work) override;

 private:
  void Serve();

  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// Runs work at once, on the thread that asks for it.
class InlineExecutor final : public Executor {
 public:
  void Run(absl::AnyInvocable<void()> work) override { work(); }
};

// Stands still until it is moved.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t millis) : start_millis_(millis) {}
  int64_t NowMillis() const override { return start_millis_ + nanos_ / 1'000'000; }
  int64_t NowNanos() const override { return nanos_; }
  // Never goes back.
  void AdvanceTo(int64_t nanos) { nanos_ = nanos > nanos_ ? nanos : nanos_; }

 private:
  const int64_t start_millis_;
  int64_t nanos_ = 0;
};

// Standard output and error of the process.
class StdioConsole : public Console {
 public:
  void Write(absl::string_view text, bool standard_error) override;
};

}  // namespace pyflinkpp
