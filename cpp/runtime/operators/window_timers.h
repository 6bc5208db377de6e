// The timers of windows that all end in the same way.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/stream/record_batch.h"
#include "core/types/binary_io.h"
#include "core/windowing/window.h"
#include "state/keyed/keyed_snapshot.h"

namespace pyflinkpp {

// Like a TimerQueue, for timers that are never deleted and never registered twice: those of the
// plain event-time trigger, which belong to the first element of a key and window. They need no
// hash table and no heap, only a list for each time, of which there are few: with a million keys
// that is half of the operator's work. They fire in the order of their times; equal ones in the
// order in which they were added.
class WindowTimers final : public KeyedEntries {
 public:
  struct Timer {
    int64_t time;
    RecordKey key;
    Window window;
  };

  void Add(int64_t time, const RecordKey& key, const Window& window) {
    if (last_ == nullptr || last_time_ != time) {
      last_ = &lists_[time];
      last_time_ = time;
    }
    const Header header{window, key.hash, key.size};
    last_->bytes.append(reinterpret_cast<const char*>(&header), sizeof(header));
    last_->bytes.append(key.data, key.size);
    ++size_;
  }

  size_t size() const { return size_; }
  // Whether there is a timer up to `time`.
  bool due(int64_t time) const { return !lists_.empty() && lists_.begin()->first <= time; }

  // The first timers up to `time`, at most `count`. They stay, and are valid until the next Add or
  // until they are dropped.
  void Peek(int64_t time, size_t count, std::vector<Timer>& timers) const {
    timers.clear();
    for (auto list = lists_.begin(); list != lists_.end() && list->first <= time; ++list) {
      for (size_t at = list->second.fired; at < list->second.bytes.size();) {
        if (timers.size() == count) return;
        timers.push_back(Read(list->first, list->second.bytes, &at));
      }
    }
  }

  // The first timer has fired. REQUIRES: there is one.
  void DropFirst() {
    const auto first = lists_.begin();
    Read(first->first, first->second.bytes, &first->second.fired);
    --size_;
    if (first->second.fired < first->second.bytes.size()) return;
    if (last_ == &first->second) last_ = nullptr;
    lists_.erase(first);
  }

  // In a checkpoint: as a TimerQueue's.
  void WriteEntries(AddEntry add) const override {
    std::string entry;
    ForEach([&](const Timer& timer) {
      entry.clear();
      BinaryWriter out(entry);
      out.Put(timer.time);
      out.Put(timer.window.start);
      out.Put(timer.window.end);
      out.Put(timer.key.hash);
      out.PutRaw(timer.key.bytes());
      add(timer.key.hash, entry);
    });
  }
  absl::Status ReadEntry(absl::string_view entry) override {
    BinaryReader in(entry);
    int64_t time;
    Window window;
    uint32_t hash;
    if (!in.Get(&time) || !in.Get(&window.start) || !in.Get(&window.end) || !in.Get(&hash))
      return Truncated("timer");
    Add(time, {in.rest().data(), static_cast<uint32_t>(in.remaining()), hash}, window);
    return absl::OkStatus();
  }

  // Calls visit(const Timer&) for each, in their order.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const auto& [time, list] : lists_) {
      for (size_t at = list.fired; at < list.bytes.size();) visit(Read(time, list.bytes, &at));
    }
  }

 private:
  // A list is a header and the key's bytes for each timer.
  struct Header {
    Window window;
    uint32_t hash;
    uint32_t key_size;
  };
  struct List {
    std::string bytes;
    size_t fired = 0;  // of the bytes
  };

  static Timer Read(int64_t time, const std::string& bytes, size_t* at) {
    Header header;
    std::memcpy(&header, bytes.data() + *at, sizeof(header));
    const char* key = bytes.data() + *at + sizeof(header);
    *at += sizeof(header) + header.key_size;
    return {time, {key, header.key_size, header.hash}, header.window};
  }

  std::map<int64_t, List> lists_;  // none is empty
  List* last_ = nullptr;           // that of last_time_, to which the last timer was added
  int64_t last_time_ = 0;
  size_t size_ = 0;
};

}  // namespace pyflinkpp
