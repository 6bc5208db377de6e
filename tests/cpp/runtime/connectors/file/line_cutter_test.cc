#include "runtime/connectors/file/line_cutter.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "file_test_env.h"

namespace pyflinkpp::file_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

Chunk ChunkOf(absl::string_view bytes, bool last) {
  std::shared_ptr<char[]> copy = std::make_shared_for_overwrite<char[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  return {std::move(copy), bytes.size(), last};
}

// Feeds the cutter with `text` in chunks, up to the limit and as far beyond as it asks for.
absl::StatusOr<std::vector<std::string>> Cut(const std::string& text, int64_t first, int64_t limit,
                                             size_t chunk_bytes,
                                             size_t line_bytes_max = kLineBytesMax,
                                             size_t room_bytes = kBatchBytesMax) {
  LineCutter cutter("/data/in.txt", first, limit, line_bytes_max);
  std::vector<std::string> lines;
  auto position = static_cast<size_t>(LineCutter::FeedFrom(first));
  while (!cutter.done()) {
    if (cutter.needs_chunk()) {
      const absl::string_view bytes =
          absl::string_view(text).substr(std::min(position, text.size()), chunk_bytes);
      position += bytes.size();
      cutter.Feed(ChunkOf(bytes, bytes.empty() || (position == text.size() && position % 2 == 0)));
    }
    RecordBatch batch(StringSerializer());
    size_t room = room_bytes;
    RETURN_IF_ERROR(cutter.Cut(batch, room));
    AppendLines(batch, lines);
  }
  return lines;
}

// Every line is read by the split in which it begins, wherever splits and chunks end.
void CheckAllBorders(const std::string& text) {
  const auto expected = ExpectedLines(text);
  const auto size = static_cast<int64_t>(text.size());
  for (const size_t chunk_bytes : {1, 2, 3, 5, 8, 1000}) {
    for (int64_t first = 0; first <= size; ++first) {
      for (int64_t limit = first; limit <= size; ++limit) {
        std::vector<std::string> mine;
        for (const auto& [position, line] : expected) {
          const auto at = static_cast<int64_t>(position);
          if (at >= first && at < limit) mine.push_back(line);
        }
        const size_t room_bytes = chunk_bytes % 2 == 0 ? kBatchBytesMax : 1;
        const auto lines = Cut(text, first, limit, chunk_bytes, kLineBytesMax, room_bytes);
        ASSERT_TRUE(lines.ok()) << lines.status();
        ASSERT_EQ(*lines, mine) << testing::PrintToString(text) << " [" << first << ", " << limit
                                << ") by " << chunk_bytes;
      }
    }
  }
}

TEST(LineCutterTest, AllBordersOfTrickyTexts) {
  for (const char* text :
       {"", "a", "\n", "\r", "\r\n", "\n\r", "\r\r", "\n\n", "\r\r\n", "\r\n\n", "\n\r\n\r", "a\nb",
        "a\r\nb\r\n", "first\n\n two \nwindows\r\n\r\nlast", "mac\rold\r\rline",
        "\r\nab\r\r\n\n\rcd\n\r", "ü\r漢字\n🙂\r\n漢",
        "a long line that crosses many chunks\r\nand another one\n\n", "x\r\ny\rz\nlast\r"}) {
    CheckAllBorders(text);
  }
}

TEST(LineCutterTest, AllBordersOfRandomTexts) {
  std::mt19937 random(17);
  const std::vector<std::string> pieces = {"\n", "\r", "\r\n", "a", "bc", "é", "漢", "🙂"};
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (size_t n = random() % 12; n > 0; --n) text += pieces[random() % pieces.size()];
    CheckAllBorders(text);
  }
}

