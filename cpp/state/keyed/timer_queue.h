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
#include "core/stream/record_batch.h"
#include "core/stream/stream_element.h"
#include "core/types/binary_io.h"
#include "state/keyed/keyed_snapshot.h"
#include "state/keyed/namespaced_key.h"

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

  // False when it exists already.
  bool Register(int64_t timestamp, const RecordKey& key, const Namespace& space = {}) {
    const Wanted wanted{timestamp, key, space};
    if (known_.contains(wanted)) return false;
    TimerPtr timer(static_cast<Timer*>(::operator new(sizeof(Timer) + key.size)));
    *timer = {.timestamp = timestamp,
              .number = registered_++,
              .space = space,
              .hash = key.hash,
              .key_size = key.size,
              .deleted = false};
    if (key.size > 0) std::memcpy(timer->key, key.data, key.size);
    known_.insert(timer.get());
    heap_.push_back({timestamp, timer->number, std::move(timer)});
    std::push_heap(heap_.begin(), heap_.end(), Later());
    return true;
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
    return first;
  }

  // In a checkpoint: time | namespace | hash | key. In the order of registration, which counts among
  // timers of one key and time.
  void WriteEntries(AddEntry add) const override {
    std::vector<const Timer*> timers(known_.begin(), known_.end());
    std::sort(timers.begin(), timers.end(),
              [](const Timer* a, const Timer* b) { return a->number < b->number; });
    std::string entry;
    for (const Timer* timer : timers) {
      entry.clear();
      BinaryWriter out(entry);
      out.Put(timer->timestamp);
      out.Put(timer->space.first);
      out.Put(timer->space.second);
      out.Put(timer->hash);
      out.PutRaw(timer->record_key().bytes());
      add(timer->hash, entry);
    }
  }
  absl::Status ReadEntry(absl::string_view entry) override {
    BinaryReader in(entry);
    int64_t timestamp;
    Namespace space;
    uint32_t hash;
    if (!in.Get(&timestamp) || !in.Get(&space.first) || !in.Get(&space.second) || !in.Get(&hash))
      return Truncated("timer");
    Register(timestamp, {in.rest().data(), static_cast<uint32_t>(in.remaining()), hash}, space);
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
      return a.timestamp != b.timestamp ? a.timestamp > b.timestamp : a.number > b.number;
    }
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

  TimerPtr TakeFront() {
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    TimerPtr first = std::move(heap_.back().timer);
    heap_.pop_back();
    return first;
  }
  // Invariant between calls: the front of the heap is not deleted.
  void DropDeleted() {
    while (!heap_.empty() && heap_.front().timer->deleted) TakeFront();
  }
  void Compact() {
    std::erase_if(heap_, [](const Entry& entry) { return entry.timer->deleted; });
    std::make_heap(heap_.begin(), heap_.end(), Later());
  }

  uint64_t registered_ = 0;
  std::vector<Entry> heap_;  // owns; deleted ones stay until they come to the front or are too many
  absl::flat_hash_set<Timer*, Hash, Equal> known_;
};

}  // namespace pyflinkpp
