// Sliding windows that share what their elements come to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/windowing/window_panes.h"
#include "runtime/operators/window_function.h"
#include "runtime/operators/window_store.h"

namespace pyflinkpp {

// An element is added to its pane alone, where it would be added to size / slide windows; a window's
// contents are its panes', merged when it fires. To the function's results that makes no difference:
// see WindowFunction::merges_panes.
//
// Kept for each key: the contents of its panes, and a list of them. A window has contents when the
// list has a pane of it. That holds because a pane stays until the last of its windows goes, and a
// window goes at a time after all earlier ones: so as long as a window may get elements, everything
// that was ever added to it is there, and nothing else.
//
// Owned by its operator, used on its task's loop.
class SlicedWindows {
 public:
  SlicedWindows(const WindowPanes& panes, WindowStore& store, int max_parallelism)
      : panes_(panes), store_(store), max_parallelism_(max_parallelism) {}

  static Namespace NamespaceOf(const Pane& pane) { return NamespaceOf(pane.start); }

  // The panes of the current key on both sides of one that it has got.
  class Neighbours {
   public:
    // Whether the window, which the new pane is a part of, had no contents before.
    bool AreOutside(const Window& window, const WindowPanes& panes) const {
      return !(before_.has_value() && panes.IsPartOf(*before_, window)) &&
             !(after_.has_value() && panes.IsPartOf(*after_, window));
    }

   private:
    friend class SlicedWindows;
    std::optional<int64_t> before_;
    std::optional<int64_t> after_;
  };

  // Keys that will most likely be entered in one of the next panes: their lists are made ready.
  void BeginExpecting() { lists_.Begin(0); }
  void Expect(const RecordKey& key) { lists_.Add(key, Namespace(), max_parallelism_); }
  absl::Status PrefetchExpected();
  // The current key has its first element in a pane.
  absl::StatusOr<Neighbours> Enter(const Pane& pane);
  const WindowPanes& panes() const { return panes_; }

  // Makes the panes of the windows of timers that are due ready to be merged, which appends their
  // keys in the state of contents to `panes`: those of timer i up to ends[i]. Leaves out timers for
  // which there is no room; there is for one.
  absl::Status Prefetch(std::vector<WindowTimers::Timer>& due, NamespacedKeys& panes,
                        std::vector<size_t>& ends);
  // What panes that hold elements merge to: a copy; null: there are no panes. Valid until the next
  // call, or until it is released. REQUIRES: the panes are the current key's.
  absl::StatusOr<const std::byte*> Merge(std::span<const RecordKey> panes,
                                         WindowFunction& function);
  // The same for all panes of the current key and window.
  absl::StatusOr<const std::byte*> MergeCurrent(WindowFunction& function);
  void ReleaseMerged() { merging_->sum.Release(); }

  // The window has fired for the last time: panes that no later one has go.
  absl::Status Retire(const RecordKey& key, const Window& window);

 private:
  // A row that no state owns.
  class Row {
   public:
    explicit Row(const TypeSerializer& serializer)
        : serializer_(serializer), words_((serializer.stride() + 7) / 8) {}
    ~Row() { Release(); }
    Row(const Row&) = delete;
    Row& operator=(const Row&) = delete;

    std::byte* get() { return reinterpret_cast<std::byte*>(words_.data()); }
    absl::Status CopyFrom(const std::byte* row, Arena& arena);
    void Release();

   private:
    const TypeSerializer& serializer_;
    std::vector<uint64_t> words_;
  };
  // Made with the first merge, when it is known what contents look like.
  struct Merging {
    explicit Merging(const TypeSerializer& serializer) : sum(serializer), next(serializer) {}
    Arena arena;
    Row sum;
    Row next;
  };

  static Namespace NamespaceOf(int64_t pane) { return {pane, 0}; }
  // Lists are kept under the key with nothing behind it, so that prefetching copies their keys.
  RecordKey ListKey(const RecordKey& key) {
    list_key_.Begin(1);
    list_key_.Add(key, Namespace(), max_parallelism_);
    return list_key_.keys()[0];
  }
  // Appends the keys of a window's panes.
  absl::Status Collect(const RecordKey& key, const RecordKey& list_key, const Window& window,
                       NamespacedKeys& panes);

  const WindowPanes panes_;
  WindowStore& store_;
  const int max_parallelism_;
  NamespacedKeys current_;
  NamespacedKeys list_key_;
  NamespacedKeys lists_;
  std::optional<Merging> merging_;
};

}  // namespace pyflinkpp
