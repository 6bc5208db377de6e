#include "sim/sim_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "sim/sim_env.h"

namespace pyflinkpp::sim {
namespace {

// Steps so many times, then waits for a letter that ends it.
class CountingLoop final : public Loop {
 public:
  CountingLoop(std::string name, const Clock& clock, int steps, std::vector<std::string>& log)
      : Loop(std::move(name), clock), steps_(steps), log_(log) {}
  void End() {
    mailbox().Post("end", [this] { EndLoop(); });
  }

 private:
  StepResult Work() override {
    if (steps_ == 0) return {StepResult::State::kWait, "wait"};
    --steps_;
    log_.push_back(name());
    return {StepResult::State::kMore, "count"};
  }
  int steps_;
  std::vector<std::string>& log_;
};

TEST(SimScheduler, OrderFollowsFromTheSeed) {
  const auto run = [](uint64_t seed) {
    std::vector<std::string> log;
    SimScheduler scheduler(seed);
    std::vector<std::shared_ptr<CountingLoop>> loops;
    for (const char* name : {"a", "b", "c"}) {
      loops.push_back(std::make_shared<CountingLoop>(name, scheduler.clock(), 20, log));
      scheduler.Start(loops.back());
    }
    EXPECT_TRUE(scheduler.RunUntil([&] { return log.size() == 60; }).ok());
    for (const auto& loop : loops) loop->End();
    EXPECT_TRUE(scheduler.RunUntil([&] { return scheduler.idle(); }).ok());
    return log;
  };
  EXPECT_EQ(run(1), run(1));
  int different = 0;
  for (uint64_t seed = 2; seed < 12; ++seed) different += run(seed) != run(1) ? 1 : 0;
  EXPECT_GT(different, 5);
}

TEST(SimScheduler, AStallIsAnErrorThatNamesTheSeedAndTheLoop) {
  std::vector<std::string> log;
  SimScheduler scheduler(42);
  scheduler.Start(std::make_shared<CountingLoop>("the one that waits", scheduler.clock(), 3, log));
  const absl::Status status = scheduler.RunUntil([] { return false; });
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr("seed 42"), testing::HasSubstr("nothing can go on"),
                             testing::HasSubstr("the one that waits: wait")));
}

class TickingLoop final : public Loop {
 public:
  explicit TickingLoop(const Clock& clock) : Loop("ticking", clock), clock_(clock) { Tick(); }

 private:
  void Tick() {
    mailbox().PostAt(clock_.NowNanos() + 1'000'000, "tick", [this] { Tick(); });
  }
  const Clock& clock_;
};

TEST(SimScheduler, TicksDoNotHideAStall) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimScheduler scheduler(seed);
    scheduler.Start(std::make_shared<TickingLoop>(scheduler.clock()));
    const absl::Status status = scheduler.RunUntil([] { return false; });
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("upkeep"));
    scheduler.Clear();
  }
}

TEST(SimScheduler, TimersAreDueInOrderAndNeverEarly) {
  SimScheduler scheduler(7);
  std::vector<std::string> log;
  auto loop = std::make_shared<CountingLoop>("loop", scheduler.clock(), 0, log);
  std::vector<int64_t> due;
  for (const int64_t at : {30'000'000, 10'000'000, 20'000'000}) {
    loop->mailbox().PostAt(at, "timer", [&, at] {
      EXPECT_GE(scheduler.clock().NowNanos(), at);
      due.push_back(at);
    });
  }
  scheduler.Start(loop);
  EXPECT_TRUE(scheduler.RunUntil([&] { return due.size() == 3; }).ok());
  EXPECT_THAT(due, testing::ElementsAre(10'000'000, 20'000'000, 30'000'000));
  scheduler.Clear();
}

TEST(SimScheduler, WorkRunsInStepsOfItsOwn) {
  SimEnv world(3);
  std::vector<int> done;
  for (int i = 0; i < 5; ++i) {
    world.env.io.Run([&, i] {
      EXPECT_TRUE(world.scheduler.in_work());
      done.push_back(i);
      if (i == 0) world.env.io.Run([&] { done.push_back(5); });
    });
  }
  EXPECT_TRUE(done.empty());
  EXPECT_TRUE(world.scheduler.RunUntil([&] { return world.scheduler.idle(); }).ok());
  EXPECT_THAT(done, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(world.scheduler.trace().size(), 6u);
}

}  // namespace
}  // namespace pyflinkpp::sim
