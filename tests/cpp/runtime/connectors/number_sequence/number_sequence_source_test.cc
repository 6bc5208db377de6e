#include "runtime/connectors/number_sequence/number_sequence_source.h"

#include <gmock/gmock.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "harness/operator_harness.h"

namespace pyflinkpp {
namespace {

using harness::LongsOf;
using harness::OperatorHarness;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// The splits of a range as its readers get them, each reader asking once.
class Splits {
 public:
  Splits(int64_t first, int64_t last, int parallelism)
      : context_{.env = env_.env, .parallelism = parallelism, .post = {}, .assign = {}} {
    idl::NumberSequenceSource range;
    range.first = first;
    range.last = last;
    enumerator_ = MakeNumberSequenceEnumerator(range);
    context_.assign = [this](int subtask, std::vector<idl::SourceSplit> splits, bool no_more) {
      EXPECT_TRUE(no_more);
      assigned_to_ = subtask;
      splits_ = std::move(splits);
    };
    bool started = false;
    enumerator_->Start(context_, [&](const absl::Status& status) { started = status.ok(); });
    EXPECT_TRUE(started);
  }
  std::vector<std::pair<int64_t, int64_t>> Ask(int subtask) {
    assigned_to_ = -1;
    enumerator_->HandleSplitRequest(subtask);
    EXPECT_EQ(assigned_to_, subtask);
    std::vector<std::pair<int64_t, int64_t>> ranges;
    for (const idl::SourceSplit& split : splits_) {
      EXPECT_TRUE(split.__isset.numbers);
      ranges.emplace_back(split.numbers.first, split.numbers.last);
    }
    return ranges;
  }

 private:
  harness::TestEnv env_;
  SplitEnumeratorContext context_;
  std::unique_ptr<SplitEnumerator> enumerator_;
  int assigned_to_ = -1;
  std::vector<idl::SourceSplit> splits_;
};

// ---- the enumerator ----

TEST(NumberSequenceEnumeratorTest, ReadersGetEqualParts) {
  Splits splits(1, 10, 3);
  EXPECT_THAT(splits.Ask(0), ElementsAre(std::pair(1, 3)));
  EXPECT_THAT(splits.Ask(2), ElementsAre(std::pair(7, 10)));
  EXPECT_THAT(splits.Ask(1), ElementsAre(std::pair(4, 6)));
}

TEST(NumberSequenceEnumeratorTest, AReaderGetsItsPartOnce) {
  Splits splits(1, 10, 1);
  EXPECT_THAT(splits.Ask(0), ElementsAre(std::pair(1, 10)));
  EXPECT_THAT(splits.Ask(0), IsEmpty());
}

TEST(NumberSequenceEnumeratorTest, AnEmptyRangeHasNoSplits) {
  for (const auto& [first, last] : {std::pair<int64_t, int64_t>{5, 4}, {kMax, kMin}, {0, -1}}) {
    Splits splits(first, last, 2);
    EXPECT_THAT(splits.Ask(0), IsEmpty());
    EXPECT_THAT(splits.Ask(1), IsEmpty());
  }
}

TEST(NumberSequenceEnumeratorTest, EverySplitIsAPartOfTheWhole) {
  const std::pair<int64_t, int64_t> ranges[] = {
      {0, 0},           {-3, 3},          {kMin, kMax}, {kMin, kMin}, {kMax, kMax},
      {kMin, kMin + 4}, {kMax - 4, kMax}, {kMin, 0},    {-1, kMax},   {1, 1000}};
  for (const auto& [first, last] : ranges) {
    for (const int parallelism : {1, 2, 3, 7, 1000, 32768}) {
      Splits splits(first, last, parallelism);
      __int128 next = first;
      unsigned __int128 least = ~static_cast<unsigned __int128>(0), most = 0;
      for (int subtask = 0; subtask < parallelism; ++subtask) {
        const auto parts = splits.Ask(subtask);
        ASSERT_LE(parts.size(), 1u);
        unsigned __int128 size = 0;
        if (!parts.empty()) {
          ASSERT_EQ(static_cast<int64_t>(next), parts[0].first);
          ASSERT_LE(parts[0].first, parts[0].second);
          size = static_cast<unsigned __int128>(static_cast<__int128>(parts[0].second) -
                                                parts[0].first + 1);
          next += static_cast<__int128>(size);
        }
        least = std::min(least, size);
        most = std::max(most, size);
      }
      ASSERT_TRUE(next == static_cast<__int128>(last) + 1)
          << first << ".." << last << " over " << parallelism;
      ASSERT_TRUE(most - least <= 1) << first << ".." << last << " over " << parallelism;
    }
  }
}

// ---- the reader ----

class NumberSequenceSourceTest : public testing::Test {
 protected:
  void Add(std::vector<std::pair<int64_t, int64_t>> ranges, bool no_more) {
    std::vector<idl::SourceSplit> splits;
    for (const auto& [first, last] : ranges) {
      idl::NumberSplit numbers;
      numbers.first = first;
      numbers.last = last;
      splits.emplace_back().__set_numbers(numbers);
    }
    static_cast<SourceOperator&>(harness_.op()).AddSplits(std::move(splits), no_more);
  }
  Progress Poll() {
    const auto progress = harness_.Poll();
    EXPECT_TRUE(progress.ok());
    return *progress;
  }
  std::vector<int64_t> Numbers() {
    std::vector<int64_t> numbers;
    for (const auto& batch : harness_.outputs) {
      EXPECT_LE(batch->size(), kBatchRecordsMax);
      for (const int64_t number : LongsOf(*batch)) numbers.push_back(number);
    }
    return numbers;
  }
  void SetUp() override { ASSERT_TRUE(harness_.Open().ok()); }

