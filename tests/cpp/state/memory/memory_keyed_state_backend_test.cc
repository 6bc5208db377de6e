#include "state/memory/memory_keyed_state_backend.h"

#include "state/keyed/keyed_state_backend_conformance.h"

namespace pyflinkpp {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, KeyedStateBackendConformance,
                         testing::Values(BackendFactory{"memory", MakeMemoryKeyedStateBackend}),
                         [](const auto&) { return std::string("Backend"); });

// A pointer that Python keeps into a batch's row needs its alignment.
TEST(MemoryKeyedStateBackendTest, RowsAreAligned) {
  const auto backend = MakeMemoryKeyedStateBackend({0, 0}, 1);
  auto state = backend->CreateValueState("s", CountedSerializer());
  ASSERT_TRUE(state.ok());
  for (int i = 0; i < 300; ++i) {
    const std::string text(i % 13, static_cast<char>('a' + i % 26));
    const RecordKey key = harness::KeyOf(text);
    ASSERT_TRUE((*state)->Prefetch({&key, 1}).ok());
    bool found;
    EXPECT_EQ(reinterpret_cast<uintptr_t>((*state)->Access(0, &found)) % 8, 0u);
  }
}

TEST(MemoryKeyedStateBackendTest, AHintIsTheRowThatAccessGives) {
  const auto backend = MakeMemoryKeyedStateBackend({0, 3}, 4);
  auto state = backend->CreateValueState("s", LongSerializer());
  ASSERT_TRUE(state.ok());
  const std::vector<std::string> texts = {"a", "b", "a", "c"};
  std::vector<RecordKey> keys;
  for (const std::string& text : texts) keys.push_back(harness::KeyOf(text));
  bool found;
  ASSERT_TRUE((*state)->Prefetch(keys).ok());
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ((*state)->Hint(i), nullptr) << "there is nothing";
  }
  for (size_t i = 0; i < keys.size(); ++i) (*state)->Access(i, &found);
  ASSERT_TRUE((*state)->Prefetch(keys).ok());
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_NE((*state)->Hint(i), nullptr);
    EXPECT_EQ((*state)->Hint(i), (*state)->Access(i, &found));
    EXPECT_TRUE(found);
  }
}

// A table that grows between Prefetch and Access leaves no hint behind that is not true any more.
TEST(MemoryKeyedStateBackendTest, AHintIsNeverStale) {
  const auto backend = MakeMemoryKeyedStateBackend({0, 0}, 1);
  auto state = backend->CreateValueState("s", LongSerializer());
  ASSERT_TRUE(state.ok());
  std::vector<std::string> texts;
  for (int i = 0; i < 400; ++i)
    texts.push_back(i % 2 == 0 ? std::to_string(i % 10) : std::to_string(i));
  std::vector<RecordKey> keys;
  for (const std::string& text : texts) keys.push_back(harness::KeyOf(text));
  bool found;
  for (const size_t count : {size_t{10}, keys.size()}) {
    ASSERT_TRUE((*state)->Prefetch(std::span<const RecordKey>(keys).subspan(0, count)).ok());
    for (size_t i = 0; i < count; ++i) {
      const std::byte* hint = (*state)->Hint(i);
      const std::byte* row = (*state)->Access(i, &found);
      EXPECT_TRUE(hint == nullptr || hint == row || (*state)->Hint(i) == nullptr) << i;
    }
  }
  EXPECT_EQ((*state)->size(), 205u);
}

}  // namespace
}  // namespace pyflinkpp
