#include "state/memory/key_table.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace pyflinkpp {
namespace {

using testing::IsEmpty;

class KeyTableTest : public testing::Test {
 protected:
  // Puts `value` in all bytes of the key's row. Returns whether the key was there.
  bool Put(KeyTable& table, absl::string_view key, uint32_t hash, uint8_t value) {
    bool found = false;
    std::memset(table.FindOrInsert(key, hash, &found), value, stride_);
    return found;
  }
  std::map<std::string, uint8_t> ContentOf(KeyTable& table) {
    std::map<std::string, uint8_t> content;
    table.ForEach([&](absl::string_view key, const std::byte* row) {
      for (uint32_t i = 1; i < stride_; ++i) EXPECT_EQ(row[i], row[0]) << "row of " << key;
      EXPECT_TRUE(content.emplace(std::string(key), static_cast<uint8_t>(row[0])).second);
    });
    return content;
  }

  uint32_t stride_ = 8;
};

TEST_F(KeyTableTest, AnEmptyTableHasNothing) {
  KeyTable table(8);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.Candidate(5), nullptr);
  table.Prefetch(5);
  EXPECT_THAT(ContentOf(table), IsEmpty());
}

TEST_F(KeyTableTest, ARowIsMadeOfZerosAndFoundAgain) {
  KeyTable table(16);
  bool found = true;
  std::byte* row = table.FindOrInsert("key", 7, &found);
  EXPECT_FALSE(found);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(row[i], std::byte{0});
  row[3] = std::byte{9};
  EXPECT_EQ(table.FindOrInsert("key", 7, &found), row);
  EXPECT_TRUE(found);
  EXPECT_EQ(row[3], std::byte{9});
  EXPECT_EQ(table.Candidate(7), row);
  EXPECT_EQ(table.size(), 1u);
}

TEST_F(KeyTableTest, KeysOfAllLengthsAreKept) {
  for (const uint32_t stride : {8u, 16u, 24u, 32u, 40u, 48u, 104u, 200u}) {
    stride_ = stride;
    KeyTable table(stride);
    std::map<std::string, uint8_t> model;
    for (uint8_t size = 0; size < 120; ++size) {
      // The caller's bytes are gone after the call.
      const std::string key(size, static_cast<char>('a' + size % 26));
      EXPECT_FALSE(Put(table, key, MurmurHash(key), size));
      model[key] = size;
    }
    for (const auto& [key, value] : model) EXPECT_TRUE(Put(table, key, MurmurHash(key), value));
    EXPECT_EQ(ContentOf(table), model);
    EXPECT_EQ(table.size(), model.size());
  }
}

TEST_F(KeyTableTest, KeysThatShareAHashAreApart) {
  KeyTable table(8);
  for (const uint32_t hash : {0u, 1u, 77u, 0xffffffffu}) {
    for (uint8_t i = 0; i < 50; ++i) {
      EXPECT_FALSE(Put(table, std::to_string(hash) + "/" + std::to_string(i), hash, i));
    }
  }
  for (const uint32_t hash : {0u, 1u, 77u, 0xffffffffu}) {
    for (uint8_t i = 0; i < 50; ++i) {
      EXPECT_TRUE(Put(table, std::to_string(hash) + "/" + std::to_string(i), hash, i));
    }
    EXPECT_NE(table.Candidate(hash), nullptr);
  }
  EXPECT_EQ(table.size(), 200u);
  EXPECT_EQ(table.Candidate(78), nullptr);
}

// The hash that marks a free slot is a hash like any other to callers.
TEST_F(KeyTableTest, TheHashZeroIsNoSpecialCase) {
  KeyTable table(8);
  EXPECT_FALSE(Put(table, "", 0, 1));
  EXPECT_FALSE(Put(table, "zero", 0, 2));
  EXPECT_FALSE(Put(table, "one", 1, 3));
  EXPECT_TRUE(Put(table, "", 0, 4));
  EXPECT_EQ(ContentOf(table), (std::map<std::string, uint8_t>{{"", 4}, {"zero", 2}, {"one", 3}}));
}

TEST_F(KeyTableTest, RowsAreAlignedAndShortOnesLieInOneCacheLine) {
  for (const uint32_t stride : {8u, 24u, 40u}) {
    KeyTable table(stride);
    bool found;
    for (int i = 0; i < 500; ++i) {
      const std::string key = std::to_string(i);
      const auto address =
          reinterpret_cast<uintptr_t>(table.FindOrInsert(key, MurmurHash(key), &found));
      EXPECT_EQ(address % 8, 0u);
      EXPECT_EQ((address - 8) / 64, (address + stride - 1) / 64) << "hash and row";
    }
  }
}

