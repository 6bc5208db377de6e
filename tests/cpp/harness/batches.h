// Batches of native values: made of literals, read back as texts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/stream/record_batch.h"
#include "core/types/native_serializers.h"

namespace pyflinkpp::harness {

inline std::unique_ptr<RecordBatch> Longs(const std::vector<int64_t>& values) {
  auto batch = std::make_unique<RecordBatch>(LongSerializer());
  for (const int64_t value : values) batch->AppendRow(value);
  return batch;
}

// The numbers first, first + 1, ...
inline std::unique_ptr<RecordBatch> LongRange(int64_t first, size_t count) {
  auto batch = std::make_unique<RecordBatch>(LongSerializer());
  for (size_t i = 0; i < count; ++i) batch->AppendRow(first + static_cast<int64_t>(i));
  return batch;
}

inline StringRow StringIn(RecordBatch& batch, absl::string_view text) {
  const absl::string_view copy = batch.arena().Copy(text);
  return {copy.data(), copy.size()};
}

inline std::unique_ptr<RecordBatch> Strings(const std::vector<std::string>& values) {
  auto batch = std::make_unique<RecordBatch>(StringSerializer());
  for (const std::string& value : values) batch->AppendRow(StringIn(*batch, value));
  return batch;
}

inline std::unique_ptr<RecordBatch> Counted(
    const std::vector<std::pair<std::string, int64_t>>& values) {
  auto batch = std::make_unique<RecordBatch>(CountedSerializer());
  for (const auto& [word, count] : values) {
    batch->AppendRow(CountedRow{StringIn(*batch, word), count});
  }
  return batch;
}

inline RecordKey KeyOf(absl::string_view bytes) {
  return {bytes.data(), static_cast<uint32_t>(bytes.size()), MurmurHash(bytes)};
}

// Gives each record its key; the bytes are copied into the batch.
inline void SetKeys(RecordBatch& batch, const std::vector<std::string>& keys) {
  PFPP_CHECK(keys.size() == batch.size());
  batch.keys().clear();
  for (const std::string& key : keys) batch.keys().push_back(KeyOf(batch.arena().Copy(key)));
}

// Records keyed by their own text.
inline std::unique_ptr<RecordBatch> KeyedCounted(
    const std::vector<std::pair<std::string, int64_t>>& values) {
  auto batch = Counted(values);
  std::vector<std::string> keys;
  for (const auto& [word, count] : values) keys.push_back(word);
  SetKeys(*batch, keys);
  return batch;
}

// Each value as a sink would print it.
inline std::vector<std::string> TextsOf(const RecordBatch& batch, size_t from = 0) {
  std::string all;
  std::vector<size_t> ends;
  PFPP_CHECK(batch.serializer()->Format(batch.row(from), batch.size() - from, all, ends).ok());
  std::vector<std::string> texts;
  size_t begin = 0;
  for (const size_t end : ends) {
    texts.push_back(all.substr(begin, end - begin));
    begin = end;
  }
  return texts;
}

inline std::vector<int64_t> LongsOf(const RecordBatch& batch) {
  PFPP_CHECK(batch.serializer() == LongSerializer());
  return {batch.rows<int64_t>(), batch.rows<int64_t>() + batch.size()};
}

inline std::vector<std::string> KeysOf(const RecordBatch& batch) {
  std::vector<std::string> keys;
  for (const RecordKey& key : batch.keys()) keys.emplace_back(key.data, key.size);
  return keys;
}

}  // namespace pyflinkpp::harness
