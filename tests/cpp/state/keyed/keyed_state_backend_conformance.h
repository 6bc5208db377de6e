// What every KeyedStateBackend must do. A backend joins with a line:
//   INSTANTIATE_TEST_SUITE_P(Memory, KeyedStateBackendConformance,
//   testing::Values(BackendFactory{...}));
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "harness/batches.h"
#include "harness/tracked_serializer.h"
#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

// Makes a fresh, empty backend; called once in a test.
struct BackendFactory {
  const char* name;
  std::function<std::unique_ptr<KeyedStateBackend>(KeyGroupRange key_groups, int max_parallelism)>
      make;
};
inline void PrintTo(const BackendFactory& factory, std::ostream* out) { *out << factory.name; }

class KeyedStateBackendConformance : public testing::TestWithParam<BackendFactory> {
 protected:
  using Content = std::map<std::string, std::string>;

  void Open(KeyGroupRange groups = {0, 127}, int max_parallelism = 128, uint32_t stride = 8) {
    groups_ = groups;
    max_parallelism_ = max_parallelism;
    serializer_ = std::make_shared<const harness::TrackedSerializer>(values_, stride);
    backend_ = GetParam().make(groups, max_parallelism);
    auto state = backend_->CreateValueState("state", serializer_);
    ASSERT_TRUE(state.ok()) << state.status();
    state_ = *std::move(state);
  }
  ~KeyedStateBackendConformance() override {
    state_.reset();
    backend_.reset();
    EXPECT_EQ(values_.live(), 0u);
  }

  bool Owns(const std::string& key) const {
    return groups_.contains(KeyGroupOf(MurmurHash(key), max_parallelism_));
  }
  // The key itself or a variation of it that belongs to the backend's key groups.
  std::string Owned(std::string key) const {
    while (!Owns(key)) key += "'";
    return key;
  }

  static std::vector<RecordKey> KeysOf(const std::vector<std::string>& keys) {
    std::vector<RecordKey> result;
    for (const std::string& key : keys) result.push_back(harness::KeyOf(key));
    return result;
  }

  // Appends `suffix` to the value of each key, in order, as a reduce would.
  void Update(ValueState& state, const std::vector<std::string>& texts, const std::string& suffix,
              Content& model) {
    const std::vector<RecordKey> keys = KeysOf(texts);
    ASSERT_TRUE(state.Prefetch(keys).ok());
    for (size_t i = 0; i < keys.size(); ++i) {
      state.Hint(keys.size() - 1 - i);  // changes nothing
      bool found = false;
      std::byte* row = state.Access(i, &found);
      const auto expected = model.find(texts[i]);
      ASSERT_EQ(found, expected != model.end()) << "key " << texts[i];
      std::string value = suffix;
      if (found) {
        ASSERT_EQ(serializer_->Get(row), expected->second) << "key " << texts[i];
        value = expected->second + suffix;
        serializer_->Release(row, 1);
      } else {
        ASSERT_TRUE(std::all_of(row, row + serializer_->stride(),
                                [](std::byte b) { return b == std::byte{0}; }));
      }
      serializer_->Put(row, value);
      model[texts[i]] = value;
    }
    ASSERT_TRUE(state.Flush().ok());
    ASSERT_EQ(state.size(), model.size());
  }
  void Update(const std::vector<std::string>& texts, const std::string& suffix) {
    Update(*state_, texts, suffix, model_);
  }

  // What Scan shows behind `after`, at most `limit` of it.
  std::vector<std::pair<std::string, std::string>> Scanned(ValueState& state,
                                                           const std::string* after = nullptr,
                                                           size_t limit = SIZE_MAX) {
    std::vector<std::pair<std::string, std::string>> seen;
    EXPECT_TRUE(state
                    .Scan(after,
                          [&](absl::string_view key, const std::byte* row) {
                            seen.emplace_back(std::string(key), serializer_->Get(row));
                            return seen.size() < limit;
                          })
                    .ok());
    return seen;
  }
  void ExpectScanIs(ValueState& state, const Content& model) {
    const std::vector<std::pair<std::string, std::string>> expected(model.begin(), model.end());
    ASSERT_EQ(Scanned(state), expected);
  }

  harness::TrackedValues values_;
  std::shared_ptr<const harness::TrackedSerializer> serializer_;
  KeyGroupRange groups_;
  int max_parallelism_ = 0;
  std::unique_ptr<KeyedStateBackend> backend_;
  std::unique_ptr<ValueState> state_;
  Content model_;
};

// Keys of 8 bytes with one and the same hash, made by running MurmurHash's rounds backwards: for
// each first block a second one that leads to the same state.
inline std::vector<std::string> KeysWithEqualHash(uint32_t count) {
  constexpr uint32_t kC1 = 0xcc9e2d51, kC2 = 0x1b873593;
  const auto inverse = [](uint32_t odd) {  // modulo 2^32, by Newton
    uint32_t x = odd;
    for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
    return x;
  };
  const auto mixed = [&](uint32_t block) { return std::rotl(block * kC1, 15) * kC2; };
  const auto unmixed = [&](uint32_t value) {
    return std::rotr(value * inverse(kC2), 15) * inverse(kC1);
  };
  const auto state_after = [&](uint32_t block) {
    return std::rotl(mixed(block), 13) * 5 + 0xe6546b64;
  };
  std::vector<std::string> keys;
  for (uint32_t first = 0; first < count; ++first) {
    const uint32_t second = unmixed(state_after(first) ^ 0x12345678);
    std::string key(8, '\0');
    std::memcpy(key.data(), &first, 4);
    std::memcpy(key.data() + 4, &second, 4);
    PFPP_CHECK(keys.empty() || MurmurHash(key) == MurmurHash(keys[0]));
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace pyflinkpp
