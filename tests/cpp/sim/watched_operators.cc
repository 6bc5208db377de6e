#include "sim/watched_operators.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp::sim {

const char* NameOf(Fault::At at) {
  static constexpr const char* kNames[] = {"nowhere",   "open",      "process", "poll",
                                           "watermark", "finish",    "commit",  "close",
                                           "snapshot",  "completed", "aborted"};
  return kNames[static_cast<size_t>(at)];
}

namespace {

// The life of one operator.
class Watcher {
 public:
  explicit Watcher(OperatorWatch& watch) : watch_(watch) { ++watch_.made; }
  ~Watcher() {
    ++watch_.destroyed;
    if (!opened_ || closed_) return;
    if (watch_.crashing) {
      ++watch_.closed;
    } else {
      Violate("it is destroyed before it is closed");
    }
  }

  absl::Status OnOpen(const OperatorContext& context) {
    task_ = context.task_name;
    OnCall();
    if (opened_) Violate("it is opened twice");
    opened_ = true;
    ++watch_.opened;
    restored_ = !context.restored.empty();
    restored_checkpoint_ = context.restored_checkpoint;
    if (restored_) ++watch_.restored;
    return Faulty(Fault::At::kOpen);
  }
  absl::Status OnProcess(const RecordBatchView& view) {
    OnCall();
    saw_data_ = true;
    if (!opened_ || finished_ || closed_) Violate("a batch comes before Open or behind Finish");
    if (view.done()) Violate("a batch comes that has been consumed");
    if (watermark_ == kMaxTimestamp) Violate("a batch comes behind the last watermark");
    return Faulty(Fault::At::kProcess);
  }
  void AfterProcess(const RecordBatchView& view, size_t position,
                    const absl::StatusOr<Progress>& progress) {
    if (!progress.ok()) return;
    if (*progress == Progress::kDone && !view.done()) Violate("it is done, but not its batch");
    if (*progress == Progress::kMore && view.position == position)
      Violate("it took nothing of its batch");
    if (view.position > view.batch->size()) Violate("it took more than its batch");
  }
  absl::Status OnPoll() {
    OnCall();
    saw_data_ = true;
    if (!opened_ || polled_out_ || closed_) Violate("it is polled before Open or behind its end");
    return Faulty(Fault::At::kPoll);
  }
  void AfterPoll(const absl::StatusOr<Progress>& progress) {
    polled_out_ |= progress.ok() && *progress == Progress::kDone;
  }
  absl::Status OnWatermark(const Watermark& watermark) {
    OnCall();
    if (!opened_ || finished_ || closed_) Violate("a watermark comes before Open or behind Finish");
    if (watermark.timestamp < watermark_) Violate("a watermark goes back");
    watermark_ = watermark.timestamp;
    return Faulty(Fault::At::kWatermark);
  }
  absl::Status OnFinishKey() {
    OnCall();
    if (!opened_ || finished_ || closed_) Violate("a key ends before Open or behind Finish");
    if (watermark_ == kMaxTimestamp) Violate("a key ends behind the last watermark");
    return Faulty(Fault::At::kFinish);
  }
  absl::Status OnFinish() {
    OnCall();
    if (!opened_ || finished_ || closed_) Violate("Finish comes before Open or twice");
    if (watermark_ != kMaxTimestamp) Violate("Finish comes without the last watermark");
    return Faulty(Fault::At::kFinish);
  }
  void AfterFinish(const absl::StatusOr<Progress>& progress) {
    finished_ |= progress.ok() && *progress == Progress::kDone;
  }
  absl::Status OnCommit() {
    OnCall();
    // What had finished before the checkpoint has no data, and no Finish.
    const bool may_skip_finish = (restored_ && !saw_data_) || savepoint_;
    if ((!finished_ && !may_skip_finish) || committed_ || closed_)
      Violate("Commit comes before the end of Finish, or twice");
    return Faulty(Fault::At::kCommit);
  }
  void AfterCommit(const absl::StatusOr<Progress>& progress) {
    committed_ |= progress.ok() && *progress == Progress::kDone;
  }
  absl::Status OnSnapshot(const SnapshotContext& context) {
    OnCall();
    ++watch_.snapshots;
    if (!opened_ || closed_ || committed_) Violate("Snapshot comes before Open or behind Commit");
    if (context.checkpoint() <= last_snapshot_ || context.checkpoint() <= restored_checkpoint_)
      Violate(absl::StrCat("Snapshot of checkpoint ", context.checkpoint(), " comes behind ",
                           std::max(last_snapshot_, restored_checkpoint_)));
    last_snapshot_ = context.checkpoint();
    snapshots_.insert(last_snapshot_);
    savepoint_ |= context.savepoint();
    return Faulty(Fault::At::kSnapshot);
  }
  absl::Status OnCompleted(int64_t checkpoint) {
    OnCall();
    if (!opened_ || closed_) Violate("CheckpointCompleted comes before Open or behind Close");
    if (snapshots_.erase(checkpoint) == 0)
      Violate(absl::StrCat("it is told that checkpoint ", checkpoint,
                           " is complete, which it was not asked for or told of already"));
    if (checkpoint <= last_completed_)
      Violate(absl::StrCat("checkpoint ", checkpoint, " is complete behind ", last_completed_));
    last_completed_ = checkpoint;
    return Faulty(Fault::At::kCompleted);
  }
  absl::Status OnAborted(int64_t checkpoint) {
    OnCall();
    if (!opened_ || closed_) Violate("CheckpointAborted comes before Open or behind Close");
    if (checkpoint <= restored_checkpoint_ || checkpoint == last_completed_)
      Violate(absl::StrCat("checkpoint ", checkpoint, " is given up that was complete"));
    snapshots_.erase(checkpoint);
    return Faulty(Fault::At::kAborted);
  }
  absl::Status OnClose() {
    OnCall();
    if (!opened_ || closed_) Violate("Close comes before Open or twice");
    closed_ = true;
    ++watch_.closed;
    return Faulty(Fault::At::kClose);
  }

