#include "runtime/operators/source_splits.h"

#include <gmock/gmock.h>

#include <optional>

namespace pyflinkpp {
namespace {

constexpr Watermark At(int64_t timestamp) { return {timestamp, false}; }
constexpr Watermark kIdle = {kMinTimestamp, true};

void ExpectSays(const std::optional<Watermark>& said, std::optional<Watermark> expected) {
  ASSERT_EQ(said.has_value(), expected.has_value());
  if (!said) return;
  EXPECT_EQ(said->timestamp, expected->timestamp);
  EXPECT_EQ(said->idle, expected->idle);
}

TEST(SourceSplits, TheLeastOfTheLiveSplitsCounts) {
  SourceSplits splits;
  const int a = splits.Add("a");
  const int b = splits.Add("b");
  ExpectSays(splits.Advance(a, At(7)), std::nullopt);
  EXPECT_EQ(splits.holder()->name, "b");
  ExpectSays(splits.Advance(b, At(5)), At(5));
  ExpectSays(splits.Advance(b, At(9)), At(7));
  EXPECT_EQ(splits.holder()->name, "a");
}

TEST(SourceSplits, AnIdleSplitIsLeftOutAndComesBack) {
  SourceSplits splits;
  const int a = splits.Add("a");
  const int b = splits.Add("b");
  ExpectSays(splits.Advance(a, At(7)), std::nullopt);
  ExpectSays(splits.Advance(b, kIdle), At(7));
  ExpectSays(splits.Advance(a, kIdle), Watermark{7, true});
  EXPECT_EQ(splits.holder(), nullptr);
  ExpectSays(splits.Advance(b, At(3)), At(7));  // does not turn back
  EXPECT_EQ(splits.holder()->name, "b");
}

TEST(SourceSplits, AFinishedSplitCountsUntilWhatItGaveIsProcessed) {
  SourceSplits splits;
  const int a = splits.Add("a");
  const int b = splits.Add("b");
  ExpectSays(splits.Advance(a, At(7)), std::nullopt);
  splits.Finish(b);
  EXPECT_TRUE(splits.lives(b));
  ExpectSays(splits.Advance(a, At(8)), std::nullopt);
  EXPECT_FALSE(splits.stale());
  EXPECT_TRUE(splits.Settle());
  EXPECT_FALSE(splits.Settle());
  EXPECT_FALSE(splits.lives(b));
  EXPECT_TRUE(splits.stale());
  ExpectSays(splits.Combine(), At(8));
  EXPECT_FALSE(splits.stale());
}

TEST(SourceSplits, BetweenTwoSplitsTheWatermarkStands) {
  SourceSplits splits;
  const int a = splits.Add("a");
  ExpectSays(splits.Advance(a, At(7)), At(7));
  splits.Finish(a);
  splits.Settle();
  ExpectSays(splits.Combine(), std::nullopt);
  const int b = splits.Add("b");
  EXPECT_NE(a, b);
  ExpectSays(splits.Combine(), std::nullopt);
  ExpectSays(splits.Advance(b, At(2)), std::nullopt);
  ExpectSays(splits.Advance(b, At(8)), At(8));
}

}  // namespace
}  // namespace pyflinkpp
