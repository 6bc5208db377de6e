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
  absl::Status Commit();
  void Discard();
  idl::PendingFile pending() const;  // any thread

  // Makes visible what a checkpoint knows of a file; nothing is done when it is already. Of a file
  // that was still written these are its first bytes, and the rest goes. `temporary`: where they may
  // be put together, beside it: an attempt that has failed may still be appending to the file itself.
  static absl::Status Recover(FileSystem& files, const idl::PendingFile& pending,
                              const std::string& temporary);

 private:
  enum class State { kPlanned, kHidden, kCommitted, kDiscarded };

  FileSystem& files_;
  const std::string directory_;
  const std::string hidden_path_;
  const std::string path_;
  State state_ = State::kPlanned;
  std::unique_ptr<WritableFile> file_;  // between Open and Finish
};

}  // namespace pyflinkpp
