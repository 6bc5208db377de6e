#include "runtime/connectors/file/file_sink_operator.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"
#include "core/idl/codec.h"
#include "runtime/connectors/file/bucket_format.h"
#include "runtime/connectors/file/local_path.h"
#include "runtime/connectors/file/part_file.h"
#include "runtime/io/io_strand.h"
#include "runtime/io/loop_gate.h"

namespace pyflinkpp {
namespace {

constexpr size_t kBufferBytes = size_t{256} * 1024;
constexpr size_t kUnfinishedMax = 4;  // works on the strand: about as many full buffers
constexpr size_t kFormatRows = 128;   // between two looks at the mailbox

bool IsUtf8(absl::string_view encoding) {
  return encoding.empty() || absl::EqualsIgnoreCase(encoding, "UTF-8") ||
         absl::EqualsIgnoreCase(encoding, "UTF8");
}

constexpr char kPendingState[] = "pending-files";

// Makes sure that a sink can write into its directory, before there is anything to write.
absl::Status Prepare(FileSystem& files, const std::string& directory,
                     const std::string& probe_path) {
  absl::Status status = files.CreateDirectories(directory);
  if (status.ok()) {
    absl::StatusOr<std::unique_ptr<WritableFile>> probe = files.Create(probe_path);
    status = probe.status();
    if (probe.ok()) {
      probe->reset();
      status = files.Delete(probe_path);
    }
  }
  if (status.ok()) return status;
  return UserError(absl::StrCat(
      "FileSink cannot write to the directory ", directory, ": ", FailureOf(status).message,
      "; choose a directory in which the user who runs the job may create files"));
}

// Owned by its task, on its loop. Rows are formatted and gathered here; all that touches files is
// posted to the strand, which does it in order and outlives us if need be.
// Invariants: part_ is the one file that still gets rows, all of the current bucket; parts_ holds
// every file that is not committed, part_ too; buffer_ is empty when there is no part_.
class FileSinkOperator final : public Operator {
 public:
  explicit FileSinkOperator(const idl::FileSink& sink) : sink_(sink) {}
  ~FileSinkOperator() override { Shut(); }

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    if (!IsUtf8(sink_.encoding)) {
      return UserError(absl::StrCat("FileSink writes UTF-8, the encoding '", sink_.encoding,
                                    "' is not supported: leave the encoder's encoding away"));
    }
    ASSIGN_OR_RETURN(directory_, LocalPath("FileSink", sink_.path));
    ASSIGN_OR_RETURN(bucket_format_, BucketFormat::Parse(sink_.bucket_format));
    name_ = absl::StrCat(sink_.prefix.empty() ? "part" : sink_.prefix, "-", context.subtask, "-",
                         absl::Hex(context.env.random.Next(), absl::kZeroPad16));
    strand_ = std::make_shared<IoStrand>(
        context.env.io, [gate = gate_, wake = context.wake] { gate->Enter(wake); });
    strand_->Post([&files = context.env.files, directory = directory_,
                   probe = absl::StrCat(directory_, "/.", name_, ".probe")] {
      return Prepare(files, directory, probe);
    });
    return Recover();
  }

  // The files that are complete with it become visible when the checkpoint is. The state names all
  // that are not visible yet.
  absl::Status Snapshot(SnapshotContext& context) override {
    FinishPart();
    std::vector<std::string> pending;
    for (Part& part : parts_) {
      if (part.checkpoint == 0) part.checkpoint = context.checkpoint();
      pending.push_back(idl::Encode(part.file->pending()));
    }
    context.AddList(kPendingState, idl::Redistribution::SPLIT, std::move(pending), "PendingFile");
    context.WaitFor([strand = strand_](SnapshotContext::Done done) {
      strand->PostAlways([strand, done = std::move(done)] { done(strand->status()); });
    });
    return absl::OkStatus();
  }

  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    if (committing_) return strand_->status();  // everything becomes visible anyway
    std::erase_if(parts_, [&](const Part& part) {
      if (part.checkpoint == 0 || part.checkpoint > checkpoint) return false;
      strand_->Post([file = part.file] { return file->Commit(); });
      return true;
    });
    return strand_->status();
  }

