#include "runtime/operators/keyed_reduce_operator.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "harness/operator_harness.h"
#include "harness/tracked_serializer.h"

namespace pyflinkpp {
namespace {

using harness::OperatorHarness;
using harness::SetKeys;
using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;
using testing::IsEmpty;

// Concatenates texts. Fails at "bad"; yields when asked to.
class Concatenate final : public ReduceFunction {
 public:
  explicit Concatenate(std::string* calls) : calls_(calls) {}
  absl::Status Open(OperatorContext&) override {
    *calls_ += "open ";
    return absl::OkStatus();
  }
  absl::Status Close() override {
    *calls_ += "close ";
    return absl::OkStatus();
  }
  std::shared_ptr<const TypeSerializer> StateSerializer(const RecordBatch& input) override {
    return input.serializer();
  }

  absl::Status Reduce(RecordBatchView& view, size_t count, ValueState& state, RecordBatch* emitted,
                      OperatorContext& context) override {
    RecordBatch& batch = *view.batch;
    const auto& serializer = static_cast<const TrackedSerializer&>(*batch.serializer());
    const size_t begin = view.position;
    while (view.position < begin + count) {
      if (emitted != nullptr && emitted->full()) break;
      std::byte* value = batch.row(view.position);
      if (serializer.Get(value) == "bad") return absl::InvalidArgumentError("bad");
      bool found;
      std::byte* row = state.Access(view.position - begin, &found);
      if (found) {
        const std::string sum = serializer.Get(row) + serializer.Get(value);
        serializer.Release(row, 1);
        serializer.Put(row, sum);
      } else {
        serializer.Move(value, 1, row, batch.arena());
      }
      if (emitted != nullptr) serializer.Put(emitted->Append(1), serializer.Get(row));
      ++view.position;
      if (context.should_yield()) break;
    }
    return absl::OkStatus();
  }

 private:
  std::string* const calls_;
};

class KeyedReduceOperatorTest : public testing::Test {
 protected:
  void Make(bool final_only, int parallelism = 1, int subtask = 0) {
    harness_.emplace(MakeKeyedReduceOperator(std::make_unique<Concatenate>(&calls_), final_only),
                     OperatorHarness::Setup{.subtask = subtask, .parallelism = parallelism});
    ASSERT_TRUE(harness_->Open().ok());
  }
  // Records (key, text).
  absl::Status Push(const std::vector<std::pair<std::string, std::string>>& records) {
    std::vector<std::string> keys, texts;
    for (const auto& [key, text] : records) {
      keys.push_back(key);
      texts.push_back(text);
    }
    auto batch = TrackedSerializer::Batch(serializer_, texts);
    SetKeys(*batch, keys);
    return harness_->Push(std::move(batch));
  }
  ~KeyedReduceOperatorTest() override { harness_.reset(); }

