// How much memory the values of a stream take, by samples.
#pragma once

#include <cstdint>
#include <string>

#include "core/stream/record_batch.h"

namespace pyflinkpp {

class ValueSize {
 public:
  void Sample(const RecordBatch& batch, size_t position) {
    sample_.clear();
    BinaryWriter writer(sample_);
    // What can't be written is an error when it has to be.
    batch.serializer()->Write(batch.row(position), 1, writer).IgnoreError();
    ++samples_;
    sum_ += sample_.size() + (batch.serializer()->row_is_pointer() ? kObjectBytes : 0);
  }
  // Of one value, besides its row; 0 before the first sample.
  size_t bytes() const { return samples_ == 0 ? 0 : sum_ / samples_; }

 private:
  // A value that a row points to is larger in memory than its bytes: a guess for a small tuple.
  static constexpr size_t kObjectBytes = 100;

  uint64_t samples_ = 0;
  uint64_t sum_ = 0;
  std::string sample_;
};

}  // namespace pyflinkpp
