#include "runtime/connectors/file/part_file.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp {

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

absl::Status PartFile::Commit() {
  PFPP_CHECK(state_ == State::kHidden && file_ == nullptr);
  RETURN_IF_ERROR(files_.Rename(hidden_path_, path_));
  state_ = State::kCommitted;
  return absl::OkStatus();
}

idl::PendingFile PartFile::pending() const {
  idl::PendingFile pending;
  pending.hidden_path = hidden_path_;
  pending.path = path_;
  return pending;
}

absl::Status PartFile::Recover(FileSystem& files, const idl::PendingFile& pending) {
  const absl::Status renamed = files.Rename(pending.hidden_path, pending.path);
  if (renamed.ok() || files.Stat(pending.path).ok()) return absl::OkStatus();
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
