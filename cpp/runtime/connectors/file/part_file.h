// One file that a file sink writes: hidden until it is committed.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// A part file on its way from in progress to committed (or deleted). Shared by the works on its
// operator's IoStrand, which alone touch it.
//
//   Open → (Append | Sync) … → Finish → Commit     hidden until Commit, complete from then on
//      └────────────┴────────────┴──→ Discard      what was not committed vanishes
class PartFile {
 public:
  // `hidden_path` and `path` lie in `directory`.
  PartFile(FileSystem& files, std::string directory, std::string hidden_path, std::string path);

  absl::Status Open();
  absl::Status Append(absl::string_view bytes) { return file_->Append(bytes); }
  absl::Status Sync() { return file_->Sync(); }  // a checkpoint knows what there is
  absl::Status Finish();                         // durable from here on, but hidden
  // A savepoint has the whole file, and an earlier checkpoint the beginning of it: a job that goes
  // back to that leaves the file for those who start from the savepoint.
  absl::Status Keep();
  absl::Status Commit();
  void Discard();
  idl::PendingFile pending() const;  // any thread

  // Makes visible what a checkpoint knows of a file; nothing is done when it is already. Of a file
  // that was still written these are its first bytes: they become `beginning.path`, and the rest goes,
  // unless the file is kept. They are put together in `beginning.hidden_path`, because an attempt that
  // has failed may still be appending to the file itself.
  static absl::Status Recover(FileSystem& files, const idl::PendingFile& pending,
                              const idl::PendingFile& beginning);

 private:
  enum class State { kPlanned, kHidden, kCommitted, kDiscarded };

  FileSystem& files_;
  const std::string directory_;
  const std::string hidden_path_;
  const std::string path_;
  State state_ = State::kPlanned;
  std::unique_ptr<WritableFile> file_;  // between Open and Finish
  bool kept_ = false;
};

}  // namespace pyflinkpp
