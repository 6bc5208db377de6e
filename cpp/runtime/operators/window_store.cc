#include "runtime/operators/window_store.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "core/windowing/pane_list.h"

namespace pyflinkpp {
namespace {

// A value on its way from one row of a state to another.
class MovedRow {
 public:
  explicit MovedRow(const TypeSerializer& serializer)
      : serializer_(serializer), words_((serializer.stride() + 7) / 8) {}
  ~MovedRow() { Release(); }
  MovedRow(const MovedRow&) = delete;
  MovedRow& operator=(const MovedRow&) = delete;

  std::byte* row() { return reinterpret_cast<std::byte*>(words_.data()); }
  bool filled() const { return filled_; }
  // Leaves zeros in `row`.
  void TakeFrom(std::byte* row) {
    std::memcpy(this->row(), row, serializer_.stride());
    std::memset(row, 0, serializer_.stride());
    filled_ = true;
  }
  void GiveTo(std::byte* row) {
    std::memcpy(row, this->row(), serializer_.stride());
    filled_ = false;
  }
  void Release() {
    if (std::exchange(filled_, false)) serializer_.Release(row(), 1);
  }

 private:
  const TypeSerializer& serializer_;
  std::vector<uint64_t> words_;
  bool filled_ = false;
};

}  // namespace

absl::Status WindowStore::Create(const char* contents,
                                 std::shared_ptr<const TypeSerializer> contents_serializer,
                                 bool plain) {
  contents_serializer_ = std::move(contents_serializer);
  ASSIGN_OR_RETURN(contents_, backend_.CreateValueState(contents, contents_serializer_,
                                                        KeyShape::kNamespacedKey));
  KeyedEntries* const of_event_time =
      plain ? static_cast<KeyedEntries*>(&plain_timers) : &event_timers;
  RETURN_IF_ERROR(backend_.RegisterEntries("window:event-timers", of_event_time));
  return backend_.RegisterEntries("window:processing-timers", &processing_timers);
}

absl::Status WindowStore::MergeContents(const Window& target, std::span<const Window> sources,
                                        WindowFunction& function) {
  if (sources.empty()) return absl::OkStatus();
  MovedRow sum(*contents_serializer_);
  MovedRow next(*contents_serializer_);
  bool found;
  for (const Window& source : sources) {
    const RecordKey key = ContentsKey(source);
    ASSIGN_OR_RETURN(const std::byte* present, contents_->Find(key));
    if (present == nullptr) continue;  // purged
    ASSIGN_OR_RETURN(std::byte * row, contents_->FindOrInsert(key, &found));
    const bool first = !sum.filled();
    (first ? sum : next).TakeFrom(row);
    RETURN_IF_ERROR(contents_->Erase(key));
    if (first) continue;
    RETURN_IF_ERROR(function.Merge(key_, next.row(), sum.row()));
    next.Release();
  }
  if (!sum.filled()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::byte * row, contents_->FindOrInsert(ContentsKey(target), &found));
  if (found) return function.Merge(key_, sum.row(), row);
  sum.GiveTo(row);
  return absl::OkStatus();
}

absl::StatusOr<ValueState*> WindowStore::sessions() {
  if (sessions_ == nullptr) {
    ASSIGN_OR_RETURN(sessions_,
                     backend_.CreateValueState("window:sessions", MergingWindowSet::Serializer()));
  }
  return sessions_.get();
}

absl::StatusOr<MergingWindowSet> WindowStore::OpenSessions() {
  ASSIGN_OR_RETURN(ValueState * state, sessions());
  bool found;
  ASSIGN_OR_RETURN(std::byte * row, state->FindOrInsert(key_, &found));
  return MergingWindowSet(row);
}

absl::StatusOr<std::optional<Window>> WindowStore::StateOfSession(const Window& window) {
  ASSIGN_OR_RETURN(ValueState * state, sessions());
  ASSIGN_OR_RETURN(const std::byte* row, state->Find(key_));
  const Window* found = row == nullptr ? nullptr : MergingWindowSet::StateOf(row, window);
  return found == nullptr ? std::nullopt : std::optional<Window>(*found);
}

absl::Status WindowStore::RetireSession(const Window& window) {
  ASSIGN_OR_RETURN(MergingWindowSet set, OpenSessions());
  set.Retire(window);
  return set.empty() ? sessions_->Erase(key_) : absl::OkStatus();
}

absl::StatusOr<ValueState*> WindowStore::element_counts() {
  if (element_counts_ == nullptr) {
    ASSIGN_OR_RETURN(element_counts_,
                     backend_.CreateValueState("window:element-counts", LongSerializer()));
  }
  return element_counts_.get();
}

absl::StatusOr<ValueState*> WindowStore::pane_lists() {
  if (pane_lists_ == nullptr) {
    ASSIGN_OR_RETURN(pane_lists_,
                     backend_.CreateValueState("window:pane-lists", PaneList::Serializer(),
                                               KeyShape::kNamespacedKey));
  }
  return pane_lists_.get();
}

absl::StatusOr<ValueState*> WindowStore::Slot(int slot) {
  const size_t position = static_cast<size_t>(slot);
  if (position >= slots_.size()) slots_.resize(position + 1);
  if (slots_[position] == nullptr) {
    ASSIGN_OR_RETURN(slots_[position],
                     backend_.CreateValueState(absl::StrCat("window:trigger-", slot),
                                               LongSerializer(), KeyShape::kNamespacedKey));
  }
  return slots_[position].get();
}

template <class Visit>
void WindowStore::ForEachState(Visit visit) const {
  for (const auto* state : {&contents_, &sessions_, &element_counts_, &pane_lists_}) {
    if (*state != nullptr) visit(**state);
  }
  for (const auto& slot : slots_) {
    if (slot != nullptr) visit(*slot);
  }
}

absl::Status WindowStore::ClearStates() {
  absl::Status status;
  ForEachState([&](ValueState& state) {
    if (state.size() > 0) status.Update(state.Clear());
  });
  return status;
}

absl::Status WindowStore::Flush() {
  absl::Status status;
  ForEachState([&](ValueState& state) { status.Update(state.Flush()); });
  return status;
}

int64_t WindowStore::accesses() const {
  int64_t sum = 0;
  ForEachState([&](const ValueState& state) { sum += state.accesses(); });
  return sum;
}

absl::StatusOr<std::optional<int64_t>> WindowStore::Read(int slot, const RecordKey& key) {
  ASSIGN_OR_RETURN(ValueState * state, Slot(slot));
  ASSIGN_OR_RETURN(const std::byte* row, state->Find(key));
  if (row == nullptr) return std::nullopt;
  return *reinterpret_cast<const int64_t*>(row);
}

absl::StatusOr<std::optional<int64_t>> WindowStore::Get(int slot) { return Read(slot, SlotKey()); }

absl::StatusOr<std::optional<int64_t>> WindowStore::GetOf(const Window& window, int slot) {
  return Read(slot, Namespaced(window, other_key_bytes_));
}

absl::Status WindowStore::Set(int slot, int64_t value) {
  ASSIGN_OR_RETURN(ValueState * state, Slot(slot));
  bool found;
  ASSIGN_OR_RETURN(std::byte * row, state->FindOrInsert(SlotKey(), &found));
  *reinterpret_cast<int64_t*>(row) = value;
  return absl::OkStatus();
}

absl::Status WindowStore::Erase(int slot) {
  ASSIGN_OR_RETURN(ValueState * state, Slot(slot));
  return state->Erase(SlotKey());
}

absl::StatusOr<int64_t> WindowStore::NextElementNumber() {
  ASSIGN_OR_RETURN(ValueState * counts, element_counts());
  bool found;
  ASSIGN_OR_RETURN(std::byte * row, counts->FindOrInsert(key_, &found));
  return (*reinterpret_cast<int64_t*>(row))++;
}

}  // namespace pyflinkpp
