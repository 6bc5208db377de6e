// Drives a window operator, and shows what its state holds.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "harness/batches.h"
#include "harness/test_env.h"
#include "harness/tracked_serializer.h"
#include "runtime/operators/window_operator.h"
#include "state/memory/memory_keyed_state_backend.h"

namespace pyflinkpp::harness {

struct Element {
  std::string key;
  std::string text;
  int64_t timestamp = kMinTimestamp;
};
struct Emitted {
  std::string text;
  int64_t timestamp;
  friend bool operator==(const Emitted&, const Emitted&) = default;
  friend auto operator<=>(const Emitted&, const Emitted&) = default;
};
inline void PrintTo(const Emitted& emitted, std::ostream* out) {
  *out << emitted.text << " @" << emitted.timestamp;
}

// Keeps the texts of a window's elements in the order in which they came, each with a comma behind
// it, and emits "key [start,end) texts". Fails at "bad". `log` has the other calls.
class GatherTexts final : public WindowFunction {
 public:
  GatherTexts(std::shared_ptr<const TrackedSerializer> serializer, std::string* log,
              bool merges_panes)
      : serializer_(std::move(serializer)), log_(log), merges_panes_(merges_panes) {}

  bool merges_panes() const override { return merges_panes_; }

  absl::Status Open(OperatorContext&, const WindowTimes& times) override {
    times_ = &times;
    return absl::OkStatus();
  }
  absl::Status Close() override {
    absl::StrAppend(log_, "close ");
    return absl::OkStatus();
  }
  void Enter() override { ++depth_; }
  void Leave() override { --depth_; }
  std::shared_ptr<const TypeSerializer> ContentsSerializer() override { return serializer_; }
  absl::Status Add(RecordBatch& batch, size_t i, bool is_new, std::byte* contents) override {
    PFPP_CHECK(depth_ == 1);
    ++adds;
    const std::string& text = serializer_->Get(batch.row(i));
    if (text == "bad") return absl::InvalidArgumentError("bad");
    Append(is_new ? "" : serializer_->Get(contents), text + ",", is_new, contents);
    return absl::OkStatus();
  }
  absl::Status Merge(const RecordKey&, std::byte* from, std::byte* into) override {
    PFPP_CHECK(depth_ == 1);
    ++merges;
    absl::StrAppend(log_, "merge(", serializer_->Get(from), "->", serializer_->Get(into), ") ");
    Append(serializer_->Get(into), serializer_->Get(from), false, into);
    return absl::OkStatus();
  }
  absl::Status Emit(const RecordKey& key, const Window& window, const std::byte* contents,
                    WindowOutput& output) override {
    PFPP_CHECK(depth_ == 1);
    const std::string text = serializer_->Get(contents);
    for (int copy = 0; copy < copies; ++copy) {
      serializer_->Put(output.batch(serializer_).Append(1),
                       absl::StrCat(key.bytes(), " ", Text(window), " ", text));
    }
    if (side_output >= 0) {
      serializer_->Put(output.batch(serializer_, side_output).Append(1), "side " + text);
    }
    watermarks_seen.push_back(times_->current_watermark());
    return absl::OkStatus();
  }
  absl::Status FinishKey() override {
    PFPP_CHECK(depth_ == 0);
    absl::StrAppend(log_, "finish-key ");
    return absl::OkStatus();
  }
  absl::Status Clear(const RecordKey& key, const Window& window) override {
    PFPP_CHECK(depth_ == 1);
    absl::StrAppend(log_, "clear(", key.bytes(), " ", Text(window), ") ");
    return absl::OkStatus();
  }
  static std::string Text(const Window& window) {
    if (window.end == kMinTimestamp) return absl::StrCat("#", window.start);
    return absl::StrCat("[", window.start, ",", window.end, ")");
  }

  int adds = 0;  // calls
  int merges = 0;
  int copies = 1;
  int side_output = -1;
  std::vector<int64_t> watermarks_seen;

 private:
  void Append(const std::string& before, const std::string& more, bool is_new, std::byte* row) {
    const std::string all = before + more;
    if (!is_new) serializer_->Release(row, 1);
    serializer_->Put(row, all);
  }

  const std::shared_ptr<const TrackedSerializer> serializer_;
  std::string* const log_;
  const bool merges_panes_;
  const WindowTimes* times_ = nullptr;
  int depth_ = 0;
};

// Another backend's states, watched. They may only be asked while their operator lives.
class WatchedBackend final : public KeyedStateBackend {
 public:
  explicit WatchedBackend(std::unique_ptr<KeyedStateBackend> backend)
      : backend_(std::move(backend)) {}
  KeyGroupRange key_groups() const override { return backend_->key_groups(); }
  absl::StatusOr<std::unique_ptr<ValueState>> DoCreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer, KeyShape shape,
      int64_t /*time_to_live_ms*/) override {
    ASSIGN_OR_RETURN(auto state, backend_->CreateValueState(name, std::move(serializer), shape));
    states_[name] = state.get();
    return state;
  }
  void Restore(RestoredKeyedState restored) override { backend_->Restore(std::move(restored)); }
  absl::Status RegisterEntries(const std::string& name, KeyedEntries* entries) override {
    return backend_->RegisterEntries(name, entries);
  }
  absl::StatusOr<std::unique_ptr<KeyedSnapshot>> Snapshot() override {
    return backend_->Snapshot();
  }
  // Those that hold anything.
  std::map<std::string, size_t> Sizes() const {
    std::map<std::string, size_t> sizes;
    for (const auto& [name, state] : states_) {
      if (state->size() > 0) sizes[name] = state->size();
    }
    return sizes;
  }

