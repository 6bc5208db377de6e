#include "runtime/mailbox/turns.h"

namespace pyflinkpp {

void Turns::Enqueue(Ticket& ticket) {
  if (ticket.state_ != Ticket::State::kIdle) return;
  ticket.state_ = Ticket::State::kWaiting;
  waiting_.push_back(&ticket);
  GrantNext();
}

void Turns::GrantNext() {
  if (holder_ != nullptr || waiting_.empty()) return;
  holder_ = waiting_.front();
  waiting_.pop_front();
  holder_->state_ = Ticket::State::kRunning;
  holder_->seen_by_tick_ = false;
  holder_->overdue_.store(false, std::memory_order_relaxed);
  holder_->granted_.NotifyOne();
}

void Turns::Ready(Ticket& ticket) {
  MutexLock lock(mutex_);
  Enqueue(ticket);
}

void Turns::Take(Ticket& ticket) {
  MutexLock lock(mutex_);
  Enqueue(ticket);
  while (ticket.state_ != Ticket::State::kRunning) ticket.granted_.Wait(mutex_);
}

void Turns::Leave(Ticket& ticket, Ticket::State state) {
  MutexLock lock(mutex_);
  ticket.state_ = state;
  if (holder_ == &ticket) holder_ = nullptr;
  GrantNext();
}

void Turns::Tick() {
  MutexLock lock(mutex_);
  if (holder_ == nullptr || waiting_.empty()) return;
  if (!holder_->seen_by_tick_) {
    holder_->seen_by_tick_ = true;
    return;
  }
  holder_->overdue_.store(true, std::memory_order_relaxed);
  holder_ = nullptr;  // it goes on; the next one needn't wait for it
  GrantNext();
}

}  // namespace pyflinkpp
