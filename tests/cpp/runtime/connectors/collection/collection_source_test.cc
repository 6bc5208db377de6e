#include "runtime/connectors/collection/collection_source.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "harness/operator_harness.h"
#include "harness/tracked_serializer.h"

namespace pyflinkpp {
namespace {

using harness::OperatorHarness;
using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;
using testing::IsEmpty;

std::string Element(const std::string& text) {
  std::string bytes;
  BinaryWriter(bytes).PutBytes(text);
  return bytes;
}

class CollectionSourceTest : public testing::Test {
 protected:
  void Make(const std::vector<std::string>& elements) {
    idl::CollectionSource spec;
    spec.elements = elements;
    harness_.emplace(MakeCollectionSource(spec, StringSerializer()));
    ASSERT_TRUE(harness_->Open().ok());
  }
  void AddAll(int64_t from = 0) {
    std::vector<idl::SourceSplit> splits;
    splits.emplace_back().__set_collection_from(from);
    source().AddSplits(std::move(splits), true);
  }
  SourceOperator& source() { return static_cast<SourceOperator&>(harness_->op()); }

  std::optional<OperatorHarness> harness_;
};

TEST_F(CollectionSourceTest, EmitsItsElementsInOrder) {
  Make({Element("a"), Element(""), Element("c")});
  EXPECT_EQ(*harness_->Poll(), Progress::kWait);
  AddAll();
  ASSERT_TRUE(harness_->PollAll().ok());
  EXPECT_THAT(harness_->Texts(), ElementsAre("a", "", "c"));
  EXPECT_EQ(harness_->counters().records_out, 3);
}

TEST_F(CollectionSourceTest, GoesOnBehindAnElement) {
  Make({Element("a"), Element("b"), Element("c")});
  AddAll(2);
  ASSERT_TRUE(harness_->PollAll().ok());
  EXPECT_THAT(harness_->Texts(), ElementsAre("c"));
}

TEST_F(CollectionSourceTest, AReaderWithoutASplitEmitsNothing) {
  Make({Element("a")});
  source().AddSplits({}, true);
  EXPECT_EQ(*harness_->Poll(), Progress::kDone);
  EXPECT_THAT(harness_->Texts(), IsEmpty());
}

TEST_F(CollectionSourceTest, AnEmptyCollectionEnds) {
  Make({});
  AddAll();
  EXPECT_EQ(*harness_->Poll(), Progress::kDone);
}

TEST_F(CollectionSourceTest, CutsManyElementsIntoBatches) {
  std::vector<std::string> elements, expected;
  for (size_t i = 0; i < 2 * kBatchRecordsMax + 1; ++i) {
    expected.push_back(std::to_string(i));
    elements.push_back(Element(expected.back()));
  }
  Make(elements);
  AddAll();
  ASSERT_TRUE(harness_->PollAll().ok());
  EXPECT_EQ(harness_->outputs.size(), 3u);
  EXPECT_EQ(harness_->Texts(), expected);
}

TEST_F(CollectionSourceTest, LargeElementsMakeSmallBatches) {
  const std::string large(kBatchBytesMax / 2, 'x');
  Make(std::vector<std::string>(5, Element(large)));
  AddAll();
  ASSERT_TRUE(harness_->PollAll().ok());
  EXPECT_EQ(harness_->outputs.size(), 3u);
  EXPECT_EQ(harness_->Texts(), std::vector<std::string>(5, large));
}

TEST_F(CollectionSourceTest, AMutilatedElementIsAnError) {
  Make({Element("a"),
        "\x05"
        "abc"});
  AddAll();
  EXPECT_EQ(harness_->PollAll().code(), absl::StatusCode::kDataLoss);
}

TEST(CollectionSourceValuesTest, ValuesAreReleasedAlsoAfterAnError) {
  TrackedValues values;
  idl::CollectionSource spec;
  spec.elements = {Element("a"), Element("b"), "\x05"};
  OperatorHarness harness(
      MakeCollectionSource(spec, std::make_shared<const TrackedSerializer>(values)));
  ASSERT_TRUE(harness.Open().ok());
  std::vector<idl::SourceSplit> splits;
  splits.emplace_back().__set_collection_from(0);
  static_cast<SourceOperator&>(harness.op()).AddSplits(std::move(splits), true);
  EXPECT_FALSE(harness.PollAll().ok());
  EXPECT_EQ(values.made(), 2u);
  harness.outputs.clear();
  EXPECT_EQ(values.live(), 0u);
}

TEST(CollectionEnumeratorTest, TheFirstReaderThatAsksGetsAll) {
  harness::TestEnv env;
  SplitEnumeratorContext context{.env = env.env, .parallelism = 2, .post = {}, .assign = {}};
  std::vector<std::pair<int, size_t>> assigned;
  context.assign = [&](int subtask, std::vector<idl::SourceSplit> splits, bool no_more) {
    EXPECT_TRUE(no_more);
    EXPECT_TRUE(splits.empty() || splits[0].collection_from == 0);
    assigned.emplace_back(subtask, splits.size());
  };
  const auto enumerator = MakeCollectionEnumerator();
  bool started = false;
  enumerator->Start(context, [&](const absl::Status& status) { started = status.ok(); });
  EXPECT_TRUE(started);
  for (const int subtask : {1, 0, 1}) enumerator->HandleSplitRequest(subtask);
  EXPECT_THAT(assigned, ElementsAre(std::pair(1, 1u), std::pair(0, 0u), std::pair(1, 0u)));
}

}  // namespace
}  // namespace pyflinkpp
