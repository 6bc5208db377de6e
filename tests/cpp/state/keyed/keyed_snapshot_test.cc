#include "state/keyed/keyed_snapshot.h"

#include <gmock/gmock.h>

#include "core/base/hash.h"
#include "core/graph/key_groups.h"
#include "core/types/native_serializers.h"

namespace pyflinkpp {
namespace {

using testing::HasSubstr;

// A block of two chunks of (key, LONG). These bytes are kept in savepoints: they never change.
std::string GoldenBlock() {
  return std::string(
      "\x02"
      "\x01"
      "a"
      "\x02"
      "bc",
      6);
}

std::string BlockOf(const std::vector<std::pair<std::string, int64_t>>& entries) {
  std::vector<absl::string_view> keys;
  std::vector<int64_t> values;
  for (const auto& [key, value] : entries) {
    keys.push_back(key);
    values.push_back(value);
  }
  std::string block;
  AppendChunkKeys(keys, block);
  BinaryWriter out(block);
  EXPECT_TRUE(LongSerializer()
                  ->Write(reinterpret_cast<const std::byte*>(values.data()), values.size(), out)
                  .ok());
  return block;
}

std::map<std::string, int64_t> ContentOf(absl::string_view block, absl::Status* status) {
  std::map<std::string, int64_t> content;
  Arena arena;
  *status = ReadChunks(block, *LongSerializer(), arena,
                       [&](std::span<const absl::string_view> keys, std::byte* rows) {
                         for (size_t i = 0; i < keys.size(); ++i)
                           content[std::string(keys[i])] = reinterpret_cast<int64_t*>(rows)[i];
                         return absl::OkStatus();
                       });
  return content;
}

TEST(KeyedSnapshotTest, AChunkBeginsWithItsKeys) {
  const std::string block = BlockOf({{"a", 1}, {"bc", 2}});
  EXPECT_EQ(block.substr(0, GoldenBlock().size()), GoldenBlock());
}

TEST(KeyedSnapshotTest, ChunksFollowEachOther) {
  absl::Status status;
  const auto content = ContentOf(BlockOf({{"a", 1}, {"bc", 2}}) + BlockOf({{"", -7}}), &status);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(content, (std::map<std::string, int64_t>{{"", -7}, {"a", 1}, {"bc", 2}}));
}

TEST(KeyedSnapshotTest, ABlockThatEndsEarlyIsNoticed) {
  const std::string block = BlockOf({{"a", 1}, {"bc", 2}, {"def", int64_t{1} << 40}});
  for (size_t size = 1; size < block.size(); ++size) {
    absl::Status status;
    ContentOf(block.substr(0, size), &status);
    EXPECT_FALSE(status.ok()) << size;
  }
}

class Entries final : public KeyedEntries {
 public:
  class Frozen final : public FrozenEntries {
   public:
    explicit Frozen(std::vector<std::string> entries) : entries_(std::move(entries)) {}
    bool WriteSome(size_t, AddEntry add) override {
      for (int some = 7; some > 0 && !entries_.empty(); --some) {
        add(MurmurHash(entries_.back()), entries_.back());
        entries_.pop_back();
      }
      return entries_.empty();
    }

   private:
    std::vector<std::string> entries_;
  };
  std::unique_ptr<FrozenEntries> Freeze() override { return std::make_unique<Frozen>(entries); }
  absl::Status ReadEntry(absl::string_view entry) override {
    entries.emplace_back(entry);
    return absl::OkStatus();
  }
  std::vector<std::string> entries;
};

struct Writer final : public KeyedStateWriter {
  int AddState(const idl::KeyedStateDescription& description) override {
    states.push_back(description);
    return static_cast<int>(states.size()) - 1;
  }
  void AddBlock(int state, int key_group, int64_t entries, std::string bytes) override {
    EXPECT_EQ(state, static_cast<int>(states.size()) - 1);
    blocks.push_back({key_group, entries, std::move(bytes)});
  }
  void SetFiles(NativeFiles) override { FAIL() << "they have none"; }
  struct Block {
    int key_group;
    int64_t entries;
    std::string bytes;
  };
  std::vector<idl::KeyedStateDescription> states;
  std::vector<Block> blocks;
};

TEST(KeyedSnapshotTest, EntriesOfOperatorsAreSplitByKeyGroups) {
  Entries entries;
  for (int i = 0; i < 50; ++i) entries.entries.push_back(std::to_string(i));
  KeyedStateRegistry registry(16);
  ASSERT_TRUE(registry.RegisterEntries("timers", &entries).ok());
  KeyedStateRegistry::Frozen frozen = registry.Freeze();
  entries.entries.clear();
  Writer copied;
  int slices = 1;
  while (!frozen.WriteSome(copied)) ++slices;
  EXPECT_GT(slices, 1);
  ASSERT_EQ(copied.states.size(), 1u);
  EXPECT_EQ(copied.states[0].kind, idl::KeyedStateKind::TIMERS);

  RestoredKeyedState half;
  auto& state = half.states["timers"];
  state.description = copied.states[0];
  int64_t count = 0;
  for (const auto& block : copied.blocks) {
    if (block.key_group >= 8) continue;
    state.blocks[block.key_group].push_back(block.bytes);
    state.entries[block.key_group] += block.entries;
    count += block.entries;
  }
  KeyedStateRegistry other(16);
  other.Restore(std::move(half));
  Entries read;
  ASSERT_TRUE(other.RegisterEntries("timers", &read).ok());
  EXPECT_EQ(static_cast<int64_t>(read.entries.size()), count);
  EXPECT_GT(count, 0);
  EXPECT_LT(count, 50);
  for (const std::string& entry : read.entries) EXPECT_LT(KeyGroupOf(MurmurHash(entry), 16), 8);
}

TEST(KeyedSnapshotTest, ANameIsGivenOnce) {
  KeyedStateRegistry registry(16);
  Entries entries;
  ASSERT_TRUE(registry.RegisterEntries("x", &entries).ok());
  EXPECT_THAT(std::string(registry.RegisterEntries("x", &entries).message()), HasSubstr("'x'"));
}

TEST(KeyedSnapshotTest, ValuesAreNotRestoredAsTimers) {
  RestoredKeyedState restored;
  restored.states["x"].description = DescriptionOf("x", *LongSerializer(), KeyShape::kKey);
  KeyedStateRegistry registry(16);
  registry.Restore(std::move(restored));
  Entries entries;
  EXPECT_THAT(std::string(registry.RegisterEntries("x", &entries).message()), HasSubstr("LONG"));
}

}  // namespace
}  // namespace pyflinkpp
