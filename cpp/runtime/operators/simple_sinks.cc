#include "runtime/operators/simple_sinks.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

class DiscardingSink final : public Operator {
 public:
  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& batch, Output&) override {
    context_->counters[0].records_in += static_cast<int64_t>(batch.remaining());
    batch.position = batch.batch->size();
    return Progress::kDone;
  }

 private:
  OperatorContext* context_ = nullptr;
};

class PrintSink final : public Operator {
 public:
  explicit PrintSink(const idl::PrintSink& spec) : spec_(spec) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    prefix_ = spec_.identifier;
    if (context.parallelism > 1)
      absl::StrAppend(&prefix_, prefix_.empty() ? "" : ":", context.subtask + 1);
    if (!prefix_.empty()) prefix_ += "> ";
    return absl::OkStatus();
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output&) override {
    std::string values;
    std::vector<size_t> ends;
    RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(
        batch.serializer()->Format(batch.row(view.position), view.remaining(), values, ends));
    std::string text;
    size_t begin = 0;
    for (const size_t end : ends) {
      absl::StrAppend(&text, prefix_, absl::string_view(values).substr(begin, end - begin), "\n");
      begin = end;
    }
    context_->env.console.Write(text, spec_.standard_error);
    context_->counters[0].records_in += static_cast<int64_t>(view.remaining());
    view.position = batch.size();
    return Progress::kDone;
  }

 private:
  const idl::PrintSink spec_;
  OperatorContext* context_ = nullptr;
  std::string prefix_;
};

// Gives rows to the client. While checkpoints are taken, a row leaves when the first one that has it
// is complete; until then it is state. Its timestamp is its number then, by which the client knows
// rows that come a second time after a restart.
class CollectSink final : public Operator {
 public:
  using Serializer = std::function<absl::StatusOr<std::shared_ptr<const TypeSerializer>>()>;

  explicit CollectSink(Serializer serializer) : serializer_(std::move(serializer)) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    if (context.restored.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(Restore(RowsOfThisJob()));
    RETURN_IF_ERROR(Restore(kRowsState));
    completed_ = context.restored_checkpoint;
    return absl::OkStatus();
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    PFPP_CHECK(view.position == 0);
    RecordBatch& from = *view.batch;
    context_->counters[0].records_in += static_cast<int64_t>(from.size());
    std::unique_ptr<RecordBatch> own;
    if (context_->checkpoints) own = std::make_unique<RecordBatch>(from.serializer());
    RecordBatch& to = own != nullptr ? *own : output.batch(from.serializer());
    from.serializer()->Move(from.row(0), from.size(), to.Append(from.size()), to.arena());
    view.position = from.size();
    if (own != nullptr) {
      Number(*own);
      waiting_.push_back({std::move(own), kNoCheckpoint});
    }
    return Progress::kDone;
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    std::vector<std::string> rows;
    for (Waiting& each : waiting_) {
      if (each.checkpoint == kNoCheckpoint) each.checkpoint = context.checkpoint();
      BinaryWriter out(rows.emplace_back());
      out.PutVarint(static_cast<uint64_t>(each.rows->timestamps()[0]));
      out.PutVarint(each.rows->size());
      RETURN_IF_ERROR(each.rows->serializer()->Write(each.rows->row(0), each.rows->size(), out));
    }
    std::string next;  // where numbers go on
    BinaryWriter out(next);
    out.PutVarint(static_cast<uint64_t>(next_));
    out.PutVarint(0);
    using idl::Redistribution;
    if (context.savepoint()) {
      context.AddList(RowsOfThisJob(), Redistribution::SPLIT, std::move(rows));
      rows.clear();
    }
    rows.push_back(std::move(next));
    context.AddList(kRowsState, Redistribution::SPLIT, std::move(rows));
    return absl::OkStatus();
  }

  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    completed_ = std::max(completed_, checkpoint);
    return absl::OkStatus();
  }

  // What a complete checkpoint has leaves as soon as there is room.
  int64_t next_processing_time() const override {
    return MayLeave() ? kMinTimestamp : kMaxTimestamp;
  }
  absl::Status OnProcessingTime(int64_t, Output& output) override {
    output.Emit(std::move(waiting_.front().rows));
    waiting_.pop_front();
    return absl::OkStatus();
  }

  bool needs_commit() const override { return context_ != nullptr && context_->checkpoints; }
  absl::StatusOr<Progress> Commit(Output& output) override {
    if (!MayLeave()) return Progress::kDone;
    RETURN_IF_ERROR(OnProcessingTime(0, output));
    return Progress::kMore;
  }

 private:
  static constexpr char kRowsState[] = "rows";
  static constexpr int64_t kNoCheckpoint = kMaxTimestamp;
  struct Waiting {
    std::unique_ptr<RecordBatch> rows;
    int64_t checkpoint;  // the first that has them
  };

  absl::Status Restore(const std::string& name) {
    const idl::OperatorListState* list = FindList(context_->restored[0], name);
    if (list == nullptr || list->elements.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::shared_ptr<const TypeSerializer> serializer, serializer_());
    for (const std::string& element : list->elements) {
      BinaryReader in(element);
      uint64_t first, count;
      if (!in.GetVarint(&first) || !in.GetVarint(&count)) return Truncated("collected row");
      next_ = static_cast<int64_t>(first);
      if (count == 0) continue;
      auto rows = std::make_unique<RecordBatch>(serializer);
      std::byte* to = rows->Append(count);
      std::memset(to, 0, count * rows->stride());
      RETURN_IF_ERROR(serializer->Read(in, count, to, rows->arena()));
      Number(*rows);
      waiting_.push_back({std::move(rows), context_->restored_checkpoint});
    }
    return absl::OkStatus();
  }
  // Of a savepoint: a job that is started from it has another client, and this job's gets them.
  std::string RowsOfThisJob() const { return absl::StrCat(kRowsState, " of ", context_->job_id); }
  bool MayLeave() const { return !waiting_.empty() && waiting_.front().checkpoint <= completed_; }
  void Number(RecordBatch& rows) {
    for (size_t i = 0; i < rows.size(); ++i) rows.timestamps().push_back(next_++);
  }

  const Serializer serializer_;
  OperatorContext* context_ = nullptr;
  std::deque<Waiting> waiting_;
  int64_t next_ = 0;       // the next row's number
  int64_t completed_ = 0;  // the last complete checkpoint
};

}  // namespace

std::unique_ptr<Operator> MakeDiscardingSink() { return std::make_unique<DiscardingSink>(); }
std::unique_ptr<Operator> MakePrintSink(const idl::PrintSink& spec) {
  return std::make_unique<PrintSink>(spec);
}
std::unique_ptr<Operator> MakeCollectSink(CollectSink::Serializer serializer) {
  return std::make_unique<CollectSink>(std::move(serializer));
}

}  // namespace pyflinkpp
