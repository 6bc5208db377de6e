// What all RocksDB state of a process may take of its memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "rocksdb/cache.h"
#include "rocksdb/write_buffer_manager.h"

namespace pyflinkpp {

// The settings, with Flink's defaults.
struct RocksDbMemoryPlan {
  bool managed = true;  // one budget for the process; else each backend has one of its own
  int64_t bytes = int64_t{512} << 20;
  double write_buffer_ratio = 0.5;    // of what RocksDB itself gets
  double high_prio_pool_ratio = 0.1;  // of the block cache, for indexes and filters
  friend bool operator==(const RocksDbMemoryPlan&, const RocksDbMemoryPlan&) = default;
};

// One budget: a quarter is for row caches (row_cache.h), each state has an equal share of it; the
// rest is RocksDB's block cache, to which write buffers are charged, divided as Flink does: buffers
// may be half as large again as they should while they are flushed, and all of it is to fit.
// Shared by all threads.
class RocksDbMemory {
 public:
  explicit RocksDbMemory(const RocksDbMemoryPlan& plan);
  RocksDbMemory(const RocksDbMemory&) = delete;
  RocksDbMemory& operator=(const RocksDbMemory&) = delete;

  // The process's one for a managed plan, made with its first user and gone with its last one. A
  // TaskManager's tasks have nothing else in common that would hand it to them, and threads of
  // several TaskManagers in one process share its memory, too: so the process keeps it. Jobs that
  // ask for other sizes than those before them get a budget of their own.
  static std::shared_ptr<RocksDbMemory> For(const RocksDbMemoryPlan& plan);

  const std::shared_ptr<rocksdb::Cache>& block_cache() const { return block_cache_; }
  const std::shared_ptr<rocksdb::WriteBufferManager>& write_buffers() const {
    return write_buffers_;
  }
  // The size at which a memtable is switched.
  size_t write_buffer_bytes() const { return write_buffer_bytes_; }

  // A state's part of the row caches' memory, while it lives.
  class RowShare {
   public:
    explicit RowShare(std::shared_ptr<RocksDbMemory> memory) : memory_(std::move(memory)) {
      memory_->row_shares_.fetch_add(1, std::memory_order_relaxed);
    }
    ~RowShare() { memory_->row_shares_.fetch_sub(1, std::memory_order_relaxed); }
    RowShare(const RowShare&) = delete;
    RowShare& operator=(const RowShare&) = delete;
    // Less when there are more states.
    size_t bytes() const {
      return memory_->row_bytes_ / memory_->row_shares_.load(std::memory_order_relaxed);
    }

   private:
    const std::shared_ptr<RocksDbMemory> memory_;
  };

 private:
  size_t row_bytes_;
  size_t write_buffer_bytes_;
  std::shared_ptr<rocksdb::Cache> block_cache_;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers_;
  std::atomic<size_t> row_shares_ = 0;
};

}  // namespace pyflinkpp
