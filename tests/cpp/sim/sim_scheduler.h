// Runs all loops and all I/O of a simulation on one thread, in an order that a seed decides.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/mailbox/loop.h"
#include "sim/sim_random.h"
#include "sim/trace.h"

namespace pyflinkpp::sim {

class SimClock final : public Clock {
 public:
  int64_t NowMillis() const override { return kStartMillis + nanos_ / 1'000'000; }
  int64_t NowNanos() const override { return nanos_; }
  void Advance(int64_t nanos) { nanos_ += nanos; }

 private:
  static constexpr int64_t kStartMillis = 1'700'000'000'000;
  int64_t nanos_ = 0;
};

// How a scheduler treats its loops; drawn from the seed, so that seeds differ in kind and not only
// in luck.
struct Temper {
  int64_t step_nanos_max;  // a step takes 1 … so much virtual time
  int64_t stay_percent;    // how often a loop that can go on does, before others are looked at
  int64_t weight_max;      // some loops get this much more of the time than others
  int64_t
      spurious_permille;  // steps of a loop that has nothing to do: a thread may wake without cause
  int64_t pause_permille;  // steps after which a loop stands still for a while, as if its core were
                           // taken
  int64_t pause_nanos_max;
  int64_t io_threads;  // so many of the oldest works may come next
  static Temper Draw(SimRandom& random);
};

// The LoopRunner and Executor of a simulated Env. Everything happens within Run, on its caller's
// thread.
//
//   a step:  one of the loops that can step, or one of the oldest works
//            none can:  the clock goes to the next timer
//            no timer either, or nothing but timers of upkeep for long: a stall, which is an error
class SimScheduler final : public LoopRunner, public Executor {
 public:
  explicit SimScheduler(uint64_t seed);
  ~SimScheduler() override;

  void Start(std::shared_ptr<Loop> loop) override;
  void Run(absl::AnyInvocable<void()> work) override {
    works_.push_back({std::move(work), owner_});
  }

  // Steps until `done`, which is asked before each step. An error: a stall, or no end after
  // kStepsMax.
  absl::Status RunUntil(const std::function<bool()>& done);
  // No loop and no work is left.
  bool idle() const { return loops_.empty() && works_.empty(); }
  // Forgets all loops and works, of a run that went wrong or in a crash, while all that it refers to is still there.
  void Clear();
  // All loops are gone at once; works still run, and should find that nothing can be done any more.
  void Crash();
  // The same for one loop, and what it and the loops that it started have started.
  void Crash(const std::string& owner);

  SimClock& clock() { return clock_; }
  const Temper& temper() const { return temper_; }
  const Trace& trace() const { return trace_; }
  // Whose step it is; empty while a work runs, and between steps.
  const std::string& running() const { return running_; }
  bool in_work() const { return in_work_; }

 private:
  struct Entry {
    std::shared_ptr<Loop> loop;
    size_t name;  // in the trace
    int64_t weight;
    std::string owner;  // the loop that started it, or that one's own; its own name when nobody did
    bool more = true;   // its last step said so
    int64_t paused_until = 0;
  };
  static constexpr size_t kStepsMax = 3'000'000;
  static constexpr int kQuietJumpsMax = 500;

  // Makes one step; false: nothing can ever step again.
  bool Step();
  // Fills ready_ with positions in loops_ and, behind them, of works.
  void LookForReady();
  size_t Choose();
  void StepLoop(size_t position);
  void RunWork(size_t position);
  std::string Report(const char* what) const;

  SimRandom random_;
  const Temper temper_;
  const uint64_t seed_;
  SimClock clock_;
  Trace trace_;
  size_t clock_name_;
  size_t io_name_;
  std::vector<Entry> loops_;
  struct Work {
    absl::AnyInvocable<void()> run;
    std::string owner;
  };
  std::deque<Work> works_;
  std::string owner_;  // of what runs
  std::vector<size_t> ready_;
  int64_t next_timer_ = 0;  // of the loops that are not ready
  const Loop* last_ = nullptr;
  std::string running_;
  bool in_work_ = false;
  int quiet_jumps_ = 0;  // of the clock, since something happened besides upkeep
};

}  // namespace pyflinkpp::sim
