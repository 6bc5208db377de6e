// Cuts the bytes of a file split into lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/stream/record_batch.h"

namespace pyflinkpp {

// A run of a file's bytes, shared by all batches with rows that point into it.
struct Chunk {
  std::shared_ptr<const char[]> bytes;
  size_t size = 0;
  bool last = false;  // the file ends with it; it may be empty then
};

inline constexpr size_t kLineBytesMax = size_t{1} << 30;

// Cuts the lines of one split out of its chunks, without copying: rows point into the chunk, which
// the batch's arena adopts; only a line that crosses chunks is joined. Pure: owned by a reader,
// used on its loop.
//
// Lines end with \n, \r\n or a lone \r; a last line needs no end. A line belongs to the split
// [first, limit) in which its first byte lies. So the bytes are fed from FeedFrom() on, which is
// one before `first`: the line that this byte is in belongs to somebody else and is dropped, up to
// its end; the next one starts at `first` at the earliest.
//
//      … e n d \r \n f i r s t …
//                 │  └─ split border here: the byte before is \n, its line is dropped up to there
//                 └──── split border here: the byte before is \r, its line is dropped with the \n
//                       in both cases the next split begins with the line "first"
//
// The last line is finished beyond `limit`.
//
// Invariants: while dropping_, carry_ is empty; a line in carry_ began before the limit; all that
// was put out is valid UTF-8.
class LineCutter {
 public:
  LineCutter(std::string path, int64_t first, int64_t limit, size_t line_bytes_max = kLineBytesMax);

  static int64_t FeedFrom(int64_t first) { return first > 0 ? first - 1 : 0; }

  bool done() const { return done_; }
  // Where a split begins that has the lines that were not cut yet.
  int64_t position() const {
    if (dropping_ || at_ == nullptr) return first_;
    return carry_.empty() ? PositionOf(at_) : carry_position_;
  }
  bool needs_chunk() const { return !done_ && at_ == end_ && !chunk_.last; }

  // REQUIRES: needs_chunk(); the chunk follows the one before, the first one starts at
  // FeedFrom(first).
  void Feed(Chunk chunk);

  // Appends lines until the batch is full, `room` bytes are used up (it may overshoot by a line) or
  // the chunk is.
  // REQUIRES: !done(), !needs_chunk() or a chunk was just fed (it may have been empty); the batch
  // is not full and has StringSerializer's rows; room > 0.
  absl::Status Cut(RecordBatch& batch, size_t& room);

 private:
  int64_t PositionOf(const char* at) const { return chunk_position_ + (at - chunk_.bytes.get()); }
  absl::Status FinishLineInHand(RecordBatch& batch, size_t& room);
  absl::Status CutWholeLines(RecordBatch& batch, size_t& room);
  absl::Status CarryRest();
  absl::Status EmitCarry(RecordBatch& batch, size_t& room);
  absl::Status Validate(absl::string_view text, int64_t position) const;

  const std::string path_;
  const int64_t first_;
  const int64_t limit_;
  const size_t line_bytes_max_;

  Chunk chunk_;
  int64_t chunk_position_;    // of the chunk's first byte in the file
  const char* at_ = nullptr;  // what was not looked at yet: [at_, end_)
  const char* end_ = nullptr;
  const char* next_lf_ = nullptr;  // the first \n at or behind at_, or end_; stale when before at_
  bool has_cr_ = false;            // the chunk holds a \r
  bool skip_lf_ = false;  // the chunk before ended with \r: a \n right behind belongs to it
  bool dropping_;         // the line in hand is that of the split before
  bool done_ = false;
  std::string carry_;           // the line in hand, as far as earlier chunks had it
  int64_t carry_position_ = 0;  // of its first byte in the file
};

}  // namespace pyflinkpp
