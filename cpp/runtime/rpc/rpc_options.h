// What both ends of an RPC connection have to know.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace pyflinkpp {

struct RpcOptions {
  int64_t heartbeat_interval_ms = 10'000;  // heartbeat.interval
  int64_t heartbeat_timeout_ms = 50'000;   // heartbeat.timeout
  // Processes work together only if these are the same.
  std::string pyflinkpp_version;
  std::string python_version;  // "3.11"
  // A line for the process's log. Any thread.
  std::function<void(absl::string_view line)> log = [](absl::string_view) {};
};

}  // namespace pyflinkpp
