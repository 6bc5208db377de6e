// All that flows on a channel, in order.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <variant>

#include "core/idl/pyflinkpp_types.h"
#include "core/stream/record_batch.h"

namespace pyflinkpp {

inline constexpr int64_t kMaxTimestamp = std::numeric_limits<int64_t>::max();
inline constexpr int64_t kMinTimestamp = std::numeric_limits<int64_t>::min();

// No element with a timestamp up to `timestamp` follows, except late ones. An idle channel sends
// none and is left out of the minimum until it sends again.
struct Watermark {
  int64_t timestamp = kMinTimestamp;  // milliseconds since the epoch
  bool idle = false;
};

// Separates what belongs to a checkpoint from what follows it. All that it tells is shared by its
// copies.
struct CheckpointBarrier {
  std::shared_ptr<const idl::Barrier> told;
  int64_t checkpoint() const { return told->checkpoint; }
  // It overtakes data now, where the exchange allows it.
  bool urgent() const { return told->unaligned && told->aligned_timeout_ms == 0; }
};

struct EndOfInput {};

using StreamElement =
    std::variant<std::unique_ptr<RecordBatch>, Watermark, CheckpointBarrier, EndOfInput>;

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace pyflinkpp
