// Barriers for tests.
#pragma once

#include <memory>

#include "core/stream/stream_element.h"

namespace pyflinkpp::harness {

inline CheckpointBarrier BarrierOf(int64_t checkpoint, int64_t timestamp = 0) {
  idl::Barrier told;
  told.checkpoint = checkpoint;
  told.timestamp = timestamp;
  return {std::make_shared<const idl::Barrier>(told)};
}

// One that may overtake data, when it has waited for so long.
inline CheckpointBarrier UnalignedBarrierOf(int64_t checkpoint, int64_t aligned_timeout_ms = 0) {
  idl::Barrier told;
  told.checkpoint = checkpoint;
  told.__set_unaligned(true);
  told.__set_aligned_timeout_ms(aligned_timeout_ms);
  return {std::make_shared<const idl::Barrier>(told)};
}

}  // namespace pyflinkpp::harness
