// The hash that spreads keys over key groups. Part of every savepoint's layout: it never changes.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace pyflinkpp {

// MurmurHash3, x86 32 bit variant, seed 0 (Austin Appleby, public domain).
uint32_t MurmurHash(absl::string_view bytes);

// Spreads a 32 bit hash over 64 bits for hash tables (the finalizer of MurmurHash3, 64 bit
// variant).
inline uint64_t MixHash(uint64_t hash) {
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33;
  return hash;
}

}  // namespace pyflinkpp
