// A hash table from a key's bytes to the row of its value, laid out for the memory's latency.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "absl/strings/string_view.h"
#include "core/base/hash.h"

namespace pyflinkpp {

// Open addressing with linear probing. A slot has everything: hash, row and (when it is short) the
// key, and never crosses a cache line without need, so that a look-up of a key that is not in the
// cache costs one miss. (absl's flat_hash_set of pointers costs three: control bytes, slot, entry;
// measured over 100,000 keys it made a counter a third slower.)
//
//   slot:  hash u32 | key size u31, mark u1 | row (stride bytes) | key (inline, or a pointer to its bytes)
//
// The mark is its user's: it tells entries that a snapshot has from those that it still lacks.
//
// A slot is narrow (at least 16 bytes for the key) or wide (24 or more: a number with a window
// behind it). The first key says which; whenever the table grows, the majority does. So a table of
// words stays small, and over a million keys a sum of windows is half as fast again as with narrow
// slots alone.
//
// A hash of 0 marks a free slot; a key with that hash is kept under 1. Rows move when the table
// grows: a pointer to one is good until the next insertion or erasure.
class KeyTable {
 public:
  // `stride`: bytes of a row, a multiple of 8.
  explicit KeyTable(uint32_t stride) : stride_(stride), slot_size_(SlotSize(stride, kNarrowKey)) {}
  KeyTable(KeyTable&&) = default;
  ~KeyTable() {
    for (size_t i = 0; slots_ != nullptr && i <= mask_; ++i) {
      if (HashOf(SlotAt(i)) != 0) FreeLongKey(SlotAt(i));
    }
  }

  size_t size() const { return size_; }

  void Prefetch(uint32_t hash) const {
    if (slots_ != nullptr) __builtin_prefetch(SlotAt(IndexOf(Stored(hash))));
  }

  // The row of the first key with this hash, which is very likely the one; null when there is none.
  std::byte* Candidate(uint32_t hash) const {
    if (slots_ == nullptr) return nullptr;
    hash = Stored(hash);
    for (size_t i = IndexOf(hash);; i = (i + 1) & mask_) {
      std::byte* slot = SlotAt(i);
      if (HashOf(slot) == hash) return slot + kHeader;
      if (HashOf(slot) == 0) return nullptr;
    }
  }
  bool IsRowOf(const std::byte* row, absl::string_view key) const {
    return EqualKeys(KeyOf(row - kHeader), key);
  }
  absl::string_view KeyOfRow(const std::byte* row) const { return KeyOf(row - kHeader); }
  // Changes when rows have moved.
  uint64_t generation() const { return generation_; }

  // The row of the key, made of zeros if it is missing.
  std::byte* FindOrInsert(absl::string_view key, uint32_t hash, bool* found) {
    hash = Stored(hash);
    if (std::byte* row = FindStored(key, hash)) {
      *found = true;
      return row;
    }
    *found = false;
    if (slots_ == nullptr || size_ * 5 >= (mask_ + 1) * 3) Grow(key.size());
    ++size_;
    wide_keys_ += IsWide(key.size());
    std::byte* slot = FreeSlot(hash);
    StoreKey(slot, key, hash, new_mark_);
    return slot + kHeader;
  }

  // The row of the key, null when it is missing.
  std::byte* Find(absl::string_view key, uint32_t hash) const {
    return FindStored(key, Stored(hash));
  }

  // The mark of an entry, and the one that new entries get.
  bool mark(const std::byte* row) const { return (Load(row - kHeader + 4) & kMark) != 0; }
  void SetMark(std::byte* row, bool mark) {
    std::byte* size = row - kHeader + 4;
    Store(size, (Load(size) & ~kMark) | (mark ? kMark : 0));
  }
  void SetMarkOfNew(bool mark) { new_mark_ = mark ? kMark : 0; }

  // Calls visit(key, row) for the keys from slot `*cursor` on, in no order, until it says false;
  // true: that was the last one. The cursor is good as long as the generation is the same.
  template <class Visit>
  bool Walk(size_t* cursor, Visit visit) {
    for (; slots_ != nullptr && *cursor <= mask_;) {
      std::byte* slot = SlotAt((*cursor)++);
      if (HashOf(slot) != 0 && !visit(KeyOf(slot), slot + kHeader)) return false;
    }
    return true;
  }

