#include "runtime/checkpoint/shared_state_registry.h"

#include <gmock/gmock.h>

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

idl::OperatorState StateOf(const Names& shared) {
  idl::OperatorState state;
  idl::NativeKeyedState files;
  for (const std::string& name : shared) {
    idl::NativeFile& file = files.files.emplace_back();
    file.file.path = name;
    file.shared = true;
  }
  files.files.emplace_back().file.path = "own";
  state.keyed.emplace_back().__set_backend(files);
  state.keyed.emplace_back();  // in blocks
  return state;
}

idl::TaskSnapshot Answer(const Names& shared) {
  idl::TaskSnapshot snapshot;
  snapshot.operators[0] = StateOf(shared);
  return snapshot;
}

idl::Checkpoint Checkpoint(int64_t id, const Names& shared) {
  idl::Checkpoint checkpoint;
  checkpoint.id = id;
  checkpoint.operators.emplace_back().subtasks[0] = StateOf(shared);
  return checkpoint;
}

class SharedStateRegistryTest : public testing::Test {
 protected:
  // As the coordinator does it.
  Names Complete(int64_t id, int64_t base, const Names& shared) {
    registry_.Begin(id, base);
    registry_.Add(id, Answer(shared));
    return registry_.Complete(Checkpoint(id, shared));
  }
  SharedStateRegistry registry_;
};

TEST_F(SharedStateRegistryTest, AFileGoesWithTheLastCheckpointThatRefersToIt) {
  EXPECT_THAT(Complete(1, 0, {"a", "b"}), IsEmpty());
  EXPECT_THAT(Complete(2, 1, {"b", "c"}), IsEmpty());
  EXPECT_THAT(registry_.Drop(1), ElementsAre("a"));
  EXPECT_THAT(Complete(3, 2, {"d"}), IsEmpty());
  EXPECT_THAT(registry_.Drop(2), UnorderedElementsAre("b", "c"));
  EXPECT_THAT(registry_.All(), ElementsAre("d"));
}

TEST_F(SharedStateRegistryTest, APendingOneKeepsAllOfItsBase) {
  EXPECT_THAT(Complete(1, 0, {"a", "b"}), IsEmpty());
  registry_.Begin(3, 1);
  EXPECT_THAT(Complete(2, 1, {"c"}), IsEmpty());
  EXPECT_THAT(registry_.Drop(1), IsEmpty()) << "3 may come to refer to them";
  registry_.Add(3, Answer({"b", "d"}));
  EXPECT_THAT(registry_.Complete(Checkpoint(3, {"b", "d"})), ElementsAre("a"));
  EXPECT_THAT(registry_.Drop(2), ElementsAre("c"));
  EXPECT_THAT(registry_.Drop(3), UnorderedElementsAre("b", "d"));
}

TEST_F(SharedStateRegistryTest, OneThatIsGivenUpLeavesItsBaseAlone) {
  EXPECT_THAT(Complete(1, 0, {"a"}), IsEmpty());
  registry_.Begin(2, 1);
  registry_.Add(2, Answer({"a", "b"}));
  EXPECT_THAT(registry_.Drop(2), ElementsAre("b"));
  EXPECT_THAT(registry_.Drop(2), IsEmpty());
  EXPECT_THAT(registry_.Unused(Answer({"a", "late"})), ElementsAre("late"));
}

TEST_F(SharedStateRegistryTest, WhatOthersHaveIsNeverDeleted) {
  registry_.Protect(Checkpoint(8, {"a"}));
  EXPECT_THAT(registry_.Complete(Checkpoint(9, {"a", "b"})), IsEmpty());
  EXPECT_THAT(registry_.All(), ElementsAre("b"));
  EXPECT_THAT(registry_.Drop(9), ElementsAre("b"));
  EXPECT_THAT(registry_.Unused(Answer({"a"})), IsEmpty());
}

}  // namespace
}  // namespace pyflinkpp
