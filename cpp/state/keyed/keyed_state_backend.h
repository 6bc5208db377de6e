// Keyed state as operators see it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/env/env.h"
#include "core/graph/key_groups.h"
#include "core/idl/pyflinkpp_types.h"
#include "core/stream/record_batch.h"
#include "core/types/binary_io.h"
#include "state/keyed/keyed_snapshot.h"

namespace pyflinkpp {

// One value for each key; a key may carry a namespace (namespaced_key.h), as a window's. An access
// goes through three steps, so that a backend on disk reads and writes in bulk and a Python
// function between them never waits for it: Prefetch the keys of a batch, Access each, Flush.
class ValueState {
 public:
  virtual ~ValueState() = default;

  // Makes the values of these keys ready to be accessed. The keys stay where they are until Flush.
  // REQUIRES: they belong to the backend's key groups.
  virtual absl::Status Prefetch(std::span<const RecordKey> keys) = 0;

  // The row of the value of the prefetched key at position `i`, made if it is missing: then
  // `*found` is false, the row is zeros, and the caller puts a value into it at once. The caller
  // may replace the value (releasing the old one). Valid until the next Access. Equal keys of one
  // prefetch share their value.
  virtual std::byte* Access(size_t i, bool* found) = 0;

  // The row that Access(i) will most likely give, or null: for prefetching what its value points
  // to, nothing else.
  virtual const std::byte* Hint(size_t i) const = 0;

  // Writes back what was accessed or erased, by Prefetch or one at a time. Rows are not valid any
  // more.
  virtual absl::Status Flush() = 0;

  // One at a time, between two Prefetches or among their accesses. A row is valid until the next
  // call of any of these. The row of the key, null when it has no value. Not to be written to.
  virtual absl::StatusOr<const std::byte*> Find(const RecordKey& key) = 0;
  // As Access.
  virtual absl::StatusOr<std::byte*> FindOrInsert(const RecordKey& key, bool* found) = 0;
  // Releases the key's value, if there is one.
  virtual absl::Status Erase(const RecordKey& key) = 0;
  // Releases all values.
  virtual absl::Status Clear() = 0;

  // Calls `visit` with each key and the row of its value, in the order of the keys' bytes, starting
  // behind `*after` (from the start when null), until it returns false.
  virtual absl::Status Scan(
      const std::string* after,
      const std::function<bool(absl::string_view key, const std::byte* row)>& visit) = 0;

  virtual size_t size() const = 0;                // keys with a value
  int64_t accesses() const { return accesses_; }  // calls of Access

 protected:
  int64_t accesses_ = 0;
};

// All keyed state of one operator of one subtask. Owned by the task, used on its loop only; outlives
// its states and snapshots.
class KeyedStateBackend {
 public:
  virtual ~KeyedStateBackend() = default;
  virtual KeyGroupRange key_groups() const = 0;

  // What a checkpoint had: states that are created or registered from now on start with it, where
  // it has them by their name and kind. What nobody asks for goes into the next snapshots as it is.
  // Before the first of the next three.
  virtual void Restore(RestoredKeyedState restored) = 0;

  // Registers a state; the name is unique within the operator. Refuses restored values of another
  // type, naming both. `time_to_live_ms`, unless 0: nobody misses a value that is older (its time:
  // TimeOfValue); the backend may drop it when that costs nothing.
  absl::StatusOr<std::unique_ptr<ValueState>> CreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer,
      KeyShape shape = KeyShape::kKey, int64_t time_to_live_ms = 0) {
    return DoCreateValueState(name, std::move(serializer), shape, time_to_live_ms);
  }
  // Registers what the operator keeps itself (timers) as a part of its keyed state. It lives as long
  // as the backend is used.
  virtual absl::Status RegisterEntries(const std::string& name, KeyedEntries* entries) = 0;

  // All state as it is now. At most one snapshot is under way. REQUIRES: everything is flushed.
  virtual absl::StatusOr<std::unique_ptr<KeyedSnapshot>> Snapshot() = 0;
  // The same as files that never change, of which the next such snapshot has most again: timers and
  // what nobody has asked for are blocks all the same. Null: this backend has no files.
  virtual absl::StatusOr<std::unique_ptr<KeyedSnapshot>> SnapshotFiles() { return nullptr; }

 protected:
  virtual absl::StatusOr<std::unique_ptr<ValueState>> DoCreateValueState(
      const std::string& name, std::shared_ptr<const TypeSerializer> serializer, KeyShape shape,
      int64_t time_to_live_ms) = 0;
};

// When a value that has a time to live was last used, by the wall clock in milliseconds: its binary
// format begins as that of a tuple without null fields whose first is a LONG. None: it doesn't.
inline std::optional<int64_t> TimeOfValue(absl::string_view bytes) {
  BinaryReader in(bytes);
  uint8_t nulls;
  int64_t time;
  if (!in.Get(&nulls) || (nulls & 1) != 0 || !in.Get(&time)) return std::nullopt;
  return time;
}

// What a backend is made for.
struct KeyedStateBackendPlan {
  Env& env;
  const std::map<std::string, std::string>& configuration;
  KeyGroupRange key_groups;
  int max_parallelism;
  std::string directory;  // for its files; it is not there yet
  // What a checkpoint had in files. Where there is one, of the same key groups, the backend goes on
  // with these files under their names. It may move them; what it leaves its caller deletes.
  std::vector<RestoredFiles> restored = {};
};

// Makes one that is empty but for what was restored: then on the executor.
using KeyedStateBackendMaker =
    std::function<absl::StatusOr<std::unique_ptr<KeyedStateBackend>>(const KeyedStateBackendPlan&)>;

}  // namespace pyflinkpp
