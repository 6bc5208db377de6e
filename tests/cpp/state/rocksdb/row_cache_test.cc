#include "state/rocksdb/row_cache.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "harness/batches.h"
#include "state/keyed/keyed_state_backend_conformance.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kGroups = 16;

std::string Stored(const std::string& key) {
  const int group = KeyGroupOf(MurmurHash(key), kGroups);
  return std::string{static_cast<char>(group >> 8), static_cast<char>(group & 0xff)} + key;
}

class RowCacheTest : public testing::Test {
 protected:
  CachedRow* Find(const std::string& key) { return cache_.Find(harness::KeyOf(key)); }
  CachedRow& Row(const std::string& key) {
    CachedRow* const row = Find(key);
    return row != nullptr ? *row : *cache_.Insert(harness::KeyOf(key));
  }
  // What RocksDB is told, and tells itself: a value, or none.
  std::vector<std::pair<std::string, std::optional<std::string>>> Changes() {
    std::vector<std::pair<std::string, std::optional<std::string>>> changes;
    cache_.VisitChanged([&](const CachedRow& row) {
      const std::string key(row.stored_key());
      if (row.present()) {
        changes.emplace_back(key, std::string(row.value()));
      } else {
        changes.emplace_back(key, std::nullopt);
      }
    });
    return changes;
  }

  RowCache cache_{kGroups};
};

TEST_F(RowCacheTest, ARowSaysItsStoredKeyAndWhetherThereIsAValue) {
  CachedRow& row = Row("a");
  EXPECT_EQ(std::string(row.stored_key()), Stored("a"));
  EXPECT_FALSE(row.present());
  cache_.Load(row, "value");
  EXPECT_TRUE(row.present());
  EXPECT_EQ(row.value(), "value");
  EXPECT_EQ(Find("a"), &row);
  EXPECT_EQ(Find("b"), nullptr);
  EXPECT_EQ(cache_.changed_rows(), 0u);
}

