// Side outputs, watermarks that operators make themselves, and the clock's time in a chain.
#include <gmock/gmock.h>

#include <functional>

#include "runtime/task/operator_chain_fixture.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Passes texts on. "side N text" goes to side output N, "watermark T" becomes a watermark of its
// own, "alarm T" asks for the clock's time.
class ScriptedOperator final : public Operator {
 public:
  ScriptedOperator(std::string name, harness::CallLog& log,
                   std::shared_ptr<const harness::TrackedSerializer> serializer,
                   bool makes_watermarks = false)
      : name_(std::move(name)),
        log_(log),
        serializer_(std::move(serializer)),
        makes_watermarks_(makes_watermarks) {}

  absl::Status Open(OperatorContext&) override { return absl::OkStatus(); }
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    while (!view.done() && !output.full()) {
      std::byte* row = view.batch->row(view.position++);
      const std::string text = serializer_->Get(row);
      log_.push_back(name_ + " " + text);
      if (text.starts_with("watermark ")) {
        output.EmitWatermark({std::stoll(text.substr(10)), false});
      } else if (text.starts_with("alarm ")) {
        alarm_ = std::stoll(text.substr(6));
      } else {
        const int side = text.starts_with("side ") ? text[5] - '0' : Output::kMain;
        serializer_->Put(output.batch(serializer_, side).Append(1), text);
      }
    }
    return view.done() ? Progress::kDone : Progress::kMore;
  }
  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) override {
    log_.push_back(name_ + (watermark.idle ? " idle" : " W" + std::to_string(watermark.timestamp)));
    if (parts_ == 0) return Progress::kDone;
    serializer_->Put(output.batch(serializer_).Append(1), "part " + std::to_string(parts_--));
    return Progress::kMore;
  }
  bool makes_watermarks() const override { return makes_watermarks_; }
  int64_t next_processing_time() const override { return alarm_; }
  absl::Status OnProcessingTime(int64_t now, Output& output) override {
    log_.push_back(name_ + " at " + std::to_string(now));
    serializer_->Put(output.batch(serializer_).Append(1), "rang " + name_);
    alarm_ = kMaxTimestamp;
    return absl::OkStatus();
  }
  void EmitInParts(int parts) { parts_ = parts; }

 private:
  const std::string name_;
  harness::CallLog& log_;
  const std::shared_ptr<const harness::TrackedSerializer> serializer_;
  const bool makes_watermarks_;
  int64_t alarm_ = kMaxTimestamp;
  int parts_ = 0;
};

class OperatorChainEventTimeTest : public OperatorChainTest {
 protected:
  ScriptedOperator& AddScripted(const std::string& name, std::vector<size_t> successors,
                                std::vector<size_t> partitions = {}, int takes = Output::kMain,
                                bool makes_watermarks = false) {
    auto op = std::make_unique<ScriptedOperator>(name, log_, serializer_, makes_watermarks);
    ScriptedOperator& result = *op;
    AddOperator(std::move(op), std::move(successors), std::move(partitions), takes);
    return result;
  }
  // The watermarks that a partition got.
  static std::vector<int64_t> WatermarksOf(const harness::FarEnd& end) {
    std::vector<int64_t> watermarks;
    for (const StreamElement& element : end.elements) {
      if (const auto* watermark = std::get_if<Watermark>(&element))
        watermarks.push_back(watermark->timestamp);
    }
    return watermarks;
  }
};

