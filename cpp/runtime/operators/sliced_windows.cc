#include "runtime/operators/sliced_windows.h"

#include <algorithm>
#include <utility>

#include "core/base/status.h"
#include "core/windowing/pane_list.h"

namespace pyflinkpp {
namespace {

// Not many more panes are made ready together than these: a window may have any number.
constexpr size_t kPanesMax = 1024;

}  // namespace

absl::StatusOr<SlicedWindows::Neighbours> SlicedWindows::Enter(const Pane& pane) {
  ASSIGN_OR_RETURN(ValueState * lists, store_.pane_lists());
  bool found;
  ASSIGN_OR_RETURN(std::byte * row, lists->FindOrInsert(ListKey(store_.key()), &found));
  PaneList list(row);
  Neighbours neighbours;
  for (const int64_t other : list.panes()) {
    if (other < pane.start) {
      neighbours.before_ = std::max(neighbours.before_.value_or(other), other);
    } else {
      neighbours.after_ = std::min(neighbours.after_.value_or(other), other);
    }
  }
  list.Append(pane.start);
  return neighbours;
}

absl::Status SlicedWindows::Collect(const RecordKey& key, const RecordKey& list_key,
                                    const Window& window, NamespacedKeys& panes) {
  ASSIGN_OR_RETURN(ValueState * lists, store_.pane_lists());
  ASSIGN_OR_RETURN(const std::byte* row, lists->Find(list_key));
  if (row == nullptr) return absl::OkStatus();
  for (const int64_t pane : PaneList::Of(row)) {
    if (panes_.IsPartOf(pane, window)) panes.Add(key, NamespaceOf(pane), max_parallelism_);
  }
  return absl::OkStatus();
}

absl::Status SlicedWindows::Prefetch(std::vector<WindowTimers::Timer>& due, NamespacedKeys& panes,
                                     std::vector<size_t>& ends) {
  ASSIGN_OR_RETURN(ValueState * lists, store_.pane_lists());
  lists_.Begin(due.size());
  for (const WindowTimers::Timer& timer : due) {
    lists_.Add(timer.key, Namespace(), max_parallelism_);
  }
  RETURN_IF_ERROR(lists->Prefetch(lists_.keys()));
  panes.Begin(due.size());
  ends.clear();
  for (size_t i = 0; i < due.size() && panes.size() < kPanesMax; ++i) {
    if (due[i].time == due[i].window.max_timestamp()) {
      RETURN_IF_ERROR(Collect(due[i].key, lists_.keys()[i], due[i].window, panes));
    }
    ends.push_back(panes.size());
  }
  due.resize(ends.size());
  return store_.contents().Prefetch(panes.keys());
}

absl::StatusOr<const std::byte*> SlicedWindows::Merge(std::span<const RecordKey> panes,
                                                      WindowFunction& function) {
  if (!merging_.has_value()) merging_.emplace(store_.contents_serializer());
  merging_->sum.Release();
  merging_->arena = Arena();
  const std::byte* merged = nullptr;
  for (const RecordKey& pane : panes) {
    ASSIGN_OR_RETURN(const std::byte* row, store_.contents().Find(pane));
    PFPP_CHECK(row != nullptr);  // it is in the list
    if (merged == nullptr) {
      RETURN_IF_ERROR(merging_->sum.CopyFrom(row, merging_->arena));
      merged = merging_->sum.get();
      continue;
    }
    RETURN_IF_ERROR(merging_->next.CopyFrom(row, merging_->arena));
    absl::Status status = function.Merge(store_.key(), merging_->next.get(), merging_->sum.get());
    merging_->next.Release();
    RETURN_IF_ERROR(status);
  }
  return merged;
}

absl::StatusOr<const std::byte*> SlicedWindows::MergeCurrent(WindowFunction& function) {
  current_.Begin(0);
  RETURN_IF_ERROR(Collect(store_.key(), ListKey(store_.key()), store_.window(), current_));
  return Merge(current_.keys(), function);
}

absl::Status SlicedWindows::PrefetchExpected() {
  ASSIGN_OR_RETURN(ValueState * lists, store_.pane_lists());
  return lists->Prefetch(lists_.keys());
}

absl::Status SlicedWindows::Retire(const RecordKey& key, const Window& window) {
  // Windows that are cut off by the end of the range end together, and not in their order: their
  // panes stay. Nothing comes after that time.
  if (window.end == kMaxTimestamp) return absl::OkStatus();
  ASSIGN_OR_RETURN(ValueState * lists, store_.pane_lists());
  const RecordKey list_key = ListKey(key);
  bool found;
  ASSIGN_OR_RETURN(std::byte * row, lists->FindOrInsert(list_key, &found));
  PaneList list(row);
  current_.Begin(0);
  list.EraseIf([&](int64_t pane) {
    const bool gone = panes_.EndsWith(pane, window);
    if (gone) current_.Add(key, NamespaceOf(pane), max_parallelism_);
    return gone;
  });
  if (list.panes().empty()) RETURN_IF_ERROR(lists->Erase(list_key));
  for (const RecordKey& pane : current_.keys()) RETURN_IF_ERROR(store_.contents().Erase(pane));
  return absl::OkStatus();
}

absl::Status SlicedWindows::Row::CopyFrom(const std::byte* row, Arena& arena) {
  absl::Status status = serializer_.Copy(row, 1, get(), arena);
  if (!status.ok()) std::fill(words_.begin(), words_.end(), 0);
  return status;
}

void SlicedWindows::Row::Release() {
  serializer_.Release(get(), 1);
  std::fill(words_.begin(), words_.end(), 0);
}

}  // namespace pyflinkpp
