// Snapshots, which every KeyedStateBackend must take and restore.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "state/keyed/keyed_state_backend_conformance.h"
#include "state/memory/memory_keyed_state_backend.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"

namespace pyflinkpp {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Keeps what a snapshot writes as it would be read back.
class Gathered final : public KeyedStateWriter {
 public:
  int AddState(const idl::KeyedStateDescription& description) override {
    names_.push_back(description.name);
    restored.states[description.name].description = description;
    return static_cast<int>(names_.size()) - 1;
  }
  void AddBlock(int state, int key_group, int64_t entries, std::string bytes) override {
    auto& to = restored.states[names_[static_cast<size_t>(state)]];
    bytes_ += bytes.size();
    to.blocks[key_group].push_back(std::move(bytes));
    to.entries[key_group] += entries;
  }
  // What came since the last call.
  size_t TakeBytes() { return std::exchange(bytes_, 0); }
  void SetFiles(NativeFiles) override { FAIL() << "a snapshot in blocks has no files"; }
  RestoredKeyedState restored;

 private:
  std::vector<std::string> names_;
  size_t bytes_ = 0;
};

class KeyedSnapshotConformance : public KeyedStateBackendConformance {
 protected:
  // Writes to the end, `between` two slices.
  static RestoredKeyedState Written(KeyedSnapshot& snapshot, const std::function<void()>& between) {
    Gathered gathered;
    for (;;) {
      const absl::StatusOr<bool> all = snapshot.WriteSome(gathered);
      EXPECT_TRUE(all.ok()) << all.status();
      if (!all.ok() || *all) return std::move(gathered.restored);
      between();
    }
  }
  RestoredKeyedState Taken() {
    const auto snapshot = backend_->Snapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return Written(**snapshot, [] {});
  }
  // What another backend has that starts with it.
  Content Restored(KeyedStateBackend& backend, RestoredKeyedState restored) {
    backend.Restore(std::move(restored));
    auto state = backend.CreateValueState("state", serializer_);
    EXPECT_TRUE(state.ok()) << state.status();
    if (!state.ok()) return {};
    const auto rows = Scanned(**state);
    EXPECT_EQ((*state)->size(), rows.size());
    kept_.push_back(*std::move(state));
    return {rows.begin(), rows.end()};
  }
  KeyedStateBackend& Kept(std::unique_ptr<KeyedStateBackend> backend) {
    return *others_.emplace_back(std::move(backend));
  }
  void Fill(int count) {
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i) keys.push_back("key " + std::to_string(i));
    for (size_t at = 0; at < keys.size(); at += 500) {
      Update({keys.begin() + static_cast<ptrdiff_t>(at),
              keys.begin() + static_cast<ptrdiff_t>(std::min(at + 500, keys.size()))},
             "x");
    }
  }

 protected:
  // Backends that were restored, and their states, which go before them.
  std::vector<std::unique_ptr<KeyedStateBackend>> others_;
  std::vector<std::unique_ptr<ValueState>> kept_;
};

TEST_P(KeyedSnapshotConformance, OfNothingIsNothing) {
  Open();
  auto restored = Taken();
  KeyedStateBackend& other = Kept(GetParam().make(groups_, max_parallelism_));
  EXPECT_THAT(Restored(other, std::move(restored)), IsEmpty());
}

