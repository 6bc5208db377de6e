// The timers of windows that all end in the same way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/stream/record_batch.h"
#include "core/windowing/window.h"
#include "state/keyed/keyed_snapshot.h"
#include "state/keyed/timer_entry.h"

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
    char* const to = last_->Append(sizeof(header) + key.size);
    std::memcpy(to, &header, sizeof(header));
    if (key.size > 0) std::memcpy(to + sizeof(header), key.data, key.size);
    ++size_;
  }

  size_t size() const { return size_; }
  // Whether there is a timer up to `time`.
  bool due(int64_t time) const { return !lists_.empty() && lists_.begin()->first <= time; }

  // The first timers up to `time`, at most `count`. They stay, and are valid until they are dropped.
  void Peek(int64_t time, size_t count, std::vector<Timer>& timers) const {
    timers.clear();
    for (auto list = lists_.begin(); list != lists_.end() && list->first <= time; ++list) {
      const char* at = list->second.first();
      for (const std::shared_ptr<Chunk>& chunk : list->second.chunks) {
        if (chunk != list->second.chunks.front()) at = chunk->bytes.get();
        while (at != chunk->end()) {
          if (timers.size() == count) return;
          timers.push_back(Read(list->first, &at));
        }
      }
    }
  }

  // The first timer has fired. REQUIRES: there is one.
  void DropFirst() {
    const auto first = lists_.begin();
    List& list = first->second;
    const char* at = list.first();
    Read(first->first, &at);
    list.fired = static_cast<size_t>(at - list.chunks.front()->bytes.get());
    --size_;
    if (list.fired < list.chunks.front()->used) return;
    list.chunks.pop_front();
    list.fired = 0;
    if (!list.chunks.empty()) return;
    if (last_ == &list) last_ = nullptr;
    lists_.erase(first);
  }

  // As timer_entry.h says, in their order.
  std::unique_ptr<FrozenEntries> Freeze() override {
    std::deque<std::pair<int64_t, Part>> parts;
    for (const auto& [time, list] : lists_) {
      for (Part& part : list.Parts()) parts.emplace_back(time, std::move(part));
    }
    return std::make_unique<Frozen>(std::move(parts));
  }
  absl::Status ReadEntry(absl::string_view bytes) override {
    ASSIGN_OR_RETURN(const TimerEntry entry, ReadTimerEntry(bytes));
    Add(entry.timestamp, entry.key, {entry.space.first, entry.space.second});
    return absl::OkStatus();
  }

  // Calls visit(const Timer&) for each, in their order.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const auto& [time, list] : lists_) {
      for (Part part : list.Parts()) {
        while (part.begin != part.end) visit(Read(time, &part.begin));
      }
    }
  }

 private:
  // A list is a header and the key's bytes for each timer.
  struct Header {
    Window window;
    uint32_t hash;
    uint32_t key_size;
  };
  // Bytes stay where they are and as they are: what is frozen shares them.
  struct Chunk {
    explicit Chunk(size_t size) : capacity(size), bytes(new char[size]) {}
    const size_t capacity;
    size_t used = 0;
    const std::unique_ptr<char[]> bytes;
    const char* end() const { return bytes.get() + used; }
  };
  struct Part {
    std::shared_ptr<const Chunk> chunk;
    const char* begin;
    const char* end;
  };
  struct List {
    static constexpr size_t kFirstBytes = 128;
    static constexpr size_t kMostBytes = size_t{64} << 10;

    std::deque<std::shared_ptr<Chunk>> chunks;  // none is empty; a timer is in one of them
    size_t fired = 0;                           // bytes of the first one

    char* Append(size_t size) {
      if (chunks.empty() || chunks.back()->capacity - chunks.back()->used < size) {
        const size_t next =
            chunks.empty() ? kFirstBytes : std::min(2 * chunks.back()->capacity, kMostBytes);
        chunks.push_back(std::make_shared<Chunk>(std::max(size, next)));
      }
      Chunk& chunk = *chunks.back();
      return chunk.bytes.get() + std::exchange(chunk.used, chunk.used + size);
    }
    const char* first() const { return chunks.front()->bytes.get() + fired; }
    std::vector<Part> Parts() const {
      std::vector<Part> parts;
      for (const std::shared_ptr<Chunk>& chunk : chunks)
        parts.push_back({chunk, chunk->bytes.get(), chunk->end()});
      parts.front().begin = first();
      return parts;
    }
  };

  class Frozen final : public FrozenEntries {
   public:
    explicit Frozen(std::deque<std::pair<int64_t, Part>> parts) : parts_(std::move(parts)) {}
    bool WriteSome(size_t count, AddEntry add) override {
      while (!parts_.empty() && count > 0) {
        auto& [time, part] = parts_.front();
        for (; part.begin != part.end && count > 0; --count) {
          const Timer timer = Read(time, &part.begin);
          WriteTimerEntry({time, {timer.window.start, timer.window.end}, number_++, timer.key},
                          entry_);
          add(timer.key.hash, entry_);
        }
        if (part.begin == part.end) parts_.pop_front();
      }
      return parts_.empty();
    }

   private:
    std::deque<std::pair<int64_t, Part>> parts_;
    uint64_t number_ = 0;
    std::string entry_;
  };

  static Timer Read(int64_t time, const char** at) {
    Header header;
    std::memcpy(&header, *at, sizeof(header));
    const char* key = *at + sizeof(header);
    *at += sizeof(header) + header.key_size;
    return {time, {key, header.key_size, header.hash}, header.window};
  }

  std::map<int64_t, List> lists_;  // none is empty
  List* last_ = nullptr;           // that of last_time_, to which the last timer was added
  int64_t last_time_ = 0;
  size_t size_ = 0;
};

}  // namespace pyflinkpp
