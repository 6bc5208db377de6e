// The randomness of a simulation: all of it comes from one seed.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/hash.h"
#include "core/env/env.h"

namespace pyflinkpp::sim {

// SplitMix64. Each part of a simulation has one of its own, so that a question more of one part
// does not change the answers that another one gets.
class SimRandom final : public Random {
 public:
  SimRandom(uint64_t seed, uint64_t part) : state_(MixHash(MixHash(seed) + part)) {}

  uint64_t Next() override { return MixHash(state_ += 0x9e3779b97f4a7c15ULL); }

  int64_t Below(int64_t limit) {
    return static_cast<int64_t>(Next() % static_cast<uint64_t>(limit));
  }
  int64_t Between(int64_t first, int64_t last) {
    return first + Below(last - first + 1);
  }  // both inclusive
  bool Percent(int64_t percent) { return Below(100) < percent; }
  template <class T>
  const T& OneOf(const std::vector<T>& values) {
    return values[static_cast<size_t>(Below(static_cast<int64_t>(values.size())))];
  }

 private:
  uint64_t state_;
};

}  // namespace pyflinkpp::sim
