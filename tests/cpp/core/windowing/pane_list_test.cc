#include "core/windowing/pane_list.h"

#include <gmock/gmock.h>

#include <array>
#include <string>

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PaneListTest : public testing::Test {
 protected:
  ~PaneListTest() override {
    serializer_->Release(Row(0), 1);
    serializer_->Release(Row(1), 1);
  }
  std::byte* Row(size_t i) { return reinterpret_cast<std::byte*>(&rows_[i]); }

  const std::shared_ptr<const TypeSerializer> serializer_ = PaneList::Serializer();
  std::array<uint64_t, 2> rows_{};
  Arena arena_;
};

TEST_F(PaneListTest, KeepsTheOrderInWhichPanesCame) {
  PaneList list(Row(0));
  EXPECT_THAT(list.panes(), IsEmpty());
  list.EraseIf([](int64_t) { return true; });
  for (const int64_t pane : {30, -10, 20}) list.Append(pane);
  EXPECT_THAT(list.panes(), ElementsAre(30, -10, 20));
  list.EraseIf([](int64_t pane) { return pane == -10; });
  EXPECT_THAT(PaneList::Of(Row(0)), ElementsAre(30, 20));
}

TEST_F(PaneListTest, ACopySharesNothing) {
  PaneList(Row(0)).Append(1);
  ASSERT_TRUE(serializer_->Copy(Row(0), 1, Row(1), arena_).ok());
  PaneList(Row(1)).Append(2);
  EXPECT_THAT(PaneList::Of(Row(0)), ElementsAre(1));
  EXPECT_THAT(PaneList::Of(Row(1)), ElementsAre(1, 2));
}

TEST_F(PaneListTest, MovingLeavesNothingBehind) {
  PaneList(Row(0)).Append(1);
  serializer_->Move(Row(0), 1, Row(1), arena_);
  EXPECT_EQ(rows_[0], 0u);
  EXPECT_THAT(PaneList::Of(Row(1)), ElementsAre(1));
}

TEST_F(PaneListTest, RoundTripAndGoldenBytes) {
  PaneList(Row(0)).Append(1);
  PaneList(Row(0)).Append(-2);
  std::string bytes;
  BinaryWriter writer(bytes);
  ASSERT_TRUE(serializer_->Write(Row(0), 1, writer).ok());
  EXPECT_EQ(bytes, std::string("\x02\x01\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff", 17));
  BinaryReader reader(bytes);
  ASSERT_TRUE(serializer_->Read(reader, 1, Row(1), arena_).ok());
  EXPECT_THAT(PaneList::Of(Row(1)), ElementsAre(1, -2));
  serializer_->Release(Row(1), 1);
  rows_[1] = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    BinaryReader short_reader(cut);
    EXPECT_FALSE(serializer_->Read(short_reader, 1, Row(1), arena_).ok()) << size;
    EXPECT_EQ(rows_[1], 0u);
  }
}

TEST_F(PaneListTest, Prints) {
  PaneList(Row(0)).Append(1);
  PaneList(Row(0)).Append(-2);
  std::string text;
  std::vector<size_t> ends;
  ASSERT_TRUE(serializer_->Format(Row(0), 1, text, ends).ok());
  EXPECT_EQ(text, "1,-2,");
  EXPECT_THAT(ends, ElementsAre(5u));
}

}  // namespace
}  // namespace pyflinkpp
