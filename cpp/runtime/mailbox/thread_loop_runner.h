// Production's runner: a thread for each loop.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/mailbox/loop.h"
#include "runtime/mailbox/turns.h"

namespace pyflinkpp {

// Owned by the process's Env. The destructor and JoinAll wait for every loop to be done.
class ThreadLoopRunner : public LoopRunner {
 public:
  ~ThreadLoopRunner() override { JoinAll(); }
  void Start(std::shared_ptr<Loop> loop) override;
  void JoinAll();
  void Tick() override { turns_.Tick(); }

 private:
  struct Entry {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> done;
  };
  void RunInTurns(Loop& loop, Turns::Ticket& ticket);
  void Run(std::shared_ptr<Loop> loop, std::shared_ptr<Turns::Ticket> ticket,
           std::shared_ptr<std::atomic<bool>> done);

  Turns turns_;
  Mutex mutex_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
