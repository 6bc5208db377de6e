// A timer in a checkpoint: time | namespace | number | hash | key. The number is the order of
// registration, which counts among timers of one key and time.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/stream/record_batch.h"
#include "core/types/binary_io.h"
#include "state/keyed/namespaced_key.h"

namespace pyflinkpp {

struct TimerEntry {
  int64_t timestamp;
  Namespace space;
  uint64_t number;
  RecordKey key;
};

inline void WriteTimerEntry(const TimerEntry& timer, std::string& bytes) {
  bytes.clear();
  BinaryWriter out(bytes);
  out.Put(timer.timestamp);
  out.Put(timer.space.first);
  out.Put(timer.space.second);
  out.Put(timer.number);
  out.Put(timer.key.hash);
  out.PutRaw(timer.key.bytes());
}

// The key refers to `bytes`.
inline absl::StatusOr<TimerEntry> ReadTimerEntry(absl::string_view bytes) {
  BinaryReader in(bytes);
  TimerEntry timer;
  if (!in.Get(&timer.timestamp) || !in.Get(&timer.space.first) || !in.Get(&timer.space.second) ||
      !in.Get(&timer.number) || !in.Get(&timer.key.hash))
    return Truncated("timer");
  timer.key.data = in.rest().data();
  timer.key.size = static_cast<uint32_t>(in.remaining());
  return timer;
}

}  // namespace pyflinkpp