  // A file that could not be written stays so: without a restart every further checkpoint fails.
  absl::Status CheckpointAborted(int64_t) override { return strand_->status(); }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output&) override {
    if (!prepared_) {
      if (!strand_->Below(1)) return Progress::kWait;
      prepared_ = true;
    }
    RETURN_IF_ERROR(strand_->status());
    while (!view.done()) {
      if (!strand_->Below(kUnfinishedMax)) return Progress::kWait;
      TurnToBucket();
      RETURN_IF_ERROR(Gather(view));
      if (buffer_.size() >= kBufferBytes) FlushBuffer();
      if (!view.done() && context_->should_yield()) return Progress::kMore;
    }
    return Progress::kDone;
  }

  bool between_elements() const override { return true; }

  absl::StatusOr<Progress> Finish(Output&) override {
    FinishPart();
    return Settled();
  }

  bool needs_commit() const override { return true; }

  absl::StatusOr<Progress> Commit(Output&) override {
    if (!committing_) {
      committing_ = true;
      for (const Part& part : parts_) strand_->Post([file = part.file] { return file->Commit(); });
    }
    return Settled();
  }

  absl::Status Close() override {
    Shut();
    return absl::OkStatus();
  }

 private:
  struct Part {
    std::shared_ptr<PartFile> file;
    int64_t checkpoint = 0;  // the first one that has it; 0: none
  };

  // What a completed checkpoint had becomes visible, whatever the job did after it.
  absl::Status Recover() {
    if (context_->restored.empty()) return absl::OkStatus();
    const idl::OperatorListState* list = FindList(context_->restored[0], kPendingState);
    if (list == nullptr) return absl::OkStatus();
    for (const std::string& element : list->elements) {
      ASSIGN_OR_RETURN(idl::PendingFile pending, idl::Decode<idl::PendingFile>(element));
      strand_->Post([&files = context_->env.files, pending = std::move(pending)] {
        return PartFile::Recover(files, pending);
      });
    }
    return absl::OkStatus();
  }

  // Waits until all posted work is done.
  absl::StatusOr<Progress> Settled() {
    if (!strand_->Below(1)) return Progress::kWait;
    RETURN_IF_ERROR(strand_->status());
    return Progress::kDone;
  }

  // Sees to it that part_ belongs to the bucket of this moment.
  void TurnToBucket() {
    const int64_t now = context_->env.clock.NowMillis();
    if (part_ != nullptr && now / 1000 == bucket_second_) return;
    bucket_second_ = now / 1000;
    std::string bucket = bucket_format_.Format(now);
    if (part_ != nullptr && bucket == bucket_) return;
    FinishPart();
    bucket_ = std::move(bucket);
    const std::string directory =
        bucket_.empty() ? directory_ : absl::StrCat(directory_, "/", bucket_);
    const std::string name = absl::StrCat(name_, "-", counter_++, sink_.suffix);
    const auto random = static_cast<uint32_t>(context_->env.random.Next());
    part_ = std::make_shared<PartFile>(
        context_->env.files, directory,
        absl::StrCat(directory, "/.", name, ".inprogress.", absl::Hex(random, absl::kZeroPad8)),
        absl::StrCat(directory, "/", name));
    parts_.push_back({part_});
    strand_->Post([part = part_] { return part->Open(); });
  }

  // Formats a few rows to the end of buffer_.
  absl::Status Gather(RecordBatchView& view) {
    const size_t count = std::min(view.remaining(), kFormatRows);
    text_.clear();
    ends_.clear();
    const RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(batch.serializer()->Format(batch.row(view.position), count, text_, ends_));
    PFPP_CHECK(ends_.size() == count);
    size_t begin = 0;
    for (const size_t end : ends_) {
      buffer_.append(text_, begin, end - begin);
      buffer_.push_back('\n');
      begin = end;
    }
    view.position += count;
    if (!context_->counters.empty()) {
      context_->counters[0].records_in += static_cast<int64_t>(count);
    }
    return absl::OkStatus();
  }

  void FlushBuffer() {
    strand_->Post([part = part_, bytes = std::move(buffer_)] { return part->Append(bytes); });
    buffer_ = std::string();
    buffer_.reserve(kBufferBytes + kBufferBytes / 8);
  }

  void FinishPart() {
    if (part_ == nullptr) return;
    if (!buffer_.empty()) FlushBuffer();
    strand_->Post([part = std::move(part_)] { return part->Finish(); });
    part_ = nullptr;
  }

  // What is committed stays, or will be when its work is done; so does what a checkpoint may have.
  // The rest is deleted behind our back.
  void Shut() {
    gate_->Shut();
    if (strand_ == nullptr) return;
    part_ = nullptr;
    strand_->PostAlways([parts = std::move(parts_)] {
      for (const Part& part : parts) {
        if (part.checkpoint == 0) part.file->Discard();
      }
    });
    strand_ = nullptr;
  }

  const idl::FileSink sink_;
  const std::shared_ptr<LoopGate> gate_ = std::make_shared<LoopGate>();
  OperatorContext* context_ = nullptr;
  std::shared_ptr<IoStrand> strand_;
  std::string directory_;
  std::string name_;  // of part files, but for the counter
  BucketFormat bucket_format_;
  bool prepared_ = false;
  bool committing_ = false;

  std::string bucket_;
  int64_t bucket_second_ = 0;  // when bucket_ was looked up
  std::shared_ptr<PartFile> part_;
  std::vector<Part> parts_;  // that are not visible
  int counter_ = 0;          // of all parts
  std::string buffer_;       // lines of part_ that were not posted yet

  std::string text_;  // for Gather
  std::vector<size_t> ends_;
};

}  // namespace

std::unique_ptr<Operator> MakeFileSinkOperator(const idl::FileSink& sink) {
  return std::make_unique<FileSinkOperator>(sink);
}

}  // namespace pyflinkpp
