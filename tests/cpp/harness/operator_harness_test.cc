#include "harness/operator_harness.h"

#include <gmock/gmock.h>

#include <string>

namespace pyflinkpp::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Adds 100; stops after each element when asked to, says kWait once before "slow" numbers, ends
// with the sum.
class Adder final : public Operator {
 public:
  explicit Adder(std::string* calls) : calls_(calls) {}
  absl::Status Open(OperatorContext& context) override {
    *calls_ += "open ";
    context_ = &context;
    return absl::OkStatus();
  }
  absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& view, Output& output) override {
    *calls_ += "batch" + std::to_string(input) + " ";
    while (!view.done()) {
      const int64_t value = view.batch->rows<int64_t>()[view.position];
      if (value == kStuck) return Progress::kMore;
      if (value == kSleeps) return Progress::kWait;
      if (value == kSlow && !std::exchange(waited_, true)) {
        context_->env.io.Run([this] { context_->wake(); });
        return Progress::kWait;
      }
      sum_ += value;
      ++view.position;
      ++context_->counters[0].records_in;
      output.batch(LongSerializer()).AppendRow(value + 100);
      if (context_->should_yield()) break;
    }
    return view.done() ? Progress::kDone : Progress::kMore;
  }
  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) override {
    output.batch(LongSerializer()).AppendRow(-watermark.timestamp);
    return Progress::kDone;
  }
  absl::StatusOr<Progress> Finish(Output& output) override {
    *calls_ += "finish ";
    output.batch(LongSerializer()).AppendRow(sum_);
    return std::exchange(finished_, true) ? Progress::kDone : Progress::kMore;
  }
  absl::Status Close() override {
    *calls_ += "close ";
    context_->report_accumulator("sum", std::to_string(sum_));
    return absl::OkStatus();
  }
  static constexpr int64_t kSlow = 50, kStuck = 60, kSleeps = 70;

 private:
  std::string* const calls_;
  OperatorContext* context_ = nullptr;
  int64_t sum_ = 0;
  bool waited_ = false;
  bool finished_ = false;
};

class OperatorHarnessTest : public testing::Test {
 protected:
  std::string calls_;
  OperatorHarness harness_{std::make_unique<Adder>(&calls_)};
};

TEST_F(OperatorHarnessTest, ShowsWhatTheOperatorEmits) {
  ASSERT_TRUE(harness_.Open().ok());
  ASSERT_TRUE(harness_.Push(Longs({1, 2, 3}), 1).ok());
  ASSERT_TRUE(harness_.PushWatermark(9).ok());
  ASSERT_TRUE(harness_.Finish().ok());
  ASSERT_TRUE(harness_.Close().ok());
  EXPECT_THAT(harness_.Texts(), ElementsAre("101", "102", "103", "-9", "6", "6"));
  EXPECT_EQ(harness_.outputs.size(), 4u);
  EXPECT_EQ(harness_.counters().records_in, 3);
  EXPECT_THAT(harness_.accumulators["sum"], ElementsAre("6"));
  EXPECT_EQ(calls_, "open batch1 finish finish close ");
}

TEST_F(OperatorHarnessTest, CallsAgainUntilABatchIsConsumed) {
  ASSERT_TRUE(harness_.Open().ok());
  harness_.YieldAlways(true);
  ASSERT_TRUE(harness_.Push(Longs({1, 2, 3})).ok());
  EXPECT_EQ(harness_.calls, 3);
  EXPECT_EQ(harness_.outputs.size(), 3u);
  EXPECT_THAT(harness_.Texts(), ElementsAre("101", "102", "103"));
}

TEST_F(OperatorHarnessTest, WaitsForTheOperatorsWake) {
  ASSERT_TRUE(harness_.Open().ok());
  ASSERT_TRUE(harness_.Push(Longs({1, Adder::kSlow, 2})).ok());
  EXPECT_THAT(harness_.Texts(), ElementsAre("101", "150", "102"));
  EXPECT_EQ(harness_.calls, 2);
}

TEST_F(OperatorHarnessTest, FindsOperatorsThatHang) {
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(std::string(harness_.Push(Longs({Adder::kStuck})).message()),
              HasSubstr("no progress"));
  EXPECT_THAT(std::string(harness_.Push(Longs({Adder::kSleeps})).message()),
              HasSubstr("nothing will wake it"));
}

TEST(OperatorHarnessLifetimeTest, ClosesWhatWasOpenedAndNothingElse) {
  std::string calls;
  { OperatorHarness harness(std::make_unique<Adder>(&calls)); }
  EXPECT_EQ(calls, "");
  {
    OperatorHarness harness(std::make_unique<Adder>(&calls));
    ASSERT_TRUE(harness.Open().ok());
  }
  EXPECT_EQ(calls, "open close ");
}

}  // namespace
}  // namespace pyflinkpp::harness
