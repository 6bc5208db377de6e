// What happened in a simulation, step by step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/hash.h"

namespace pyflinkpp::sim {

// Two runs with the same trace did the same, so it holds nothing that differs between processes (no
// address, no real time).
class Trace {
 public:
  // The number under which a loop's steps are added.
  size_t AddName(std::string name) {
    names_.push_back(std::move(name));
    return names_.size() - 1;
  }
  // `did` is a literal.
  void Add(int64_t nanos, size_t who, const char* did) {
    steps_.push_back({nanos, static_cast<uint32_t>(who), did});
    hash_ = MixHash(hash_ ^ static_cast<uint64_t>(nanos)) + who;
    for (const char* c = did; *c != 0; ++c)
      hash_ = (hash_ ^ static_cast<uint8_t>(*c)) * 0x100000001b3ULL;
  }

  uint64_t hash() const { return hash_; }
  size_t size() const { return steps_.size(); }

  // The last `count` steps, one a line: number, virtual microseconds, whose step it was, what it
  // did.
  std::string Text(size_t count = ~size_t{0}) const {
    std::string text;
    for (size_t i = steps_.size() - std::min(count, steps_.size()); i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      absl::StrAppendFormat(&text, "%6d %11.3f  %s: %s\n", i,
                            static_cast<double>(step.nanos) / 1000, names_[step.who], step.did);
    }
    return text;
  }

 private:
  struct Step {
    int64_t nanos;
    uint32_t who;
    const char* did;
  };
  std::vector<std::string> names_;
  std::vector<Step> steps_;
  uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace pyflinkpp::sim
