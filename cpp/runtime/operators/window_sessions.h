// How an element's window comes to its session.
#pragma once

#include <optional>

#include "core/windowing/merging_window_set.h"
#include "runtime/operators/window_lifetime.h"
#include "runtime/operators/window_store.h"

namespace pyflinkpp {

// The session that `assigned`, a window of the store's current key, becomes a part of; none when it
// is late. Sessions that grow together: the trigger merges, what it and the operator kept for each
// of them goes, and so do all contents but one.
absl::StatusOr<std::optional<MergingWindow>> JoinSession(
    const Window& assigned, WindowAssigner& assigner, Trigger& trigger, WindowFunction& function,
    const WindowLifetime& lifetime, const WindowTimes& times, WindowStore& store,
    MergingWindowSet::Scratch& scratch);

}  // namespace pyflinkpp