TEST_P(KeyedSnapshotConformance, ItIsTheStateAtItsBeginWhateverComesAfter) {
  for (int seed = 0; seed < 12; ++seed) {
    model_.clear();
    state_.reset();
    backend_.reset();
    Open();
    std::mt19937 random(static_cast<unsigned>(seed));
    Fill(seed % 3 == 0 ? 10 : 3'000);
    const Content begin = model_;
    auto snapshot = backend_->Snapshot();
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    const auto change = [&] {
      switch (random() % 4) {
        case 0: {  // written, one of them new
          const std::string key = "key " + std::to_string(random() % 3'000);
          Update({key, "new " + std::to_string(random() % 5'000)}, "y");
          break;
        }
        case 1: {
          const std::string key = "key " + std::to_string(random() % 3'000);
          ASSERT_TRUE(state_->Erase(harness::KeyOf(key)).ok());
          ASSERT_TRUE(state_->Flush().ok());
          model_.erase(key);
          break;
        }
        case 2:  // grown
          if (random() % 20 == 0) Fill(8'000);
          break;
        default:
          if (random() % 40 != 0) break;
          ASSERT_TRUE(state_->Clear().ok());
          model_.clear();
      }
    };
    for (int i = 0; i < 200; ++i) change();
    auto restored = Written(**snapshot, change);
    snapshot->reset();
    for (int i = 0; i < 20; ++i) change();
    KeyedStateBackend& other = Kept(GetParam().make(groups_, max_parallelism_));
    EXPECT_EQ(Restored(other, std::move(restored)), begin) << "seed " << seed;
    ExpectScanIs(*state_, model_);
  }
}

// However few key groups there are, and however long the values: what is written in one go holds the
// task up.
TEST_P(KeyedSnapshotConformance, ASliceIsBoundedInBytes) {
  Open({0, 0}, 1);
  for (int i = 0; i < 800; ++i)
    Update({"key " + std::to_string(i)}, std::string(i < 400 ? 20'000 : 10, 'x'));
  const auto snapshot = backend_->Snapshot();
  ASSERT_TRUE(snapshot.ok());
  Gathered gathered;
  for (bool all = false; !all;) {
    const absl::StatusOr<bool> written = (*snapshot)->WriteSome(gathered);
    ASSERT_TRUE(written.ok());
    all = *written;
    if ((*snapshot)->on_loop()) {
      EXPECT_LT(gathered.TakeBytes(), size_t{5} << 19);
    }
  }
  EXPECT_EQ(gathered.restored.states.at("state").entries.at(0), 800);
  KeyedStateBackend& other = Kept(GetParam().make(groups_, max_parallelism_));
  EXPECT_EQ(Restored(other, std::move(gathered.restored)), model_);
}

TEST_P(KeyedSnapshotConformance, OneThatWasGivenUpLeavesNoTrace) {
  Open();
  Fill(3'000);
  {
    auto snapshot = backend_->Snapshot();
    ASSERT_TRUE(snapshot.ok());
    Update({"key 1", "another"}, "z");
    Gathered some;
    ASSERT_TRUE((*snapshot)->WriteSome(some).ok());
    Update({"key 2", "key 2999"}, "z");
  }
  ExpectScanIs(*state_, model_);
  const Content now = model_;
  auto restored = Taken();
  KeyedStateBackend& other = Kept(GetParam().make(groups_, max_parallelism_));
  EXPECT_EQ(Restored(other, std::move(restored)), now);
}

TEST_P(KeyedSnapshotConformance, EachBackendReadsWhatTheOtherHasWritten) {
  Open();
  Fill(700);
  KeyedStateBackend& memory = Kept(MakeMemoryKeyedStateBackend(groups_, max_parallelism_));
  EXPECT_EQ(Restored(memory, Taken()), model_);
  const auto snapshot = memory.Snapshot();
  ASSERT_TRUE(snapshot.ok());
  KeyedStateBackend& again = Kept(GetParam().make(groups_, max_parallelism_));
  EXPECT_EQ(Restored(again, Written(**snapshot, [] {})), model_);
}

TEST_P(KeyedSnapshotConformance, WhatNobodyAsksForStays) {
  Open();
  Fill(300);
  KeyedStateBackend& other = Kept(GetParam().make(groups_, max_parallelism_));
  other.Restore(Taken());
  const auto snapshot = other.Snapshot();
  ASSERT_TRUE(snapshot.ok());
  KeyedStateBackend& third = Kept(GetParam().make(groups_, max_parallelism_));
  EXPECT_EQ(Restored(third, Written(**snapshot, [] {})), model_);
}

TEST_P(KeyedSnapshotConformance, AnotherTypeIsRefusedByName) {
  Open();
  Fill(3);
  auto restored = Taken();
  restored.states.at("state").description.type = "ANOTHER";
  KeyedStateBackend& other = Kept(GetParam().make(groups_, max_parallelism_));
  other.Restore(std::move(restored));
  const absl::Status status = other.CreateValueState("state", serializer_).status();
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr("'state'"), HasSubstr("ANOTHER"), HasSubstr("TRACKED")));
}

// Blocks go by key groups: two halves make a whole.
TEST_P(KeyedSnapshotConformance, KeyGroupsMayComeFromSeveralSnapshots) {
  Open();
  Fill(500);
  RestoredKeyedState all = Taken();
  Content together;
  for (const KeyGroupRange half : {KeyGroupRange{0, 63}, KeyGroupRange{64, 127}}) {
    RestoredKeyedState part;
    auto& to = part.states["state"];
    to.description = all.states.at("state").description;
    for (const auto& [group, blocks] : all.states.at("state").blocks) {
      if (!half.contains(group)) continue;
      to.blocks[group] = blocks;
      to.entries[group] = all.states.at("state").entries.at(group);
    }
    KeyedStateBackend& backend = Kept(GetParam().make(half, 128));
    Content content = Restored(backend, std::move(part));
    EXPECT_LT(content.size(), model_.size());
    together.merge(content);
  }
  EXPECT_EQ(together, model_);
}

std::unique_ptr<KeyedStateBackend> OpenRocksDb(KeyGroupRange groups, int max_parallelism) {
  static int count = 0;
  auto backend = OpenRocksDbKeyedStateBackend(
      {.key_groups = groups,
       .max_parallelism = max_parallelism,
       .directory = absl::StrCat(testing::TempDir(), "pfpp-snapshots-", ::getpid(), "-", ++count)});
  PFPP_CHECK(backend.ok());
  return *std::move(backend);
}

INSTANTIATE_TEST_SUITE_P(Backends, KeyedSnapshotConformance,
                         testing::Values(BackendFactory{"memory", MakeMemoryKeyedStateBackend},
                                         BackendFactory{"rocksdb", OpenRocksDb}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace pyflinkpp
