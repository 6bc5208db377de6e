#include "core/stream/arena.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace pyflinkpp {
namespace {

TEST(ArenaTest, CopiesStayWhereAndWhatTheyAre) {
  Arena arena;
  std::mt19937 random(1);
  std::vector<std::pair<absl::string_view, std::string>> copies;
  for (int i = 0; i < 3000; ++i) {
    const size_t size = random() % 16 == 0 ? random() % 5000 : random() % 40;
    std::string bytes(size, static_cast<char>('a' + i % 26));
    copies.emplace_back(arena.Copy(bytes), bytes);
  }
  for (const auto& [copy, bytes] : copies) ASSERT_EQ(copy, bytes);
}

TEST(ArenaTest, ABlockLargerThanAllBeforeFits) {
  Arena arena;
  const absl::string_view small = arena.Copy("small");
  const std::string large(1 << 20, 'x');
  const absl::string_view copy = arena.Copy(large);
  const absl::string_view after = arena.Copy("after");
  EXPECT_EQ(small, "small");
  EXPECT_EQ(copy, large);
  EXPECT_EQ(after, "after");
}

TEST(ArenaTest, AllocationsOfMultiplesOfEightAreAligned) {
  Arena arena;
  for (int i = 1; i < 1000; ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.Allocate(8 * (i % 9 + 1))) % 8, 0u);
  }
}

TEST(ArenaTest, NothingTakesNothing) {
  Arena arena;
  EXPECT_TRUE(arena.Copy("").empty());
  arena.Allocate(0);
  EXPECT_EQ(arena.Copy("a"), "a");
}

TEST(ArenaTest, ItsMemoryMovesWithIt) {
  Arena first;
  const absl::string_view copy = first.Copy("moved along");
  Arena second = std::move(first);
  const absl::string_view other = second.Copy("more");
  Arena third;
  third.Copy("freed");
  third = std::move(second);
  EXPECT_EQ(copy, "moved along");
  EXPECT_EQ(other, "more");
}

TEST(ArenaTest, AdoptedBuffersLiveAsLongAsItDoes) {
  auto buffer = std::make_shared<const std::string>("shared");
  std::weak_ptr<const std::string> watched = buffer;
  {
    Arena arena;
    arena.Adopt(buffer);
    arena.Adopt(buffer);
    EXPECT_EQ(buffer.use_count(), 2) << "the last buffer is not held twice";
    auto other = std::make_shared<const int>(1);
    arena.Adopt(other);
    arena.Adopt(buffer);
    buffer.reset();
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace pyflinkpp
