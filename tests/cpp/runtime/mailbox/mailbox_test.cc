#include "runtime/mailbox/mailbox.h"

#include <gmock/gmock.h>

#include <atomic>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "harness/test_env.h"
#include "runtime/env/real_env.h"

namespace pyflinkpp {
namespace {

using harness::ManualClock;
using testing::ElementsAre;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

class MailboxTest : public testing::Test {
 protected:
  void Post(const char* name) {
    mailbox_.Post(name, [this, name] { ran_.emplace_back(name); });
  }
  void PostAt(int64_t nanos, const char* name) {
    mailbox_.PostAt(nanos, name, [this, name] { ran_.emplace_back(name); });
  }
  // Runs what is there now.
  std::vector<std::string> Drain() {
    ran_.clear();
    while (auto mail = mailbox_.TakeMail()) {
      mail->run();
      EXPECT_EQ(mail->name, ran_.back());
    }
    return ran_;
  }
  bool Ready() {
    int64_t ignored;
    return mailbox_.Ready(&ignored);
  }
  int64_t NextTimer() {
    int64_t timer;
    EXPECT_FALSE(mailbox_.Ready(&timer));
    return timer;
  }

  ManualClock clock_;
  Mailbox mailbox_{clock_};
  std::vector<std::string> ran_;
};

TEST_F(MailboxTest, MailComesInTheOrderInWhichItWasPosted) {
  EXPECT_FALSE(mailbox_.TakeMail().has_value());
  Post("a");
  Post("b");
  Post("c");
  EXPECT_THAT(Drain(), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(mailbox_.TakeMail().has_value());
}

TEST_F(MailboxTest, MailMayPostMail) {
  mailbox_.Post("first", [this] {
    ran_.emplace_back("first");
    Post("inner");
  });
  Post("second");
  EXPECT_THAT(Drain(), ElementsAre("first", "second", "inner"));
}

TEST_F(MailboxTest, TheFlagTellsWhetherMailWaits) {
  EXPECT_FALSE(mailbox_.has_mail_flag());
  Post("a");
  Post("b");
  EXPECT_TRUE(mailbox_.has_mail_flag());
  mailbox_.TakeMail();
  EXPECT_TRUE(mailbox_.has_mail_flag());
  mailbox_.TakeMail();
  EXPECT_FALSE(mailbox_.has_mail_flag());
  mailbox_.Notify();
  EXPECT_FALSE(mailbox_.has_mail_flag()) << "a notification is no mail";
}

// ---- timers ----

TEST_F(MailboxTest, ATimerIsDueAtItsTimeAndNotBefore) {
  PostAt(3'000'000, "timer");
  EXPECT_EQ(NextTimer(), 3'000'000);
  clock_.AdvanceTo(2'999'999);
  EXPECT_FALSE(mailbox_.TakeMail().has_value());
  EXPECT_FALSE(Ready());
  clock_.AdvanceTo(3'000'000);
  EXPECT_TRUE(Ready());
  EXPECT_TRUE(mailbox_.has_mail_flag());
  EXPECT_THAT(Drain(), ElementsAre("timer"));
  EXPECT_EQ(NextTimer(), kNever);
}

TEST_F(MailboxTest, TimersComeInTheOrderOfTheirTimes) {
  PostAt(30, "c");
  PostAt(10, "a");
  PostAt(20, "b1");
  PostAt(20, "b2");
  PostAt(40, "d");
  clock_.AdvanceTo(35);
  EXPECT_THAT(Drain(), ElementsAre("a", "b1", "b2", "c"));
  EXPECT_EQ(NextTimer(), 40);
}

TEST_F(MailboxTest, ADueTimerQueuesBehindTheMailThatWaits) {
  PostAt(10, "timer");
  Post("before");
  clock_.AdvanceTo(10);
  EXPECT_TRUE(Ready());  // the timer falls due here
  Post("after");
  EXPECT_THAT(Drain(), ElementsAre("before", "timer", "after"));
}

TEST_F(MailboxTest, ATimerOfThePastIsDueAtOnce) {
  clock_.AdvanceMillis(5);
  PostAt(-1, "past");
  PostAt(clock_.NowNanos(), "now");
  EXPECT_THAT(Drain(), ElementsAre("past", "now"));
}

// ---- waiting ----

TEST_F(MailboxTest, ReadyTellsWhetherWaitWouldReturn) {
  EXPECT_EQ(NextTimer(), kNever);
  mailbox_.Notify();
  EXPECT_TRUE(Ready());
  mailbox_.Wait();
  EXPECT_TRUE(Ready()) << "only the next step takes the signal";
  mailbox_.BeginStep();
  EXPECT_FALSE(Ready());
  Post("a");
  EXPECT_TRUE(Ready());
  mailbox_.BeginStep();
  EXPECT_TRUE(Ready()) << "a step that does not take the mail leaves it";
  mailbox_.Wait();
}

TEST_F(MailboxTest, WaitEndsWhenTheClockShowsItsTime) {
  clock_.AdvanceMillis(7);
  mailbox_.Wait(clock_.NowNanos());
  mailbox_.Wait(0);
  PostAt(clock_.NowNanos(), "timer");
  mailbox_.Wait();
  EXPECT_THAT(Drain(), ElementsAre("timer"));
}

// ---- threads ----

TEST(MailboxThreadsTest, EveryLetterOfEveryThreadArrivesInItsOrder) {
  constexpr int kThreads = 4, kLetters = 2000;
  RealClock clock;
  Mailbox mailbox(clock);
  std::vector<int> next(kThreads);
  int arrived = 0;
  bool ordered = true;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kLetters; ++i) {
        mailbox.Post("letter", [&, thread, i] {
          ordered &= next[thread]++ == i;
          ++arrived;
        });
      }
    });
  }
  while (arrived < kThreads * kLetters) {
    mailbox.BeginStep();
    if (auto mail = mailbox.TakeMail()) {
      mail->run();
    } else {
      mailbox.Wait();
    }
  }
  EXPECT_TRUE(ordered);
  EXPECT_FALSE(mailbox.TakeMail().has_value());
}

