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

absl::Status CheckSameState(const idl::KeyedStateDescription& saved,
                            const idl::KeyedStateDescription& declared) {
  if (saved.kind == declared.kind && saved.type == declared.type &&
      saved.namespaced == declared.namespaced)
    return absl::OkStatus();
  return UserError(absl::StrCat(
      "the state '", declared.name, "' was saved with the type ", saved.type,
      " and is declared with the type ", declared.type,
      " now; declare it as it was, or give the operator another uid to start without it"));
}

absl::StatusOr<RestoredKeyedState::State> KeyedStateRegistry::Claim(
    const idl::KeyedStateDescription& description) {
  if (!known_.emplace(description.name, description).second) {
    return absl::AlreadyExistsError(
        absl::StrCat("two states of one operator have the name '", description.name, "'"));
  }
  const auto found = restored_.states.find(description.name);
  if (found == restored_.states.end()) return RestoredKeyedState::State{description, {}, {}};
  RETURN_IF_ERROR(CheckSameState(found->second.description, description));
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

KeyedStateRegistry::Frozen KeyedStateRegistry::Freeze() const {
  Frozen frozen;
  frozen.max_parallelism_ = max_parallelism_;
  for (const auto& [description, entries] : entries_)
    frozen.entries_.push_back({description, entries->Freeze()});
  for (const auto& [name, restored] : restored_.states) frozen.unclaimed_.push_back(restored);
  return frozen;
}

bool KeyedStateRegistry::Frozen::WriteSome(KeyedStateWriter& writer) {
  // At some 100 ns an entry this is about a millisecond.
  constexpr size_t kEntriesAtOnce = 8192;
  constexpr size_t kBlockBytes = size_t{32} << 10;
  if (at_ < entries_.size()) {
    Entries& entries = entries_[at_];
    if (number_ < 0) number_ = writer.AddState(entries.description);
    const bool all =
        entries.frozen->WriteSome(kEntriesAtOnce, [&](uint32_t hash, absl::string_view entry) {
          const int group = KeyGroupOf(hash, max_parallelism_);
          Block& block = blocks_[group];
          ++block.entries;
          BinaryWriter(block.bytes).PutBytes(entry);
          if (block.bytes.size() >= kBlockBytes) AddBlock(writer, group, block);
        });
    if (!all) return false;
    for (auto& [group, block] : blocks_) {
      if (block.entries > 0) AddBlock(writer, group, block);
    }
    blocks_.clear();
    entries.frozen = nullptr;
    number_ = -1;
    if (++at_ < entries_.size()) return false;
  }
  for (RestoredKeyedState::State& state : unclaimed_) {
    number_ = writer.AddState(state.description);
    for (auto& [group, blocks] : state.blocks) {
      int64_t entries = state.entries.at(group);  // told of the first block
      for (std::string& block : blocks)
        writer.AddBlock(number_, group, std::exchange(entries, 0), std::move(block));
    }
  }
  unclaimed_.clear();
  return true;
}

void KeyedStateRegistry::Frozen::AddBlock(KeyedStateWriter& writer, int key_group,
                                          Block& block) const {
  writer.AddBlock(number_, key_group, block.entries, std::exchange(block.bytes, {}));
  block.entries = 0;
}

}  // namespace pyflinkpp