TEST(LineCutterTest, RowsPointIntoTheChunkAndKeepIt) {
  auto batch = std::make_unique<RecordBatch>(StringSerializer());
  std::weak_ptr<const char[]> bytes;
  {
    LineCutter cutter("in", 0, kNoLimit);
    Chunk chunk = ChunkOf("one\ntwo\nthr", false);
    bytes = chunk.bytes;
    const char* begin = chunk.bytes.get();
    cutter.Feed(std::move(chunk));
    size_t room = 100;
    ASSERT_TRUE(cutter.Cut(*batch, room).ok());
    EXPECT_EQ(room, 92u);
    ASSERT_EQ(batch->size(), 2u);
    EXPECT_EQ(batch->rows<StringRow>()[1].data, begin + 4);
    EXPECT_TRUE(cutter.needs_chunk());
  }
  EXPECT_FALSE(bytes.expired());
  EXPECT_EQ(batch->rows<StringRow>()[1].view(), "two");
  batch = nullptr;
  EXPECT_TRUE(bytes.expired());
}

TEST(LineCutterTest, BatchesAreBounded) {
  for (const char* end : {"\n", "\r"}) {
    std::string text;
    for (int i = 0; i < 2500; ++i) text += end;
    LineCutter cutter("in", 0, kNoLimit);
    cutter.Feed(ChunkOf(text, true));
    std::vector<size_t> sizes;
    while (!cutter.done()) {
      RecordBatch batch(StringSerializer());
      size_t room = kBatchBytesMax;
      ASSERT_TRUE(cutter.Cut(batch, room).ok());
      sizes.push_back(batch.size());
    }
    EXPECT_THAT(sizes, testing::ElementsAre(1000, 1000, 500));
  }
  LineCutter cutter("in", 0, kNoLimit);
  cutter.Feed(ChunkOf("aaaa\nbbbb\ncccc\n", true));
  RecordBatch batch(StringSerializer());
  size_t room = 6;
  ASSERT_TRUE(cutter.Cut(batch, room).ok());
  EXPECT_EQ(batch.size(), 2u);
  EXPECT_EQ(room, 0u);
  EXPECT_FALSE(cutter.done());
}

TEST(LineCutterTest, JoinsLongLines) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "漢";
  text += "\nshort";
  const auto lines = Cut(text, 0, kNoLimit, 1001);
  ASSERT_TRUE(lines.ok());
  EXPECT_THAT(*lines, testing::ElementsAre(text.substr(0, 300'000), "short"));
}

TEST(LineCutterTest, RefusesTooLongLines) {
  const std::string text = "short\n" + std::string(1000, 'x') + "\n";
  EXPECT_TRUE(Cut(text, 0, kNoLimit, 10, 1000).ok());
  const auto lines = Cut(text, 0, kNoLimit, 10, 500);
  EXPECT_THAT(lines.status().message(),
              HasSubstr("the line at byte 6 of /data/in.txt is longer than 500 bytes"));
}

TEST(LineCutterTest, NamesTheInvalidByte) {
  std::string text = "some lines\r\nbefore\n";
  const size_t bad = text.size() + 3;
  text += "über \xff\xfe later\nmore\n";
  text[bad] = '\xc0';
  for (const size_t chunk_bytes : {1, 4, 1000}) {
    // Of "über", ü takes two bytes: the bad byte is the third letter.
    const auto lines = Cut(text, 0, kNoLimit, chunk_bytes);
    EXPECT_THAT(
        std::string(lines.status().message()),
        AllOf(HasSubstr("not valid UTF-8 at byte " + std::to_string(bad) + " of /data/in.txt"),
              HasSubstr("found c0"), HasSubstr("iconv")))
        << chunk_bytes;
    EXPECT_EQ(FailureOf(lines.status()).kind, idl::FaultKind::USER);
    // It counts from the front of the file in later splits, too.
    const auto later = Cut(text, 11, kNoLimit, chunk_bytes);
    EXPECT_THAT(later.status().message(), HasSubstr("at byte " + std::to_string(bad) + " of"));
    // Who only passes over the line leaves it to its owner.
    EXPECT_TRUE(Cut(text, static_cast<int64_t>(bad), kNoLimit, chunk_bytes).ok());
  }
  EXPECT_THAT(Cut("cut \xe6\xbc", 0, kNoLimit, 3).status().message(), HasSubstr("at byte 4 of"));
  EXPECT_THAT(Cut("cut \xe6\xbc\n\xa2", 0, kNoLimit, 3).status().message(),
              HasSubstr("at byte 4 of"));
}

}  // namespace
}  // namespace pyflinkpp::file_test
