// A temporary file for what does not fit into memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/env/env.h"

namespace pyflinkpp {

// Shared by the works on the I/O executor that touch it: appends, Close and Delete one after the
// other (IoStrand), reads after Close in any number.
class SpillFile {
 public:
  SpillFile(FileSystem& files, std::string directory, const std::string& name)
      : files_(files), directory_(std::move(directory)), path_(directory_ + "/" + name) {}

  absl::Status Append(absl::string_view bytes);  // the first one makes the file
  absl::Status Close();
  absl::Status Read(int64_t offset, std::string& bytes) const;  // as many as it has room for
  void Delete();

 private:
  FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  bool made_ = false;
  std::unique_ptr<WritableFile> file_;  // while it is written
};

}  // namespace pyflinkpp