 private:
  void OnCall() {
    ++watch_.calls;
    if (*watch_.running != task_)
      Violate(absl::StrCat("it is called on the loop '", *watch_.running, "'"));
  }
  absl::Status Faulty(Fault::At at) {
    for (size_t i = 0; i < watch_.faults.size(); ++i) {
      Fault& fault = watch_.faults[i];
      if (fault.at != at || fault.happened || fault.nth-- > 0) continue;
      fault.happened = true;
      // Each with a message of its own: one that repeats is no reason to restart.
      return UserError(i == 0 ? std::string(Fault::kMessage)
                              : absl::StrCat(Fault::kMessage, ", number ", i + 1));
    }
    return absl::OkStatus();
  }
  void Violate(absl::string_view what) {
    watch_.violations->push_back(absl::StrCat("an operator of ", task_, ": ", what));
  }

  OperatorWatch& watch_;
  std::string task_;
  bool opened_ = false;
  bool polled_out_ = false;
  bool finished_ = false;
  bool committed_ = false;
  bool closed_ = false;
  bool restored_ = false;
  bool saw_data_ = false;
  bool savepoint_ = false;  // a snapshot was for one: it may end the job
  int64_t restored_checkpoint_ = 0;
  int64_t last_snapshot_ = 0;
  int64_t last_completed_ = 0;
  std::set<int64_t> snapshots_;  // of which nothing was said yet
  int64_t watermark_ = kMinTimestamp;
};

// What SourceOperator and Operator have in common; ProcessBatch and Poll are left.
template <class Base>
class WatchedBase : public Base {
 public:
  WatchedBase(std::unique_ptr<Operator> op, OperatorWatch& watch)
      : op_(std::move(op)), watcher_(watch) {}

