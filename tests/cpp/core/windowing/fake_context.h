// What triggers and assigners are told, under a test's hand.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/windowing/trigger.h"
#include "core/windowing/window_assigner.h"
#include "harness/batches.h"

namespace pyflinkpp::harness {

// Timers and slots of several windows of one key; `current` is the one that is asked about.
class FakeTriggerContext final : public TriggerContext {
 public:
  Window current{0, 100};
  int64_t watermark = kMinTimestamp;
  int64_t now = 0;
  std::set<std::pair<int64_t, int64_t>> event_timers, processing_timers;  // window's start, time
  std::map<std::pair<int64_t, int>, int64_t> slots;                       // window's start, slot

  std::set<int64_t> EventTimers() const { return Of(event_timers); }
  std::set<int64_t> ProcessingTimers() const { return Of(processing_timers); }

  const RecordKey& key() const override { return key_; }
  const Window& window() const override { return current; }
  int64_t current_watermark() const override { return watermark; }
  int64_t current_processing_time() const override { return now; }
  void RegisterEventTimeTimer(int64_t time) override { event_timers.emplace(current.start, time); }
  void RegisterProcessingTimeTimer(int64_t time) override {
    processing_timers.emplace(current.start, time);
  }
  void DeleteEventTimeTimer(int64_t time) override { event_timers.erase({current.start, time}); }
  void DeleteProcessingTimeTimer(int64_t time) override {
    processing_timers.erase({current.start, time});
  }
  absl::StatusOr<std::optional<int64_t>> Get(int slot) override { return GetOf(current, slot); }
  absl::Status Set(int slot, int64_t value) override {
    slots[{current.start, slot}] = value;
    return absl::OkStatus();
  }
  absl::Status Erase(int slot) override {
    slots.erase({current.start, slot});
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<int64_t>> GetOf(const Window& window, int slot) override {
    const auto found = slots.find({window.start, slot});
    if (found == slots.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::set<int64_t> Of(const std::set<std::pair<int64_t, int64_t>>& timers) const {
    std::set<int64_t> times;
    for (const auto& [start, time] : timers) {
      if (start == current.start) times.insert(time);
    }
    return times;
  }

  RecordKey key_ = KeyOf("k");
};

class FakeAssignerContext final : public AssignerContext {
 public:
  std::string current_key = "k";
  int64_t now = 0;

  const RecordKey& key() const override { return key_ = KeyOf(current_key); }
  int64_t current_processing_time() const override { return now; }
  int64_t current_watermark() const override { return kMinTimestamp; }
  absl::StatusOr<int64_t> NextElementNumber() override { return numbers_[current_key]++; }

 private:
  mutable RecordKey key_;
  std::map<std::string, int64_t> numbers_;
};

}  // namespace pyflinkpp::harness
