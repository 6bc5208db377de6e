// How keyed state gets into a checkpoint and back: the canonical format, which is the same for all
// backends.
//
// The entries of one state and key group are a block. A block of values is a row of chunks:
//
//   count varint | count keys (size varint, bytes) | count values (the serializer's binary format)
//
// and a block of timers a row of entries (size varint, bytes). Key groups are what moves when a job
// is rescaled, so blocks are read and moved one by one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "core/idl/pyflinkpp_types.h"
#include "core/stream/record_batch.h"
#include "state/keyed/native_state.h"

namespace pyflinkpp {

// What stands behind each key of a state.
enum class KeyShape { kKey, kNamespacedKey };  // nothing; a Namespace (namespaced_key.h)

// Takes the blocks of a snapshot. Used by one thread at a time.
class KeyedStateWriter {
 public:
  virtual ~KeyedStateWriter() = default;
  // The number under which its blocks are added.
  virtual int AddState(const idl::KeyedStateDescription& description) = 0;
  // A state and key group may have several blocks, which are read one after the other.
  virtual void AddBlock(int state, int key_group, int64_t entries, std::string bytes) = 0;
  // What a snapshot of files consists of, beside the blocks; at most once.
  virtual void SetFiles(NativeFiles files) = 0;
};

// A backend's state as it was at one moment, being written while the backend goes on. Destroying it
// gives it up.
class KeyedSnapshot {
 public:
  virtual ~KeyedSnapshot() = default;
  // Whether WriteSome belongs on the task's loop (live values) or on the I/O executor (files).
  virtual bool on_loop() const = 0;
  // Hands blocks to the writer, for about a millisecond when on the loop; true: that was all.
  virtual absl::StatusOr<bool> WriteSome(KeyedStateWriter& writer) = 0;
};

// What was read back, with the blocks' bytes.
struct RestoredKeyedState {
  struct State {
    idl::KeyedStateDescription description;
    std::map<int, std::vector<std::string>> blocks;  // by key group
    std::map<int, int64_t> entries;                  // the same
  };
  std::map<std::string, State> states;  // by name
};

// Entries as they were at one moment. Used by one thread at a time, whatever becomes of the entries
// meanwhile.
class FrozenEntries {
 public:
  using AddEntry = absl::FunctionRef<void(uint32_t key_hash, absl::string_view entry)>;
  virtual ~FrozenEntries() = default;
  // Gives about so many more; true: that was all.
  virtual bool WriteSome(size_t count, AddEntry add) = 0;
};

// Keyed data that an operator keeps itself: timers. Each entry belongs to a key.
class KeyedEntries {
 public:
  virtual ~KeyedEntries() = default;
  // Copies no entries, at most pointers to them: a million takes some milliseconds.
  virtual std::unique_ptr<FrozenEntries> Freeze() = 0;
  virtual absl::Status ReadEntry(absl::string_view entry) = 0;
};

// Appends a chunk's head; the values follow.
void AppendChunkKeys(std::span<const absl::string_view> keys, std::string& block);

// Calls `visit` with the keys and rows of each chunk of a block of values; it takes the rows over.
// `arena`: for what varies in length.
absl::Status ReadChunks(
    absl::string_view block, const TypeSerializer& serializer, Arena& arena,
    absl::FunctionRef<absl::Status(std::span<const absl::string_view> keys, std::byte* rows)>
        visit);

// Whether a state can go on with what was saved under its name; else a message that names both.
absl::Status CheckSameState(const idl::KeyedStateDescription& saved,
                            const idl::KeyedStateDescription& declared);

idl::KeyedStateDescription DescriptionOf(const std::string& name, const TypeSerializer& serializer,
                                         KeyShape shape);

// The key of a state as it was before it was written: with its hash. `bytes`: must outlive it.
RecordKey RestoredKey(absl::string_view bytes, bool namespaced, int max_parallelism,
                      std::string& scratch);

// What backends have in common: the states that wait to be asked for, and the entries that
// operators keep themselves.
class KeyedStateRegistry {
 public:
  explicit KeyedStateRegistry(int max_parallelism) : max_parallelism_(max_parallelism) {}

  void Restore(RestoredKeyedState restored) { restored_ = std::move(restored); }
  // Gives the name to a new state and takes out what was restored for it (no blocks when nothing
  // was).
  absl::StatusOr<RestoredKeyedState::State> Claim(const idl::KeyedStateDescription& description);
  absl::Status RegisterEntries(const std::string& name, KeyedEntries* entries);

  // All entries and what nobody has asked for, as they are now, on their way to a writer.
  class Frozen {
   public:
    // For about a millisecond; true: that was all. Used by one thread at a time.
    bool WriteSome(KeyedStateWriter& writer);

   private:
    friend class KeyedStateRegistry;
    struct Block {
      int64_t entries = 0;
      std::string bytes;
    };
    struct Entries {
      idl::KeyedStateDescription description;
      std::unique_ptr<FrozenEntries> frozen;
    };
    void AddBlock(KeyedStateWriter& writer, int key_group, Block& block) const;

    int max_parallelism_ = 0;
    std::vector<Entries> entries_;
    std::vector<RestoredKeyedState::State> unclaimed_;
    size_t at_ = 0;                // of entries_
    int number_ = -1;              // of the state in hand with the writer
    std::map<int, Block> blocks_;  // of it, by key group: not yet with the writer
  };
  Frozen Freeze() const;

 private:
  const int max_parallelism_;
  RestoredKeyedState restored_;
  std::map<std::string, idl::KeyedStateDescription> known_;
  std::vector<std::pair<idl::KeyedStateDescription, KeyedEntries*>> entries_;
};

}  // namespace pyflinkpp
