#include "core/windowing/pane_list.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pyflinkpp {

void PaneList::Grow() {
  const uint32_t size = static_cast<uint32_t>(panes().size());
  const uint32_t capacity = size == 0 ? 4 : 2 * size;
  auto* more =
      static_cast<Block*>(::operator new(sizeof(Block) + capacity * sizeof(Block::starts[0])));
  more->size = size;
  more->capacity = capacity;
  std::copy_n(panes().data(), size, more->starts);
  Free();
  block() = more;
}

class PaneListSerializer final : public TypeSerializer {
 public:
  std::string name() const override { return "PANE_LIST"; }
  uint32_t stride() const override { return sizeof(void*); }
  bool row_is_pointer() const override { return true; }

  void Release(std::byte* rows, size_t count) const override {
    for (size_t i = 0; i < count; ++i) PaneList(rows + i * stride()).Free();
  }
  void Move(std::byte* from, size_t count, std::byte* to, Arena&) const override {
    std::memcpy(to, from, count * stride());
    std::memset(from, 0, count * stride());
  }
  absl::Status Copy(const std::byte* from, size_t count, std::byte* to, Arena&) const override {
    std::memset(to, 0, count * stride());
    for (size_t i = 0; i < count; ++i) {
      for (const int64_t pane : PaneList::Of(from + i * stride())) {
        PaneList(to + i * stride()).Append(pane);
      }
    }
    return absl::OkStatus();
  }
  // The number of panes, then each one's start.
  absl::Status Write(const std::byte* rows, size_t count, BinaryWriter& out) const override {
    for (size_t i = 0; i < count; ++i) {
      const auto panes = PaneList::Of(rows + i * stride());
      out.PutVarint(panes.size());
      for (const int64_t pane : panes) out.Put(pane);
    }
    return absl::OkStatus();
  }
  absl::Status Read(BinaryReader& in, size_t count, std::byte* rows, Arena&) const override {
    std::memset(rows, 0, count * stride());
    for (size_t i = 0; i < count; ++i) {
      uint64_t size;
      bool complete = in.GetVarint(&size);
      for (int64_t pane; complete && size > 0; --size) {
        complete = in.Get(&pane);
        if (complete) PaneList(rows + i * stride()).Append(pane);
      }
      if (complete) continue;
      Release(rows, i + 1);
      std::memset(rows, 0, count * stride());
      return Truncated(name());
    }
    return absl::OkStatus();
  }
  absl::Status Format(const std::byte* rows, size_t count, std::string& out,
                      std::vector<size_t>& ends) const override {
    for (size_t i = 0; i < count; ++i) {
      for (const int64_t pane : PaneList::Of(rows + i * stride())) absl::StrAppend(&out, pane, ",");
      ends.push_back(out.size());
    }
    return absl::OkStatus();
  }
};

const std::shared_ptr<const TypeSerializer>& PaneList::Serializer() {
  static const auto* const serializer =
      new std::shared_ptr<const TypeSerializer>(std::make_shared<PaneListSerializer>());
  return *serializer;
}

}  // namespace pyflinkpp
