// The letters of one loop: the only way to touch what a loop owns.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "core/base/mutex.h"
#include "core/env/env.h"

namespace pyflinkpp {

// A piece of work that its loop runs between two others. The name is what traces show.
struct Mail {
  const char* name;
  absl::AnyInvocable<void()> run;
};

// Post and Notify come from any thread; the rest is for the loop and for who runs it.
//
// Invariant: after Post, Notify or a due timer, the next Wait returns at once, so no wake-up is
// lost:
//   loop:   BeginStep (takes the signal) -> looks at mail and input -> Wait
//   others: make input visible -> Notify (sets the signal)
class Mailbox {
 public:
  explicit Mailbox(const Clock& clock) : clock_(clock) {}

  void Post(const char* name, absl::AnyInvocable<void()> run);
  // Posts the mail when the clock shows `nanos`.
  void PostAt(int64_t nanos, const char* name, absl::AnyInvocable<void()> run);
  // Something outside has changed (input, credit): the loop takes another step.
  void Notify();

  // Is called, by who posts or notifies, when there is something new for the loop. Set before
  // others know the loop.
  void SetOnReady(absl::AnyInvocable<void()> on_ready) { on_ready_ = std::move(on_ready); }

  // Without a lock, for hot loops: whether a letter waits.
  const std::atomic<bool>& has_mail_flag() const { return has_mail_; }

  void BeginStep() { signaled_.store(false, std::memory_order_seq_cst); }
  std::optional<Mail> TakeMail();
  // Sleeps until there is mail or a notification, or the clock shows `until_nanos`.
  void Wait(int64_t until_nanos = std::numeric_limits<int64_t>::max());
  // Whether Wait would return at once; otherwise when the next timer is due (INT64_MAX: there is
  // none).
  bool Ready(int64_t* next_timer_nanos);

 private:
  void TakeDueTimers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  absl::AnyInvocable<void()> on_ready_;
  std::atomic<bool> signaled_{false};
  std::atomic<bool> has_mail_{false};
  Mutex mutex_;
  CondVar changed_;
  std::deque<Mail> mails_ ABSL_GUARDED_BY(mutex_);
  std::multimap<int64_t, Mail> timers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
