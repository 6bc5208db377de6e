// An Env in which nothing is real: clock, randomness, files, threads and console all follow from
// one seed.
#pragma once

#include <string>

#include "sim/sim_file_system.h"
#include "sim/sim_scheduler.h"

namespace pyflinkpp::sim {

class SimConsole final : public Console {
 public:
  void Write(absl::string_view text, bool standard_error) override {
    (standard_error ? error_ : output_).append(text.data(), text.size());
  }
  const std::string& output() const { return output_; }
  const std::string& error() const { return error_; }

 private:
  std::string output_;
  std::string error_;
};

// The world of one simulated run. What runs in it is declared after it, and refers to `env`.
struct SimEnv {
  explicit SimEnv(uint64_t seed) : scheduler(seed), random(seed, /*part=*/2) {}

  SimScheduler scheduler;
  SimRandom random;
  SimFileSystem files{[this] { return scheduler.in_work(); }};
  SimConsole console;
  Env env{scheduler.clock(), random, files, scheduler, console, scheduler};
};

}  // namespace pyflinkpp::sim
