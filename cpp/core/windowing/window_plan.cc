#include "core/windowing/window_plan.h"

#include <utility>

#include "core/base/status.h"
#include "core/windowing/session_windows.h"
#include "core/windowing/time_window_assigners.h"
#include "core/windowing/untimed_windows.h"

namespace pyflinkpp {

absl::StatusOr<std::unique_ptr<WindowAssigner>> MakeWindowAssigner(
    const idl::WindowAssigner& plan) {
  switch (plan.kind) {
    case idl::WindowAssignerKind::TUMBLING:
      return MakeTumblingWindows(plan.size, plan.offset_ms, plan.event_time);
    case idl::WindowAssignerKind::SLIDING:
      return MakeSlidingWindows(plan.size, plan.slide, plan.offset_ms, plan.event_time);
    case idl::WindowAssignerKind::SESSION:
      if (!plan.pickle.empty()) break;
      return MakeSessionWindows(plan.size, plan.event_time);
    case idl::WindowAssignerKind::GLOBAL:
      return MakeGlobalWindows();
    case idl::WindowAssignerKind::COUNT_TUMBLING:
      return MakeCountWindows(plan.size, plan.size);
    case idl::WindowAssignerKind::COUNT_SLIDING:
      return MakeCountWindows(plan.size, plan.slide);
    default:
      break;
  }
  return absl::UnimplementedError("a window assigner that needs Python");
}

absl::StatusOr<std::unique_ptr<Trigger>> MakeTrigger(const idl::WindowTrigger& plan) {
  std::unique_ptr<Trigger> trigger;
  switch (plan.kind) {
    case idl::TriggerKind::EVENT_TIME:
      trigger = MakeEventTimeTrigger();
      break;
    case idl::TriggerKind::PROCESSING_TIME:
      trigger = MakeProcessingTimeTrigger();
      break;
    case idl::TriggerKind::COUNT:
      trigger = MakeCountTrigger(plan.limit);
      break;
    case idl::TriggerKind::CONTINUOUS_EVENT_TIME:
    case idl::TriggerKind::CONTINUOUS_PROCESSING_TIME:
      if (plan.limit <= 0) return UserError("A continuous trigger needs an interval > 0.");
      trigger = plan.kind == idl::TriggerKind::CONTINUOUS_EVENT_TIME
                    ? MakeContinuousEventTimeTrigger(plan.limit)
                    : MakeContinuousProcessingTimeTrigger(plan.limit);
      break;
    case idl::TriggerKind::NEVER:
      trigger = MakeNeverTrigger();
      break;
    default:
      return absl::UnimplementedError("a trigger that needs Python");
  }
  return plan.purging ? MakePurgingTrigger(std::move(trigger)) : std::move(trigger);
}

}  // namespace pyflinkpp
