#include "core/windowing/merging_window_set.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp {

absl::StatusOr<Window> MergingWindowSet::Add(const Window& window, WindowAssigner& assigner,
                                             Scratch& scratch, OnMerge on_merge) {
  scratch.windows.clear();
  for (const MergingWindow& each : windows()) scratch.windows.push_back(each.window);
  scratch.windows.push_back(window);
  RETURN_IF_ERROR(assigner.MergeWindows(scratch.windows, scratch.merges));

  Window result = window;
  for (size_t g = 0; g < scratch.merges.groups(); ++g) {
    const std::span<const Window> group = scratch.merges.group(g);
    const Window& merged = scratch.merges.results[g];
    if (std::find(group.begin(), group.end(), window) != group.end()) result = merged;

    // The windows of the group that have contents: all but the new one, unless it was there before.
    scratch.merged.clear();
    scratch.states.clear();
    for (const Window& each : group) {
      if (StateOf(each) == nullptr) continue;
      scratch.merged.push_back(each);
      scratch.states.push_back(Take(each));
    }
    if (scratch.merged.empty()) continue;
    const Window state = scratch.states.front();
    Append({merged, state});
    // A window that only took in the new one has not changed.
    if (scratch.merged.size() == 1 && scratch.merged.front() == merged) continue;
    RETURN_IF_ERROR(on_merge(merged, scratch.merged, state,
                             std::span<const Window>(scratch.states).subspan(1)));
  }
  if (StateOf(result) == nullptr) Append({result, result});
  return result;
}

const Window* MergingWindowSet::StateOf(const std::byte* row, const Window& window) {
  const MergingWindowSet set(const_cast<std::byte*>(row));
  for (const MergingWindow& each : set.windows()) {
    if (each.window == window) return &each.state;
  }
  return nullptr;
}

void MergingWindowSet::Append(const MergingWindow& window) {
  const uint32_t room = Capacity() == 0 ? 1 : Capacity();
  if (Size() == room) {
    auto more = std::make_unique<MergingWindow[]>(size_t{room} * 2);
    std::copy_n(Data(), Size(), more.get());
    Free();
    Many() = more.release();
    Capacity() = room * 2;
  }
  Data()[Size()++] = window;
}

Window MergingWindowSet::Take(const Window& window) {
  MergingWindow* const data = Data();
  MergingWindow* const end = data + Size();
  MergingWindow* const found =
      std::find_if(data, end, [&](const MergingWindow& each) { return each.window == window; });
  PFPP_CHECK(found != end);
  const Window state = found->state;
  std::move(found + 1, end, found);
  if (--Size() == 0) {
    Free();
    std::memset(row_, 0, kStride);
  } else if (Size() == 1 && Capacity() > 0) {
    const MergingWindow last = data[0];
    Free();
    *Data() = last;
  }
  return state;
}

void MergingWindowSet::Free() {
  if (Capacity() > 0) delete[] Many();
  Capacity() = 0;
}

class MergingWindowSetSerializer final : public TypeSerializer {
 public:
  std::string name() const override { return "MERGING_WINDOW_SET"; }
  uint32_t stride() const override { return MergingWindowSet::kStride; }

  void Release(std::byte* rows, size_t count) const override {
    for (size_t i = 0; i < count; ++i) MergingWindowSet(rows + i * stride()).Free();
  }
  void Move(std::byte* from, size_t count, std::byte* to, Arena&) const override {
    std::memcpy(to, from, count * stride());
    std::memset(from, 0, count * stride());
  }
  absl::Status Copy(const std::byte* from, size_t count, std::byte* to, Arena&) const override {
    std::memset(to, 0, count * stride());
    for (size_t i = 0; i < count; ++i) {
      for (const MergingWindow& window : WindowsOf(from + i * stride()))
        MergingWindowSet(to + i * stride()).Append(window);
    }
    return absl::OkStatus();
  }
  // The number of windows, then each as its four words.
  absl::Status Write(const std::byte* rows, size_t count, BinaryWriter& out) const override {
    for (size_t i = 0; i < count; ++i) {
      const auto windows = WindowsOf(rows + i * stride());
      out.PutVarint(windows.size());
      for (const MergingWindow& window : windows) out.Put(window);
    }
    return absl::OkStatus();
  }
  absl::Status Read(BinaryReader& in, size_t count, std::byte* rows, Arena&) const override {
    std::memset(rows, 0, count * stride());
    for (size_t i = 0; i < count; ++i) {
      uint64_t size;
      if (!in.GetVarint(&size)) return Truncated(name());
      for (; size > 0; --size) {
        MergingWindow window;
        if (!in.Get(&window)) {
          Release(rows, i + 1);
          std::memset(rows, 0, count * stride());
          return Truncated(name());
        }
        MergingWindowSet(rows + i * stride()).Append(window);
      }
    }
    return absl::OkStatus();
  }
  absl::Status Format(const std::byte* rows, size_t count, std::string& out,
                      std::vector<size_t>& ends) const override {
    for (size_t i = 0; i < count; ++i) {
      for (const MergingWindow& each : WindowsOf(rows + i * stride())) {
        absl::StrAppend(&out, "[", each.window.start, ",", each.window.end, ")");
      }
      ends.push_back(out.size());
    }
    return absl::OkStatus();
  }

 private:
  static std::span<const MergingWindow> WindowsOf(const std::byte* row) {
    return MergingWindowSet(const_cast<std::byte*>(row)).windows();
  }
};

const std::shared_ptr<const TypeSerializer>& MergingWindowSet::Serializer() {
  static const auto* const serializer =
      new std::shared_ptr<const TypeSerializer>(std::make_shared<MergingWindowSetSerializer>());
  return *serializer;
}

}  // namespace pyflinkpp
