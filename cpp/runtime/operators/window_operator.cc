#include "runtime/operators/window_operator.h"

#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "core/base/status.h"
#include "runtime/operators/sliced_windows.h"
#include "runtime/operators/window_lifetime.h"
#include "runtime/operators/window_sessions.h"
#include "runtime/operators/window_store.h"

namespace pyflinkpp {
namespace {

// Windows, or timers, that are made ready together: enough to hide the memory's latency, few enough
// that they are still in the cache when their turn comes.
constexpr size_t kPrefetch = 64;
// How far ahead the contents are hinted at.
constexpr size_t kLookAhead = 8;

// The order of calls for an element and for a timer is Flink's, because a trigger or window
// function of the user's sees it:
//
//   element   assign -> [sessions: merge: on_merge, clear, contents] -> late? -> add -> trigger
//             -> emit -> purge -> cleanup timer
//   timer     trigger -> emit -> purge -> the last one: contents, trigger and function let it go
//
// Two ways lead there. When windows depend on the time alone, those of a run of elements are
// computed, hashed and prefetched together; others are asked for one element at a time. Where the
// trigger is the plain event-time one as well, its answers are known: an element whose window
// already has contents needs no timer, since its first element has added it, and no timer is ever
// deleted. Sliding windows may be sliced then (sliced_windows.h): the element is added to its pane,
// in the place of all its windows, and each window is asked about as before.
//
// Invariant: a window with contents has a timer at which it goes, unless that would be at
// kMaxTimestamp or later.
class WindowOperator final : public Operator {
 public:
  explicit WindowOperator(WindowParts parts)
      : assigner_(std::move(parts.assigner)),
        trigger_(std::move(parts.trigger)),
        function_(std::move(parts.function)),
        event_time_(assigner_->event_time()),
        lifetime_(event_time_, parts.allowed_lateness_ms),
        late_output_(parts.late_output),
        merging_(assigner_->merging()),
        plain_(event_time_ && !merging_ && assigner_->by_time_only() &&
               trigger_->is_plain_event_time()),
        sliceable_(plain_ && assigner_->panes() != nullptr && function_->merges_panes()) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    if (merging_ && !trigger_->can_merge()) {
      return UserError("Session windows and other merging windows need a trigger that can merge.");
    }
    PFPP_CHECK(context.keyed_state != nullptr);
    times_.emplace(context.env.clock);
    store_.emplace(*context.keyed_state, context.max_parallelism, *times_);
    if (sliceable_) sliced_.emplace(*assigner_->panes(), *store_, context.max_parallelism);
    RETURN_IF_ERROR(function_->Open(context, *times_));
    return store_->Create(sliced_ ? "window:panes" : "window:contents",
                          function_->ContentsSerializer(), plain_);
  }

