#include "state/keyed/keyed_state_backend_conformance.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KeyedStateBackendConformance);

TEST_P(KeyedStateBackendConformance, StartsEmpty) {
  Open();
  EXPECT_EQ(state_->size(), 0u);
  EXPECT_THAT(Scanned(*state_), IsEmpty());
  EXPECT_TRUE(state_->Prefetch({}).ok());
  EXPECT_TRUE(state_->Flush().ok());
  EXPECT_EQ(state_->size(), 0u);
}

TEST_P(KeyedStateBackendConformance, KnowsItsKeyGroups) {
  Open({3, 17}, 32);
  EXPECT_EQ(backend_->key_groups().first, 3);
  EXPECT_EQ(backend_->key_groups().last, 17);
}

TEST_P(KeyedStateBackendConformance, AMissingValueIsMadeOnce) {
  Open();
  Update({"a"}, "1");
  Update({"a"}, "2");
  Update({"b"}, "3");
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("a", "12"), Pair("b", "3")));
}

TEST_P(KeyedStateBackendConformance, EqualKeysOfOnePrefetchShareTheirValue) {
  Open();
  Update({"a", "b", "a", "a", "b"}, "x");
  Update({"b", "c", "b", "a"}, "y");
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("a", "xxxy"), Pair("b", "xxyy"), Pair("c", "y")));
}

// A reduce that stops early accesses a prefix, flushes, and prefetches the rest again.
TEST_P(KeyedStateBackendConformance, KeysThatAreNotAccessedAreNotMade) {
  Open();
  const std::vector<std::string> texts = {"a", "b", "c"};
  const std::vector<RecordKey> keys = KeysOf(texts);
  ASSERT_TRUE(state_->Prefetch(keys).ok());
  bool found = true;
  serializer_->Put(state_->Access(0, &found), "1");
  EXPECT_FALSE(found);
  ASSERT_TRUE(state_->Flush().ok());
  EXPECT_EQ(state_->size(), 1u);
  ASSERT_TRUE(state_->Prefetch(std::span<const RecordKey>(keys).subspan(1)).ok());
  serializer_->Put(state_->Access(0, &found), "2");
  EXPECT_FALSE(found);
  ASSERT_TRUE(state_->Flush().ok());
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST_P(KeyedStateBackendConformance, AccessMayComeInAnyOrderAndAgain) {
  Open();
  const std::vector<std::string> texts = {"a", "b", "a"};
  const std::vector<RecordKey> keys = KeysOf(texts);
  ASSERT_TRUE(state_->Prefetch(keys).ok());
  bool found = true;
  serializer_->Put(state_->Access(2, &found), "two");
  EXPECT_FALSE(found);
  serializer_->Put(state_->Access(1, &found), "one");
  EXPECT_FALSE(found);
  EXPECT_EQ(serializer_->Get(state_->Access(0, &found)), "two");
  EXPECT_TRUE(found);
  EXPECT_EQ(serializer_->Get(state_->Access(2, &found)), "two");
  EXPECT_TRUE(found);
  ASSERT_TRUE(state_->Flush().ok());
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("a", "two"), Pair("b", "one")));
}

TEST_P(KeyedStateBackendConformance, CountsAccesses) {
  Open();
  Update({"a", "b", "a"}, "1");
  Update({"c", "a"}, "2");
  EXPECT_EQ(state_->accesses(), 5);
}

TEST_P(KeyedStateBackendConformance, OneKeyAtATime) {
  Open();
  const RecordKey a = harness::KeyOf("a"), b = harness::KeyOf("b");
  EXPECT_EQ(*state_->Find(a), nullptr);
  bool found = true;
  serializer_->Put(*state_->FindOrInsert(a, &found), "1");
  EXPECT_FALSE(found);
  EXPECT_EQ(*state_->Find(b), nullptr);
  EXPECT_EQ(serializer_->Get(*state_->Find(a)), "1");
  EXPECT_EQ(serializer_->Get(*state_->FindOrInsert(a, &found)), "1");
  EXPECT_TRUE(found);
  ASSERT_TRUE(state_->Flush().ok());
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(serializer_->Get(*state_->Find(a)), "1");
  EXPECT_EQ(state_->size(), 1u);
}

TEST_P(KeyedStateBackendConformance, WhatIsErasedIsGone) {
  Open();
  Update({"a", "b", "c"}, "1");
  for (const char* key : {"b", "b", "x"}) ASSERT_TRUE(state_->Erase(harness::KeyOf(key)).ok());
  EXPECT_EQ(*state_->Find(harness::KeyOf("b")), nullptr);
  EXPECT_EQ(state_->size(), 2u);
  ASSERT_TRUE(state_->Flush().ok());
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("a", "1"), Pair("c", "1")));
  bool found = true;
  serializer_->Put(*state_->FindOrInsert(harness::KeyOf("b"), &found), "2");
  EXPECT_FALSE(found);
  ASSERT_TRUE(state_->Flush().ok());
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("c", "1")));
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(state_->Erase(harness::KeyOf(key)).ok());
  ASSERT_TRUE(state_->Flush().ok());
  EXPECT_EQ(state_->size(), 0u);
  EXPECT_THAT(Scanned(*state_), IsEmpty());
}

