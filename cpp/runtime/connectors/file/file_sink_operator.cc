#include "runtime/connectors/file/file_sink_operator.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
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
constexpr size_t kEncodeRows = 128;   // between two looks at the mailbox

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

// Owned by its task, on its loop. Rows are encoded and gathered here; all that touches files is
// posted to the strand, which does it in order and outlives us if need be.
// Invariants: part_ is the one file that still gets rows, all of the current bucket; parts_ holds
// every file that is not committed, part_ too; buffer_ is empty when there is no part_.
class FileSinkOperator final : public Operator {
 public:
  FileSinkOperator(const idl::FileSink& sink, std::unique_ptr<PartEncoder> encoder)
      : sink_(sink),
        lines_(encoder == nullptr),
        encoder_(lines_ ? MakeLineEncoder() : std::move(encoder)),
        part_size_(sink.rolling.part_size) {}
  ~FileSinkOperator() override { Shut(); }

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    if (lines_ && !IsUtf8(sink_.encoding)) {
      return UserError(absl::StrCat("FileSink writes UTF-8, the encoding '", sink_.encoding,
                                    "' is not supported: leave the encoder's encoding away"));
    }
    ASSIGN_OR_RETURN(directory_, LocalPath("FileSink", sink_.path));
    ASSIGN_OR_RETURN(bucket_format_, BucketFormat::Parse(sink_.bucket_format, sink_.time_zone));
    name_ = absl::StrCat(sink_.prefix.empty() ? "part" : sink_.prefix, "-", context.subtask, "-",
                         absl::Hex(context.env.random.Next(), absl::kZeroPad16));
    strand_ = std::make_shared<IoStrand>(
        context.env.io, [gate = gate_, wake = context.wake] { gate->Enter(wake); });
    strand_->Post([&files = context.env.files, directory = directory_,
                   probe = absl::StrCat(directory_, "/.", name_, ".probe")] {
      return Prepare(files, directory, probe);
    });
    RETURN_IF_ERROR(encoder_->Open(context));
    return Recover();
  }

  // The files that are complete with it become visible when the checkpoint is. The state names all
  // that are not visible yet.
  absl::Status Snapshot(SnapshotContext& context) override {
    if (EndsWith(context)) {
      RETURN_IF_ERROR(FinishPart());
    } else if (part_ != nullptr) {
      FlushBuffer();
      strand_->Post([part = part_] { return part->Sync(); });
    }
    std::vector<std::string> files;
    for (Part& part : parts_) {
      idl::PendingFile pending = part.file->pending();
      if (part.file == part_) {
        pending.__set_size(size_);
        part.grows = true;
      } else if (part.checkpoint == 0) {
        part.checkpoint = context.checkpoint();
      }
      if (part.grows && context.savepoint())
        strand_->Post([file = part.file] { return file->Keep(); });
      part.known = true;
      files.push_back(idl::Encode(pending));
    }
    context.AddList(kPendingState, idl::Redistribution::SPLIT, std::move(files), "PendingFile");
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
      RETURN_IF_ERROR(TurnToPart());
      RETURN_IF_ERROR(Gather(view));
      if (buffer_.size() >= kBufferBytes) FlushBuffer();
      if (!view.done() && context_->should_yield()) return Progress::kMore;
    }
    return Progress::kDone;
  }

  // A part may be ended by the clock.
  int64_t next_processing_time() const override {
    return part_ != nullptr && part_size_ > 0 ? next_check_ : kMaxTimestamp;
  }
  absl::Status OnProcessingTime(int64_t now, Output&) override {
    next_check_ = now + std::max<int64_t>(sink_.rolling.check_interval_ms, 1);
    if (now - begun_ < sink_.rolling.rollover_ms && now - written_ < sink_.rolling.inactivity_ms)
      return absl::OkStatus();
    return FinishPart();
  }
  bool between_elements() const override { return true; }

  absl::StatusOr<Progress> Finish(Output&) override {
    RETURN_IF_ERROR(FinishPart());
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
    encoder_->Close();
    return absl::OkStatus();
  }

 private:
  struct Part {
    std::shared_ptr<PartFile> file;
    int64_t checkpoint = 0;  // the first one that has all of it; 0: none
    bool known = false;      // to a checkpoint
    bool grows = false;      // a checkpoint has its beginning only
  };

  // What a completed checkpoint had becomes visible, whatever the job did after it.
  absl::Status Recover() {
    if (context_->restored.empty()) return absl::OkStatus();
    const idl::OperatorListState* list = FindList(context_->restored[0], kPendingState);
    if (list == nullptr) return absl::OkStatus();
    for (const std::string& element : list->elements) {
      ASSIGN_OR_RETURN(idl::PendingFile pending, idl::Decode<idl::PendingFile>(element));
      strand_->Post(
          [&files = context_->env.files, beginning = BeginningOf(pending),
           pending = std::move(pending)] { return PartFile::Recover(files, pending, beginning); });
    }
    return absl::OkStatus();
  }

  // Where the first bytes of a file go that was still written.
  idl::PendingFile BeginningOf(const idl::PendingFile& pending) {
    const size_t slash = pending.path.rfind('/') + 1;
    absl::string_view name = absl::string_view(pending.path).substr(slash);
    const bool suffixed = absl::ConsumeSuffix(&name, sink_.suffix);
    const std::string own = absl::StrCat(name, "-", pending.size, suffixed ? sink_.suffix : "");
    idl::PendingFile beginning;
    beginning.path = pending.path.substr(0, slash) + own;
    beginning.hidden_path = HiddenPath(pending.path.substr(0, slash), own);
    return beginning;
  }

  // Waits until all posted work is done.
  absl::StatusOr<Progress> Settled() {
    if (!strand_->Below(1)) return Progress::kWait;
    RETURN_IF_ERROR(strand_->status());
    return Progress::kDone;
  }

  // `directory` ends with a slash.
  std::string HiddenPath(const std::string& directory, const std::string& name) {
    const auto random = static_cast<uint32_t>(context_->env.random.Next());
    return absl::StrCat(directory, ".", name, ".inprogress.", absl::Hex(random, absl::kZeroPad8));
  }

  // Whether the part in progress is complete with a checkpoint.
  bool EndsWith(const SnapshotContext& context) const {
    return part_size_ <= 0 || size_ > part_size_ || context.savepoint() || !encoder_->whole_rows();
  }

  // Sees to it that part_ may take a row at this moment.
  absl::Status TurnToPart() {
    written_ = context_->env.clock.NowMillis();
    if (part_ != nullptr && part_size_ > 0 && size_ > part_size_) RETURN_IF_ERROR(FinishPart());
    if (part_ != nullptr && written_ / 1000 == bucket_second_) return absl::OkStatus();
    bucket_second_ = written_ / 1000;
    std::string bucket = bucket_format_.Format(written_);
    if (part_ != nullptr && bucket == bucket_) return absl::OkStatus();
    RETURN_IF_ERROR(FinishPart());
    bucket_ = std::move(bucket);
    return BeginPart();
  }

  absl::Status BeginPart() {
    const std::string directory =
        bucket_.empty() ? directory_ : absl::StrCat(directory_, "/", bucket_);
    const std::string name = absl::StrCat(name_, "-", counter_++, sink_.suffix);
    part_ = std::make_shared<PartFile>(context_->env.files, directory,
                                       HiddenPath(directory + "/", name),
                                       absl::StrCat(directory, "/", name));
    parts_.push_back({part_});
    begun_ = written_;
    next_check_ = written_ + std::max<int64_t>(sink_.rolling.check_interval_ms, 1);
    size_ = 0;
    strand_->Post([part = part_] { return part->Open(); });
    return encoder_->Begin();
  }

  // Encodes a few rows to the end of buffer_.
  absl::Status Gather(RecordBatchView& view) {
    const size_t position = view.position;
    const size_t before = buffer_.size();
    ends_.clear();
    RETURN_IF_ERROR(
        encoder_->Encode(view, std::min(view.remaining(), kEncodeRows), buffer_, ends_));
    size_ += static_cast<int64_t>(buffer_.size() - before);
    if (!context_->counters.empty()) {
      context_->counters[0].records_in += static_cast<int64_t>(view.position - position);
    }
    return part_size_ > 0 && size_ > part_size_ ? SplitRows(before) : absl::OkStatus();
  }

  // Too large is a part whose last row is not the first behind its size. `before`: where in buffer_
  // the rows of ends_ begin.
  absl::Status SplitRows(size_t before) {
    int64_t size = size_ - static_cast<int64_t>(buffer_.size() - before);  // in front of them
    const std::string rows = buffer_.substr(before);
    buffer_.resize(before);
    size_ = size;
    size_t begin = before;
    for (const size_t end : ends_) {
      if (size_ > part_size_) {
        RETURN_IF_ERROR(FinishPart());
        RETURN_IF_ERROR(BeginPart());
      }
      buffer_.append(rows, begin - before, end - begin);
      size_ += static_cast<int64_t>(end - begin);
      begin = end;
    }
    return absl::OkStatus();
  }

  void FlushBuffer() {
    if (buffer_.empty()) return;
    strand_->Post([part = part_, bytes = std::move(buffer_)] { return part->Append(bytes); });
    buffer_ = std::string();
    buffer_.reserve(kBufferBytes + kBufferBytes / 8);
  }

  absl::Status FinishPart() {
    if (part_ == nullptr) return absl::OkStatus();
    const absl::Status ended = encoder_->End(buffer_);
    // What the encoder kept back is lost: no checkpoint may come behind that.
    if (!ended.ok()) strand_->Post([ended] { return ended; });
    FlushBuffer();
    strand_->Post([part = std::move(part_)] { return part->Finish(); });
    part_ = nullptr;
    return ended;
  }

  // What is committed stays, or will be when its work is done; so does what a checkpoint may have.
  // The rest is deleted behind our back.
  void Shut() {
    gate_->Shut();
    if (strand_ == nullptr) return;
    part_ = nullptr;
    strand_->PostAlways([parts = std::move(parts_)] {
      for (const Part& part : parts) {
        if (!part.known) part.file->Discard();
      }
    });
    strand_ = nullptr;
  }

  const idl::FileSink sink_;
  const bool lines_;
  const std::unique_ptr<PartEncoder> encoder_;
  const int64_t part_size_;  // 0: parts end with checkpoints only
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
  int64_t size_ = 0;          // of part_, with buffer_
  int64_t begun_ = 0;         // part_, by the wall clock
  int64_t written_ = 0;       // when a row came last
  int64_t next_check_ = 0;    // of part_'s times
  std::vector<Part> parts_;   // that are not visible
  int counter_ = 0;           // of all parts
  std::string buffer_;        // bytes of part_ that were not posted yet
  std::vector<size_t> ends_;  // for Gather
};

}  // namespace

std::unique_ptr<Operator> MakeFileSinkOperator(const idl::FileSink& sink,
                                               std::unique_ptr<PartEncoder> encoder) {
  return std::make_unique<FileSinkOperator>(sink, std::move(encoder));
}

}  // namespace pyflinkpp