  TrackedValues values_;
  std::shared_ptr<const TrackedSerializer> serializer_ =
      std::make_shared<const TrackedSerializer>(values_);
  std::string calls_;
  std::optional<OperatorHarness> harness_;
};

TEST_F(KeyedReduceOperatorTest, EmitsEachUpdate) {
  Make(false);
  ASSERT_TRUE(Push({{"a", "1"}, {"b", "2"}, {"a", "3"}}).ok());
  ASSERT_TRUE(Push({{"a", "4"}, {"b", "5"}}).ok());
  EXPECT_THAT(harness_->Texts(), ElementsAre("1", "2", "13", "134", "25"));
  ASSERT_TRUE(harness_->Finish().ok());
  EXPECT_THAT(harness_->Texts().size(), 5u) << "nothing more at the end";
  EXPECT_EQ(harness_->counters().records_in, 5);
  EXPECT_EQ(harness_->counters().records_out, 5);
}

TEST_F(KeyedReduceOperatorTest, TheFirstValueOfAKeyIsStoredAsItIs) {
  Make(true);
  ASSERT_TRUE(Push({{"a", "1"}}).ok());
  EXPECT_EQ(values_.made(), 1u);
  EXPECT_EQ(values_.live(), 1u);
}

TEST_F(KeyedReduceOperatorTest, AYieldAfterEachElementChangesNoResult) {
  Make(false);
  harness_->YieldAlways(true);
  ASSERT_TRUE(Push({{"a", "1"}, {"b", "2"}, {"a", "3"}, {"a", "4"}}).ok());
  EXPECT_EQ(harness_->calls, 4);
  EXPECT_THAT(harness_->Texts(), ElementsAre("1", "2", "13", "134"));
  EXPECT_EQ(harness_->counters().records_in, 4);
  EXPECT_EQ(harness_->counters().records_out, 4);
}

TEST_F(KeyedReduceOperatorTest, AFullOutputIsHandedOnFirst) {
  Make(false);
  std::vector<std::pair<std::string, std::string>> records;
  for (size_t i = 0; i < 2 * kBatchRecordsMax + 1; ++i)
    records.emplace_back(std::to_string(i), "v");
  ASSERT_TRUE(Push(records).ok());
  ASSERT_EQ(harness_->outputs.size(), 3u);
  EXPECT_EQ(harness_->outputs[0]->size(), kBatchRecordsMax);
  EXPECT_EQ(harness_->outputs[2]->size(), 1u);
  harness_->outputs.clear();
}

TEST_F(KeyedReduceOperatorTest, AnErrorComesAfterWhatWasDoneBeforeIt) {
  Make(false);
  EXPECT_EQ(Push({{"a", "1"}, {"a", "2"}, {"a", "bad"}, {"a", "4"}}),
            absl::InvalidArgumentError("bad"));
  EXPECT_THAT(harness_->Texts(), ElementsAre("1", "12"));
  EXPECT_EQ(harness_->counters().records_in, 2);
  EXPECT_EQ(harness_->counters().records_out, 2);
}

// ---- final only ----

TEST_F(KeyedReduceOperatorTest, FinalOnlyEmitsAtTheEndInTheOrderOfTheKeys) {
  Make(true);
  ASSERT_TRUE(Push({{"b", "1"}, {"", "2"}, {"c", "3"}, {"b", "4"}, {"a", "5"}}).ok());
  ASSERT_TRUE(Push({{"c", "6"}}).ok());
  EXPECT_THAT(harness_->Texts(), IsEmpty());
  ASSERT_TRUE(harness_->Finish().ok());
  EXPECT_THAT(harness_->Texts(), ElementsAre("2", "5", "14", "36"));
  EXPECT_EQ(harness_->counters().records_in, 6);
  EXPECT_EQ(harness_->counters().records_out, 4);
}

TEST_F(KeyedReduceOperatorTest, FinalResultsComeInBatchesOverSeveralCalls) {
  for (const size_t keys :
       {kBatchRecordsMax - 1, kBatchRecordsMax, kBatchRecordsMax + 1, 3 * kBatchRecordsMax + 7}) {
    Make(true);
    std::vector<std::pair<std::string, std::string>> records;
    std::map<std::string, std::string> expected;
    for (size_t i = 0; i < keys; ++i) {
      const std::string key = std::to_string(i * 7919 % keys);
      records.emplace_back(key, "v" + key);
      expected.emplace(key, "v" + key);
    }
    ASSERT_TRUE(Push(records).ok());
    const int before = harness_->calls;
    ASSERT_TRUE(harness_->Finish().ok());
    EXPECT_EQ(harness_->calls - before,
              static_cast<int>((keys + kBatchRecordsMax - 1) / kBatchRecordsMax));
    std::vector<std::string> in_order;
    for (const auto& [key, value] : expected) in_order.push_back(value);
    EXPECT_EQ(harness_->Texts(), in_order);
    for (const auto& batch : harness_->outputs) EXPECT_LE(batch->size(), kBatchRecordsMax);
    EXPECT_EQ(harness_->counters().records_out, static_cast<int64_t>(keys));
    harness_->outputs.clear();
  }
}

TEST_F(KeyedReduceOperatorTest, FinalResultsOfNothing) {
  Make(true);
  ASSERT_TRUE(harness_->Finish().ok());
  EXPECT_THAT(harness_->Texts(), IsEmpty());
}

TEST_F(KeyedReduceOperatorTest, WhatItEmitsIsNotWhatItKeeps) {
  Make(true);
  ASSERT_TRUE(Push({{"a", "1"}}).ok());
  ASSERT_TRUE(harness_->Finish().ok());
  EXPECT_EQ(values_.live(), 2u) << "one in the state, one emitted";
  ASSERT_TRUE(harness_->Close().ok());
  EXPECT_EQ(values_.live(), 1u);
  EXPECT_THAT(harness_->Texts(), ElementsAre("1"));
  harness_->outputs.clear();
}

// ---- life ----

TEST_F(KeyedReduceOperatorTest, OpensAndClosesItsFunctionAndReleasesItsState) {
  Make(true);
  EXPECT_EQ(calls_, "open ");
  ASSERT_TRUE(Push({{"a", "1"}, {"b", "2"}}).ok());
  EXPECT_EQ(values_.live(), 2u);
  ASSERT_TRUE(harness_->Close().ok());
  EXPECT_EQ(calls_, "open close ");
  EXPECT_EQ(values_.live(), 0u);
}

TEST_F(KeyedReduceOperatorTest, AgreesWithAMapHoweverTheInputIsCut) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    const bool final_only = seed % 2 == 0;
    Make(final_only, 4, 2);  // a subtask that owns a quarter of the key groups
    harness_->YieldAlways(seed % 3 == 0);
    std::map<std::string, std::string> model;
    std::vector<std::string> expected;
    for (int batch = 0; batch < 10; ++batch) {
      std::vector<std::pair<std::string, std::string>> records;
      for (uint32_t i = random() % 20; i > 0; --i) {
        std::string key = std::to_string(random() % 30);
        while (SubtaskOfKeyGroup(KeyGroupOf(MurmurHash(key), 128), 4, 128) != 2) key += "'";
        const std::string text(1, static_cast<char>('a' + random() % 26));
        records.emplace_back(key, text);
        expected.push_back(model[key] += text);
      }
      ASSERT_TRUE(Push(records).ok());
    }
    ASSERT_TRUE(harness_->Finish().ok());
    if (final_only) {
      expected.clear();
      for (const auto& [key, value] : model) expected.push_back(value);
    }
    ASSERT_EQ(harness_->Texts(), expected) << "seed " << seed;
    harness_->outputs.clear();
  }
}

}  // namespace
}  // namespace pyflinkpp
