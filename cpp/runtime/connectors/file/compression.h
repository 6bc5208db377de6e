// A file's contents from front to back, decompressed by its suffix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/env/env.h"

namespace pyflinkpp {

// Read by one thread at a time, on the I/O executor.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Reads up to `size` bytes, at least one; 0 only at the end. REQUIRES: size > 0; no error before.
  virtual absl::StatusOr<size_t> Read(char* to, size_t size) = 0;
};

// Whether the name ends as that of a compressed file: .gz, .gzip, .deflate, .bz2, .xz, .zst, in any
// case.
bool IsCompressed(absl::string_view path);

// Opens `path`: the plain bytes from `offset` on, or what a compressed file holds: all its members
// (gzip), streams (bzip2, xz) or frames (zstd), one after the other. Errors name the file: what is
// cut off or corrupt never passes as the end. REQUIRES: offset is 0 for a compressed file.
absl::StatusOr<std::unique_ptr<ByteStream>> OpenByteStream(FileSystem& files,
                                                           const std::string& path, int64_t offset);

}  // namespace pyflinkpp
