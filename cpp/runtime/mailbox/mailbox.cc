#include "runtime/mailbox/mailbox.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace pyflinkpp {

void Mailbox::Post(const char* name, absl::AnyInvocable<void()> run) {
  {
    MutexLock lock(mutex_);
    mails_.push_back({name, std::move(run)});
    has_mail_.store(true, std::memory_order_relaxed);
    changed_.NotifyOne();
  }
  if (on_ready_) on_ready_();
}

void Mailbox::PostAt(int64_t nanos, const char* name, absl::AnyInvocable<void()> run) {
  MutexLock lock(mutex_);
  timers_.emplace(nanos, Mail{name, std::move(run)});
  changed_.NotifyOne();
}

void Mailbox::Notify() {
  if (signaled_.exchange(true, std::memory_order_seq_cst)) return;
  {
    MutexLock lock(mutex_);  // so that it can't fall between the loop's look and its sleep
    changed_.NotifyOne();
  }
  if (on_ready_) on_ready_();
}

void Mailbox::TakeDueTimers() {
  if (timers_.empty()) return;
  const int64_t now = clock_.NowNanos();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    mails_.push_back(std::move(timers_.begin()->second));
    timers_.erase(timers_.begin());
    has_mail_.store(true, std::memory_order_relaxed);
  }
}

std::optional<Mail> Mailbox::TakeMail() {
  MutexLock lock(mutex_);
  TakeDueTimers();
  if (mails_.empty()) return std::nullopt;
  Mail mail = std::move(mails_.front());
  mails_.pop_front();
  has_mail_.store(!mails_.empty(), std::memory_order_relaxed);
  return mail;
}

void Mailbox::Wait(int64_t until_nanos) {
  MutexLock lock(mutex_);
  for (;;) {
    TakeDueTimers();
    if (!mails_.empty() || signaled_.load(std::memory_order_seq_cst)) return;
    const int64_t due =
        timers_.empty() ? until_nanos : std::min(until_nanos, timers_.begin()->first);
    if (due == std::numeric_limits<int64_t>::max()) {
      changed_.Wait(mutex_);
      continue;
    }
    const int64_t now = clock_.NowNanos();
    if (now >= until_nanos) return;
    changed_.WaitFor(mutex_, due - now);
  }
}

bool Mailbox::Ready(int64_t* next_timer_nanos) {
  MutexLock lock(mutex_);
  TakeDueTimers();
  *next_timer_nanos =
      timers_.empty() ? std::numeric_limits<int64_t>::max() : timers_.begin()->first;
  return !mails_.empty() || signaled_.load(std::memory_order_seq_cst);
}

}  // namespace pyflinkpp
