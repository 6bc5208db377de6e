#include "runtime/connectors/file/part_file.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

constexpr size_t kCopyBytes = size_t{1} << 20;

// An empty file that says that a savepoint has the hidden one.
std::string KeptPath(const std::string& hidden_path) { return hidden_path + ".kept"; }

// Copies the first bytes of a file to another one, which is durable then.
absl::Status CopyBeginning(FileSystem& files, const std::string& from, int64_t size,
                           const std::string& to) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> reader, files.Open(from));
  ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> writer, files.Create(to));
  std::string bytes;
  for (int64_t done = 0; done < size; done += static_cast<int64_t>(bytes.size())) {
    bytes.resize(std::min(kCopyBytes, static_cast<size_t>(size - done)));
    ASSIGN_OR_RETURN(const size_t read, reader->Read(done, bytes.data(), bytes.size()));
    if (read < bytes.size()) {
      return ExternalError(absl::StrCat("the file ", from, " that FileSink has written has ",
                                        done + static_cast<int64_t>(read), " bytes instead of ",
                                        size, "; was it changed behind the job's back?"));
    }
    RETURN_IF_ERROR(writer->Append(bytes));
  }
  RETURN_IF_ERROR(writer->Sync());
  return writer->Close();
}

// A part file that was still written becomes visible with what the checkpoint has of it.
absl::Status TakeBeginning(FileSystem& files, const idl::PendingFile& pending,
                           const idl::PendingFile& beginning) {
  absl::Status status;
  if (!files.Stat(beginning.path).ok()) {
    status = CopyBeginning(files, pending.hidden_path, pending.size, beginning.hidden_path);
    if (status.ok()) status = files.Rename(beginning.hidden_path, beginning.path);
    if (!status.ok()) files.Delete(beginning.hidden_path).IgnoreError();
  }
  if (status.ok() && !files.Stat(KeptPath(pending.hidden_path)).ok())
    files.Delete(pending.hidden_path).IgnoreError();  // nobody needs it any more
  return status;
}

}  // namespace

PartFile::PartFile(FileSystem& files, std::string directory, std::string hidden_path,
                   std::string path)
    : files_(files),
      directory_(std::move(directory)),
      hidden_path_(std::move(hidden_path)),
      path_(std::move(path)) {}

absl::Status PartFile::Open() {
  PFPP_CHECK(state_ == State::kPlanned);
  RETURN_IF_ERROR(files_.CreateDirectories(directory_));
  ASSIGN_OR_RETURN(file_, files_.Create(hidden_path_));
  state_ = State::kHidden;
  return absl::OkStatus();
}

absl::Status PartFile::Finish() {
  PFPP_CHECK(file_ != nullptr);
  RETURN_IF_ERROR(file_->Sync());
  RETURN_IF_ERROR(file_->Close());
  file_ = nullptr;
  return absl::OkStatus();
}

absl::Status PartFile::Keep() {
  ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> kept, files_.Create(KeptPath(hidden_path_)));
  kept_ = true;
  return kept->Sync();
}

absl::Status PartFile::Commit() {
  PFPP_CHECK(state_ == State::kHidden && file_ == nullptr);
  RETURN_IF_ERROR(files_.Rename(hidden_path_, path_));
  state_ = State::kCommitted;
  if (kept_) files_.Delete(KeptPath(hidden_path_)).IgnoreError();
  return absl::OkStatus();
}

idl::PendingFile PartFile::pending() const {
  idl::PendingFile pending;
  pending.hidden_path = hidden_path_;
  pending.path = path_;
  return pending;
}

absl::Status PartFile::Recover(FileSystem& files, const idl::PendingFile& pending,
                               const idl::PendingFile& beginning) {
  if (pending.__isset.size) {
    const absl::Status taken = TakeBeginning(files, pending, beginning);
    if (taken.ok() || files.Stat(pending.hidden_path).ok()) return taken;
  } else {
    const absl::Status renamed = files.Rename(pending.hidden_path, pending.path);
    if (renamed.ok()) files.Delete(KeptPath(pending.hidden_path)).IgnoreError();
    if (renamed.ok() || files.Stat(pending.hidden_path).ok()) return renamed;
  }
  // It is visible already. A job that goes back further than to its last checkpoint finds more than
  // it knows.
  if (files.Stat(pending.path).ok()) return absl::OkStatus();
  return ExternalError(absl::StrCat("a file that FileSink had written is gone: neither ",
                                    pending.hidden_path, " nor ", pending.path,
                                    " is there; was it deleted behind the job's back?"));
}

void PartFile::Discard() {
  file_ = nullptr;
  if (state_ == State::kHidden)
    files_.Delete(hidden_path_).IgnoreError();  // there is nobody left to tell
  if (state_ != State::kCommitted) state_ = State::kDiscarded;
}

}  // namespace pyflinkpp