TEST_F(RowCacheTest, RowsAreFoundWhileTheTableGrows) {
  std::map<std::string, CachedRow*> rows;
  for (int i = 0; i < 3'000; ++i) {
    const std::string key = std::to_string(i);
    rows[key] = &Row(key);
    cache_.Load(*rows[key], key);
    if (i % 100 != 0) continue;
    for (const auto& [known, row] : rows) ASSERT_EQ(Find(known), row) << known << " of " << i;
  }
  for (const auto& [key, row] : rows) {
    ASSERT_EQ(Find(key), row);
    ASSERT_EQ(row->value(), key);
  }
  EXPECT_EQ(cache_.rows(), 3'000u);
}

TEST_F(RowCacheTest, KeysOfOneHashAreDifferentKeys) {
  const std::vector<std::string> keys = KeysWithEqualHash(40);
  for (const std::string& key : keys) cache_.Load(Row(key), key);
  for (const std::string& key : keys) {
    ASSERT_NE(Find(key), nullptr);
    EXPECT_EQ(Find(key)->value(), key);
  }
}

TEST_F(RowCacheTest, AValueMayGrowAndShrink) {
  std::mt19937 random(7);
  CachedRow& row = Row("a");
  for (int i = 0; i < 500; ++i) {
    const size_t size = random() % (i % 50 == 0 ? 100'000 : 300);
    const std::string value(size, static_cast<char>('a' + i % 26));
    cache_.Put(row, value);
    ASSERT_EQ(row.value(), value);
    ASSERT_EQ(std::string(row.stored_key()), Stored("a"));
  }
  EXPECT_GE(cache_.bytes(), 50'000u) << "a value's memory counts where it lies outside of the row";
  cache_.WrittenBack();
  cache_.Trim(0);
  EXPECT_EQ(cache_.rows(), 0u);
  EXPECT_LE(cache_.bytes(), 1'000u);
}

TEST_F(RowCacheTest, ChangesComeInTheOrderOfStoredKeys) {
  std::vector<std::string> keys;
  for (int i = 0; i < 500; ++i) keys.push_back(absl::StrCat("a long prefix ", (i * 7919) % 500));
  for (const std::string& key : keys) cache_.Put(Row(key), key);
  cache_.Put(Row(""), "");
  const auto changes = Changes();
  EXPECT_EQ(changes.size(), 501u);
  EXPECT_TRUE(std::is_sorted(changes.begin(), changes.end()));
}

TEST_F(RowCacheTest, WhatRocksDbNeverHadIsNotErasedThere) {
  cache_.Put(Row("new"), "1");
  cache_.Erase(Row("new"));
  cache_.Erase(Row("unknown"));
  cache_.Load(Row("stored"), "1");
  cache_.Erase(Row("stored"));
  EXPECT_THAT(Changes(), ElementsAre(std::pair(Stored("stored"), std::nullopt)));
  cache_.WrittenBack();
  EXPECT_THAT(Changes(), IsEmpty());
  cache_.Put(Row("new"), "2");
  cache_.WrittenBack();
  cache_.Erase(Row("new"));
  cache_.Erase(Row("stored"));
  EXPECT_THAT(Changes(), ElementsAre(std::pair(Stored("new"), std::nullopt)));
}

TEST_F(RowCacheTest, WhatHasChangedOrIsHeldStays) {
  for (int i = 0; i < 1'000; ++i) cache_.Load(Row(std::to_string(i)), "value");
  cache_.Put(Row("5"), "changed");
  Row("6").mark = 1;
  cache_.Trim(0);
  EXPECT_EQ(cache_.rows(), 2u);
  EXPECT_EQ(Find("5")->value(), "changed");
  EXPECT_EQ(Find("6")->value(), "value");
  Find("6")->mark = 0;
  cache_.WrittenBack();
  cache_.Trim(0);
  EXPECT_EQ(cache_.rows(), 0u);
}

TEST_F(RowCacheTest, WhatWasUsedStaysLonger) {
  for (int i = 0; i < 1'000; ++i) cache_.Load(Row(std::to_string(i)), "value");
  for (int i = 0; i < 100; ++i) ASSERT_NE(Find(std::to_string(i)), nullptr);
  const size_t row = (cache_.bytes() - 1'000 * sizeof(void*)) / 1'000;
  cache_.Trim(cache_.bytes() - 700 * row);
  int used = 0;
  for (int i = 0; i < 100; ++i) used += Find(std::to_string(i)) != nullptr ? 1 : 0;
  EXPECT_LT(cache_.rows(), 350u);
  EXPECT_EQ(used, 100);
}

TEST_F(RowCacheTest, ClearForgetsChanges) {
  for (int i = 0; i < 100; ++i) cache_.Put(Row(std::to_string(i)), std::string(300, 'v'));
  cache_.Clear();
  EXPECT_EQ(cache_.rows(), 0u);
  EXPECT_EQ(cache_.changed_rows(), 0u);
  EXPECT_EQ(cache_.changed_bytes(), 0u);
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_EQ(Find("1"), nullptr);
}

// A store behind the cache always ends up with what was put.
TEST_F(RowCacheTest, AnythingInAnyOrder) {
  std::mt19937 random(11);
  std::map<std::string, std::string> model, stored;
  for (int step = 0; step < 30'000; ++step) {
    const std::string key = std::to_string(random() % 400);
    CachedRow* row = Find(key);
    if (row == nullptr) {
      row = &Row(key);
      const auto found = stored.find(Stored(key));
      if (found != stored.end()) cache_.Load(*row, found->second);
    }
    const auto known = model.find(key);
    ASSERT_EQ(row->present(), known != model.end()) << key << " at " << step;
    if (row->present()) {
      ASSERT_EQ(row->value(), known->second) << key << " at " << step;
    }
    switch (random() % 4) {
      case 0:
        cache_.Erase(*row);
        model.erase(key);
        break;
      case 1:
      case 2: {
        const std::string value(random() % 40, static_cast<char>('a' + random() % 26));
        cache_.Put(*row, value);
        model[key] = value;
        break;
      }
      default:
        break;
    }
    if (random() % 50 == 0) {
      for (const auto& [changed, value] : Changes()) {
        if (value.has_value()) {
          stored[changed] = *value;
        } else {
          ASSERT_EQ(stored.erase(changed), 1u);
        }
      }
      cache_.WrittenBack();
    }
    if (random() % 20 == 0) cache_.Trim(random() % 20'000);
  }
}

}  // namespace
}  // namespace pyflinkpp
