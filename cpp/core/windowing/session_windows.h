// Sessions: windows that grow as long as elements follow each other within a gap.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/windowing/window_assigner.h"

namespace pyflinkpp {

// How long after an element its session ends.
class SessionGap {
 public:
  virtual ~SessionGap() = default;
  virtual void Enter() {}  // as WindowAssigner's
  virtual void Leave() {}
  virtual absl::StatusOr<int64_t> Of(const RecordBatch& batch, size_t i) = 0;  // milliseconds, > 0
};

absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeSessionWindows(int64_t gap, bool event_time);
std::unique_ptr<WindowAssigner> MakeSessionWindows(std::unique_ptr<SessionGap> gap,
                                                   bool event_time);

}  // namespace pyflinkpp
