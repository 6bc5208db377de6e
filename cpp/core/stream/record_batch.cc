#include "core/stream/record_batch.h"

#include "core/base/status.h"

namespace pyflinkpp {

void RecordBatch::MoveFrom(RecordBatch& from, const uint32_t* positions, size_t count) {
  PFPP_DCHECK(from.serializer_ == serializer_);
  PFPP_DCHECK(empty() ||
              (from.has_keys() == has_keys() && from.has_timestamps() == has_timestamps()));
  std::byte* to = Append(count);
  for (size_t i = 0; i < count;) {  // neighbours move together
    size_t run = 1;
    while (i + run < count && positions[i + run] == positions[i] + run) ++run;
    serializer_->Move(from.row(positions[i]), run, to, arena_);
    to += run * stride_;
    i += run;
  }
  if (from.has_timestamps()) {
    for (size_t i = 0; i < count; ++i) timestamps_.push_back(from.timestamps_[positions[i]]);
  }
  if (from.has_keys()) {
    for (size_t i = 0; i < count; ++i) {
      RecordKey key = from.keys_[positions[i]];
      key.data = arena_.Copy(key.bytes()).data();
      keys_.push_back(key);
    }
  }
}

absl::StatusOr<std::unique_ptr<RecordBatch>> RecordBatch::Copy() const {
  auto copy = std::make_unique<RecordBatch>(serializer_);
  copy->split_ = split_;
  if (empty()) return copy;
  copy->Reserve(size_);
  RETURN_IF_ERROR(serializer_->Copy(rows_.get(), size_, copy->rows_.get(), copy->arena_));
  copy->size_ = size_;
  copy->timestamps_ = timestamps_;
  copy->keys_.reserve(keys_.size());
  for (RecordKey key : keys_) {
    key.data = copy->arena_.Copy(key.bytes()).data();
    copy->keys_.push_back(key);
  }
  return copy;
}

}  // namespace pyflinkpp
