#include "state/memory/memory_keyed_state_backend.h"

#include "state/keyed/keyed_state_backend_conformance.h"

namespace pyflinkpp {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, KeyedStateBackendConformance,
                         testing::Values(BackendFactory(MakeMemoryKeyedStateBackend)),
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
  ASSERT_TRUE((*state)->Prefetch(keys).ok());
  bool found;
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ((*state)->Hint(i) == nullptr, i != 2) << "nothing is there before the first access";
    const std::byte* row = (*state)->Access(i, &found);
    EXPECT_EQ((*state)->Hint(i), row);
  }
}

}  // namespace
}  // namespace pyflinkpp
