// A source whose elements the client pushes, for tests: it lives in the client's process.
#pragma once

#include <Python.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "native/gil.h"
#include "runtime/operators/registry.h"

namespace pyflinkpp {

// What was pushed and may still be taken: first the elements that a restarted job would take again,
// then those that nobody has taken yet. Used under the interpreter's lock.
class PushQueue {
 public:
  struct Item {
    PyRef value;  // none: a watermark
    int64_t timestamp = 0;
    bool idle = false;
  };

  void Push(Item item) {
    items_.push_back(std::move(item));
    Changed();
  }
  void End() {
    ended_ = true;
    Changed();
  }
  bool ended() const { return ended_; }
  // The next one to be taken, null when there is none.
  const Item* next() const { return taken_ < items_.size() ? &items_[taken_] : nullptr; }
  void Take() { ++taken_; }
  // How many were taken since the queue was made.
  int64_t position() const { return forgotten_ + static_cast<int64_t>(taken_); }
  size_t pending() const { return items_.size() - taken_; }
  // Those behind the first `position` are to be taken (again).
  void Rewind(int64_t position) {
    taken_ = static_cast<size_t>(std::max<int64_t>(position - forgotten_, 0));
  }
  // Nobody will rewind to before `position`.
  void Forget(int64_t position) {
    for (; forgotten_ < position && taken_ > 0; ++forgotten_, --taken_) items_.pop_front();
  }
  void SetWake(std::function<void()> wake) { wake_ = std::move(wake); }

 private:
  void Changed() {
    if (wake_ != nullptr) wake_();
  }
  std::deque<Item> items_;
  size_t taken_ = 0;       // of items_
  int64_t forgotten_ = 0;  // that were before them
  bool ended_ = false;
  std::function<void()> wake_;
};

// The queue of an id, made when it is first asked for; forgotten with ForgetPushQueue.
std::shared_ptr<PushQueue> PushQueueOf(const std::string& id);
void ForgetPushQueue(const std::string& id);

absl::StatusOr<std::unique_ptr<Operator>> MakePushSource(std::span<const idl::OperatorNode> nodes,
                                                         const SerializerFactory& serializers);

}  // namespace pyflinkpp
