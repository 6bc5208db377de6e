#include "runtime/operators/window_sessions.h"

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

absl::Status EndedAlready(const Window& window, const WindowLifetime& lifetime,
                          const WindowTimes& times) {
  return UserError(absl::StrCat(
      "Windows were merged to one that has ended already: [", window.start, ", ", window.end,
      "), where the ", lifetime.event_time() ? "watermark" : "clock", " is at ",
      lifetime.event_time() ? times.current_watermark() : times.current_processing_time(), "."));
}

}  // namespace

absl::StatusOr<std::optional<MergingWindow>> JoinSession(
    const Window& assigned, WindowAssigner& assigner, Trigger& trigger, WindowFunction& function,
    const WindowLifetime& lifetime, const WindowTimes& times, WindowStore& store,
    MergingWindowSet::Scratch& scratch) {
  const auto merge = [&](const Window& result, std::span<const Window> merged, const Window& state,
                         std::span<const Window> states) -> absl::Status {
    if (lifetime.event_time() ? lifetime.IsLate(result, times)
                              : result.max_timestamp() <= times.current_processing_time()) {
      return EndedAlready(result, lifetime, times);
    }
    store.SetWindow(result);
    RETURN_IF_ERROR(trigger.OnMerge(merged, store));
    for (const Window& window : merged) {
      store.SetWindow(window);
      RETURN_IF_ERROR(trigger.Clear(store));
      lifetime.DeleteCleanup(store);
    }
    return store.MergeContents(state, states, function);
  };
  ASSIGN_OR_RETURN(MergingWindowSet sessions, store.OpenSessions());
  ASSIGN_OR_RETURN(const Window window, sessions.Add(assigned, assigner, scratch, merge));
  if (!lifetime.IsLate(window, times)) return MergingWindow{window, *sessions.StateOf(window)};
  RETURN_IF_ERROR(store.RetireSession(window));
  return std::nullopt;
}

}  // namespace pyflinkpp