  // Takes the key out; its row must own nothing any more. Others may move: what Find and Candidate
  // gave is not valid.
  void Erase(std::byte* row) {
    size_t hole = static_cast<size_t>(row - kHeader - slots_.get()) / slot_size_;
    wide_keys_ -= IsWide(KeySizeOf(SlotAt(hole)));
    FreeLongKey(SlotAt(hole));
    --size_;
    ++generation_;
    // Backward shift: whoever was pushed behind the hole by it moves up, so that no marks are left
    // in the way.
    for (size_t i = (hole + 1) & mask_; HashOf(SlotAt(i)) != 0; i = (i + 1) & mask_) {
      const size_t home = IndexOf(HashOf(SlotAt(i)));
      if (((i - home) & mask_) < ((i - hole) & mask_)) continue;
      std::memcpy(SlotAt(hole), SlotAt(i), slot_size_);
      hole = i;
    }
    std::memset(SlotAt(hole), 0, slot_size_);
    if (size_ == 0 && mask_ + 1 > kKeptCapacity) slots_.reset();  // an empty table takes no room
  }

  // Takes all keys out; their rows must own nothing any more.
  void Clear() {
    for (size_t i = 0; slots_ != nullptr && i <= mask_; ++i) {
      if (HashOf(SlotAt(i)) != 0) FreeLongKey(SlotAt(i));
    }
    size_ = 0;
    wide_keys_ = 0;
    ++generation_;
    if (slots_ == nullptr) return;
    if (mask_ + 1 > kKeptCapacity) {
      slots_.reset();
    } else {
      std::memset(slots_.get(), 0, (mask_ + 1) * slot_size_);
    }
  }

  // Calls visit(key, row) for each key, in no order. The key's bytes live as long as the table does
  // not grow.
  template <class Visit>
  void ForEach(Visit visit) {
    for (size_t i = 0; slots_ != nullptr && i <= mask_; ++i) {
      std::byte* slot = SlotAt(i);
      if (HashOf(slot) != 0) visit(KeyOf(slot), slot + kHeader);
    }
  }

 private:
  static constexpr size_t kHeader = 8;
  static constexpr size_t kNarrowKey = 16;
  static constexpr size_t kWideKey = 24;
  static constexpr size_t kLine = 64;
  static constexpr uint32_t kMark = 1u << 31;  // of a key's size
  static constexpr size_t kFirstCapacity = 8;
  static constexpr size_t kKeptCapacity = 64;

  struct FreeAligned {
    void operator()(std::byte* slots) const { ::operator delete[](slots, std::align_val_t(kLine)); }
  };

