// Turns: loops that need one shared resource (the interpreter's lock) run one after the other, in
// the order in which they became ready.
#pragma once

#include <atomic>
#include <deque>

#include "core/base/mutex.h"

namespace pyflinkpp {

// Threads that only trade one lock gain nothing from running at once: they lose time to hand-overs,
// and the order in which they get on depends on the machine. So each waits for its turn, and its
// place in the queue is taken by who notifies it, not when its thread wakes up.
//
//   idle --Ready--> waiting --(first, nobody has the turn)--> running --GiveBack--> idle
//
// A turn orders, it does not exclude: a loop that keeps it for more than a tick (a function that
// sleeps, or waits for somebody else) goes on, but the next one starts as well. So nothing can wait
// for ever.
class Turns {
 public:
  // A loop's place.
  class Ticket {
   public:
    // Others wait and this one has had its time: it gives the turn back after the step in hand.
    bool should_give_back() const { return overdue_.load(std::memory_order_relaxed); }

   private:
    friend class Turns;
    enum class State { kIdle, kWaiting, kRunning, kEnded } state_ = State::kIdle;
    bool seen_by_tick_ = false;
    std::atomic<bool> overdue_{false};
    CondVar granted_;
  };

  // The loop has something to do. Any thread; no effect unless it is idle.
  void Ready(Ticket& ticket);
  // Waits for the turn. On the loop's thread.
  void Take(Ticket& ticket);
  void GiveBack(Ticket& ticket) { Leave(ticket, Ticket::State::kIdle); }
  // Gives the turn back for good: Ready has no effect any more.
  void End(Ticket& ticket) { Leave(ticket, Ticket::State::kEnded); }
  // Called each millisecond.
  void Tick();

 private:
  void Leave(Ticket& ticket, Ticket::State state);
  void Enqueue(Ticket& ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GrantNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  std::deque<Ticket*> waiting_ ABSL_GUARDED_BY(mutex_);
  Ticket* holder_ ABSL_GUARDED_BY(mutex_) = nullptr;  // whom the others wait for
};

}  // namespace pyflinkpp
