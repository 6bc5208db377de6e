// Batch mode: a keyed operator sees one key after the other.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/operators/operator.h"

namespace pyflinkpp {

// More than this is sorted in parts, in temporary files.
inline constexpr size_t kSortMemoryBytes = size_t{64} << 20;

// What becomes of records without keys: they go straight through, before all others (a broadcast
// stream), or have one and the same (window_all).
enum class UnkeyedInput { kPasses, kIsOneKey };

// Gathers the keyed inputs of `op` to their end, sorts them by the keys' bytes, then timestamps,
// then arrival, and gives them to it; behind the last element of a key comes Operator::FinishKey.
// Of watermarks only the last one passes, behind the last key. Processing time does not pass: its
// timers fire at their key's end.
std::unique_ptr<Operator> MakeSortedInputOperator(std::unique_ptr<Operator> op,
                                                  UnkeyedInput unkeyed,
                                                  size_t memory_bytes = kSortMemoryBytes);

}  // namespace pyflinkpp
