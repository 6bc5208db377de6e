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

}  // namespace pyflinkpp::harness
