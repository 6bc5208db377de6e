#include "runtime/env/parent_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/mutex.h"

namespace pyflinkpp {
namespace {

constexpr int64_t kMinuteNanos = 60'000'000'000;

struct Event {
  Mutex mutex;
  CondVar changed;
  bool happened ABSL_GUARDED_BY(mutex) = false;

  void Happen() {
    MutexLock lock(mutex);
    happened = true;
    changed.NotifyAll();
  }
  bool Wait() {
    MutexLock lock(mutex);
    if (!happened) changed.WaitFor(mutex, kMinuteNanos);
    return happened;
  }
};

TEST(ParentWatchTest, TellsOfTheEndOfThePipe) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Event gone;
  const auto watch =
      ParentWatch::Make(ends[0], getppid(), /*grace_ms=*/60'000, [&] { gone.Happen(); });
  ASSERT_TRUE(watch.ok());
  ASSERT_EQ(write(ends[1], "hello", 5), 5);  // means nothing
  close(ends[1]);
  EXPECT_TRUE(gone.Wait());
}

TEST(ParentWatchTest, TellsOfAParentThatIsGoneWhoeverHoldsThePipe) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Event gone;
  const auto watch =
      ParentWatch::Make(ends[0], /*parent=*/getppid() + 1, 60'000, [&] { gone.Happen(); });
  ASSERT_TRUE(watch.ok());
  EXPECT_TRUE(gone.Wait());
  close(ends[1]);
}

TEST(ParentWatchTest, EndsWithItsOwnerWhileTheParentLives) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  bool told = false;
  {
    const auto watch = ParentWatch::Make(ends[0], getppid(), 60'000, [&] { told = true; });
  }
  EXPECT_FALSE(told);
  EXPECT_NE(fcntl(ends[1], F_GETFD), -1);
  EXPECT_EQ(fcntl(ends[0], F_GETFD), -1) << "the reading end was the watch's";
  close(ends[1]);
}

TEST(ParentWatchTest, EndsAProcessThatDoesNotEndInTime) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[1]);
    const auto watch = ParentWatch::Make(ends[0], getppid(), /*grace_ms=*/10, [] {});
    for (;;) pause();
  }
  close(ends[0]);
  close(ends[1]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

}  // namespace
}  // namespace pyflinkpp
