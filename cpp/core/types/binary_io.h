// Bytes of values: fixed-width integers are little endian, lengths are LEB128 varints.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pyflinkpp {

static_assert(std::endian::native == std::endian::little,
              "formats are written by copying little endian words");

class BinaryWriter {
 public:
  explicit BinaryWriter(std::string& out) : out_(out) {}

  template <class Fixed>
  void Put(Fixed value) {
    char bytes[sizeof(Fixed)];
    std::memcpy(bytes, &value, sizeof(Fixed));
    out_.append(bytes, sizeof(Fixed));
  }
  void PutVarint(uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }
  void PutRaw(absl::string_view bytes) { out_.append(bytes.data(), bytes.size()); }
  void PutBytes(absl::string_view bytes) {
    PutVarint(bytes.size());
    PutRaw(bytes);
  }

 private:
  std::string& out_;
};

// Every read says whether the bytes were there; nothing is trusted.
class BinaryReader {
 public:
  explicit BinaryReader(absl::string_view bytes) : bytes_(bytes) {}

  template <class Fixed>
  [[nodiscard]] bool Get(Fixed* value) {
    if (bytes_.size() < sizeof(Fixed)) return false;
    std::memcpy(value, bytes_.data(), sizeof(Fixed));
    bytes_.remove_prefix(sizeof(Fixed));
    return true;
  }
  [[nodiscard]] bool GetVarint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  [[nodiscard]] bool GetRaw(size_t size, absl::string_view* value) {
    if (bytes_.size() < size) return false;
    *value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  [[nodiscard]] bool GetBytes(absl::string_view* value) {
    uint64_t size;
    return GetVarint(&size) && GetRaw(size, value);
  }
  size_t remaining() const { return bytes_.size(); }
  absl::string_view rest() const { return bytes_; }

 private:
  absl::string_view bytes_;
};

inline absl::Status Truncated(absl::string_view what) {
  return absl::DataLossError(std::string("truncated bytes of a ") + std::string(what));
}

}  // namespace pyflinkpp
