// A source whose elements the client pushes, for tests: it lives in the client's process.
#pragma once

#include <Python.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "native/gil.h"
#include "runtime/operators/registry.h"

namespace pyflinkpp {

// What was pushed and not yet taken. Used under the interpreter's lock.
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
  std::deque<Item>& items() { return items_; }
  void SetWake(std::function<void()> wake) { wake_ = std::move(wake); }

 private:
  void Changed() {
    if (wake_ != nullptr) wake_();
  }
  std::deque<Item> items_;
  bool ended_ = false;
  std::function<void()> wake_;
};

// The queue of an id, made when it is first asked for; forgotten with ForgetPushQueue.
std::shared_ptr<PushQueue> PushQueueOf(const std::string& id);
void ForgetPushQueue(const std::string& id);

absl::StatusOr<std::unique_ptr<Operator>> MakePushSource(std::span<const idl::OperatorNode> nodes,
                                                         const SerializerFactory& serializers);

}  // namespace pyflinkpp