TEST_F(OperatorChainEventTimeTest, EachOutputGoesToThoseThatTakeIt) {
  AddScripted("a", {1, 2}, {0, 1, 2});
  AddScripted("main", {});
  AddScripted("side", {}, {}, 1);
  MakeAndOpen(3, {Output::kMain, 0, 1});
  Push({"x", "side 1 y", "side 0 z", "side 2 nobody", "w"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("x", "w"));
  EXPECT_THAT(ends_[1].Texts(), ElementsAre("side 0 z"));
  EXPECT_THAT(ends_[2].Texts(), ElementsAre("side 1 y"));
  EXPECT_THAT(log_, testing::IsSupersetOf({"main x", "main w", "side side 1 y"}));
  EXPECT_EQ(values_.live(), ends_[0].Texts().size() + 2);
}

TEST_F(OperatorChainEventTimeTest, AnOwnWatermarkReachesOnlyWhatComesBehind) {
  AddScripted("a", {1, 3});
  AddScripted("b", {2}, {0}, Output::kMain, true);
  AddScripted("c", {}, {1});
  Add({.name = "d"}, {}, {2});
  MakeAndOpen(3);
  Push({"watermark 7"});  // a sends it; b makes its own
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(WatermarksOf(ends_[0]), IsEmpty());
  EXPECT_THAT(WatermarksOf(ends_[1]), IsEmpty());
  EXPECT_THAT(WatermarksOf(ends_[2]), ElementsAre(7));
}

TEST_F(OperatorChainEventTimeTest, WatermarksOfTheInputEndAtAnOperatorThatMakesItsOwn) {
  AddScripted("a", {1, 3});
  AddScripted("b", {2}, {0}, Output::kMain, true);
  AddScripted("c", {}, {1});
  AddScripted("d", {}, {2});
  MakeAndOpen(3);
  for (const Watermark& watermark :
       {Watermark{5, false}, Watermark{5, true}, Watermark{kMaxTimestamp, false}}) {
    chain_->PushWatermark(watermark);
    EXPECT_EQ(RunOn(), Progress::kDone);
  }
  EXPECT_THAT(WatermarksOf(ends_[0]), ElementsAre(kMaxTimestamp));
  EXPECT_THAT(WatermarksOf(ends_[1]), ElementsAre(kMaxTimestamp));
  EXPECT_THAT(WatermarksOf(ends_[2]), ElementsAre(5, 5, kMaxTimestamp));
}

TEST_F(OperatorChainEventTimeTest, OwnWatermarksPassBetweenTheElements) {
  AddScripted("b", {1}, {0}, Output::kMain, true);
  AddScripted("c", {}, {1});
  MakeAndOpen(2);
  Push({"x", "watermark 7", "y", "watermark 9"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(log_, ElementsAre("b x", "b watermark 7", "c x", "c W7", "b y", "b watermark 9",
                                "c y", "c W9"));
  EXPECT_THAT(WatermarksOf(ends_[0]), ElementsAre(7, 9));
  EXPECT_THAT(WatermarksOf(ends_[1]), ElementsAre(7, 9));
}

TEST_F(OperatorChainEventTimeTest, AWatermarkWaitsForWhatAnOperatorEmitsInParts) {
  ScriptedOperator& a = AddScripted("a", {1});
  AddScripted("b", {}, {0});
  MakeAndOpen(1);
  a.EmitInParts(2);
  chain_->PushWatermark({3, false});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(log_, ElementsAre("a W3", "b part 2", "a W3", "b part 1", "a W3", "b W3"));
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("part 2", "part 1", "W3"));
}

TEST_F(OperatorChainEventTimeTest, TheClocksTimeGoesToWhomItIsDue) {
  AddScripted("a", {1});
  AddScripted("b", {}, {0});
  MakeAndOpen(1);
  EXPECT_EQ(chain_->next_processing_time(), kMaxTimestamp);
  Push({"alarm 50"});
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_EQ(chain_->next_processing_time(), 50);
  ASSERT_TRUE(chain_->RunProcessingTime(49).ok());
  EXPECT_EQ(chain_->next_processing_time(), 50);
  ASSERT_TRUE(chain_->RunProcessingTime(60).ok());
  EXPECT_EQ(chain_->next_processing_time(), kMaxTimestamp);
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_THAT(log_, ElementsAre("a alarm 50", "a at 60", "b rang a"));
}

TEST_F(OperatorChainEventTimeTest, ABatchGoesBeforeTheClocksTimeOfOperatorsInFrontOfIt) {
  AddScripted("a", {1});
  Add({.name = "b", .yields = true}, {}, {0});
  MakeAndOpen(1);
  Push({"alarm 50", "x", "y"});
  EXPECT_EQ(Run(), Progress::kMore);
  EXPECT_EQ(chain_->next_processing_time(), kMaxTimestamp) << "b still has a batch";
  EXPECT_EQ(RunOn(), Progress::kDone);
  EXPECT_EQ(chain_->next_processing_time(), 50);
}

// ---- the end in batch mode ----

TEST_F(OperatorChainTest, InBatchModeTheLastWatermarkComesBehindAllResults) {
  Add({.name = "a", .emits_at_watermarks = true, .finish_parts = 2}, {1, 2});
  Add({.name = "b", .finish_parts = 1}, {}, {0});
  Add({.name = "c"}, {}, {1});
  MakeAndOpen(2);
  Push({"1"});
  ASSERT_EQ(RunOn(), Progress::kDone);
  log_.clear();
  chain_->PushEndWithWatermark();
  ASSERT_EQ(RunOn(), Progress::kDone);
  const std::string last = "W" + std::to_string(kMaxTimestamp);
  EXPECT_THAT(log_, ElementsAre("a " + last, "c wa", "b wa", "a finish", "c fa", "b fa", "a finish",
                                "c fa", "b fa", "a finish", "b " + last, "b finish", "b finish",
                                "c " + last, "c finish"));
  EXPECT_THAT(ends_[0].Texts(), ElementsAre("1ab", "wab", "fab", "fab", "fb", "Wmax", "E"));
  EXPECT_THAT(ends_[1].Texts(), ElementsAre("1ac", "wac", "fac", "fac", "Wmax", "E"));
  EXPECT_EQ(chain_->watermark().timestamp, kMaxTimestamp);
}

TEST_F(OperatorChainTest, AFailedChannelFailsTheChain) {
  Add({.name = "a"}, {}, {0});
  blocking_ = true;
  MakeAndOpen(1);
  Push({"1"});
  ends_[0].status = absl::DataLossError("disk full");
  EXPECT_EQ(chain_->Run().status(), absl::DataLossError("disk full"));
}

TEST_F(OperatorChainTest, TheEndIsDoneWhenTheResultsSurviveTheTask) {
  Add({.name = "a"}, {}, {0});
  blocking_ = true;
  MakeAndOpen(1);
  ends_[0].settled = false;
  Push({"1"});
  ASSERT_EQ(RunOn(), Progress::kDone);
  chain_->PushEndWithWatermark();
  EXPECT_EQ(RunOn(), Progress::kWait);
  ends_[0].settled = true;
  EXPECT_EQ(RunOn(), Progress::kDone);
}

}  // namespace
}  // namespace pyflinkpp
