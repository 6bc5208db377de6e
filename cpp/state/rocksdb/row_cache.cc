#include "state/rocksdb/row_cache.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/graph/key_groups.h"

namespace pyflinkpp {
namespace {

constexpr size_t kInlineLeast = sizeof(char*);
constexpr size_t kInlineMost = 256;
constexpr size_t kAllocationBytes = 16;  // what the allocator adds to each piece, about
constexpr size_t kSecondChances = 4096;  // buckets of a Trim that may keep what was used
constexpr size_t kGroupBytes = 2;        // of a stored key, before the key

// The first bytes as a number that compares as they do.
uint64_t Head(absl::string_view key) {
  char bytes[8] = {};
  std::memcpy(bytes, key.data(), std::min(key.size(), sizeof(bytes)));
  uint64_t head;
  std::memcpy(&head, bytes, sizeof(head));
  return __builtin_bswap64(head);
}

}  // namespace

size_t CachedRow::bytes() const {
  return sizeof(CachedRow) + key_size_ + inline_room() + kAllocationBytes +
         (is_inline() ? 0 : value_room_ + kAllocationBytes);
}

// The low bits choose, those of a round that is under way by one bit more.
size_t RowCache::BucketOf(uint32_t hash) const {
  const uint64_t mixed = MixHash(hash);
  const size_t wide = mixed & (2 * mask_ + 1);
  return wide < buckets_.size() ? wide : mixed & mask_;
}

CachedRow* RowCache::Find(const RecordKey& key) {
  for (CachedRow* row = buckets_[BucketOf(key)]; row != nullptr; row = row->next_) {
    // The hash says the key group, too.
    if (row->hash_ != key.hash || row->key_size_ != key.size + kGroupBytes) continue;
    if (key.size > 0 && std::memcmp(row->tail() + kGroupBytes, key.data, key.size) != 0) continue;
    row->used_ = true;
    return row;
  }
  return nullptr;
}

CachedRow* RowCache::Insert(const RecordKey& key) {
  if (rows_ >= buckets_.size()) Grow();
  const size_t room = (std::clamp<size_t>(last_size_, kInlineLeast, kInlineMost) + 7) / 8 * 8;
  const size_t size = sizeof(CachedRow) + kGroupBytes + key.size + room;
  auto* row = new (::operator new(size)) CachedRow();
  const int group = KeyGroupOf(key.hash, max_parallelism_);
  row->tail()[0] = static_cast<char>(group >> 8);
  row->tail()[1] = static_cast<char>(group & 0xff);
  if (key.size > 0) std::memcpy(row->tail() + kGroupBytes, key.data, key.size);
  row->hash_ = key.hash;
  row->key_size_ = static_cast<uint32_t>(kGroupBytes + key.size);
  row->inline_words_ = static_cast<uint8_t>(room / 8);
  row->value_room_ = static_cast<uint32_t>(room);
  CachedRow*& bucket = buckets_[BucketOf(key)];
  row->next_ = std::exchange(bucket, row);
  ++rows_;
  bytes_ += row->bytes();
  return row;
}

void RowCache::Load(CachedRow& row, absl::string_view value) {
  PFPP_DCHECK(!row.changed_);
  SetValue(row, value);
  row.present_ = true;
  row.stored_ = true;
}

void RowCache::Put(CachedRow& row, absl::string_view value) {
  SetValue(row, value);
  row.present_ = true;
  Changed(row);
}

void RowCache::Erase(CachedRow& row) {
  row.value_size_ = 0;
  row.present_ = false;
  Changed(row);
}

void RowCache::Changed(CachedRow& row) {
  if (row.changed_) return;
  row.changed_ = true;
  changed_.push_back(&row);
  changed_bytes_ += row.bytes();
}

void RowCache::SetValue(CachedRow& row, absl::string_view value) {
  last_size_ = static_cast<uint32_t>(value.size());
  if (value.size() > row.value_room_) {
    const size_t before = row.bytes();
    const size_t room = value.size() + value.size() / 4;
    char* const larger = static_cast<char*>(::operator new(room));
    if (!row.is_inline()) ::operator delete(const_cast<char*>(row.value_bytes()));
    std::memcpy(row.tail() + row.key_size_, &larger, sizeof(larger));
    row.value_room_ = static_cast<uint32_t>(room);
    bytes_ += row.bytes() - before;
    if (row.changed_) changed_bytes_ += row.bytes() - before;
  }
  if (!value.empty()) std::memcpy(const_cast<char*>(row.value_bytes()), value.data(), value.size());
  row.value_size_ = static_cast<uint32_t>(value.size());
}

void RowCache::VisitChanged(absl::FunctionRef<void(const CachedRow& row)> write) {
  std::vector<std::pair<uint64_t, CachedRow*>> order;
  order.reserve(changed_.size());
  for (CachedRow* row : changed_) {
    if (row->present_ || row->stored_) order.emplace_back(Head(row->stored_key()), row);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second->stored_key() < b.second->stored_key();
  });
  for (const auto& [head, row] : order) write(*row);
}

void RowCache::WrittenBack() {
  for (CachedRow* row : changed_) {
    row->changed_ = false;
    row->stored_ = row->present_;
  }
  changed_.clear();
  changed_bytes_ = 0;
}

// Splits the next bucket of the round in two.
void RowCache::Grow() {
  const size_t split = buckets_.size() & mask_;
  CachedRow* row = std::exchange(buckets_[split], nullptr);
  buckets_.push_back(nullptr);
  while (row != nullptr) {
    CachedRow* const next = row->next_;
    CachedRow*& bucket = buckets_[BucketOf(row->hash_)];
    row->next_ = std::exchange(bucket, row);
    row = next;
  }
  if (buckets_.size() == 2 * (mask_ + 1)) mask_ = 2 * mask_ + 1;
}

void RowCache::Unlink(CachedRow& row) {
  CachedRow** link = &buckets_[BucketOf(row.hash_)];
  while (*link != &row) link = &(*link)->next_;
  *link = row.next_;
}

void RowCache::Delete(CachedRow* row) {
  --rows_;
  bytes_ -= row->bytes();
  if (!row->is_inline()) ::operator delete(const_cast<char*>(row->value_bytes()));
  ::operator delete(row);
}

void RowCache::Drop(CachedRow& row) {
  PFPP_CHECK(!row.changed_);
  Unlink(row);
  Delete(&row);
}

void RowCache::Trim(size_t limit) {
  // Where all are used, the loop does not wait until the hand has gone around.
  size_t left = std::min(kSecondChances, buckets_.size());
  for (size_t i = left + buckets_.size(); i > 0 && bytes() > limit; --i) {
    if (left > 0) --left;
    if (hand_ >= buckets_.size()) hand_ = 0;
    CachedRow** link = &buckets_[hand_++];
    while (*link != nullptr) {
      CachedRow* const row = *link;
      const bool spared = row->used_ && left > 0;
      row->used_ = false;
      if (row->changed_ || row->mark != 0 || spared) {
        link = &row->next_;
        continue;
      }
      *link = row->next_;
      Delete(row);
    }
  }
}

void RowCache::Clear() {
  for (CachedRow*& bucket : buckets_) {
    while (bucket != nullptr) {
      CachedRow* const row = std::exchange(bucket, bucket->next_);
      PFPP_DCHECK(row->mark == 0);
      Delete(row);
    }
  }
  buckets_ = std::vector<CachedRow*>(kFirstBuckets);
  mask_ = kFirstBuckets - 1;
  hand_ = 0;
  changed_.clear();
  changed_bytes_ = 0;
}

}  // namespace pyflinkpp
