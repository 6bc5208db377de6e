// What the engine knows of a value: how many bytes it takes in a batch and how to copy, write, read
// and release it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/stream/arena.h"
#include "core/types/binary_io.h"

namespace pyflinkpp {

// Serves all values of one type. Stateless once made, shared by all threads.
//
// A value is `stride()` bytes in the rows of a RecordBatch; what varies in length lies in the
// batch's arena. Rows of zeros own nothing: they are what a moved value leaves behind. Work comes
// in bulk, so that a serializer that needs a lock (Python's) takes it once for many values.
class TypeSerializer {
 public:
  virtual ~TypeSerializer() = default;

  // Names the type for messages and snapshots: "LONG", "TUPLE<STRING, LONG>".
  virtual std::string name() const = 0;
  virtual uint32_t stride() const = 0;
  // Whether a row is a pointer to where the value is, worth prefetching.
  virtual bool row_is_pointer() const { return false; }

  // Gives up `count` values. Rows of zeros are skipped.
  virtual void Release(std::byte* rows, size_t count) const = 0;

  // Moves `count` values to `to`; rows at `from` become zeros. Variable parts go to `arena`.
  virtual void Move(std::byte* from, size_t count, std::byte* to, Arena& arena) const = 0;

  // Makes values at `to` that share nothing mutable with those at `from`.
  virtual absl::Status Copy(const std::byte* from, size_t count, std::byte* to,
                            Arena& arena) const = 0;

  // The binary format, one value after the other.
  virtual absl::Status Write(const std::byte* rows, size_t count, BinaryWriter& out) const = 0;
  virtual absl::Status Read(BinaryReader& in, size_t count, std::byte* rows,
                            Arena& arena) const = 0;

  // Appends each value as sinks print it and the position where it ends in `out`.
  virtual absl::Status Format(const std::byte* rows, size_t count, std::string& out,
                              std::vector<size_t>& ends) const = 0;
};

}  // namespace pyflinkpp
