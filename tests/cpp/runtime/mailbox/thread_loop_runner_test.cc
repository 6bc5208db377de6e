#include "runtime/mailbox/thread_loop_runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/env/real_env.h"

namespace pyflinkpp {
namespace {

// Counts its steps down to 0, waiting for a letter before each.
class CountingLoop final : public Loop {
 public:
  CountingLoop(std::string name, const Clock& clock, int letters)
      : Loop(std::move(name), clock), left_(letters) {
    if (letters == 0) mailbox().Post("nothing", [this] { EndLoop(); });
  }
  ~CountingLoop() override {
    if (destroyed != nullptr) destroyed->fetch_add(1);
  }
  void Send() {
    mailbox().Post("count", [this] {
      if (on_letter) on_letter();
      if (--left_ == 0) EndLoop();
    });
  }
  std::function<void()> on_letter;
  std::atomic<int>* destroyed = nullptr;

 private:
  int left_;
};

class ThreadLoopRunnerTest : public testing::Test {
 protected:
  RealClock clock_;
  ThreadLoopRunner runner_;
};

TEST_F(ThreadLoopRunnerTest, RunsLoopsOnThreadsOfTheirOwn) {
  std::vector<std::shared_ptr<CountingLoop>> loops;
  std::vector<std::thread::id> threads(3);
  for (size_t i = 0; i < threads.size(); ++i) {
    loops.push_back(std::make_shared<CountingLoop>("a rather long name of a loop", clock_, 2));
    loops[i]->on_letter = [&, i] { threads[i] = std::this_thread::get_id(); };
    runner_.Start(loops[i]);
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& loop : loops) loop->Send();
  }
  runner_.JoinAll();
  for (size_t i = 0; i < threads.size(); ++i) {
    EXPECT_NE(threads[i], std::thread::id());
    EXPECT_NE(threads[i], std::this_thread::get_id());
    EXPECT_NE(threads[i], threads[(i + 1) % threads.size()]);
    EXPECT_EQ(loops[i].use_count(), 1) << "the runner lets go of what is done";
  }
}

TEST_F(ThreadLoopRunnerTest, KeepsALoopAliveUntilItIsDone) {
  std::atomic<int> destroyed = 0;
  auto loop = std::make_shared<CountingLoop>("loop", clock_, 1);
  loop->destroyed = &destroyed;
  const std::weak_ptr<CountingLoop> watched = loop;
  runner_.Start(std::move(loop));
  {
    const auto alive = watched.lock();
    ASSERT_NE(alive, nullptr);
    alive->Send();
  }
  runner_.JoinAll();
  EXPECT_EQ(destroyed.load(), 1);
  EXPECT_TRUE(watched.expired());
}

TEST_F(ThreadLoopRunnerTest, StartsMoreAfterSomeAreDone) {
  std::atomic<int> destroyed = 0;
  for (int i = 0; i < 50; ++i) {
    auto loop = std::make_shared<CountingLoop>("loop", clock_, 0);
    loop->destroyed = &destroyed;
    runner_.Start(std::move(loop));
  }
  runner_.JoinAll();
  EXPECT_EQ(destroyed.load(), 50);
  runner_.JoinAll();  // of nothing
}

TEST_F(ThreadLoopRunnerTest, ALoopMayStartAnother) {
  std::atomic<int> destroyed = 0;
  auto inner = std::make_shared<CountingLoop>("inner", clock_, 1);
  inner->destroyed = &destroyed;
  auto outer = std::make_shared<CountingLoop>("outer", clock_, 2);
  std::atomic<bool> started = false;
  outer->on_letter = [&] {
    if (started.exchange(true)) return;
    runner_.Start(inner);
    inner->Send();
    inner.reset();
    outer->Send();
  };
  runner_.Start(outer);
  outer->Send();
  while (destroyed.load() == 0) std::this_thread::yield();
  runner_.JoinAll();
  EXPECT_EQ(outer.use_count(), 1);
}

TEST_F(ThreadLoopRunnerTest, TheDestructorJoins) {
  std::atomic<int> destroyed = 0;
  {
    ThreadLoopRunner runner;
    for (int i = 0; i < 8; ++i) {
      auto loop = std::make_shared<CountingLoop>("loop", clock_, 3);
      loop->destroyed = &destroyed;
      for (int letter = 0; letter < 3; ++letter) loop->Send();
      runner.Start(std::move(loop));
    }
  }
  EXPECT_EQ(destroyed.load(), 8);
}

// Each loop starts the next one while JoinAll already waits for it.
TEST_F(ThreadLoopRunnerTest, JoinAllWaitsForLoopsThatWereStartedMeanwhile) {
  constexpr int kLoops = 200;
  std::atomic<int> ended = 0;
  std::function<void()> start = [&] {
    auto loop = std::make_shared<CountingLoop>("chain", clock_, 1);
    loop->on_letter = [&] {
      if (ended.fetch_add(1) + 1 < kLoops) start();
    };
    loop->Send();
    runner_.Start(std::move(loop));
  };
  start();
  runner_.JoinAll();
  EXPECT_EQ(ended.load(), kLoops);
  while (ended.load() < kLoops) runner_.JoinAll();  // so that the test itself ends
}

}  // namespace
}  // namespace pyflinkpp
