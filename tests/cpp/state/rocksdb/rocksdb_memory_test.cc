#include "state/rocksdb/rocksdb_memory.h"

#include <gtest/gtest.h>

namespace pyflinkpp {
namespace {

constexpr size_t kMb = size_t{1} << 20;

TEST(RocksDbMemoryTest, TheProcessHasOneForAllWhoAskForTheSame) {
  const RocksDbMemoryPlan plan = {.bytes = 96 * kMb};
  std::shared_ptr<RocksDbMemory> first = RocksDbMemory::For(plan);
  EXPECT_EQ(RocksDbMemory::For(plan), first);
  EXPECT_NE(RocksDbMemory::For({.bytes = 97 * kMb}), first);
  EXPECT_NE(RocksDbMemory::For({.managed = false, .bytes = 96 * kMb}), first);
  EXPECT_NE(RocksDbMemory::For({.managed = false, .bytes = 96 * kMb}),
            RocksDbMemory::For({.managed = false, .bytes = 96 * kMb}));
  const std::weak_ptr<RocksDbMemory> gone = first;
  first.reset();
  EXPECT_TRUE(gone.expired()) << "nobody uses it";
}

TEST(RocksDbMemoryTest, ItIsDividedWithNothingLeftOver) {
  const RocksDbMemory memory({.bytes = 512 * kMb});
  // 128 MB of rows; of 384 MB, write buffers are to take 128 MB and may take 192 MB, and 192 MB are
  // for blocks. Buffers are charged to the cache up to what they are to take.
  EXPECT_EQ(memory.block_cache()->GetCapacity(), 320 * kMb);
  EXPECT_EQ(memory.write_buffers()->buffer_size(), 128 * kMb);
  EXPECT_TRUE(memory.write_buffers()->cost_to_cache());
  EXPECT_EQ(memory.write_buffer_bytes(), 4 * kMb);
}

TEST(RocksDbMemoryTest, SmallBudgetsHaveSmallBuffers) {
  const RocksDbMemory memory({.bytes = 64 * kMb});
  EXPECT_EQ(memory.write_buffer_bytes(), 1 * kMb);
  EXPECT_EQ(RocksDbMemory({.bytes = 1 * kMb}).write_buffers()->buffer_size(), 4 * kMb);
}

TEST(RocksDbMemoryTest, StatesShareTheRowsMemoryWhileTheyLive) {
  const auto memory = std::make_shared<RocksDbMemory>(RocksDbMemoryPlan{.bytes = 400 * kMb});
  const RocksDbMemory::RowShare one(memory);
  EXPECT_EQ(one.bytes(), 100 * kMb);
  {
    const RocksDbMemory::RowShare two(memory);
    EXPECT_EQ(one.bytes(), 50 * kMb);
    EXPECT_EQ(two.bytes(), 50 * kMb);
  }
  EXPECT_EQ(one.bytes(), 100 * kMb);
}

}  // namespace
}  // namespace pyflinkpp
