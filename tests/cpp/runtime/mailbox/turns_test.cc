#include "runtime/mailbox/turns.h"

#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "runtime/env/real_env.h"
#include "runtime/mailbox/thread_loop_runner.h"

namespace pyflinkpp {
namespace {

TEST(TurnsTest, ATurnIsTakenAndGivenBack) {
  Turns turns;
  Turns::Ticket a, b;
  for (int i = 0; i < 3; ++i) {
    turns.Take(a);
    EXPECT_FALSE(a.should_give_back());
    turns.GiveBack(a);
    turns.Take(b);
    turns.GiveBack(b);
  }
}

// The place in the queue is taken by Ready, not by the thread that comes for it.
TEST(TurnsTest, TurnsFollowTheOrderOfReadiness) {
  Turns turns;
  Turns::Ticket first, a, b, c;
  std::vector<std::string> order;  // only who has the turn writes
  turns.Take(first);
  turns.Ready(b);
  turns.Ready(c);
  turns.Ready(a);
  turns.Ready(b);  // waits already
  const auto take = [&](Turns::Ticket& ticket, const char* name) {
    turns.Take(ticket);
    order.emplace_back(name);
    turns.GiveBack(ticket);
  };
  {
    std::jthread thread_a(take, std::ref(a), "a");
    std::jthread thread_b(take, std::ref(b), "b");
    std::jthread thread_c(take, std::ref(c), "c");
    turns.GiveBack(first);
  }
  EXPECT_THAT(order, testing::ElementsAre("b", "c", "a"));
}

TEST(TurnsTest, WhoHasTheTurnNeedNotQueue) {
  Turns turns;
  Turns::Ticket a, b;
  turns.Take(a);
  turns.Ready(a);  // no effect: it runs
  turns.GiveBack(a);
  turns.Take(b);  // would wait for ever behind a
  turns.GiveBack(b);
}

TEST(TurnsTest, WhoHasEndedIsNotQueuedAnyMore) {
  Turns turns;
  Turns::Ticket a, b;
  turns.Take(a);
  turns.End(a);
  turns.Ready(a);
  turns.Take(b);
  turns.GiveBack(b);
}

TEST(TurnsTest, ATurnThatLastsTwoTicksNoLongerHoldsUpTheNext) {
  Turns turns;
  Turns::Ticket a, b;
  turns.Take(a);
  turns.Ready(b);
  turns.Tick();
  EXPECT_FALSE(a.should_give_back());
  turns.Tick();
  EXPECT_TRUE(a.should_give_back());
  turns.Take(b);  // at once, although a goes on
  turns.GiveBack(a);
  Turns::Ticket c;
  turns.Ready(c);
  turns.GiveBack(b);
  turns.Take(c);
  turns.GiveBack(c);
  turns.Take(a);
  EXPECT_FALSE(a.should_give_back()) << "a new turn is a new turn";
  turns.GiveBack(a);
}

TEST(TurnsTest, NobodyIsHurriedWhenNobodyWaits) {
  Turns turns;
  Turns::Ticket a;
  turns.Take(a);
  for (int i = 0; i < 10; ++i) turns.Tick();
  EXPECT_FALSE(a.should_give_back());
  turns.GiveBack(a);
}

TEST(TurnsTest, ThreadsTakeTurnsOneAtATime) {
  constexpr int kThreads = 4, kTurns = 500;
  Turns turns;
  std::vector<Turns::Ticket> tickets(kThreads);
  std::atomic<int> inside = 0;
  std::atomic<int> collisions = 0;
  int total = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kTurns; ++i) {
          turns.Take(tickets[thread]);
          if (inside.fetch_add(1) != 0) collisions.fetch_add(1);
          ++total;
          inside.fetch_sub(1);
          turns.GiveBack(tickets[thread]);
        }
      });
    }
  }
  EXPECT_EQ(total, kThreads * kTurns);
  EXPECT_EQ(collisions.load(), 0);
}

// ---- with loops ----

// Passes a ball: counts a letter, then posts one to the next loop.
class PassingLoop final : public Loop {
 public:
  PassingLoop(const Clock& clock, int letters) : Loop("passing", clock), left_(letters) {}
  bool takes_turns() const override { return true; }
  void Send() {
    mailbox().Post("ball", [this] {
      if (--left_ == 0) EndLoop();
      next->Send();
    });
  }
  std::shared_ptr<PassingLoop> next;
  int left() const { return left_; }

 private:
  int left_;
};

TEST(TurnsTest, LoopsThatTakeTurnsAllGetOn) {
  RealClock clock;
  std::atomic<bool> done = false;
  ThreadLoopRunner runner;
  // A turn may go to a loop that has nothing to do any more; ticks take it away.
  std::jthread ticker([&] {
    while (!done) {
      runner.Tick();
      std::this_thread::yield();
    }
  });
  std::vector<std::shared_ptr<PassingLoop>> loops;
  for (int i = 0; i < 3; ++i) loops.push_back(std::make_shared<PassingLoop>(clock, 300));
  for (int i = 0; i < 3; ++i) loops[i]->next = loops[(i + 1) % 3];
  for (const auto& loop : loops) runner.Start(loop);
  loops[0]->Send();
  runner.JoinAll();
  done = true;
  for (const auto& loop : loops) {
    EXPECT_EQ(loop->left(), 0);
    loop->next.reset();
  }
}

}  // namespace
}  // namespace pyflinkpp