  OperatorHarness harness_{MakeNumberSequenceSource()};
};

TEST_F(NumberSequenceSourceTest, WaitsForSplitsAndEndsWithoutMore) {
  int requests = 0;
  dynamic_cast<SourceOperator&>(harness_.op()).request_split = [&] { ++requests; };
  EXPECT_EQ(Poll(), Progress::kWait);
  Add({{3, 5}}, false);
  EXPECT_EQ(Poll(), Progress::kMore);
  EXPECT_EQ(Poll(), Progress::kWait);
  EXPECT_EQ(Poll(), Progress::kWait);
  EXPECT_EQ(requests, 1) << "once for each time that all is read";
  Add({}, true);
  EXPECT_EQ(Poll(), Progress::kDone);
  EXPECT_THAT(Numbers(), ElementsAre(3, 4, 5));
}

TEST_F(NumberSequenceSourceTest, EmitsFullBatchesAndTheRest) {
  for (const int64_t size :
       {kBatchRecordsMax - 1, kBatchRecordsMax, kBatchRecordsMax + 1, 3 * kBatchRecordsMax}) {
    harness_.outputs.clear();
    Add({{-7, size - 8}}, true);
    ASSERT_TRUE(harness_.PollAll().ok());
    EXPECT_EQ(harness_.outputs.size(), (size + kBatchRecordsMax - 1) / kBatchRecordsMax);
    const std::vector<int64_t> numbers = Numbers();
    ASSERT_EQ(static_cast<int64_t>(numbers.size()), size);
    for (int64_t i = 0; i < size; ++i) ASSERT_EQ(numbers[i], i - 7);
  }
  EXPECT_EQ(harness_.counters().records_out, static_cast<int64_t>(6 * kBatchRecordsMax));
  EXPECT_EQ(harness_.counters().records_in, 0);
}

TEST_F(NumberSequenceSourceTest, ReadsSeveralSplits) {
  Add({{1, 2}, {10, 11}}, true);
  ASSERT_TRUE(harness_.PollAll().ok());
  EXPECT_THAT(Numbers(), testing::UnorderedElementsAre(1, 2, 10, 11));
}

TEST_F(NumberSequenceSourceTest, ReadsTheLowestNumbers) {
  Add({{kMin, kMin + 2}}, true);
  ASSERT_TRUE(harness_.PollAll().ok());
  EXPECT_THAT(Numbers(), ElementsAre(kMin, kMin + 1, kMin + 2));
}

// std::iota counts one beyond the last number: signed overflow, reported by UBSan.
TEST_F(NumberSequenceSourceTest, ReadsTheHighestNumbers) {
  Add({{kMax - 2, kMax}}, true);
  ASSERT_TRUE(harness_.PollAll().ok());
  EXPECT_THAT(Numbers(), ElementsAre(kMax - 2, kMax - 1, kMax));
}

TEST_F(NumberSequenceSourceTest, StartsOnTheWholeRange) {
  Add({{kMin, kMax}}, true);
  EXPECT_EQ(Poll(), Progress::kMore);
  EXPECT_EQ(Poll(), Progress::kMore);
  const std::vector<int64_t> numbers = Numbers();
  ASSERT_EQ(numbers.size(), 2 * kBatchRecordsMax);
  for (size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], kMin + static_cast<int64_t>(i));
}

}  // namespace
}  // namespace pyflinkpp
