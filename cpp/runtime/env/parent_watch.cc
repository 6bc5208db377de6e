#include "runtime/env/parent_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pyflinkpp {
namespace {

constexpr int kLookMs = 500;  // at the parent's process id

// Whether nothing can come any more.
bool AtEnd(int pipe) {
  char bytes[256];
  const ssize_t got = read(pipe, bytes, sizeof(bytes));
  return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ParentWatch>> ParentWatch::Make(int control, int64_t parent,
                                                               int64_t grace_ms,
                                                               std::function<void()> on_gone) {
  auto watch = std::unique_ptr<ParentWatch>(new ParentWatch);
  watch->control_ = control;
  if (pipe2(watch->stop_, O_CLOEXEC) != 0)
    return absl::UnavailableError(absl::StrCat("can't make a pipe: ", std::strerror(errno)));
  watch->thread_ =
      std::thread([watch = watch.get(), parent, grace_ms, on_gone = std::move(on_gone)] {
        watch->Watch(parent, grace_ms, on_gone);
      });
  return watch;
}

void ParentWatch::Watch(int64_t parent, int64_t grace_ms,
                        const std::function<void()>& on_gone) const {
  pthread_setname_np(pthread_self(), "parent watch");
  pollfd files[] = {{.fd = stop_[0], .events = POLLIN, .revents = 0},
                    {.fd = control_, .events = POLLIN, .revents = 0}};
  while (getppid() == parent) {
    if (poll(files, 2, kLookMs) < 0 && errno != EINTR) break;
    if (files[0].revents != 0) return;
    if (files[1].revents != 0 && AtEnd(control_)) break;
  }
  on_gone();
  if (poll(files, 1, static_cast<int>(grace_ms)) == 0) _exit(1);
}

ParentWatch::~ParentWatch() {
  if (thread_.joinable()) {
    (void)!write(stop_[1], "", 1);
    thread_.join();
  }
  for (const int file : {control_, stop_[0], stop_[1]}) {
    if (file >= 0) close(file);
  }
}

}  // namespace pyflinkpp