  // Most keys are short: two overlapping words instead of a call.
  static bool EqualKeys(absl::string_view a, absl::string_view b) {
    const size_t size = a.size();
    if (size != b.size()) return false;
    if (size > 16) {
      if (size > 32) return std::memcmp(a.data(), b.data(), size) == 0;
      return EqualWords<uint64_t>(a.data(), b.data(), 16) &&
             EqualWords<uint64_t>(a.data() + size - 16, b.data() + size - 16, 16);
    }
    if (size >= 8) return EqualWords<uint64_t>(a.data(), b.data(), size);
    if (size >= 4) return EqualWords<uint32_t>(a.data(), b.data(), size);
    for (size_t i = 0; i < size; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }
  template <class Word>
  static bool EqualWords(const char* a, const char* b, size_t size) {
    Word words[4];
    std::memcpy(&words[0], a, sizeof(Word));
    std::memcpy(&words[1], b, sizeof(Word));
    std::memcpy(&words[2], a + size - sizeof(Word), sizeof(Word));
    std::memcpy(&words[3], b + size - sizeof(Word), sizeof(Word));
    return words[0] == words[1] && words[2] == words[3];
  }

  // Half a line, or whole ones.
  static size_t SlotSize(uint32_t stride, size_t key_size) {
    const size_t needed = kHeader + stride + key_size;
    return needed <= kLine / 2 ? kLine / 2 : (needed + kLine - 1) / kLine * kLine;
  }
  // Whether a wide slot keeps the key inline and a narrow one does not. A wide slot is one line at
  // most.
  bool IsWide(size_t key_size) const {
    const size_t wide = SlotSize(stride_, kWideKey);
    return wide <= kLine && key_size > SlotSize(stride_, kNarrowKey) - kHeader - stride_ &&
           key_size <= wide - kHeader - stride_;
  }
  static uint32_t Stored(uint32_t hash) { return hash == 0 ? 1 : hash; }
  static void Store(std::byte* to, uint32_t value) { std::memcpy(to, &value, sizeof(value)); }
  static uint32_t Load(const std::byte* from) {
    uint32_t value;
    std::memcpy(&value, from, sizeof(value));
    return value;
  }
  static uint32_t HashOf(const std::byte* slot) { return Load(slot); }
  static uint32_t KeySizeOf(const std::byte* slot) { return Load(slot + 4) & ~kMark; }

  std::byte* FindStored(absl::string_view key, uint32_t hash) const {
    if (slots_ == nullptr) return nullptr;
    for (size_t i = IndexOf(hash); HashOf(SlotAt(i)) != 0; i = (i + 1) & mask_) {
      std::byte* slot = SlotAt(i);
      if (HashOf(slot) == hash && EqualKeys(KeyOf(slot), key)) return slot + kHeader;
    }
    return nullptr;
  }

  size_t InlineKey() const { return slot_size_ - kHeader - stride_; }
  // The upper bits: keys of one key group agree in the hash's remainder.
  size_t IndexOf(uint32_t hash) const { return MixHash(hash) >> shift_; }
  std::byte* SlotAt(size_t i) const { return slots_.get() + i * slot_size_; }
  absl::string_view KeyOf(const std::byte* slot) const {
    const size_t size = KeySizeOf(slot);
    const std::byte* key = slot + kHeader + stride_;
    if (size <= InlineKey()) return {reinterpret_cast<const char*>(key), size};
    const char* bytes;
    std::memcpy(&bytes, key, sizeof(bytes));
    return {bytes, size};
  }

  std::byte* FreeSlot(uint32_t hash) {
    size_t i = IndexOf(hash);
    while (HashOf(SlotAt(i)) != 0) i = (i + 1) & mask_;
    return SlotAt(i);
  }
  void StoreKey(std::byte* slot, absl::string_view key, uint32_t hash, uint32_t mark) {
    Store(slot, hash);
    Store(slot + 4, static_cast<uint32_t>(key.size()) | mark);
    if (key.size() <= InlineKey()) {
      if (!key.empty()) std::memcpy(slot + kHeader + stride_, key.data(), key.size());
    } else {
      char* bytes = new char[key.size()];
      std::memcpy(bytes, key.data(), key.size());
      std::memcpy(slot + kHeader + stride_, &bytes, sizeof(bytes));
    }
  }
  void FreeLongKey(std::byte* slot) {
    if (KeySizeOf(slot) <= InlineKey()) return;
    char* bytes;
    std::memcpy(&bytes, slot + kHeader + stride_, sizeof(bytes));
    delete[] bytes;
  }

  // Makes room for one more key, of `key_size` bytes.
  void Grow(size_t key_size) {
    ++generation_;
    KeyTable old(stride_);
    std::swap(old.slots_, slots_);
    std::swap(old.slot_size_, slot_size_);
    old.mask_ = mask_;
    const size_t old_capacity = old.slots_ == nullptr ? 0 : mask_ + 1;
    const size_t capacity = old_capacity == 0 ? kFirstCapacity : old_capacity * 2;
    const bool wide = size_ == 0 ? IsWide(key_size) : wide_keys_ * 2 > size_;
    slot_size_ = SlotSize(stride_, wide ? kWideKey : kNarrowKey);
    slots_.reset(new (std::align_val_t(kLine)) std::byte[capacity * slot_size_]());
    mask_ = capacity - 1;
    shift_ = 64 - std::countr_zero(capacity);
    const bool same = slot_size_ == old.slot_size_;
    for (size_t i = 0; i < old_capacity; ++i) {
      std::byte* from = old.SlotAt(i);
      const uint32_t hash = HashOf(from);
      if (hash == 0) continue;
      std::byte* to = FreeSlot(hash);
      if (same) {
        std::memcpy(to, from, slot_size_);
        Store(from, 0);  // a long key has changed hands
      } else {
        StoreKey(to, old.KeyOf(from), hash, Load(from + 4) & kMark);
        std::memcpy(to + kHeader, from + kHeader, stride_);
      }
    }
  }

  const uint32_t stride_;
  size_t slot_size_;
  std::unique_ptr<std::byte[], FreeAligned> slots_;
  size_t mask_ = 0;
  int shift_ = 0;
  size_t size_ = 0;
  size_t wide_keys_ = 0;  // of the keys, those that IsWide()
  uint64_t generation_ = 0;
  uint32_t new_mark_ = 0;
};

}  // namespace pyflinkpp
