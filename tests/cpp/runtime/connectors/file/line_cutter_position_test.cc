// Where a reader goes on that is restored.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/types/native_serializers.h"
#include "runtime/connectors/file/line_cutter.h"

namespace pyflinkpp {
namespace {

// Cuts at most `most` lines of [first, limit) of the text, from chunks of `chunk_bytes`, and says
// where the rest begins.
std::vector<std::string> Cut(const std::string& text, int64_t first, int64_t limit,
                             size_t chunk_bytes, size_t most, int64_t* position) {
  LineCutter cutter("/file", first, limit);
  size_t fed = static_cast<size_t>(LineCutter::FeedFrom(first));
  std::vector<std::string> lines;
  while (!cutter.done() && lines.size() < most) {
    if (cutter.needs_chunk()) {
      const size_t size = std::min(chunk_bytes, text.size() - fed);
      std::shared_ptr<char[]> bytes(new char[size + 1]);
      std::memcpy(bytes.get(), text.data() + fed, size);
      fed += size;
      cutter.Feed({bytes, size, fed == text.size()});
    }
    RecordBatch batch(StringSerializer());
    size_t room = 1;  // a line
    EXPECT_TRUE(cutter.Cut(batch, room).ok());
    for (size_t i = 0; i < batch.size(); ++i) lines.emplace_back(batch.rows<StringRow>()[i].view());
  }
  *position = cutter.done() ? limit : cutter.position();
  return lines;
}

TEST(LineCutterPositionTest, TheRestBeginsThereWhereverItStops) {
  for (const std::string& text :
       {std::string("one\ntwo\nthree"), std::string("one\r\ntwo\r\n\r\nthree\r\n"),
        std::string("a\rb\r\rc\r\n\nd"), std::string("\n\n\r\n"), std::string("alone")}) {
    const auto size = static_cast<int64_t>(text.size());
    for (int64_t first = 0; first < size; ++first) {
      for (int64_t limit = first + 1; limit <= size; ++limit) {
        for (const size_t chunk_bytes : {1, 2, 3, 5, 100}) {
          int64_t end;
          const std::vector<std::string> all = Cut(text, first, limit, chunk_bytes, SIZE_MAX, &end);
          for (size_t most = 0; most <= all.size(); ++most) {
            int64_t position;
            std::vector<std::string> lines = Cut(text, first, limit, chunk_bytes, most, &position);
            const std::vector<std::string> rest =
                Cut(text, position, limit, chunk_bytes % 4 + 1, SIZE_MAX, &end);
            lines.insert(lines.end(), rest.begin(), rest.end());
            ASSERT_EQ(lines, all) << first << " to " << limit << ", " << most
                                  << " lines, chunks of " << chunk_bytes;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace pyflinkpp