  absl::Status Snapshot(SnapshotContext& context) override { return function_->Snapshot(context); }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    return function_->CheckpointCompleted(checkpoint);
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    return function_->CheckpointAborted(checkpoint);
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    WindowOutput emitted(output);
    const size_t begin = view.position;
    absl::Status status;
    do {
      status = sliced_                     ? RunSliced(view, emitted)
               : assigner_->by_time_only() ? RunByTime(view, emitted)
                                           : RunOneByOne(view, emitted);
      status.Update(store_->Flush());
    } while (status.ok() && !view.done() && !ShouldStop(emitted));
    context_->counters[0].records_in += static_cast<int64_t>(view.position - begin);
    Count(emitted);
    RETURN_IF_ERROR(status);
    return view.done() ? Progress::kDone : Progress::kMore;
  }

  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) override {
    if (watermark.idle) return Progress::kDone;
    times_->Advance(watermark.timestamp);
    return FireDue(/*event_time=*/true, times_->current_watermark(), output);
  }

  int64_t next_processing_time() const override {
    return store_ ? store_->processing_timers.next() : kMaxTimestamp;
  }

  absl::Status OnProcessingTime(int64_t now, Output& output) override {
    WindowOutput emitted(output);
    absl::Status status = FireTimers(/*event_time=*/false, now, emitted);
    status.Update(store_->Flush());
    Count(emitted);
    return status;
  }

  // Timers that are registered meanwhile are refused: there is no later time at which they could
  // fire, and a trigger that always registers the next one would never come to an end.
  absl::StatusOr<Progress> FinishKey(Output& output) override {
    store_->RefuseTimers(true);
    times_->Advance(kMaxTimestamp);
    for (const bool event_time : {true, false}) {
      ASSIGN_OR_RETURN(const Progress progress, FireDue(event_time, kMaxTimestamp, output));
      if (progress != Progress::kDone) return progress;
    }
    RETURN_IF_ERROR(store_->ClearStates());
    RETURN_IF_ERROR(function_->FinishKey());
    store_->RefuseTimers(false);
    times_->Restart();
    return Progress::kDone;
  }

  absl::Status Close() override {
    sliced_.reset();
    store_.reset();
    return function_->Close();
  }

 private:
  // What user code needs, for a run.
  class Entered {
   public:
    explicit Entered(WindowOperator& op) : op_(op) {
      op_.function_->Enter();
      op_.assigner_->Enter();
      op_.trigger_->Enter();
    }
    ~Entered() {
      op_.trigger_->Leave();
      op_.assigner_->Leave();
      op_.function_->Leave();
    }
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    WindowOperator& op_;
  };

  bool ShouldStop(const WindowOutput& emitted) const {
    return context_->should_yield() || emitted.full();
  }
  void Count(const WindowOutput& emitted) {
    context_->counters[0].records_out += emitted.records();
    context_->counters[0].state_accesses = store_->accesses();
  }

  static int64_t TimestampOf(const RecordBatch& batch, size_t i) {
    return batch.has_timestamps() ? batch.timestamps()[i] : kMinTimestamp;
  }
  static const RecordKey& KeyOf(const RecordBatch& batch, size_t i) {
    static const RecordKey kNone{nullptr, 0, MurmurHash({})};
    return batch.has_keys() ? batch.keys()[i] : kNone;
  }

  // ---- elements ----

  // A run of elements whose windows depend on the time alone. Nothing is decided before an
  // element's turn, so it may stop after any of them and begin anew with the rest.
  absl::Status RunByTime(RecordBatchView& view, WindowOutput& emitted) {
    RecordBatch& batch = *view.batch;
    run_.Clear();
    RETURN_IF_ERROR(assigner_->AssignRun(Times(view), kPrefetch, run_));
    PrepareKeys(batch, view.position);
    ValueState& contents = store_->contents();
    RETURN_IF_ERROR(contents.Prefetch(keys_.keys()));

    const Entered entered(*this);
    const int64_t watermark = times_->current_watermark();
    for (size_t element = 0; element < run_.elements(); ++element) {
      const size_t i = view.position;
      for (size_t w = run_.begin(element); w < run_.ends[element]; ++w) {
        HintAt(w + kLookAhead);
        bool found;
        std::byte* row = contents.Access(w, &found);
        RETURN_IF_ERROR(function_->Add(batch, i, !found, row));
        const Window& window = run_.windows[w];
        if (plain_ && found && window.max_timestamp() > watermark) continue;
        store_->SetKey(KeyOf(batch, i));
        store_->SetWindow(window);
        if (plain_) {
          if (AddPlainTimers(!found)) RETURN_IF_ERROR(Emit(row, emitted));
          continue;
        }
        RETURN_IF_ERROR(AfterAdd(batch, i, keys_.keys()[w], row, emitted));
      }
      if (run_.begin(element) == run_.ends[element]) RETURN_IF_ERROR(Skipped(batch, i, emitted));
      ++view.position;
      if (ShouldStop(emitted)) break;
    }
    return absl::OkStatus();
  }

  // The times of up to kPrefetch elements.
  std::span<const int64_t> Times(const RecordBatchView& view) {
    const size_t count = std::min(kPrefetch, view.remaining());
    if (event_time_ && view.batch->has_timestamps()) {
      return std::span<const int64_t>(view.batch->timestamps()).subspan(view.position, count);
    }
    same_times_.assign(count, event_time_ ? kMinTimestamp : times_->current_processing_time());
    return same_times_;
  }

  // Leaves windows that are late out of the run, and gives the others their keys in keyed state.
  void PrepareKeys(const RecordBatch& batch, size_t first) {
    keys_.Begin(run_.windows.size());
    size_t begin = 0;
    for (size_t element = 0; element < run_.elements(); ++element) {
      const RecordKey& key = KeyOf(batch, first + element);
      const size_t end = run_.ends[element];
      for (size_t w = begin; w < end; ++w) {
        const Window window = run_.windows[w];
        if (lifetime_.IsLate(window, *times_)) continue;
        run_.windows[keys_.size()] = window;
        keys_.Add(key, NamespaceOf(window), context_->max_parallelism);
      }
      begin = end;
      run_.ends[element] = static_cast<uint32_t>(keys_.size());
    }
  }

  // As RunByTime, for windows that share panes.
  absl::Status RunSliced(RecordBatchView& view, WindowOutput& emitted) {
    RecordBatch& batch = *view.batch;
    panes_.clear();
    RETURN_IF_ERROR(assigner_->AssignPanes(Times(view), panes_));
    keys_.Begin(panes_.size());
    for (size_t element = 0; element < panes_.size(); ++element) {
      if (lifetime_.IsLate(panes_[element].last, *times_)) continue;
      keys_.Add(KeyOf(batch, view.position + element), SlicedWindows::NamespaceOf(panes_[element]),
                context_->max_parallelism);
    }
    ValueState& contents = store_->contents();
    RETURN_IF_ERROR(contents.Prefetch(keys_.keys()));
    RETURN_IF_ERROR(ExpectNewPanes(batch, view.position));

    const Entered entered(*this);
    const int64_t watermark = times_->current_watermark();
    size_t prefetched = 0;
    for (const Pane& pane : panes_) {
      const size_t i = view.position;
      if (lifetime_.IsLate(pane.last, *times_)) {
        RETURN_IF_ERROR(Skipped(batch, i, emitted));
      } else {
        HintAt(prefetched + kLookAhead);
        bool found;
        std::byte* row = contents.Access(prefetched++, &found);
        RETURN_IF_ERROR(function_->Add(batch, i, !found, row));
        if (!found || pane.first.max_timestamp() <= watermark) {
          store_->SetKey(KeyOf(batch, i));
          RETURN_IF_ERROR(AfterSlicedAdd(pane, !found, emitted));
        }
      }
      ++view.position;
      if (ShouldStop(emitted)) break;
    }
    return absl::OkStatus();
  }

  // Of the elements in panes_, from the batch's `first` on, some are the first ones of their panes.
  absl::Status ExpectNewPanes(const RecordBatch& batch, size_t first) {
    sliced_->BeginExpecting();
    size_t prefetched = 0;
    for (size_t element = 0; element < panes_.size(); ++element) {
      if (lifetime_.IsLate(panes_[element].last, *times_)) continue;
      if (store_->contents().Hint(prefetched++) == nullptr) {
        sliced_->Expect(KeyOf(batch, first + element));
      }
    }
    return sliced_->PrefetchExpected();
  }

  // A pane of the current key has a new element.
  absl::Status AfterSlicedAdd(const Pane& pane, bool is_new, WindowOutput& emitted) {
    SlicedWindows::Neighbours neighbours;
    if (is_new) {
      ASSIGN_OR_RETURN(neighbours, sliced_->Enter(pane));
    }
    windows_.clear();
    sliced_->panes().AppendWindows(pane.start, windows_);
    for (const Window& window : windows_) {
      if (lifetime_.IsLate(window, *times_)) break;  // and so are all earlier ones
      store_->SetWindow(window);
      if (!AddPlainTimers(is_new && neighbours.AreOutside(window, sliced_->panes()))) continue;
      ASSIGN_OR_RETURN(const std::byte* row, sliced_->MergeCurrent(*function_));
      RETURN_IF_ERROR(EmitMerged(row, emitted));
    }
    return absl::OkStatus();
  }

  // Elements that have to be assigned in their turn: by counts, by code of the user's, to sessions.
  absl::Status RunOneByOne(RecordBatchView& view, WindowOutput& emitted) {
    RecordBatch& batch = *view.batch;
    const size_t count = std::min(kPrefetch, view.remaining());
    if (merging_ && batch.has_keys()) {
      ASSIGN_OR_RETURN(ValueState * sessions, store_->sessions());
      RETURN_IF_ERROR(sessions->Prefetch(
          std::span<const RecordKey>(batch.keys()).subspan(view.position, count)));
    }
    const Entered entered(*this);
    for (const size_t end = view.position + count; view.position < end;) {
      RETURN_IF_ERROR(ProcessElement(batch, view.position, emitted));
      ++view.position;
      if (ShouldStop(emitted)) break;
    }
    return absl::OkStatus();
  }

  absl::Status ProcessElement(RecordBatch& batch, size_t i, WindowOutput& emitted) {
    store_->SetKey(KeyOf(batch, i));
    windows_.clear();
    RETURN_IF_ERROR(assigner_->Assign(batch, i, TimestampOf(batch, i), *store_, windows_));
    bool skipped = true;
    for (const Window& assigned : windows_) {
      Window window = assigned;
      Window state_window = assigned;
      if (merging_) {
        ASSIGN_OR_RETURN(const std::optional<MergingWindow> joined,
                         JoinSession(assigned, *assigner_, *trigger_, *function_, lifetime_,
                                     *times_, *store_, scratch_));
        if (!joined.has_value()) continue;
        window = joined->window;
        state_window = joined->state;
      } else if (lifetime_.IsLate(window, *times_)) {
        continue;
      }
      skipped = false;
      store_->SetWindow(window);
      const RecordKey contents_key = store_->ContentsKey(state_window);
      bool found;
      ASSIGN_OR_RETURN(std::byte * row, store_->contents().FindOrInsert(contents_key, &found));
      RETURN_IF_ERROR(function_->Add(batch, i, !found, row));
      RETURN_IF_ERROR(AfterAdd(batch, i, contents_key, row, emitted));
    }
    return skipped ? Skipped(batch, i, emitted) : absl::OkStatus();
  }

  // The current window has a new element.
  absl::Status AfterAdd(RecordBatch& batch, size_t i, const RecordKey& contents_key,
                        const std::byte* row, WindowOutput& emitted) {
    ASSIGN_OR_RETURN(const TriggerResult result,
                     trigger_->OnElement(batch, i, TimestampOf(batch, i), *store_));
    if (Fires(result)) RETURN_IF_ERROR(Emit(row, emitted));
    if (Purges(result)) {
      if (assigner_->IsLastElementOf(store_->window())) return ClearWindow(contents_key);
      RETURN_IF_ERROR(store_->contents().Erase(contents_key));
    }
    lifetime_.RegisterCleanup(*store_);
    return absl::OkStatus();
  }

  // The same with the plain event-time trigger. Whether the window fires.
  bool AddPlainTimers(bool is_new) {
    const Window& window = store_->window();
    const int64_t last = window.max_timestamp();
    const bool passed = last <= times_->current_watermark();
    if (is_new && !passed) store_->plain_timers.Add(last, store_->key(), window);
    const int64_t cleanup = lifetime_.CleanupTimeOf(window);
    if (is_new && cleanup != last && cleanup != kMaxTimestamp) {
      store_->plain_timers.Add(cleanup, store_->key(), window);
    }
    return passed;
  }

  // An element that is in none of its windows. It may have none at all, and not be late.
  absl::Status Skipped(RecordBatch& batch, size_t i, WindowOutput& emitted) {
    if (!lifetime_.IsElementLate(TimestampOf(batch, i), *times_)) return absl::OkStatus();
    if (!late_output_.has_value()) {
      ++context_->counters[0].late_dropped;
      return absl::OkStatus();
    }
    RecordBatch& late = emitted.output().batch(batch.serializer(), *late_output_);
    batch.serializer()->Move(batch.row(i), 1, late.Append(1), late.arena());
    late.timestamps().push_back(TimestampOf(batch, i));
    return absl::OkStatus();
  }

  // ---- timers ----

  bool IsDue(bool event_time, int64_t time) const {
    if (!event_time) return store_->processing_timers.due(time);
    return plain_ ? store_->plain_timers.due(time) : store_->event_timers.due(time);
  }

  // The timers up to `time`, run by run.
  absl::StatusOr<Progress> FireDue(bool event_time, int64_t time, Output& output) {
    if (!IsDue(event_time, time)) return Progress::kDone;
    WindowOutput emitted(output);
    absl::Status status;
    bool more;
    do {
      status =
          event_time && plain_ ? FirePlainTimers(emitted) : FireTimers(event_time, time, emitted);
      status.Update(store_->Flush());
      more = IsDue(event_time, time);
    } while (status.ok() && more && !ShouldStop(emitted));
    Count(emitted);
    RETURN_IF_ERROR(status);
    return more ? Progress::kMore : Progress::kDone;
  }

  // A run of timers up to `time`.
  absl::Status FireTimers(bool event_time, int64_t time, WindowOutput& emitted) {
    TimerQueue& timers = event_time ? store_->event_timers : store_->processing_timers;
    const Entered entered(*this);
    for (size_t fired = 0; fired < kPrefetch && timers.due(time); ++fired) {
      const TimerQueue::TimerPtr timer = timers.Pop();
      RETURN_IF_ERROR(Fire(*timer, event_time, emitted));
      if (ShouldStop(emitted)) break;
    }
    return absl::OkStatus();
  }

  absl::Status Fire(const TimerQueue::Timer& timer, bool event_time, WindowOutput& emitted) {
    const Window window = WindowOf(timer.space);
    store_->SetKey(timer.record_key());
    store_->SetWindow(window);
    Window state_window = window;
    if (merging_) {
      ASSIGN_OR_RETURN(const std::optional<Window> state, store_->StateOfSession(window));
      if (!state.has_value())
        return absl::OkStatus();  // its trigger left it behind when the window was merged
      state_window = *state;
    }
    const RecordKey contents_key = store_->ContentsKey(state_window);
    ASSIGN_OR_RETURN(const TriggerResult result,
                     event_time ? trigger_->OnEventTime(timer.timestamp, *store_)
                                : trigger_->OnProcessingTime(timer.timestamp, *store_));
    if (Fires(result)) {
      ASSIGN_OR_RETURN(const std::byte* row, store_->contents().Find(contents_key));
      if (row != nullptr) RETURN_IF_ERROR(Emit(row, emitted));
    }
    if (event_time == event_time_ && timer.timestamp == lifetime_.CleanupTimeOf(window))
      return ClearWindow(contents_key);
    return Purges(result) ? store_->contents().Erase(contents_key) : absl::OkStatus();
  }

  // The same with the plain event-time trigger; what the timers need is prefetched.
  absl::Status FirePlainTimers(WindowOutput& emitted) {
    store_->plain_timers.Peek(times_->current_watermark(), kPrefetch, due_);
    RETURN_IF_ERROR(PrefetchDue());
    const Entered entered(*this);
    for (size_t i = 0; i < due_.size(); ++i) {
      const WindowTimers::Timer& timer = due_[i];
      store_->SetKey(timer.key);
      store_->SetWindow(timer.window);
      if (timer.time == timer.window.max_timestamp()) {
        RETURN_IF_ERROR(EmitDue(i, emitted));
      }
      if (timer.time == lifetime_.CleanupTimeOf(timer.window)) {
        RETURN_IF_ERROR(sliced_ ? sliced_->Retire(timer.key, timer.window)
                                : store_->contents().Erase(keys_.keys()[i]));
        RETURN_IF_ERROR(function_->Clear(timer.key, timer.window));
      }
      store_->plain_timers.DropFirst();
      if (ShouldStop(emitted)) break;
    }
    return absl::OkStatus();
  }

  // Makes the contents of the windows in `due_` ready: keys_ has those of timer i, or their panes.
  absl::Status PrefetchDue() {
    if (sliced_) return sliced_->Prefetch(due_, keys_, due_ends_);
    keys_.Begin(due_.size());
    for (const WindowTimers::Timer& timer : due_) {
      keys_.Add(timer.key, NamespaceOf(timer.window), context_->max_parallelism);
    }
    return store_->contents().Prefetch(keys_.keys());
  }

  absl::Status EmitDue(size_t i, WindowOutput& emitted) {
    if (!sliced_) {
      HintAt(i + kLookAhead);
      ASSIGN_OR_RETURN(const std::byte* row, store_->contents().Find(keys_.keys()[i]));
      return row == nullptr ? absl::OkStatus() : Emit(row, emitted);
    }
    const size_t begin = i == 0 ? 0 : due_ends_[i - 1];
    ASSIGN_OR_RETURN(const std::byte* row,
                     sliced_->Merge(keys_.keys().subspan(begin, due_ends_[i] - begin), *function_));
    return row == nullptr ? absl::OkStatus() : EmitMerged(row, emitted);
  }

  // ---- windows ----

  // State that is not in the cache costs more than the function: what contents point to is fetched
  // while others are worked on.
  void HintAt(size_t prefetched) {
    if (prefetched >= keys_.keys().size()) return;
    const std::byte* row = store_->contents().Hint(prefetched);
    if (row != nullptr) function_->Hint(row);
  }

  // The contents of the current key and window.
  absl::Status Emit(const std::byte* row, WindowOutput& emitted) {
    absl::Status status = function_->Emit(store_->key(), store_->window(), row, emitted);
    emitted.Stamp(store_->window().max_timestamp());
    return status;
  }

  // The same with what its panes came to.
  absl::Status EmitMerged(const std::byte* row, WindowOutput& emitted) {
    absl::Status status = Emit(row, emitted);
    sliced_->ReleaseMerged();
    return status;
  }

  // Everything of the current key and window goes.
  absl::Status ClearWindow(const RecordKey& contents_key) {
    RETURN_IF_ERROR(store_->contents().Erase(contents_key));
    RETURN_IF_ERROR(trigger_->Clear(*store_));
    RETURN_IF_ERROR(function_->Clear(store_->key(), store_->window()));
    return merging_ ? store_->RetireSession(store_->window()) : absl::OkStatus();
  }

  const std::unique_ptr<WindowAssigner> assigner_;
  const std::unique_ptr<Trigger> trigger_;
  const std::unique_ptr<WindowFunction> function_;
  const bool event_time_;
  const WindowLifetime lifetime_;
  const std::optional<int> late_output_;
  const bool merging_;
  const bool plain_;
  const bool sliceable_;
  OperatorContext* context_ = nullptr;
  std::optional<WindowTimes> times_;
  std::optional<WindowStore> store_;
  std::optional<SlicedWindows> sliced_;  // sliding windows that share panes

  // Scratch, so that nothing is allocated for an element.
  WindowRun run_;
  std::vector<int64_t> same_times_;
  NamespacedKeys keys_;
  std::vector<Pane> panes_;
  std::vector<WindowTimers::Timer> due_;
  std::vector<size_t> due_ends_;
  std::vector<Window> windows_;
  MergingWindowSet::Scratch scratch_;
};

}  // namespace

std::unique_ptr<Operator> MakeWindowOperator(WindowParts parts) {
  return std::make_unique<WindowOperator>(std::move(parts));
}

}  // namespace pyflinkpp