TEST_P(KeyedStateBackendConformance, ClearTakesEverything) {
  Open();
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> keys;
    for (int i = 0; i < 300; ++i) keys.push_back(std::string(i % 40, 'k') + std::to_string(i));
    Update(keys, "1");
    ASSERT_TRUE(state_->Clear().ok());
    model_.clear();
    EXPECT_EQ(state_->size(), 0u);
    EXPECT_EQ(values_.live(), 0u);
    EXPECT_THAT(Scanned(*state_), IsEmpty());
  }
  Update({"a"}, "2");
  ExpectScanIs(*state_, model_);
}

TEST_P(KeyedStateBackendConformance, EraseAmongThePrefetched) {
  Open();
  Update({"a", "b"}, "1");
  const std::vector<std::string> texts = {"a", "b", "a"};
  const std::vector<RecordKey> keys = KeysOf(texts);
  ASSERT_TRUE(state_->Prefetch(keys).ok());
  bool found = false;
  state_->Access(0, &found);
  EXPECT_TRUE(found);
  ASSERT_TRUE(state_->Erase(keys[0]).ok());
  EXPECT_EQ(serializer_->Get(state_->Access(1, &found)), "1");
  EXPECT_TRUE(found);
  serializer_->Put(state_->Access(2, &found), "2");
  EXPECT_FALSE(found);
  ASSERT_TRUE(state_->Flush().ok());
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("a", "2"), Pair("b", "1")));
}

TEST_P(KeyedStateBackendConformance, AnyBytesAreAKey) {
  Open();
  const std::string zeros(3, '\0');
  Update({"", zeros, zeros + zeros, "\xff", "\x7f", "a", std::string("a\0", 2),
          std::string(1000, 'k')},
         "v");
  Update({"", zeros, std::string(1000, 'k')}, "w");
  ExpectScanIs(*state_, model_);
}

TEST_P(KeyedStateBackendConformance, KeysWithEqualHashesAreDifferentKeys) {
  Open();
  const std::vector<std::string> keys = KeysWithEqualHash(40);
  Update(keys, "1");
  Update({keys[7], keys[3], keys[7], keys[39]}, "2");
  Update({keys.rbegin(), keys.rend()}, "3");
  ExpectScanIs(*state_, model_);
}

TEST_P(KeyedStateBackendConformance, RowsOfAllSizesKeepAllTheirBytes) {
  for (const uint32_t stride : {8u, 12u, 16u, 24u, 31u, 100u}) {
    model_.clear();
    Open({0, 127}, 128, stride);
    Update({"a", "bc", "def", "ghij", "klmno"}, "1");
    Update({"klmno", "a"}, "2");
    ExpectScanIs(*state_, model_);
    state_.reset();
  }
}

TEST_P(KeyedStateBackendConformance, ScanGoesOnBehindAnyKey) {
  Open();
  Update({"b", "d", "f"}, "v");
  const auto behind = [&](const std::string& after) {
    std::string keys;
    for (const auto& [key, value] : Scanned(*state_, &after)) keys += key;
    return keys;
  };
  EXPECT_EQ(behind(""), "bdf");
  EXPECT_EQ(behind("a"), "bdf");
  EXPECT_EQ(behind("b"), "df");
  EXPECT_EQ(behind("c"), "df");
  EXPECT_EQ(behind("ba"), "df");
  EXPECT_EQ(behind("f"), "");
  EXPECT_EQ(behind("g"), "");
  EXPECT_THAT(Scanned(*state_, nullptr, 2), ElementsAre(Pair("b", "v"), Pair("d", "v")));
}

TEST_P(KeyedStateBackendConformance, ScanBehindTheEmptyKeyLeavesItOut) {
  Open();
  Update({"", "a"}, "v");
  const std::string empty;
  EXPECT_THAT(Scanned(*state_, &empty), ElementsAre(Pair("a", "v")));
  EXPECT_THAT(Scanned(*state_), ElementsAre(Pair("", "v"), Pair("a", "v")));
}

TEST_P(KeyedStateBackendConformance, ScanOrdersBytesAsUnsigned) {
  Open();
  Update({"\xff", "\x01", "a", "\x80", "\x7f"}, "v");
  std::vector<std::string> keys;
  for (const auto& [key, value] : Scanned(*state_)) keys.push_back(key);
  EXPECT_THAT(keys, ElementsAre("\x01", "a", "\x7f", "\x80", "\xff"));
}

TEST_P(KeyedStateBackendConformance, ScanShowsWhatCameSinceTheLastScan) {
  Open();
  Update({"a"}, "1");
  ExpectScanIs(*state_, model_);
  Update({"b"}, "2");
  ExpectScanIs(*state_, model_);
  Update({"a"}, "3");  // no new key
  ExpectScanIs(*state_, model_);
}

