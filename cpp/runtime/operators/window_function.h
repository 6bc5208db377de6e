// What a window keeps and emits.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "core/windowing/window.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// The times that a window function or trigger may ask for. Owned by the operator.
class WindowTimes {
 public:
  explicit WindowTimes(const Clock& clock) : clock_(clock) {}
  int64_t current_watermark() const { return watermark_; }  // kMinTimestamp before the first one
  int64_t current_processing_time() const { return clock_.NowMillis(); }
  void Restart() { watermark_ = kMinTimestamp; }
  void Advance(int64_t watermark) { watermark_ = std::max(watermark_, watermark); }

 private:
  const Clock& clock_;
  int64_t watermark_ = kMinTimestamp;
};

// Where a window function's results go: as Output, but the operator gives the rows their timestamps
// and counts them.
class WindowOutput {
 public:
  explicit WindowOutput(Output& output) : output_(output) {}

  // The batch to append rows to, nothing else.
  RecordBatch& batch(const std::shared_ptr<const TypeSerializer>& serializer,
                     int output = Output::kMain) {
    RecordBatch& batch = output_.batch(serializer, output);
    if (std::find(batches_.begin(), batches_.end(), &batch) == batches_.end())
      batches_.push_back(&batch);
    if (output == Output::kMain) main_ = &batch;
    return batch;
  }

  // The rows that were added since the last time belong to a window that ends at `timestamp`.
  void Stamp(int64_t timestamp) {
    for (RecordBatch* batch : batches_) {
      const size_t added = batch->size() - batch->timestamps().size();
      if (batch == main_) records_ += static_cast<int64_t>(added);
      batch->timestamps().insert(batch->timestamps().end(), added, timestamp);
    }
  }

  Output& output() { return output_; }
  int64_t records() const { return records_; }  // on the main output
  bool full() const { return output_.full(); }

 private:
  Output& output_;
  RecordBatch* main_ = nullptr;
  std::vector<RecordBatch*>
      batches_;  // that were asked for; they stay where they are until the operator returns
  int64_t records_ = 0;
};

// What becomes of a window's elements: an aggregate, or a list of them. For each key and window the
// operator keeps one row, its contents. Owned by a window operator, used on its task's loop.
class WindowFunction : public Checkpointed {
 public:
  // `times` lives as long as the function.
  virtual absl::Status Open(OperatorContext& context, const WindowTimes& times) {
    (void)context, (void)times;
    return absl::OkStatus();
  }
  virtual absl::Status Close() { return absl::OkStatus(); }

  // Around a run of the calls below: for what is needed once (the interpreter's lock). A state
  // backend reads before it, where windows depend on the time alone, and writes after it.
  virtual void Enter() {}
  virtual void Leave() {}

  // The serializer of contents. Rows must own what they point to, or own nothing. Behind Open.
  virtual std::shared_ptr<const TypeSerializer> ContentsSerializer() = 0;

  // These contents will soon be added to or emitted: for prefetching what they point to, nothing
  // else.
  virtual void Hint(const std::byte* contents) { (void)contents; }

  // Adds element `i` to `contents`; `is_new`: there are none yet, the row is zeros. The element
  // stays in the batch: other windows and the trigger see it as well.
  virtual absl::Status Add(RecordBatch& batch, size_t i, bool is_new, std::byte* contents) = 0;

  // Whether the elements of a window may be added to several contents that are merged when it fires,
  // whichever element is in which: the result is the same. Then sliding windows share panes.
  virtual bool merges_panes() const { return false; }

  // Merging windows and panes: adds the contents `from` to `into`; what is left of `from` is released
  // afterwards. Of panes, `into` has the window's first element.
  virtual absl::Status Merge(const RecordKey& key, std::byte* from, std::byte* into) {
    (void)key, (void)from, (void)into;
    return absl::InternalError("the window function does not merge");
  }

  // Appends the window's results to `output`; the contents stay as they are. Their timestamps are
  // the operator's business.
  virtual absl::Status Emit(const RecordKey& key, const Window& window, const std::byte* contents,
                            WindowOutput& output) = 0;

  // Batch mode: the key's windows are gone, and so goes what else the function keeps for the key.
  // Not between Enter and Leave.
  virtual absl::Status FinishKey() { return absl::OkStatus(); }

  // The window goes; its contents are gone already.
  virtual absl::Status Clear(const RecordKey& key, const Window& window) {
    (void)key, (void)window;
    return absl::OkStatus();
  }
};

}  // namespace pyflinkpp
