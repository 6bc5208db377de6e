#include "runtime/connectors/file/line_cutter.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "runtime/connectors/file/compression.h"
#include "runtime/connectors/file/utf8.h"

namespace pyflinkpp {
namespace {

const char* Find(const char* from, const char* end, char what) {
  return static_cast<const char*>(std::memchr(from, what, static_cast<size_t>(end - from)));
}

size_t Size(const char* from, const char* end) { return static_cast<size_t>(end - from); }

std::string HexOf(absl::string_view bytes) {
  std::string result;
  for (const char byte : bytes) {
    absl::StrAppend(&result, result.empty() ? "" : " ",
                    absl::Hex(static_cast<unsigned char>(byte), absl::kZeroPad2));
  }
  return result;
}

// The hot loop for chunks without \r. Lines start before `stop`; the one that has no end is left.
size_t CutAtLf(const char*& at, const char* stop, const char* end, StringRow* rows,
               size_t rows_max) {
  size_t count = 0;
  while (at < stop && count < rows_max) {
    const char* lf = Find(at, end, '\n');
    if (lf == nullptr) break;
    rows[count++] = {at, Size(at, lf)};
    at = lf + 1;
  }
  return count;
}

// The same where \r may end a line, too. A \r is looked for only before the next \n, and that only
// once, so that no byte is looked at more than twice however the two are mixed.
size_t CutAtCrOrLf(const char*& at, const char* stop, const char* end, const char*& next_lf,
                   StringRow* rows, size_t rows_max) {
  size_t count = 0;
  while (at < stop && count < rows_max) {
    if (next_lf < at) {
      next_lf = Find(at, end, '\n');
      if (next_lf == nullptr) next_lf = end;
    }
    const char* line_end = Find(at, next_lf, '\r');
    if (line_end == nullptr) line_end = next_lf;
    if (line_end == end) break;
    rows[count++] = {at, Size(at, line_end)};
    at = line_end + 1;
    if (at == next_lf && at != end && *line_end == '\r') ++at;
  }
  return count;
}

}  // namespace

LineCutter::LineCutter(std::string path, int64_t first, int64_t limit, size_t line_bytes_max)
    : path_(std::move(path)),
      first_(first),
      limit_(limit),
      line_bytes_max_(line_bytes_max),
      chunk_position_(FeedFrom(first)),
      dropping_(first > 0),
      done_(limit <= first) {}

void LineCutter::Feed(Chunk chunk) {
  PFPP_CHECK(needs_chunk());
  PFPP_CHECK(!chunk_.last);
  chunk_position_ += static_cast<int64_t>(chunk_.size);
  chunk_ = std::move(chunk);
  at_ = chunk_.bytes.get();
  end_ = at_ + chunk_.size;
  if (chunk_.size == 0) return;
  if (skip_lf_ && *at_ == '\n') ++at_;
  skip_lf_ = false;
  has_cr_ = Find(at_, end_, '\r') != nullptr;
  next_lf_ = nullptr;
}

absl::Status LineCutter::Cut(RecordBatch& batch, size_t& room) {
  PFPP_CHECK(!done_);
  if (dropping_ || !carry_.empty()) RETURN_IF_ERROR(FinishLineInHand(batch, room));
  if (at_ < end_ && !batch.full() && room > 0) RETURN_IF_ERROR(CutWholeLines(batch, room));
  if (at_ == end_ && chunk_.last) {
    if (!carry_.empty() && !batch.full()) RETURN_IF_ERROR(EmitCarry(batch, room));
    done_ = carry_.empty();
  } else {
    done_ = carry_.empty() && PositionOf(at_) >= limit_;
  }
  return absl::OkStatus();
}

// Looks for the end of the line that began before at_.
absl::Status LineCutter::FinishLineInHand(RecordBatch& batch, size_t& room) {
  const char* const lf = Find(at_, end_, '\n');
  const char* const cr = has_cr_ ? Find(at_, lf != nullptr ? lf : end_, '\r') : nullptr;
  const char* const line_end = cr != nullptr ? cr : lf;
  if (line_end == nullptr) {
    if (!dropping_) return CarryRest();
    at_ = end_;
    return absl::OkStatus();
  }
  if (!dropping_) carry_.append(at_, Size(at_, line_end));
  at_ = line_end + 1;
  if (cr != nullptr && at_ == lf) ++at_;
  skip_lf_ = cr != nullptr && at_ == end_ && at_[-1] == '\r';
  if (!dropping_) return EmitCarry(batch, room);
  dropping_ = false;
  return absl::OkStatus();
}

// Cuts lines that begin in [at_, end_): before the split's limit and as long as there is room.
absl::Status LineCutter::CutWholeLines(RecordBatch& batch, size_t& room) {
  const int64_t position = PositionOf(at_);
  size_t span = std::min(Size(at_, end_), room);
  span = static_cast<size_t>(std::clamp<int64_t>(limit_ - position, 0, static_cast<int64_t>(span)));
  const char* const begin = at_;
  const char* const stop = begin + span;
  const size_t rows_max = kBatchRecordsMax - batch.size();
  auto* const rows = reinterpret_cast<StringRow*>(batch.Append(rows_max));
  const size_t count = has_cr_ ? CutAtCrOrLf(at_, stop, end_, next_lf_, rows, rows_max)
                               : CutAtLf(at_, stop, end_, rows, rows_max);
  batch.Unappend(rows_max - count);
  if (count > 0) {
    batch.arena().Adopt(chunk_.bytes);
    // Line ends are ASCII, so the lines are valid if they are as a whole.
    RETURN_IF_ERROR(Validate({begin, Size(begin, at_)}, position));
    room -= std::min(room, Size(begin, at_));
    skip_lf_ = at_ == end_ && at_[-1] == '\r';
  }
  const bool stopped_by_open_line = at_ < stop && count < rows_max;
  return stopped_by_open_line ? CarryRest() : absl::OkStatus();
}

absl::Status LineCutter::CarryRest() {
  if (carry_.empty()) carry_position_ = PositionOf(at_);
  carry_.append(at_, Size(at_, end_));
  at_ = end_;
  if (carry_.size() <= line_bytes_max_) return absl::OkStatus();
  return UserError(absl::StrCat(
      "the line at byte ", carry_position_, " of ", path_, " is longer than ", line_bytes_max_,
      " bytes: FileSource reads text line by line, is this a text file?"));
}

absl::Status LineCutter::EmitCarry(RecordBatch& batch, size_t& room) {
  constexpr size_t kCopyMax = size_t{16} * 1024;
  RETURN_IF_ERROR(Validate(carry_, carry_position_));
  absl::string_view line;
  if (carry_.size() <= kCopyMax) {
    line = batch.arena().Copy(carry_);
  } else {
    auto joined = std::make_shared<const std::string>(std::move(carry_));
    line = *joined;
    batch.arena().Adopt(std::move(joined));
  }
  carry_.clear();
  batch.AppendRow(StringRow{line.data(), line.size()});
  room -= std::min(room, line.size() + 1);
  return absl::OkStatus();
}

absl::Status LineCutter::Validate(absl::string_view text, int64_t position) const {
  const size_t valid = ValidUtf8Prefix(text);
  if (valid == text.size()) return absl::OkStatus();
  const bool compressed = IsCompressed(path_);
  return UserError(absl::StrCat(
      "the text is not valid UTF-8 at byte ", position + static_cast<int64_t>(valid), " of ", path_,
      compressed ? " (decompressed)" : "", ": found ", HexOf(text.substr(valid, 4)),
      "; FileSource reads UTF-8, convert the file first, e.g. with "
      "iconv -f latin1 -t utf-8"));
}

}  // namespace pyflinkpp