// Two loops that wake each other in turn. A lost wake-up would let both sleep for ever.
TEST(MailboxThreadsTest, NoNotificationIsLost) {
  constexpr int kRounds = 20'000;
  RealClock clock;
  Mailbox ping(clock), pong(clock);
  std::atomic<int> turn = 0;
  const auto play = [&](Mailbox& mine, Mailbox& other, int parity) {
    for (;;) {
      mine.BeginStep();
      const int now = turn.load();
      if (now >= kRounds) break;
      if (now % 2 == parity) {
        turn.store(now + 1);
        other.Notify();
      } else {
        mine.Wait();
      }
    }
    other.Notify();
  };
  std::jthread second([&] { play(pong, ping, 1); });
  play(ping, pong, 0);
  second.join();
  EXPECT_EQ(turn.load(), kRounds);
}

// The same with several that notify at once: each change is seen by a step after it.
TEST(MailboxThreadsTest, NotificationsThatMeetAreNotLost) {
  constexpr int kThreads = 3, kChanges = 5000;
  RealClock clock;
  Mailbox mailbox(clock);
  std::atomic<int> changes = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < kChanges; ++i) {
        changes.fetch_add(1);
        mailbox.Notify();
      }
    });
  }
  int seen = 0, steps = 0;
  while (seen < kThreads * kChanges) {
    mailbox.BeginStep();
    const int now = changes.load();
    if (now == seen) mailbox.Wait();
    seen = now;
    ++steps;
  }
  EXPECT_EQ(changes.load(), kThreads * kChanges);
  EXPECT_GT(steps, 0);
}

TEST(MailboxThreadsTest, ANewTimerWakesALoopThatSleepsLonger) {
  RealClock clock;
  Mailbox mailbox(clock);
  mailbox.PostAt(clock.NowNanos() + int64_t{3600} * 1'000'000'000, "in an hour", [] {});
  std::atomic<bool> ran = false;
  std::jthread loop([&] {
    while (!ran) {
      mailbox.BeginStep();
      if (auto mail = mailbox.TakeMail()) {
        mail->run();
      } else {
        mailbox.Wait();
      }
    }
  });
  const int64_t due = clock.NowNanos() + 2'000'000;
  std::atomic<int64_t> ran_at = 0;
  mailbox.PostAt(due, "soon", [&] {
    ran_at = clock.NowNanos();
    ran = true;
  });
  loop.join();
  EXPECT_GE(ran_at.load(), due);
}

TEST(MailboxThreadsTest, ATimedWaitEndsByItself) {
  RealClock clock;
  Mailbox mailbox(clock);
  const int64_t until = clock.NowNanos() + 2'000'000;
  mailbox.Wait(until);
  EXPECT_GE(clock.NowNanos(), until);
}

}  // namespace
}  // namespace pyflinkpp
