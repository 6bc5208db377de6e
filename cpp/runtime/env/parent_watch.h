// Tells a process that the one that has started it is gone, whatever has ended that one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"

namespace pyflinkpp {

// A pipe of which only the parent has the writing end comes to its end with the parent. A child that
// the parent has forked may hold that end, too: so the parent's process id is looked at as well.
class ParentWatch {
 public:
  // `control`: the pipe's reading end, which becomes the watch's own; what is read from it means
  // nothing. `on_gone` is called once, on a thread of its own. If the process still lives
  // `grace_ms` later it is ended at once: user code may hold on to the interpreter's lock.
  static absl::StatusOr<std::unique_ptr<ParentWatch>> Make(int control, int64_t parent,
                                                           int64_t grace_ms,
                                                           std::function<void()> on_gone);
  // Before the end of the grace: the process lives on.
  ~ParentWatch();

 private:
  ParentWatch() = default;
  void Watch(int64_t parent, int64_t grace_ms, const std::function<void()>& on_gone) const;

  int control_ = -1;
  int stop_[2] = {-1, -1};  // a pipe that ends the watch
  std::thread thread_;
};

}  // namespace pyflinkpp
