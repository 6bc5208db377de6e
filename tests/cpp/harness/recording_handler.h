// The handler of a connection for tests with real sockets: keeps what comes, lets the test wait for it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/mutex.h"
#include "core/env/network.h"

namespace pyflinkpp::harness {

class RecordingHandler final : public ConnectionHandler {
 public:
  void OnOpen(const std::shared_ptr<Connection>& connection) override {
    MutexLock lock(mutex_);
    connection_ = connection;
    changed_.NotifyAll();
  }
  void OnFrame(std::string frame) override {
    MutexLock lock(mutex_);
    after_end_ |= ended_.has_value();
    frames_.push_back(std::move(frame));
    changed_.NotifyAll();
  }
  void OnClosed(const absl::Status& why) override {
    MutexLock lock(mutex_);
    after_end_ |= ended_.has_value();
    ended_ = why;
    changed_.NotifyAll();
  }

  // Null, nothing or DEADLINE_EXCEEDED after ten seconds.
  std::shared_ptr<Connection> WaitOpen() {
    MutexLock lock(mutex_);
    WaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return connection_ != nullptr; });
    return connection_;
  }
  std::optional<std::string> WaitFrame() {
    MutexLock lock(mutex_);
    WaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !frames_.empty(); });
    if (frames_.empty()) return std::nullopt;
    std::string frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
  }
  absl::Status WaitClosed() {
    MutexLock lock(mutex_);
    WaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ended_.has_value(); });
    return ended_.value_or(absl::DeadlineExceededError("it is still there"));
  }
  void Drop() {
    std::shared_ptr<Connection> dropped;
    MutexLock lock(mutex_);
    dropped.swap(connection_);
  }
  bool ended() {
    MutexLock lock(mutex_);
    return ended_.has_value();
  }
  // Whether something came behind OnClosed.
  bool after_end() {
    MutexLock lock(mutex_);
    return after_end_;
  }

 private:
  template <class Condition>
  void WaitUntil(Condition condition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (int i = 0; i < 1'000 && !condition(); ++i) changed_.WaitFor(mutex_, 10'000'000);
  }

  Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<Connection> connection_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> frames_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> ended_ ABSL_GUARDED_BY(mutex_);
  bool after_end_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pyflinkpp::harness