 private:
  const std::unique_ptr<KeyedStateBackend> backend_;
  std::map<std::string, ValueState*> states_;
};

// Owns an operator whose contents are texts. Calls that answer kMore are made again.
class WindowDriver {
 public:
  static constexpr int kLate = 1;  // the side output of late elements, when `parts` say so

  // `parts.function` is set here; `merges_panes` is what it says.
  explicit WindowDriver(
      WindowParts parts,
      std::unique_ptr<KeyedStateBackend> backend = MakeMemoryKeyedStateBackend({0, 127}, 128),
      bool merges_panes = false)
      : backend_(std::move(backend)),
        context_{.env = env_.env,
                 .task_name = "test",
                 .configuration = configuration_,
                 .keyed_state = &backend_,
                 .wake = {},
                 .report_accumulator = {},
                 .counters = counters_,
                 .ticked = &yield_} {
    auto function = std::make_unique<GatherTexts>(serializer_, &log, merges_panes);
    function_ = function.get();
    parts.function = std::move(function);
    op_ = MakeWindowOperator(std::move(parts));
    opened = op_->Open(context_);
  }
  ~WindowDriver() { op_->Close().IgnoreError(); }

  absl::Status opened;
  std::vector<Emitted> emitted;
  std::map<int, std::vector<Emitted>> side;
  std::string log;
  int calls = 0;

  GatherTexts& function() { return *function_; }
  const OperatorCounters& counters() const { return counters_[0]; }
  size_t live_values() const { return values_.live(); }
  std::map<std::string, size_t> StateSizes() const { return backend_.Sizes(); }
  KeyedStateBackend& backend() { return backend_; }
  void YieldAlways(bool yield) { yield_ = yield; }
  int64_t Now() const { return env_.clock.NowMillis(); }
  int64_t next_processing_time() const { return op_->next_processing_time(); }
  void Advance(int64_t millis) { env_.clock.AdvanceMillis(millis); }

  // `with_timestamps`, `with_keys`: whether the batch has those columns.
  absl::Status Push(const std::vector<Element>& elements, bool with_timestamps = true,
                    bool with_keys = true) {
    std::vector<std::string> texts, keys;
    for (const Element& element : elements) {
      texts.push_back(element.text);
      keys.push_back(element.key);
    }
    auto batch = TrackedSerializer::Batch(serializer_, texts);
    if (with_keys) SetKeys(*batch, keys);
    for (const Element& element : elements) {
      if (with_timestamps) batch->timestamps().push_back(element.timestamp);
    }
    RecordBatchView view{batch.get()};
    while (!view.done()) {
      const size_t before = view.position;
      const auto progress = op_->ProcessBatch(0, view, output_);
      const bool took = Take();
      RETURN_IF_ERROR(progress.status());
      if (view.position == before && !took) return absl::InternalError("no progress");
    }
    return absl::OkStatus();
  }
  absl::Status PushWatermark(int64_t timestamp, bool idle = false) {
    for (;;) {
      const auto progress = op_->ProcessWatermark({timestamp, idle}, output_);
      Take();
      RETURN_IF_ERROR(progress.status());
      if (*progress == Progress::kDone) return absl::OkStatus();
    }
  }
  // Batch mode: the key's last element has come.
  absl::Status FinishKey() {
    for (;;) {
      const auto progress = op_->FinishKey(output_);
      Take();
      RETURN_IF_ERROR(progress.status());
      if (*progress == Progress::kDone) return absl::OkStatus();
    }
  }
  // Moves the clock and tells the operator as a task does, from timer to timer.
  absl::Status AdvanceClock(int64_t millis) {
    Advance(millis);
    while (op_->next_processing_time() <= Now()) {
      const absl::Status status = op_->OnProcessingTime(Now(), output_);
      Take();
      RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  }
  // What was emitted since the last time.
  std::vector<Emitted> TakeEmitted() { return std::exchange(emitted, {}); }

 private:
  bool Take() {
    ++calls;
    bool any = Read(output_.Take(), emitted);
    for (int i = 0; i < output_.side_outputs(); ++i) any |= Read(output_.Take(i), side[i]);
    return any;
  }
  bool Read(std::unique_ptr<RecordBatch> batch, std::vector<Emitted>& into) {
    if (batch == nullptr || batch->empty()) return false;
    EXPECT_EQ(batch->timestamps().size(), batch->size());
    for (size_t i = 0; i < batch->size(); ++i) {
      into.push_back({serializer_->Get(batch->row(i)), batch->timestamps()[i]});
    }
    return true;
  }

  TrackedValues values_;
  std::shared_ptr<const TrackedSerializer> serializer_ =
      std::make_shared<const TrackedSerializer>(values_);
  TestEnv env_;
  std::map<std::string, std::string> configuration_;
  std::vector<OperatorCounters> counters_{1};
  std::atomic<bool> yield_ = false;
  WatchedBackend backend_;
  Output output_;
  OperatorContext context_;
  std::unique_ptr<Operator> op_;
  GatherTexts* function_;
};

}  // namespace pyflinkpp::harness
