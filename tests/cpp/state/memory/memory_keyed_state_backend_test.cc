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

TEST(MemoryKeyedStateBackendTest, ARowStaysWhereItIsWhileItsStateGrows) {
  const auto backend = MakeMemoryKeyedStateBackend({0, 0}, 1);
  auto state = backend->CreateValueState("s", LongSerializer());
  ASSERT_TRUE(state.ok());
  std::vector<std::byte*> rows;
  bool found;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 2000; ++i) {
      const std::string text = std::to_string(i);
      const RecordKey key = harness::KeyOf(text);
      ASSERT_TRUE((*state)->Prefetch({&key, 1}).ok());
      std::byte* row = (*state)->Access(0, &found);
      if (round == 0) rows.push_back(row);
      ASSERT_EQ(row, rows[i]);
      ASSERT_EQ(found, round == 1);
    }
  }
}

}  // namespace
}  // namespace pyflinkpp
