#include "state/keyed/keyed_snapshot.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/graph/key_groups.h"
#include "core/types/binary_io.h"
#include "state/keyed/namespaced_key.h"

namespace pyflinkpp {

void AppendChunkKeys(std::span<const absl::string_view> keys, std::string& block) {
  BinaryWriter out(block);
  out.PutVarint(keys.size());
  for (const absl::string_view key : keys) out.PutBytes(key);
}

absl::Status ReadChunks(
    absl::string_view block, const TypeSerializer& serializer, Arena& arena,
    absl::FunctionRef<absl::Status(std::span<const absl::string_view>, std::byte*)> visit) {
  BinaryReader in(block);
  std::vector<absl::string_view> keys;
  std::vector<std::byte> rows;
  while (in.remaining() > 0) {
    uint64_t count;
    if (!in.GetVarint(&count) || count > in.remaining()) return Truncated("block of keyed state");
    keys.resize(count);
    for (absl::string_view& key : keys) {
      if (!in.GetBytes(&key)) return Truncated("block of keyed state");
    }
    rows.assign(count * serializer.stride(), std::byte{0});
    const absl::Status read = serializer.Read(in, count, rows.data(), arena);
    if (!read.ok()) {
      serializer.Release(rows.data(), count);
      return read;
    }
    RETURN_IF_ERROR(visit(keys, rows.data()));
  }
  return absl::OkStatus();
}

idl::KeyedStateDescription DescriptionOf(const std::string& name, const TypeSerializer& serializer,
                                         KeyShape shape) {
  idl::KeyedStateDescription description;
  description.name = name;
  description.kind = idl::KeyedStateKind::VALUES;
  description.type = serializer.name();
  description.namespaced = shape == KeyShape::kNamespacedKey;
  return description;
}

RecordKey RestoredKey(absl::string_view bytes, bool namespaced, int max_parallelism,
                      std::string& scratch) {
  if (!namespaced) {
    return {bytes.data(), static_cast<uint32_t>(bytes.size()), MurmurHash(bytes)};
  }
  const absl::string_view key = bytes.substr(0, bytes.size() - sizeof(Namespace));
  scratch.resize(bytes.size());
  return NamespacedKey({key.data(), static_cast<uint32_t>(key.size()), MurmurHash(key)},
                       NamespaceOf(bytes), max_parallelism, scratch.data());
}

absl::StatusOr<RestoredKeyedState::State> KeyedStateRegistry::Claim(
    const idl::KeyedStateDescription& description) {
  if (!known_.emplace(description.name, description).second) {
    return absl::AlreadyExistsError(
        absl::StrCat("two states of one operator have the name '", description.name, "'"));
  }
  const auto found = restored_.states.find(description.name);
  if (found == restored_.states.end()) return RestoredKeyedState::State{description, {}, {}};
  const idl::KeyedStateDescription& old = found->second.description;
  if (old.kind != description.kind || old.type != description.type ||
      old.namespaced != description.namespaced) {
    return UserError(absl::StrCat(
        "the state '", description.name, "' was saved with the type ", old.type,
        " and is declared with the type ", description.type,
        " now; declare it as it was, or give the operator another uid to start without it"));
  }
  RestoredKeyedState::State state = std::move(found->second);
  restored_.states.erase(found);
  return state;
}

absl::Status KeyedStateRegistry::RegisterEntries(const std::string& name, KeyedEntries* entries) {
  idl::KeyedStateDescription description;
  description.name = name;
  description.kind = idl::KeyedStateKind::TIMERS;
  ASSIGN_OR_RETURN(const RestoredKeyedState::State restored, Claim(description));
  for (const auto& [group, blocks] : restored.blocks) {
    for (const std::string& block : blocks) {
      BinaryReader in(block);
      while (in.remaining() > 0) {
        absl::string_view entry;
        if (!in.GetBytes(&entry)) return Truncated("block of timers");
        RETURN_IF_ERROR(entries->ReadEntry(entry));
      }
    }
  }
  entries_.emplace_back(description, entries);
  return absl::OkStatus();
}

KeyedStateRegistry::Copied KeyedStateRegistry::Copy() const {
  Copied copied;
  for (const auto& [description, entries] : entries_) {
    const int state = static_cast<int>(copied.states.size());
    std::map<int, Block> blocks;
    entries->WriteEntries([&](uint32_t hash, absl::string_view entry) {
      const int group = KeyGroupOf(hash, max_parallelism_);
      Block& block = blocks.try_emplace(group, Block{state, group, 0, {}}).first->second;
      ++block.entries;
      BinaryWriter(block.bytes).PutBytes(entry);
    });
    copied.states.push_back(description);
    for (auto& [group, block] : blocks) copied.blocks.push_back(std::move(block));
  }
  for (const auto& [name, restored] : restored_.states) {
    const int state = static_cast<int>(copied.states.size());
    copied.states.push_back(restored.description);
    for (const auto& [group, blocks] : restored.blocks) {
      int64_t entries = restored.entries.at(group);  // told of the first block
      for (const std::string& block : blocks)
        copied.blocks.push_back({state, group, std::exchange(entries, 0), block});
    }
  }
  return copied;
}

void WriteCopied(KeyedStateWriter& writer, KeyedStateRegistry::Copied& copied) {
  std::vector<int> numbers;
  for (const auto& description : copied.states) numbers.push_back(writer.AddState(description));
  for (KeyedStateRegistry::Block& block : copied.blocks) {
    writer.AddBlock(numbers[static_cast<size_t>(block.state)], block.key_group, block.entries,
                    std::move(block.bytes));
  }
  copied = {};
}

}  // namespace pyflinkpp