// An access of a key that is there may reorganize the backend, too.
TEST_P(KeyedStateBackendConformance, ScanAfterAnAccessThatMakesNothing) {
  for (int count = 1; count <= 40; ++count) {
    model_.clear();
    Open({0, 0}, 1);
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i) keys.push_back(std::to_string(i));
    Update(keys, "1");
    ExpectScanIs(*state_, model_);
    Update({keys[0]}, "2");
    ExpectScanIs(*state_, model_);
    state_.reset();
  }
}

TEST_P(KeyedStateBackendConformance, NamesAreUnique) {
  Open();
  const auto again = backend_->CreateValueState("state", serializer_);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(again.status().message()), testing::HasSubstr("'state'"));
  EXPECT_TRUE(backend_->CreateValueState("State", serializer_).ok());
}

TEST_P(KeyedStateBackendConformance, StatesOfOneOperatorDoNotMeet) {
  Open();
  auto created = backend_->CreateValueState("state 2", serializer_);
  ASSERT_TRUE(created.ok());
  std::unique_ptr<ValueState> other = *std::move(created);
  Content other_model;
  Update({"a", "b"}, "1");
  Update(*other, {"b", "c"}, "2", other_model);
  Update({"c"}, "3");
  ExpectScanIs(*state_, model_);
  ExpectScanIs(*other, other_model);
}

TEST_P(KeyedStateBackendConformance, StatesOfSeveralTypes) {
  Open();
  auto created = backend_->CreateValueState("numbers", LongSerializer());
  ASSERT_TRUE(created.ok());
  std::unique_ptr<ValueState> numbers = *std::move(created);
  const std::vector<std::string> texts = {"a", "b", "a", "a"};
  const std::vector<RecordKey> keys = KeysOf(texts);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(numbers->Prefetch(keys).ok());
    for (size_t i = 0; i < keys.size(); ++i) {
      bool found;
      ++*reinterpret_cast<int64_t*>(numbers->Access(i, &found));
    }
    ASSERT_TRUE(numbers->Flush().ok());
  }
  std::map<std::string, int64_t> counts;
  ASSERT_TRUE(numbers
                  ->Scan(nullptr,
                         [&](absl::string_view key, const std::byte* row) {
                           counts[std::string(key)] = *reinterpret_cast<const int64_t*>(row);
                           return true;
                         })
                  .ok());
  EXPECT_THAT(counts, ElementsAre(Pair("a", 9), Pair("b", 3)));
}

TEST_P(KeyedStateBackendConformance, ValuesAreReleasedWithTheirState) {
  Open();
  Update({"a", "b", "a"}, "v");
  Update({"c"}, "w");
  EXPECT_GE(values_.made(), 4u);
  state_.reset();
  EXPECT_EQ(values_.live(), 0u);
}

// Random operations by seed, with a std::map as the model.
TEST_P(KeyedStateBackendConformance, AgreesWithAMap) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    const int max_parallelism = seed % 3 == 0 ? 1 : static_cast<int>(1 + random() % 200);
    const int first = static_cast<int>(random() % max_parallelism);
    const int last = first + static_cast<int>(random() % (max_parallelism - first));
    model_.clear();
    Open({first, last}, max_parallelism, seed % 2 == 0 ? 8 : 20);
    const uint32_t variety = 1 + random() % 300;
    for (int step = 0; step < 40; ++step) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " step " << step);
      if (random() % 6 > 0) {
        std::vector<std::string> keys;
        for (uint32_t i = random() % 60; i > 0; --i) {
          keys.push_back(
              Owned(std::string(random() % 3, 'x') + std::to_string(random() % variety)));
        }
        Update(keys, std::to_string(step % 10));
      } else if (random() % 2 == 0) {
        ExpectScanIs(*state_, model_);
      } else {  // in pieces, as Finish scans
        Content seen;
        const std::string* after = nullptr;
        std::string last_key;
        for (;;) {
          const auto piece = Scanned(*state_, after, 7);
          for (const auto& entry : piece) ASSERT_TRUE(seen.insert(entry).second);
          if (piece.empty()) break;
          last_key = piece.back().first;
          after = &last_key;
        }
        ASSERT_EQ(seen, model_);
      }
      if (HasFatalFailure()) return;
      ASSERT_LE(values_.live(), model_.size()) << "at most one value a key is live";
    }
    state_.reset();
    ASSERT_EQ(values_.live(), 0u);
  }
}

TEST_P(KeyedStateBackendConformance, ManyKeys) {
  Open();
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; ++i) keys.push_back("key " + std::to_string(i * 7919 % 5000));
  for (size_t begin = 0; begin < keys.size(); begin += 500) {
    Update({keys.begin() + begin, keys.begin() + begin + 500}, "v");
  }
  Update({keys[0], keys[4999]}, "w");
  ExpectScanIs(*state_, model_);
}

}  // namespace
}  // namespace pyflinkpp
