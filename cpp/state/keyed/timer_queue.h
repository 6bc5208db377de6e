// Timers of one operator and one kind of time: state that acts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/stream/record_batch.h"
#include "core/stream/stream_element.h"
#include "state/keyed/keyed_snapshot.h"
#include "state/keyed/namespaced_key.h"
#include "state/keyed/timer_entry.h"

namespace pyflinkpp {

// A timer exists once for each key, namespace and timestamp. They fire in the order of their
// timestamps; equal ones in the order in which they were registered.
class TimerQueue final : public KeyedEntries {
 public:
  struct Timer {
    int64_t timestamp;
    uint64_t number;  // in the order of registration
    Namespace space;
    uint32_t hash;
    uint32_t key_size;
    bool deleted;
    char key[];  // key_size bytes

    RecordKey record_key() const { return {key, key_size, hash}; }
  };
  struct Free {
    void operator()(Timer* timer) const { ::operator delete(timer); }
  };
  using TimerPtr = std::unique_ptr<Timer, Free>;

  TimerQueue() = default;
  ~TimerQueue() override {
    for (Entry& entry : heap_) Bury(std::move(entry.timer));
  }
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // False when it exists already.
  bool Register(int64_t timestamp, const RecordKey& key, const Namespace& space = {}) {
    return Register(timestamp, key, space, registered_);
  }

  // No effect when there is no such timer.
  void Delete(int64_t timestamp, const RecordKey& key, const Namespace& space = {}) {
    const auto found = known_.find(Wanted{timestamp, key, space});
    if (found == known_.end()) return;
    (*found)->deleted = true;
    known_.erase(found);
    if (heap_.front().timer->deleted) DropDeleted();
    if (heap_.size() > 64 && heap_.size() > 2 * known_.size()) Compact();
  }

  bool empty() const { return known_.empty(); }
  size_t size() const { return known_.size(); }
  // Of the first timer; kMaxTimestamp when there is none.
  int64_t next() const { return heap_.empty() ? kMaxTimestamp : heap_.front().timestamp; }
  // Whether there is a timer up to `time`.
  bool due(int64_t time) const { return !heap_.empty() && heap_.front().timestamp <= time; }

  // Takes the first timer out. REQUIRES: not empty.
  TimerPtr Pop() {
    TimerPtr first = TakeFront();
    known_.erase(first.get());
    DropDeleted();
    const std::shared_ptr<Graveyard> graveyard = graveyard_.lock();
    if (graveyard == nullptr) return first;
    TimerPtr copy = Make(first->timestamp, first->record_key(), first->space, first->number);
    graveyard->push_back(std::move(first));
    return copy;
  }

  // As timer_entry.h says, in no order.
  std::unique_ptr<FrozenEntries> Freeze() override {
    std::shared_ptr<Graveyard> graveyard = graveyard_.lock();
    if (graveyard == nullptr) graveyard_ = graveyard = std::make_shared<Graveyard>();
    return std::make_unique<Frozen>(std::vector<const Timer*>(known_.begin(), known_.end()),
                                    std::move(graveyard));
  }
  absl::Status ReadEntry(absl::string_view bytes) override {
    ASSIGN_OR_RETURN(const TimerEntry entry, ReadTimerEntry(bytes));
    Register(entry.timestamp, entry.key, entry.space, entry.number);
    return absl::OkStatus();
  }

  // Calls visit(const Timer&) for each, in no order.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const Timer* timer : known_) visit(*timer);
  }

