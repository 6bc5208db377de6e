// The panes of one key that hold elements, as a row of keyed state.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/types/type_serializer.h"

namespace pyflinkpp {

// A view of a row; its value has one owner, the state. Panes are named by their starts, and stand in
// the order in which their first elements came: so the first pane of a window has the window's first
// element.
//
//   row:  a pointer to  size u32 | capacity u32 | the starts;  null: there are none
class PaneList {
 public:
  static const std::shared_ptr<const TypeSerializer>& Serializer();

  explicit PaneList(std::byte* row) : row_(row) {}
  static std::span<const int64_t> Of(const std::byte* row) {
    const Block* block = *reinterpret_cast<const Block* const*>(row);
    return block == nullptr ? std::span<const int64_t>() : std::span(block->starts, block->size);
  }

  std::span<const int64_t> panes() const { return Of(row_); }
  void Append(int64_t pane) {
    if (block() == nullptr || block()->size == block()->capacity) Grow();
    block()->starts[block()->size++] = pane;
  }
  // Takes out those for which `gone` is true; calls it once for each.
  template <class Gone>
  void EraseIf(Gone gone) {
    if (block() == nullptr) return;
    int64_t* const end = block()->starts + block()->size;
    block()->size =
        static_cast<uint32_t>(std::remove_if(block()->starts, end, gone) - block()->starts);
  }

 private:
  friend class PaneListSerializer;
  struct Block {
    uint32_t size;
    uint32_t capacity;
    int64_t starts[];
  };
  Block*& block() const { return *reinterpret_cast<Block**>(row_); }
  void Grow();
  void Free() { ::operator delete(block()); }

  std::byte* row_;
};

}  // namespace pyflinkpp
