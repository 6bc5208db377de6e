// A key with something behind it that tells apart several values of the key in one state: a window.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/base/hash.h"
#include "core/graph/key_groups.h"
#include "core/stream/record_batch.h"

namespace pyflinkpp {

// Two words. All values of one state either have a namespace or have none.
struct Namespace {
  int64_t first = 0;
  int64_t second = 0;
  friend bool operator==(const Namespace&, const Namespace&) = default;
};

// The bytes of key and namespace, written to `buffer` (key.size + sizeof(Namespace)). It stays in
// the key's group, and is spread over that group's part of the hash's range: group +
// max_parallelism * k.
inline RecordKey NamespacedKey(const RecordKey& key, const Namespace& space, int max_parallelism,
                               char* buffer) {
  if (key.size > 0) std::memcpy(buffer, key.data, key.size);
  std::memcpy(buffer + key.size, &space, sizeof(space));
  const uint32_t groups = static_cast<uint32_t>(max_parallelism);
  const uint32_t group = static_cast<uint32_t>(KeyGroupOf(key.hash, max_parallelism));
  const uint64_t mixed =
      MixHash(static_cast<uint64_t>(space.second) * 0x9e3779b97f4a7c15ULL +
              static_cast<uint64_t>(space.first) + (static_cast<uint64_t>(key.hash) << 32));
  const uint64_t steps = (UINT32_MAX - group) / groups + 1;
  const uint32_t hash = group + groups * static_cast<uint32_t>(((mixed >> 32) * steps) >> 32);
  return {buffer, key.size + static_cast<uint32_t>(sizeof(space)), hash};
}

// What NamespacedKey put behind the key.
inline Namespace NamespaceOf(absl::string_view bytes) {
  Namespace space;
  std::memcpy(&space, bytes.data() + bytes.size() - sizeof(space), sizeof(space));
  return space;
}

}  // namespace pyflinkpp