TEST_F(KeyTableTest, AgreesWithAMap) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    stride_ = 8 * (1 + random() % 5);
    const uint32_t hashes = seed % 3 == 0 ? 7 : 0xffffffff;  // few: many collisions
    KeyTable table(stride_);
    std::map<std::string, uint8_t> model;
    for (int i = 0; i < 1500; ++i) {
      const std::string key(random() % 30, static_cast<char>('a' + random() % 20));
      const auto value = static_cast<uint8_t>(random());
      const uint32_t hash = MurmurHash(key) % hashes;
      if (random() % 3 == 0) {
        std::byte* row = table.Find(key, hash);
        ASSERT_EQ(row != nullptr, model.erase(key) == 1) << "seed " << seed;
        if (row != nullptr) table.Erase(row);
        ASSERT_EQ(table.Find(key, hash), nullptr);
        ASSERT_EQ(table.size(), model.size());
        continue;
      }
      ASSERT_EQ(Put(table, key, hash, value), model.contains(key)) << "seed " << seed;
      model[key] = value;
      ASSERT_EQ(table.size(), model.size());
      ASSERT_NE(table.Candidate(hash), nullptr);
      ASSERT_EQ(*table.Find(key, hash), std::byte{value});
    }
    ASSERT_EQ(ContentOf(table), model);
  }
}

TEST_F(KeyTableTest, WhatIsErasedIsGoneAndTheRestIsFound) {
  KeyTable table(8);
  std::map<std::string, uint8_t> model;
  for (uint8_t i = 0; i < 200; ++i) {
    Put(table, std::string(i, 'k'), i % 5, i);
    model[std::string(i, 'k')] = i;
  }
  for (uint8_t i = 0; i < 200; i += 2) {
    table.Erase(table.Find(std::string(i, 'k'), i % 5));
    model.erase(std::string(i, 'k'));
  }
  EXPECT_EQ(ContentOf(table), model);
  for (uint8_t i = 1; i < 200; i += 2) table.Erase(table.Find(std::string(i, 'k'), i % 5));
  EXPECT_THAT(ContentOf(table), IsEmpty());
  EXPECT_FALSE(Put(table, "again", 3, 1));
  EXPECT_EQ(table.size(), 1u);
}

// Whenever it grows, the table makes its slots as most keys want them.
TEST_F(KeyTableTest, KeysStayThroughEachChangeOfTheSlots) {
  for (const size_t first : {size_t{3}, size_t{24}, size_t{60}}) {
    KeyTable table(8);
    std::map<std::string, uint8_t> model;
    const auto put = [&](size_t size, int count) {
      for (int i = 0; i < count; ++i) {
        std::string key = std::to_string(model.size());
        key.resize(std::max(size, key.size()), 'k');
        const auto value = static_cast<uint8_t>(model.size());
        EXPECT_FALSE(Put(table, key, MurmurHash(key), value));
        model[key] = value;
      }
      EXPECT_EQ(ContentOf(table), model);
      for (const auto& [key, byte] : model) {
        const std::byte* row = table.Find(key, MurmurHash(key));
        ASSERT_NE(row, nullptr) << key;
        EXPECT_EQ(*row, std::byte{byte});
      }
    };
    put(first, 1);
    for (const auto& [size, count] : std::vector<std::pair<size_t, int>>{
             {3, 20}, {24, 60}, {48, 10}, {49, 10}, {100, 300}, {24, 700}, {5, 2000}}) {
      put(size, count);
    }
    table.Clear();
    model.clear();
    put(24, 30);
  }
}

TEST_F(KeyTableTest, KeysThatDifferInOneByteDiffer) {
  for (size_t size = 1; size <= 40; ++size) {
    KeyTable table(8);
    EXPECT_FALSE(Put(table, std::string(size, 'k'), 7, 0));
    for (size_t at = 0; at < size; ++at) {
      std::string other(size, 'k');
      other[at] = 'j';
      EXPECT_EQ(table.Find(other, 7), nullptr) << size << " " << at;
    }
    EXPECT_NE(table.Find(std::string(size, 'k'), 7), nullptr);
  }
}

// Keys of one key group agree in the remainder of their hash: they still spread over the table.
// (With all in one place this would be a billion comparisons.)
TEST_F(KeyTableTest, HashesWithAnEqualRemainderSpread) {
  KeyTable table(8);
  for (uint32_t i = 0; i < 50'000; ++i) Put(table, std::to_string(i), i * 32768 + 5, 1);
  EXPECT_EQ(table.size(), 50'000u);
}

}  // namespace
}  // namespace pyflinkpp
