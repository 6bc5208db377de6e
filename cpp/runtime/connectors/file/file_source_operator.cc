#include "runtime/connectors/file/file_source_operator.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "runtime/connectors/file/compression.h"
#include "runtime/connectors/split_name.h"
#include "runtime/connectors/split_state.h"
#include "runtime/io/loop_gate.h"

namespace pyflinkpp {
namespace {

// Owned by its task, on its loop. Files are read by a ReadAhead on the executor; lines are cut
// here, from its chunks.
// Invariants: cutter_ and reader_ are there together, while a split is being read; a split is asked
// for only when all are read, and once.
class FileSourceOperator final : public SourceOperator {
 public:
  explicit FileSourceOperator(FileSourceLimits limits) : limits_(limits) {}
  ~FileSourceOperator() override { Shut(); }

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    ASSIGN_OR_RETURN(std::vector<idl::SourceSplit> restored, RestoredSplits(context));
    for (idl::SourceSplit& split : restored) Take(std::move(split.file));
    return absl::OkStatus();
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    std::vector<idl::SourceSplit> splits;
    if (cutter_ != nullptr) {
      idl::FileSplit rest = reading_;
      rest.first = cutter_->position();
      splits.emplace_back().__set_file(rest);
    }
    for (const auto& [id, split] : splits_) splits.emplace_back().__set_file(split);
    SnapshotSplits(context, splits);
    return absl::OkStatus();
  }

  void AddSplits(std::vector<idl::SourceSplit> splits, bool no_more_splits) override {
    for (idl::SourceSplit& split : splits) {
      PFPP_CHECK(split.__isset.file);
      Take(std::move(split.file));
    }
    no_more_splits_ |= no_more_splits;
    requested_ = false;
    if (context_ != nullptr) context_->wake();
  }

  absl::StatusOr<Progress> Poll(Output& output) override {
    RecordBatch& batch = output.batch(StringSerializer());
    const size_t before = batch.size();
    absl::StatusOr<Progress> progress = Fill(batch);
    if (!context_->counters.empty()) {
      context_->counters[0].records_out += static_cast<int64_t>(batch.size() - before);
    }
    batch.set_split(split_);
    if (batch.empty()) output.Take();  // nobody wants an empty batch
    return progress;
  }

  absl::Status Close() override {
    Shut();
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Progress> Fill(RecordBatch& batch) {
    size_t room = std::max<size_t>(kBatchBytesMax * batch_limit() / kBatchRecordsMax, 1);
    do {
      if (cutter_ == nullptr && !StartSplit()) {
        if (!batch.empty()) return Progress::kMore;
        return no_more_splits_ ? Progress::kDone : Progress::kWait;
      }
      if (cutter_->done()) {  // an empty split
        EndSplit();
        continue;
      }
      if (cutter_->needs_chunk()) {
        ASSIGN_OR_RETURN(std::optional<Chunk> chunk, reader_->Next());
        if (!chunk.has_value()) return batch.empty() ? Progress::kWait : Progress::kMore;
        cutter_->Feed(*std::move(chunk));
      }
      RETURN_IF_ERROR(cutter_->Cut(batch, room));
      if (!cutter_->done()) continue;
      EndSplit();
      if (!batch.empty()) break;  // a batch is of one split
    } while (batch.size() < batch_limit() && room > 0 && !context_->should_yield());
    return Progress::kMore;
  }

  void Take(idl::FileSplit split) {
    const int id = splits().Add(NameOf(split));
    splits_.emplace_back(id, std::move(split));
  }

  // False if there is none yet.
  bool StartSplit() {
    if (splits_.empty() && !no_more_splits_ && !requested_) {
      requested_ = true;
      request_split();  // AddSplits may come before it returns
    }
    if (splits_.empty()) return false;
    idl::FileSplit split = std::move(splits_.front().second);
    split_ = splits_.front().first;
    splits_.pop_front();
    // The limit of a compressed file counts bytes that we never see.
    if (IsCompressed(split.path)) split.limit = std::numeric_limits<int64_t>::max();
    reading_ = split;
    cutter_ =
        std::make_unique<LineCutter>(split.path, split.first, split.limit, limits_.line_bytes_max);
    reader_ = std::make_shared<ReadAhead>(
        context_->env.files, context_->env.io,
        [gate = gate_, wake = context_->wake] { gate->Enter(wake); }, split, limits_.read_ahead);
    return true;
  }

  void EndSplit() {
    splits().Finish(split_);
    StopReading();
  }

  void StopReading() {
    if (reader_ != nullptr) reader_->Stop();
    reader_ = nullptr;
    cutter_ = nullptr;
  }

  void Shut() {
    gate_->Shut();
    StopReading();
  }

  const FileSourceLimits limits_;
  const std::shared_ptr<LoopGate> gate_ = std::make_shared<LoopGate>();
  OperatorContext* context_ = nullptr;
  std::deque<std::pair<int, idl::FileSplit>> splits_;  // not begun yet, with their numbers
  int split_ = SourceSplits::kNone;                    // the last one that was begun
  bool no_more_splits_ = false;
  bool requested_ = false;
  idl::FileSplit reading_;  // what cutter_ reads
  std::unique_ptr<LineCutter> cutter_;
  std::shared_ptr<ReadAhead> reader_;
};

}  // namespace

std::unique_ptr<SourceOperator> MakeFileSourceOperator(FileSourceLimits limits) {
  return std::make_unique<FileSourceOperator>(limits);
}

}  // namespace pyflinkpp
