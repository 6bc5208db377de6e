// When a window emits its contents.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "core/stream/record_batch.h"
#include "core/windowing/window.h"

namespace pyflinkpp {

// Bits: to emit the contents, to throw them away afterwards.
enum class TriggerResult : uint8_t { kContinue = 0, kFire = 1, kPurge = 2, kFireAndPurge = 3 };
inline bool Fires(TriggerResult result) { return (static_cast<uint8_t>(result) & 1) != 0; }
inline bool Purges(TriggerResult result) { return (static_cast<uint8_t>(result) & 2) != 0; }

// What a trigger may know and do for the key and the window it is asked about.
class TriggerContext {
 public:
  virtual ~TriggerContext() = default;
  virtual const RecordKey& key() const = 0;
  virtual const Window& window() const = 0;
  virtual int64_t current_watermark() const = 0;
  virtual int64_t current_processing_time() const = 0;

  // A timer of this key and window; a second one for the same time has no effect. Comes back as
  // OnEventTime or OnProcessingTime. Those at kMaxTimestamp fire at the end of the input (event
  // time) or never.
  virtual void RegisterEventTimeTimer(int64_t time) = 0;
  virtual void RegisterProcessingTimeTimer(int64_t time) = 0;
  virtual void DeleteEventTimeTimer(int64_t time) = 0;
  virtual void DeleteProcessingTimeTimer(int64_t time) = 0;

  // Numbers of this key and window, in keyed state. Slots are 0, 1, ..., few.
  virtual absl::StatusOr<std::optional<int64_t>> Get(int slot) = 0;
  virtual absl::Status Set(int slot, int64_t value) = 0;
  virtual absl::Status Erase(int slot) = 0;
  // The slot of another window of this key: for OnMerge.
  virtual absl::StatusOr<std::optional<int64_t>> GetOf(const Window& window, int slot) = 0;
};

// One object decides for all keys and windows; what it keeps for one of them is in the context.
// Owned by a window operator, used on its task's loop.
class Trigger {
 public:
  virtual ~Trigger() = default;

  // Around a run of calls: for what is needed once (the interpreter's lock). Others' Enter may lie
  // inside.
  virtual void Enter() {}
  virtual void Leave() {}

  // Element `i` was added to the window. Not to be moved out of the batch.
  virtual absl::StatusOr<TriggerResult> OnElement(RecordBatch& batch, size_t i, int64_t timestamp,
                                                  TriggerContext& context) = 0;
  // A timer of this key and window fires. The operator's own timers, which end a window, come here
  // as well.
  virtual absl::StatusOr<TriggerResult> OnEventTime(int64_t time, TriggerContext& context) {
    (void)time, (void)context;
    return TriggerResult::kContinue;
  }
  virtual absl::StatusOr<TriggerResult> OnProcessingTime(int64_t time, TriggerContext& context) {
    (void)time, (void)context;
    return TriggerResult::kContinue;
  }

  // Whether windows that grow together (sessions) may have it.
  virtual bool can_merge() const { return false; }
  // `merged` have become context.window(). Clear follows for each of them, then OnElement for the
  // window.
  virtual absl::Status OnMerge(std::span<const Window> merged, TriggerContext& context) {
    (void)merged, (void)context;
    return absl::InternalError("the trigger does not merge");
  }

  // The window goes: so do the trigger's timers and state.
  virtual absl::Status Clear(TriggerContext& context) = 0;

  // It fires when the watermark passes the window's end and at each element after that, and does
  // nothing else. Then an operator need not ask it about an element whose window already has
  // contents.
  virtual bool is_plain_event_time() const { return false; }
};

// Those of Flink. Times in milliseconds.
std::unique_ptr<Trigger> MakeEventTimeTrigger();
std::unique_ptr<Trigger> MakeProcessingTimeTrigger();
std::unique_ptr<Trigger> MakeCountTrigger(int64_t count);
std::unique_ptr<Trigger> MakeContinuousEventTimeTrigger(int64_t interval);
std::unique_ptr<Trigger> MakeContinuousProcessingTimeTrigger(int64_t interval);
std::unique_ptr<Trigger> MakeNeverTrigger();
// Throws the contents away whenever `trigger` fires.
std::unique_ptr<Trigger> MakePurgingTrigger(std::unique_ptr<Trigger> trigger);

}  // namespace pyflinkpp
