// Key groups: the unit in which keyed state is spread over subtasks and moved when a job is
// rescaled.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/base/check.h"

namespace pyflinkpp {

inline constexpr int kMaxParallelismLowest = 128;
inline constexpr int kMaxParallelismHighest = 1 << 15;

struct KeyGroupRange {  // both inclusive; empty when last < first
  int first = 0;
  int last = -1;
  int size() const { return last - first + 1; }
  bool contains(int group) const { return first <= group && group <= last; }
  friend bool operator==(const KeyGroupRange&, const KeyGroupRange&) = default;
};

inline int KeyGroupOf(uint32_t hash, int max_parallelism) {
  return static_cast<int>(hash % static_cast<uint32_t>(max_parallelism));
}

inline int SubtaskOfKeyGroup(int group, int parallelism, int max_parallelism) {
  return group * parallelism / max_parallelism;
}

inline KeyGroupRange KeyGroupsOfSubtask(int subtask, int parallelism, int max_parallelism) {
  PFPP_CHECK(0 <= subtask && subtask < parallelism && parallelism <= max_parallelism);
  return {(subtask * max_parallelism + parallelism - 1) / parallelism,
          ((subtask + 1) * max_parallelism - 1) / parallelism};
}

// Flink's default: one and a half times the parallelism, rounded up to a power of two, within [128,
// 32768].
inline int DefaultMaxParallelism(int parallelism) {
  const uint32_t wanted = std::bit_ceil(static_cast<uint32_t>(parallelism + parallelism / 2));
  return static_cast<int>(std::min<uint32_t>(std::max<uint32_t>(wanted, kMaxParallelismLowest),
                                             kMaxParallelismHighest));
}

}  // namespace pyflinkpp
