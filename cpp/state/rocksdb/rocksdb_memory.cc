#include "state/rocksdb/rocksdb_memory.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/mutex.h"

namespace pyflinkpp {
namespace {

constexpr size_t kWriteBufferLeast = size_t{1} << 20;
constexpr size_t kWriteBufferMost = size_t{4} << 20;
constexpr size_t kBuffersOfAll = 32;  // in use at a time: some states with some each
constexpr size_t kWriteBuffersLeast = size_t{4} << 20;  // with less, RocksDB flushes all the time

}  // namespace

RocksDbMemory::RocksDbMemory(const RocksDbMemoryPlan& plan) {
  const auto all = static_cast<size_t>(plan.bytes);
  row_bytes_ = all / 4;
  const double rest = static_cast<double>(all - row_bytes_);
  const auto cache = static_cast<size_t>(rest * (3 - plan.write_buffer_ratio) / 3);
  const size_t buffers =
      std::max(static_cast<size_t>(rest * 2 * plan.write_buffer_ratio / 3), kWriteBuffersLeast);
  block_cache_ = rocksdb::NewLRUCache(cache, /*num_shard_bits=*/-1,
                                      /*strict_capacity_limit=*/false, plan.high_prio_pool_ratio);
  write_buffers_ = std::make_shared<rocksdb::WriteBufferManager>(buffers, block_cache_);
  write_buffer_bytes_ = std::clamp(buffers / kBuffersOfAll, kWriteBufferLeast, kWriteBufferMost);
}

std::shared_ptr<RocksDbMemory> RocksDbMemory::For(const RocksDbMemoryPlan& plan) {
  if (!plan.managed) return std::make_shared<RocksDbMemory>(plan);
  struct Known {
    RocksDbMemoryPlan plan;
    std::weak_ptr<RocksDbMemory> memory;
  };
  struct Process {
    Mutex mutex;
    std::vector<Known> known ABSL_GUARDED_BY(mutex);
  };
  static Process process;
  MutexLock lock(process.mutex);
  std::erase_if(process.known, [](const Known& one) { return one.memory.expired(); });
  for (const Known& one : process.known) {
    if (one.plan != plan) continue;
    if (std::shared_ptr<RocksDbMemory> memory = one.memory.lock()) return memory;
  }
  auto memory = std::make_shared<RocksDbMemory>(plan);
  process.known.push_back({plan, memory});
  return memory;
}

}  // namespace pyflinkpp
