// The timers of windows that all end in the same way.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/stream/record_batch.h"
#include "core/windowing/window.h"

namespace pyflinkpp {

// Like a TimerQueue, for timers that are never deleted and never registered twice: those of the
// plain event-time trigger, which belong to the first element of a key and window. They need no
// hash table and no heap, only a list for each time, of which there are few: with a million keys
// that is half of the operator's work. They fire in the order of their times; equal ones in the
// order in which they were added.
class WindowTimers {
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
