#include "core/stream/record_batch.h"

#include <gmock/gmock.h>

#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "core/types/native_serializers.h"
#include "harness/batches.h"
#include "harness/tracked_serializer.h"

namespace pyflinkpp {
namespace {

using harness::KeysOf;
using harness::Longs;
using harness::LongsOf;
using harness::SetKeys;
using harness::Strings;
using harness::TextsOf;
using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(RecordBatchTest, GrowsAndKeepsItsRows) {
  RecordBatch batch(LongSerializer());
  EXPECT_TRUE(batch.empty());
  std::vector<int64_t> expected;
  std::mt19937 random(1);
  while (expected.size() < 5000) {
    const size_t count = random() % 100;
    auto* rows = reinterpret_cast<int64_t*>(batch.Append(count));
    for (size_t i = 0; i < count; ++i) expected.push_back(rows[i] = static_cast<int64_t>(random()));
    ASSERT_EQ(batch.size(), expected.size());
  }
  EXPECT_EQ(LongsOf(batch), expected);
  EXPECT_EQ(reinterpret_cast<int64_t*>(batch.row(4321))[0], expected[4321]);
}

TEST(RecordBatchTest, IsFullAtItsBound) {
  RecordBatch batch(LongSerializer());
  batch.Append(kBatchRecordsMax - 1);
  EXPECT_FALSE(batch.full());
  batch.Append(1);
  EXPECT_TRUE(batch.full());
}

TEST(RecordBatchTest, ReserveChangesNoRow) {
  auto batch = Longs({1, 2, 3});
  batch->Reserve(1);
  batch->Reserve(1000);
  EXPECT_THAT(LongsOf(*batch), ElementsAre(1, 2, 3));
  const std::byte* before = batch->row(0);
  batch->Append(997);
  EXPECT_EQ(batch->row(0), before) << "room that was reserved is used";
}

TEST(RecordBatchTest, TakesBackItsLastRows) {
  auto batch = Longs({1, 2, 3});
  batch->Unappend(2);
  batch->AppendRow(int64_t{9});
  EXPECT_THAT(LongsOf(*batch), ElementsAre(1, 9));
}

TEST(RecordBatchTest, ReleasesEachValueOnce) {
  TrackedValues values;
  const auto serializer = std::make_shared<const TrackedSerializer>(values);
  {
    auto batch = TrackedSerializer::Batch(serializer, std::vector<std::string>(100, "v"));
    EXPECT_EQ(values.live(), 100u);
  }
  EXPECT_EQ(values.live(), 0u);
}

TEST(RecordBatchTest, MoveFromTakesRecordsWithTheirColumns) {
  auto from = Strings({"a", "b", "c", "d", "e"});
  from->timestamps() = {10, 20, 30, 40, 50};
  SetKeys(*from, {"ka", "kb", "kc", "", "ke"});
  RecordBatch to(StringSerializer());
  const uint32_t first[] = {1, 2, 4};
  const uint32_t second[] = {0, 3};
  to.MoveFrom(*from, first, 3);
  to.MoveFrom(*from, second, 2);
  from.reset();  // nothing points into it
  EXPECT_THAT(TextsOf(to), ElementsAre("b", "c", "e", "a", "d"));
  EXPECT_THAT(to.timestamps(), ElementsAre(20, 30, 50, 10, 40));
  EXPECT_THAT(KeysOf(to), ElementsAre("kb", "kc", "ke", "ka", ""));
  EXPECT_EQ(to.keys()[0].hash, MurmurHash("kb"));
}

TEST(RecordBatchTest, MoveFromOfNothingChangesNothing) {
  auto from = Strings({"a"});
  auto to = Strings({"x"});
  to->MoveFrom(*from, nullptr, 0);
  EXPECT_THAT(TextsOf(*to), ElementsAre("x"));
  EXPECT_THAT(TextsOf(*from), ElementsAre("a"));
}

// Any way of dealing a batch out over others: every record arrives once, in order, and every value
// is released once.
TEST(RecordBatchTest, DealingABatchOutLosesNothing) {
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    TrackedValues values;
    const auto serializer = std::make_shared<const TrackedSerializer>(values, 8 + random() % 3 * 4);
    std::vector<std::string> texts, keys;
    std::vector<int64_t> times;
    for (uint32_t i = 0; i < random() % 200 + 1; ++i) {
      texts.push_back("v" + std::to_string(i));
      keys.push_back("k" + std::to_string(i));
      times.push_back(i);
    }
    auto from = TrackedSerializer::Batch(serializer, texts);
    SetKeys(*from, keys);
    from->timestamps() = times;
    std::vector<std::vector<uint32_t>> positions(1 + random() % 4);
    const uint32_t run = 1 + random() % 5;  // neighbours stay together
    for (uint32_t i = 0; i < texts.size(); ++i) positions[i / run % positions.size()].push_back(i);
    for (const auto& mine : positions) {
      RecordBatch to(serializer);
      to.MoveFrom(*from, mine.data(), mine.size());
      ASSERT_EQ(to.size(), mine.size());
      const std::vector<std::string> moved = TextsOf(to), moved_keys = KeysOf(to);
      for (size_t i = 0; i < mine.size(); ++i) {
        ASSERT_EQ(moved[i], texts[mine[i]]);
        ASSERT_EQ(moved_keys[i], keys[mine[i]]);
        ASSERT_EQ(to.timestamps()[i], times[mine[i]]);
      }
    }
    EXPECT_EQ(values.live(), 0u);
    EXPECT_EQ(values.made(), texts.size()) << "moving makes no values";
  }
}

TEST(RecordBatchTest, ACopyHasAllColumnsAndSharesNothing) {
  auto from = Strings({"a", "b"});
  from->timestamps() = {1, 2};
  SetKeys(*from, {"ka", "kb"});
  auto copy = from->Copy();
  ASSERT_TRUE(copy.ok());
  EXPECT_THAT(TextsOf(*from), ElementsAre("a", "b"));
  from.reset();
  EXPECT_THAT(TextsOf(**copy), ElementsAre("a", "b"));
  EXPECT_THAT((*copy)->timestamps(), ElementsAre(1, 2));
  EXPECT_THAT(KeysOf(**copy), ElementsAre("ka", "kb"));
  EXPECT_EQ((*copy)->keys()[1].hash, MurmurHash("kb"));
}

TEST(RecordBatchTest, ACopyWithoutColumnsHasNone) {
  const auto copy = Longs({1})->Copy();
  ASSERT_TRUE(copy.ok());
  EXPECT_FALSE((*copy)->has_keys());
  EXPECT_FALSE((*copy)->has_timestamps());
}

// memcpy of nothing from a null pointer: UBSan.
TEST(RecordBatchTest, ACopyOfNothingIsEmpty) {
  const auto copy = RecordBatch(StringSerializer()).Copy();
  ASSERT_TRUE(copy.ok());
  EXPECT_TRUE((*copy)->empty());
}

TEST(RecordBatchTest, AViewSaysWhatIsLeft) {
  auto batch = Longs({1, 2, 3});
  RecordBatchView view{batch.get()};
  EXPECT_EQ(view.remaining(), 3u);
  EXPECT_FALSE(view.done());
  view.position = 3;
  EXPECT_EQ(view.remaining(), 0u);
  EXPECT_TRUE(view.done());
}

}  // namespace
}  // namespace pyflinkpp
