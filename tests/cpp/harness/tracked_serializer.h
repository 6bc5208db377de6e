// Values whose every copy is on record: shows leaks, double releases and rows that lost bytes.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/stream/record_batch.h"

namespace pyflinkpp::harness {

// The live values. A value is known by a number; 0 is none.
class TrackedValues {
 public:
  ~TrackedValues() { EXPECT_EQ(live_.size(), 0u) << "values were never released"; }

  uint64_t Make(std::string text) {
    live_.emplace(++last_, std::move(text));
    return last_;
  }
  void Release(uint64_t value) {
    EXPECT_EQ(live_.erase(value), 1u) << "value " << value << " is released a second time";
  }
  const std::string& text(uint64_t value) const {
    const auto found = live_.find(value);
    PFPP_CHECK(found != live_.end());  // it has been released
    return found->second;
  }
  size_t live() const { return live_.size(); }
  uint64_t made() const { return last_; }

 private:
  std::map<uint64_t, std::string> live_;
  uint64_t last_ = 0;
};

// A row is the value's number, then bytes that repeat it up to `stride`.
class TrackedSerializer final : public TypeSerializer {
 public:
  explicit TrackedSerializer(TrackedValues& values, uint32_t stride = 8)
      : values_(values), stride_(stride) {
    PFPP_CHECK(stride >= 8);
  }

  TrackedValues& values() const { return values_; }
  void Put(std::byte* row, std::string text) const {
    PutNumber(row, values_.Make(std::move(text)));
  }
  const std::string& Get(const std::byte* row) const { return values_.text(NumberOf(row)); }
  // Makes a batch of values.
  static std::unique_ptr<RecordBatch> Batch(
      const std::shared_ptr<const TrackedSerializer>& serializer,
      const std::vector<std::string>& texts) {
    auto batch = std::make_unique<RecordBatch>(serializer);
    for (const std::string& text : texts) serializer->Put(batch->Append(1), text);
    return batch;
  }

  std::string name() const override { return "TRACKED"; }
  uint32_t stride() const override { return stride_; }

  void Release(std::byte* rows, size_t count) const override {
    for (size_t i = 0; i < count; ++i) {
      if (const uint64_t value = NumberOf(rows + i * stride_); value != 0) values_.Release(value);
    }
  }
  void Move(std::byte* from, size_t count, std::byte* to, Arena&) const override {
    std::memcpy(to, from, count * stride_);
    std::memset(from, 0, count * stride_);
  }
  absl::Status Copy(const std::byte* from, size_t count, std::byte* to, Arena&) const override {
    for (size_t i = 0; i < count; ++i) Put(to + i * stride_, Get(from + i * stride_));
    return absl::OkStatus();
  }
  absl::Status Write(const std::byte* rows, size_t count, BinaryWriter& out) const override {
    for (size_t i = 0; i < count; ++i) out.PutBytes(Get(rows + i * stride_));
    return absl::OkStatus();
  }
  absl::Status Read(BinaryReader& in, size_t count, std::byte* rows, Arena&) const override {
    for (size_t i = 0; i < count; ++i) {
      absl::string_view text;
      if (!in.GetBytes(&text)) return Truncated(name());
      Put(rows + i * stride_, std::string(text));
    }
    return absl::OkStatus();
  }
  absl::Status Format(const std::byte* rows, size_t count, std::string& out,
                      std::vector<size_t>& ends) const override {
    for (size_t i = 0; i < count; ++i) {
      out += Get(rows + i * stride_);
      ends.push_back(out.size());
    }
    return absl::OkStatus();
  }

 private:
  void PutNumber(std::byte* row, uint64_t value) const {
    std::memcpy(row, &value, 8);
    std::memset(row + 8, static_cast<int>(value & 0xff), stride_ - 8);
  }
  uint64_t NumberOf(const std::byte* row) const {
    uint64_t value;
    std::memcpy(&value, row, 8);
    for (uint32_t i = 8; i < stride_; ++i)
      PFPP_CHECK(row[i] == static_cast<std::byte>(value & 0xff));
    return value;
  }

  TrackedValues& values_;
  const uint32_t stride_;
};

}  // namespace pyflinkpp::harness
