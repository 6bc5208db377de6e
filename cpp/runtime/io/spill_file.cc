#include "runtime/io/spill_file.h"

#include "core/base/status.h"
#include "core/types/binary_io.h"

namespace pyflinkpp {

absl::Status SpillFile::Append(absl::string_view bytes) {
  if (file_ == nullptr) {
    RETURN_IF_ERROR(files_.CreateDirectories(directory_));
    ASSIGN_OR_RETURN(file_, files_.Create(path_));
    made_ = true;
  }
  return file_->Append(bytes);
}

absl::Status SpillFile::Close() {
  const std::unique_ptr<WritableFile> file = std::move(file_);
  return file->Close();
}

// Opened for each block: there may be more files than a process may have open.
absl::Status SpillFile::Read(int64_t offset, std::string& bytes) const {
  ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, files_.Open(path_));
  ASSIGN_OR_RETURN(const size_t count, file->Read(offset, bytes.data(), bytes.size()));
  return count == bytes.size() ? absl::OkStatus() : Truncated("temporary file, " + path_);
}

void SpillFile::Delete() {
  file_ = nullptr;
  if (std::exchange(made_, false)) files_.Delete(path_).IgnoreError();  // nobody is left to tell
}

}  // namespace pyflinkpp
