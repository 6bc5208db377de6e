// What a window operator keeps: contents, sessions, counts, its trigger's numbers, timers. All of
// it is keyed state.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/windowing/merging_window_set.h"
#include "core/windowing/trigger.h"
#include "core/windowing/window_assigner.h"
#include "runtime/operators/operator.h"
#include "runtime/operators/window_function.h"
#include "runtime/operators/window_timers.h"
#include "state/keyed/namespaced_key.h"
#include "state/keyed/timer_queue.h"

namespace pyflinkpp {

inline Namespace NamespaceOf(const Window& window) { return {window.start, window.end}; }
inline Window WindowOf(const Namespace& space) { return {space.first, space.second}; }

// The keys, with their windows, of a run of look-ups.
class NamespacedKeys {
 public:
  // Starts again, for about so many.
  void Begin(size_t count) {
    keys_.clear();
    keys_.reserve(count);
    used_ = 0;
    chunk_ = 0;
  }
  void Add(const RecordKey& key, const Namespace& space, int max_parallelism) {
    keys_.push_back(NamespacedKey(key, space, max_parallelism, Room(key.size + sizeof(Namespace))));
  }
  size_t size() const { return keys_.size(); }
  std::span<const RecordKey> keys() const { return keys_; }

 private:
  // Chunks are kept from run to run and never move.
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  char* Room(size_t size) {
    while (chunk_ < chunks_.size() && used_ + size > chunks_[chunk_].size) {
      ++chunk_;
      used_ = 0;
    }
    if (chunk_ == chunks_.size()) {
      const size_t room = std::max(size, size_t{4096});
      chunks_.push_back({std::make_unique<char[]>(room), room});
    }
    char* const result = chunks_[chunk_].bytes.get() + used_;
    used_ += size;
    return result;
  }

  std::vector<RecordKey> keys_;
  std::vector<Chunk> chunks_;
  size_t chunk_ = 0;  // the one in use, and how much of it
  size_t used_ = 0;
};

// At most one key and one window are current: those that trigger and assigner are asked about.
// Owned by its operator, used on its task's loop.
class WindowStore final : public TriggerContext, public AssignerContext {
 public:
  WindowStore(KeyedStateBackend& backend, int max_parallelism, const WindowTimes& times)
      : backend_(backend), max_parallelism_(max_parallelism), times_(times) {}

  // Makes contents and timers, and takes up what was restored. `contents`: the state's name; those of
  // windows and those of panes have different ones. `plain`: event-time timers are plain ones.
  absl::Status Create(const char* contents,
                      std::shared_ptr<const TypeSerializer> contents_serializer, bool plain);
  // By key and window, or by key and pane.
  ValueState& contents() { return *contents_; }
  const TypeSerializer& contents_serializer() const { return *contents_serializer_; }
  // Merging windows: what is kept under `sources` comes to `target`, for the current key. The
  // sources are merged into their first one, then that into the target, as Flink does.
  absl::Status MergeContents(const Window& target, std::span<const Window> sources,
                             WindowFunction& function);
  // The sessions of the current key. Valid until the next call of these three.
  absl::StatusOr<MergingWindowSet> OpenSessions();
  // Under which window the contents of one of them are kept; none when there is no such session.
  absl::StatusOr<std::optional<Window>> StateOfSession(const Window& window);
  absl::Status RetireSession(const Window& window);
  // By key; made when first asked for.
  absl::StatusOr<ValueState*> sessions();
  absl::StatusOr<ValueState*> element_counts();
  absl::StatusOr<ValueState*> pane_lists();

  // An operator's timers of event time are either all in `plain_timers` or all in `event_timers`.
  WindowTimers plain_timers;
  TimerQueue event_timers;
  TimerQueue processing_timers;

  // Whether registering a timer has no effect.
  void RefuseTimers(bool refuse) { refuses_timers_ = refuse; }

  // All keys' state goes; timers stay.
  absl::Status ClearStates();
  // Writes back what was accessed.
  absl::Status Flush();
  int64_t accesses() const;

  // ---- the current key and window ----
  // The key's bytes stay where they are while it is current.
  void SetKey(const RecordKey& key) {
    key_ = key;
    slot_key_known_ = false;
  }
  void SetWindow(const Window& window) {
    window_ = window;
    slot_key_known_ = false;
  }
  // The key of a window's contents: the current key with this window. Valid until the next call.
  RecordKey ContentsKey(const Window& window) { return Namespaced(window, contents_key_bytes_); }

  const RecordKey& key() const override { return key_; }
  const Window& window() const override { return window_; }
  int64_t current_watermark() const override { return times_.current_watermark(); }
  int64_t current_processing_time() const override { return times_.current_processing_time(); }
  void RegisterEventTimeTimer(int64_t time) override {
    if (!refuses_timers_) event_timers.Register(time, key_, NamespaceOf(window_));
  }
  void RegisterProcessingTimeTimer(int64_t time) override {
    if (!refuses_timers_) processing_timers.Register(time, key_, NamespaceOf(window_));
  }
  void DeleteEventTimeTimer(int64_t time) override {
    event_timers.Delete(time, key_, NamespaceOf(window_));
  }
  void DeleteProcessingTimeTimer(int64_t time) override {
    processing_timers.Delete(time, key_, NamespaceOf(window_));
  }
  absl::StatusOr<std::optional<int64_t>> Get(int slot) override;
  absl::Status Set(int slot, int64_t value) override;
  absl::Status Erase(int slot) override;
  absl::StatusOr<std::optional<int64_t>> GetOf(const Window& window, int slot) override;
  absl::StatusOr<int64_t> NextElementNumber() override;

 private:
  template <class Visit>
  void ForEachState(Visit visit) const;
  absl::StatusOr<ValueState*> Slot(int slot);
  absl::StatusOr<std::optional<int64_t>> Read(int slot, const RecordKey& key);
  RecordKey Namespaced(const Window& window, std::string& bytes) {
    bytes.resize(key_.size + sizeof(Namespace));
    return NamespacedKey(key_, NamespaceOf(window), max_parallelism_, bytes.data());
  }
  const RecordKey& SlotKey() {
    if (!slot_key_known_) slot_key_ = Namespaced(window_, slot_key_bytes_);
    slot_key_known_ = true;
    return slot_key_;
  }

  KeyedStateBackend& backend_;
  const int max_parallelism_;
  const WindowTimes& times_;
  std::shared_ptr<const TypeSerializer> contents_serializer_;
  std::unique_ptr<ValueState> contents_;
  std::unique_ptr<ValueState> sessions_;
  std::unique_ptr<ValueState> element_counts_;
  std::unique_ptr<ValueState> pane_lists_;
  std::vector<std::unique_ptr<ValueState>> slots_;  // the trigger's, by key and window

  bool refuses_timers_ = false;

  RecordKey key_;
  Window window_;
  bool slot_key_known_ = false;
  RecordKey slot_key_;  // current key and window; its bytes, and those of others
  std::string slot_key_bytes_;
  std::string contents_key_bytes_;
  std::string other_key_bytes_;
};

}  // namespace pyflinkpp