  absl::Status Open(OperatorContext& context) override {
    RETURN_IF_ERROR(watcher_.OnOpen(context));
    inner_opened_ = true;
    return op_->Open(context);
  }
  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) override {
    RETURN_IF_ERROR(watcher_.OnWatermark(watermark));
    return op_->ProcessWatermark(watermark, output);
  }
  bool makes_watermarks() const override { return op_->makes_watermarks(); }
  bool between_elements() const override { return op_->between_elements(); }
  int64_t next_processing_time() const override { return op_->next_processing_time(); }
  absl::Status OnProcessingTime(int64_t now, Output& output) override {
    return op_->OnProcessingTime(now, output);
  }
  absl::StatusOr<Progress> FinishKey(Output& output) override {
    RETURN_IF_ERROR(watcher_.OnFinishKey());
    return op_->FinishKey(output);
  }
  absl::StatusOr<Progress> Finish(Output& output) override {
    RETURN_IF_ERROR(watcher_.OnFinish());
    absl::StatusOr<Progress> progress = op_->Finish(output);
    watcher_.AfterFinish(progress);
    return progress;
  }
  absl::StatusOr<Progress> PrepareSnapshot(Output& output) override {
    return op_->PrepareSnapshot(output);
  }
  absl::Status Snapshot(SnapshotContext& context) override {
    RETURN_IF_ERROR(watcher_.OnSnapshot(context));
    return op_->Snapshot(context);
  }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    RETURN_IF_ERROR(watcher_.OnCompleted(checkpoint));
    return op_->CheckpointCompleted(checkpoint);
  }
  absl::Status CheckpointAborted(int64_t checkpoint) override {
    RETURN_IF_ERROR(watcher_.OnAborted(checkpoint));
    return op_->CheckpointAborted(checkpoint);
  }
  bool needs_commit() const override { return op_->needs_commit(); }
  absl::StatusOr<Progress> Commit(Output& output) override {
    RETURN_IF_ERROR(watcher_.OnCommit());
    absl::StatusOr<Progress> progress = op_->Commit(output);
    watcher_.AfterCommit(progress);
    return progress;
  }
  absl::Status Close() override {
    const absl::Status wanted = watcher_.OnClose();
    const absl::Status closed = inner_opened_ ? op_->Close() : absl::OkStatus();
    return wanted.ok() ? closed : wanted;
  }

 protected:
  const std::unique_ptr<Operator> op_;
  Watcher watcher_;
  bool inner_opened_ = false;
};

class WatchedOperator final : public WatchedBase<Operator> {
 public:
  using WatchedBase::WatchedBase;

  absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& view, Output& output) override {
    RETURN_IF_ERROR(watcher_.OnProcess(view));
    const size_t position = view.position;
    absl::StatusOr<Progress> progress = op_->ProcessBatch(input, view, output);
    watcher_.AfterProcess(view, position, progress);
    return progress;
  }
};

class WatchedSource final : public WatchedBase<SourceOperator> {
 public:
  using WatchedBase::WatchedBase;

  absl::Status Open(OperatorContext& context) override {
    source().request_split = request_split;
    return WatchedBase::Open(context);
  }
  absl::StatusOr<Progress> Poll(Output& output) override {
    RETURN_IF_ERROR(watcher_.OnPoll());
    source().SetBatchLimit(batch_limit());
    absl::StatusOr<Progress> progress = source().Poll(output);
    watcher_.AfterPoll(progress);
    return progress;
  }
  void AddSplits(std::vector<idl::SourceSplit> splits, bool no_more_splits) override {
    source().AddSplits(std::move(splits), no_more_splits);
  }
  SourceSplits& splits() override { return source().splits(); }

 private:
  SourceOperator& source() { return static_cast<SourceOperator&>(*op_); }
};

}  // namespace

OperatorRegistry Watched(OperatorRegistry registry, OperatorWatch& watch) {
  for (auto& [kind, entry] : registry.entries) {
    entry.make =
        [make = std::move(entry.make), &watch](
            std::span<const idl::OperatorNode> nodes,
            const SerializerFactory& serializers) -> absl::StatusOr<std::unique_ptr<Operator>> {
      ASSIGN_OR_RETURN(std::unique_ptr<Operator> op, make(nodes, serializers));
      if (dynamic_cast<SourceOperator*>(op.get()) != nullptr)
        return std::make_unique<WatchedSource>(std::move(op), watch);
      return std::make_unique<WatchedOperator>(std::move(op), watch);
    };
  }
  return registry;
}

}  // namespace pyflinkpp::sim