 private:
  struct Wanted {
    int64_t timestamp;
    const RecordKey& key;
    const Namespace& space;
  };
  struct Entry {
    int64_t timestamp;
    uint64_t number;
    TimerPtr timer;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      if (a.timestamp != b.timestamp) return a.timestamp > b.timestamp;
      if (a.number != b.number) return a.number > b.number;
      return a.timer->hash > b.timer->hash;  // registered in different subtasks, before a restore
    }
  };
  // Timers that are gone here and still belong to a frozen copy.
  using Graveyard = std::vector<TimerPtr>;
  // Timers don't change, and live as long as this.
  class Frozen final : public FrozenEntries {
   public:
    Frozen(std::vector<const Timer*> timers, std::shared_ptr<Graveyard> graveyard)
        : timers_(std::move(timers)), graveyard_(std::move(graveyard)) {}
    bool WriteSome(size_t count, AddEntry add) override {
      for (; count > 0 && !timers_.empty(); --count) {
        const Timer& timer = *timers_.back();
        timers_.pop_back();
        WriteTimerEntry({timer.timestamp, timer.space, timer.number, timer.record_key()}, entry_);
        add(timer.hash, entry_);
      }
      return timers_.empty();
    }

   private:
    std::vector<const Timer*> timers_;
    const std::shared_ptr<Graveyard> graveyard_;
    std::string entry_;
  };
  struct Hash {
    using is_transparent = void;
    static size_t Of(int64_t timestamp, uint32_t hash, const Namespace& space) {
      const uint64_t words = static_cast<uint64_t>(timestamp) * 0x9e3779b97f4a7c15ULL +
                             static_cast<uint64_t>(space.first) +
                             static_cast<uint64_t>(space.second) * 0xc2b2ae3d27d4eb4fULL;
      return MixHash(words ^ (static_cast<uint64_t>(hash) << 32 | hash));
    }
    size_t operator()(const Wanted& timer) const {
      return Of(timer.timestamp, timer.key.hash, timer.space);
    }
    size_t operator()(const Timer* timer) const {
      return Of(timer->timestamp, timer->hash, timer->space);
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Timer* a, const Timer* b) const { return a == b; }
    bool operator()(const Timer* a, const Wanted& b) const {
      return a->timestamp == b.timestamp && a->hash == b.key.hash && a->space == b.space &&
             a->record_key().bytes() == b.key.bytes();
    }
  };

  bool Register(int64_t timestamp, const RecordKey& key, const Namespace& space, uint64_t number) {
    if (known_.contains(Wanted{timestamp, key, space})) return false;
    registered_ = std::max(registered_, number + 1);
    TimerPtr timer = Make(timestamp, key, space, number);
    known_.insert(timer.get());
    heap_.push_back({timestamp, number, std::move(timer)});
    std::push_heap(heap_.begin(), heap_.end(), Later());
    return true;
  }
  static TimerPtr Make(int64_t timestamp, const RecordKey& key, const Namespace& space,
                       uint64_t number) {
    TimerPtr timer(static_cast<Timer*>(::operator new(sizeof(Timer) + key.size)));
    *timer = {.timestamp = timestamp,
              .number = number,
              .space = space,
              .hash = key.hash,
              .key_size = key.size,
              .deleted = false};
    if (key.size > 0) std::memcpy(timer->key, key.data, key.size);
    return timer;
  }
  void Bury(TimerPtr timer) {
    if (const std::shared_ptr<Graveyard> graveyard = graveyard_.lock())
      graveyard->push_back(std::move(timer));
  }
  TimerPtr TakeFront() {
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    TimerPtr first = std::move(heap_.back().timer);
    heap_.pop_back();
    return first;
  }
  // Invariant between calls: the front of the heap is not deleted.
  void DropDeleted() {
    while (!heap_.empty() && heap_.front().timer->deleted) Bury(TakeFront());
  }
  void Compact() {
    std::erase_if(heap_, [this](Entry& entry) {
      if (!entry.timer->deleted) return false;
      Bury(std::move(entry.timer));
      return true;
    });
    std::make_heap(heap_.begin(), heap_.end(), Later());
  }

  uint64_t registered_ = 0;
  std::vector<Entry> heap_;  // owns; deleted ones stay until they come to the front or are too many
  absl::flat_hash_set<Timer*, Hash, Equal> known_;
  std::weak_ptr<Graveyard> graveyard_;  // of all frozen copies that there are
};

}  // namespace pyflinkpp
