#include "runtime/mailbox/loop.h"

#include <gmock/gmock.h>

#include <deque>
#include <string>
#include <vector>

#include "harness/test_env.h"

namespace pyflinkpp {
namespace {

using State = StepResult::State;
using testing::ElementsAre;

// Does what its script says, a word a step.
class ScriptedLoop final : public Loop {
 public:
  ScriptedLoop(const Clock& clock, std::deque<StepResult> script)
      : Loop("scripted", clock), script_(std::move(script)) {}
  using Loop::EndLoop;
  std::vector<std::string> done;

 protected:
  StepResult Work() override {
    if (script_.empty()) return Loop::Work();
    const StepResult next = script_.front();
    script_.pop_front();
    done.emplace_back(next.did);
    if (done.back() == "end") EndLoop();
    return next;
  }

 private:
  std::deque<StepResult> script_;
};

TEST(LoopTest, WorksAStepAtATime) {
  harness::ManualClock clock;
  ScriptedLoop loop(clock, {{State::kMore, "a"}, {State::kWait, "b"}});
  EXPECT_EQ(loop.name(), "scripted");
  StepResult step = loop.Step();
  EXPECT_EQ(step.state, State::kMore);
  EXPECT_STREQ(step.did, "a");
  step = loop.Step();
  EXPECT_EQ(step.state, State::kWait);
  EXPECT_STREQ(step.did, "b");
  step = loop.Step();
  EXPECT_EQ(step.state, State::kWait);
  EXPECT_STREQ(step.did, "idle");
  EXPECT_THAT(loop.done, ElementsAre("a", "b"));
}

TEST(LoopTest, MailGoesBeforeWorkOneLetterAStep) {
  harness::ManualClock clock;
  ScriptedLoop loop(clock, {{State::kWait, "work"}});
  loop.mailbox().Post("first", [&] { loop.done.emplace_back("1"); });
  loop.mailbox().Post("second", [&] { loop.done.emplace_back("2"); });
  StepResult step = loop.Step();
  EXPECT_STREQ(step.did, "first");
  EXPECT_EQ(step.state, State::kMore);
  EXPECT_THAT(loop.done, ElementsAre("1"));
  EXPECT_STREQ(loop.Step().did, "second");
  step = loop.Step();
  EXPECT_STREQ(step.did, "work");
  EXPECT_EQ(step.state, State::kWait);
  EXPECT_THAT(loop.done, ElementsAre("1", "2", "work"));
}

TEST(LoopTest, TheStepThatEndsItIsItsLast) {
  harness::ManualClock clock;
  ScriptedLoop by_work(clock, {{State::kMore, "a"}, {State::kMore, "end"}});
  EXPECT_EQ(by_work.Step().state, State::kMore);
  EXPECT_EQ(by_work.Step().state, State::kDone);

  ScriptedLoop by_mail(clock, {});
  by_mail.mailbox().Post("stop", [&] { by_mail.EndLoop(); });
  const StepResult step = by_mail.Step();
  EXPECT_EQ(step.state, State::kDone);
  EXPECT_STREQ(step.did, "stop");
}

// Takes the signal before it looks around: what is signalled during the step is seen by the next.
TEST(LoopTest, ASignalDuringAStepCausesAnother) {
  harness::ManualClock clock;
  ScriptedLoop loop(clock, {});
  int64_t timer;
  loop.mailbox().Notify();
  loop.Step();
  EXPECT_FALSE(loop.mailbox().Ready(&timer));
  loop.mailbox().Post("notify", [&] { loop.mailbox().Notify(); });
  loop.Step();
  EXPECT_TRUE(loop.mailbox().Ready(&timer));
}

TEST(LoopTest, TimersRunAsMail) {
  harness::ManualClock clock;
  ScriptedLoop loop(clock, {});
  loop.mailbox().PostAt(1'000'000, "timer", [&] { loop.done.emplace_back("timer"); });
  EXPECT_STREQ(loop.Step().did, "idle");
  clock.AdvanceMillis(1);
  EXPECT_STREQ(loop.Step().did, "timer");
  EXPECT_THAT(loop.done, ElementsAre("timer"));
}

}  // namespace
}  // namespace pyflinkpp
