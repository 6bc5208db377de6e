// Memory for what varies in length in a batch: allocated by bumping a pointer, freed all at once.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace pyflinkpp {

class Arena {
 public:
  Arena() = default;
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  char* Allocate(size_t size) {
    if (size > left_) Grow(size);
    char* result = next_;
    next_ += size;
    left_ -= size;
    return result;
  }

  absl::string_view Copy(absl::string_view bytes) {
    if (bytes.empty()) return {};
    char* to = Allocate(bytes.size());
    std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }

  // Keeps a buffer alive that rows point into.
  void Adopt(std::shared_ptr<const void> buffer) {
    if (adopted_.empty() || adopted_.back() != buffer) adopted_.push_back(std::move(buffer));
  }

 private:
  void Grow(size_t size) {
    const size_t block = size > block_size_ ? size : block_size_;
    if (block_size_ < size_t{64} * 1024) block_size_ *= 4;
    blocks_.push_back(std::unique_ptr<char[]>(new char[block]));
    next_ = blocks_.back().get();
    left_ = block;
  }

  char* next_ = nullptr;
  size_t left_ = 0;
  size_t block_size_ = 1024;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<std::shared_ptr<const void>> adopted_;
};

}  // namespace pyflinkpp
