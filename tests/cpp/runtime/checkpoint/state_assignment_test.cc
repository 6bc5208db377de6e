#include "runtime/checkpoint/state_assignment.h"

#include <gmock/gmock.h>

#include <set>

#include "core/graph/key_groups.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int kMaxParallelism = 16;

// One operator, "counts", with one task for each subtask.
class StateAssignmentTest : public testing::Test {
 protected:
  // What `parallelism` subtasks have saved: a key group a block, and lists.
  void Save(int parallelism) {
    checkpoint_.id = 5;
    idl::OperatorCheckpoint& op = checkpoint_.operators.emplace_back();
    op.uid = "uid:counts";
    op.name = "counts";
    op.parallelism = parallelism;
    op.max_parallelism = kMaxParallelism;
    for (int subtask = 0; subtask < parallelism; ++subtask) {
      idl::OperatorState& state = op.subtasks[subtask];
      idl::KeyedStateHandle& handle = state.keyed.emplace_back();
      handle.file.path = "/c/" + std::to_string(subtask);
      const KeyGroupRange groups = KeyGroupsOfSubtask(subtask, parallelism, kMaxParallelism);
      for (int group = groups.first; group <= groups.last; ++group)
        handle.blocks.emplace_back().key_group = group;
      const std::string name = std::to_string(subtask);
      AddList(state, "split", idl::Redistribution::SPLIT, {"a" + name, "b" + name});
      AddList(state, "union", idl::Redistribution::UNION, {"u" + name});
      AddList(state, "broadcast", idl::Redistribution::BROADCAST, {"same"});
    }
  }
  static void AddList(idl::OperatorState& state, const std::string& name,
                      idl::Redistribution::type redistribution, std::vector<std::string> elements) {
    idl::OperatorListState& list = state.lists.emplace_back();
    list.name = name;
    list.redistribution = redistribution;
    list.elements = std::move(elements);
  }

  absl::Status Assign(int parallelism, bool ignore_unclaimed = false) {
    idl::OperatorNode node;
    node.id = 0;
    node.name = "counts";
    node.__set_uid(uid_);
    node.parallelism = parallelism;
    node.max_parallelism = max_parallelism_;
    idl::JobGraph graph;
    graph.operators = {node};
    deployments_.assign(static_cast<size_t>(parallelism), {});
    std::vector<idl::TaskDeployment*> pointers;
    for (int subtask = 0; subtask < parallelism; ++subtask) {
      idl::TaskDeployment& deployment = deployments_[static_cast<size_t>(subtask)];
      deployment.task.subtask = subtask;
      deployment.parallelism = parallelism;
      deployment.chain.emplace_back().op = node;
      pointers.push_back(&deployment);
    }
    return AssignState(checkpoint_, graph, ignore_unclaimed, pointers);
  }
  const idl::OperatorState& StateOf(int subtask) {
    return deployments_[static_cast<size_t>(subtask)].state.at(0);
  }
  std::vector<std::string> ListOf(int subtask, const std::string& name) {
    std::vector<std::string> elements;
    for (const idl::OperatorListState& list : StateOf(subtask).lists) {
      if (list.name == name) elements = list.elements;
    }
    return elements;
  }

  idl::Checkpoint checkpoint_;
  std::string uid_ = "counts";
  int max_parallelism_ = kMaxParallelism;
  std::vector<idl::TaskDeployment> deployments_;
};

TEST_F(StateAssignmentTest, EveryKeyGroupGoesToItsOneOwner) {
  for (int before = 1; before <= 5; ++before) {
    checkpoint_ = {};
    Save(before);
    for (int after = 1; after <= 5; ++after) {
      ASSERT_TRUE(Assign(after).ok());
      std::multiset<int> seen;
      for (int subtask = 0; subtask < after; ++subtask) {
        const KeyGroupRange groups = KeyGroupsOfSubtask(subtask, after, kMaxParallelism);
        for (const idl::KeyedStateHandle& handle : StateOf(subtask).keyed) {
          for (const idl::KeyGroupBlock& block : handle.blocks) {
            EXPECT_TRUE(groups.contains(block.key_group));
            seen.insert(block.key_group);
          }
        }
      }
      EXPECT_EQ(seen.size(), static_cast<size_t>(kMaxParallelism)) << before << " to " << after;
      EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), seen.size());
    }
  }
}

TEST_F(StateAssignmentTest, ListsStayWhereTheyWereAtTheSameParallelism) {
  Save(2);
  ASSERT_TRUE(Assign(2).ok());
  EXPECT_THAT(ListOf(1, "split"), ElementsAre("a1", "b1"));
  EXPECT_THAT(ListOf(1, "union"), ElementsAre("u0", "u1"));
  EXPECT_THAT(ListOf(1, "broadcast"), ElementsAre("same"));
}

// It has no state any more, and is started again when others of its operator had not finished.
TEST_F(StateAssignmentTest, ASubtaskThatHadFinishedGetsWhatIsBroadcastFromAnother) {
  Save(2);
  checkpoint_.operators[0].subtasks.erase(0);
  checkpoint_.operators[0].finished = {0};
  ASSERT_TRUE(Assign(2).ok());
  EXPECT_THAT(ListOf(0, "broadcast"), ElementsAre("same"));
  EXPECT_THAT(ListOf(0, "split"), IsEmpty());
  EXPECT_THAT(ListOf(1, "broadcast"), ElementsAre("same"));
}

TEST_F(StateAssignmentTest, ListsAreSpreadWhenTheParallelismChanges) {
  Save(2);
  ASSERT_TRUE(Assign(3).ok());
  std::vector<std::string> all;
  for (int subtask = 0; subtask < 3; ++subtask) {
    const auto part = ListOf(subtask, "split");
    EXPECT_GE(part.size(), 1u);
    EXPECT_LE(part.size(), 2u);
    all.insert(all.end(), part.begin(), part.end());
    EXPECT_THAT(ListOf(subtask, "union"), UnorderedElementsAre("u0", "u1"));
    EXPECT_THAT(ListOf(subtask, "broadcast"), ElementsAre("same"));
  }
  EXPECT_THAT(all, UnorderedElementsAre("a0", "b0", "a1", "b1"));
  ASSERT_TRUE(Assign(1).ok());
  EXPECT_THAT(ListOf(0, "split"), UnorderedElementsAre("a0", "b0", "a1", "b1"));
}

TEST_F(StateAssignmentTest, StateThatNobodyClaimsIsRefusedUnlessIgnored) {
  Save(1);
  uid_ = "another";
  EXPECT_THAT(std::string(Assign(1).message()),
              testing::AllOf(HasSubstr("'counts'"), HasSubstr("ignore-unclaimed-state")));
  ASSERT_TRUE(Assign(1, /*ignore_unclaimed=*/true).ok());
  EXPECT_TRUE(deployments_[0].restored);
  EXPECT_EQ(deployments_[0].restored_checkpoint, 5);
  EXPECT_THAT(deployments_[0].state, IsEmpty());
}

TEST_F(StateAssignmentTest, AnOperatorWithoutStateMayGo) {
  checkpoint_.operators.emplace_back().uid = "uid:gone";
  EXPECT_TRUE(Assign(1).ok());
}

// Who gets files gets all of them, and takes its key groups out of them.
TEST_F(StateAssignmentTest, FilesGoToAllThatHaveSomeOfTheirKeyGroups) {
  Save(2);
  for (auto& [subtask, state] : checkpoint_.operators[0].subtasks) {
    const KeyGroupRange groups = KeyGroupsOfSubtask(subtask, 2, kMaxParallelism);
    idl::NativeKeyedState files;
    files.format = std::to_string(subtask);
    files.first_key_group = groups.first;
    files.last_key_group = groups.last;
    state.keyed[0] = {};
    state.keyed[0].__set_backend(files);
  }
  ASSERT_TRUE(Assign(4).ok());
  const auto format = [&](size_t subtask) {
    const auto& keyed = deployments_[subtask].state.at(0).keyed;
    return keyed.size() == 1 ? keyed[0].backend.format : "";
  };
  EXPECT_EQ(format(0), "0");
  EXPECT_EQ(format(1), "0");
  EXPECT_EQ(format(2), "1");
  EXPECT_EQ(format(3), "1");
  ASSERT_TRUE(Assign(1).ok());
  EXPECT_EQ(deployments_[0].state.at(0).keyed.size(), 2u);
  uid_ = "others";
  EXPECT_THAT(std::string(Assign(1).message()), HasSubstr("not in the job"));
}

TEST_F(StateAssignmentTest, AnotherNumberOfKeyGroupsIsRefused) {
  Save(1);
  max_parallelism_ = 32;
  EXPECT_THAT(std::string(Assign(1).message()),
              testing::AllOf(HasSubstr("set_max_parallelism(16)"), HasSubstr("32")));
}

TEST_F(StateAssignmentTest, ATaskIsFinishedWhenAllOfItWas) {
  Save(2);
  checkpoint_.operators[0].finished = {0};
  ASSERT_TRUE(Assign(2).ok());
  EXPECT_FALSE(deployments_[0].finished) << "others of it have something left";
  checkpoint_.operators[0].finished = {0, 1};
  ASSERT_TRUE(Assign(3).ok());
  EXPECT_TRUE(deployments_[2].finished);
}

TEST_F(StateAssignmentTest, AnOperatorIsFoundByItsUidElseByItsPlace) {
  idl::OperatorNode node;
  node.id = 3;
  EXPECT_EQ(UidOf(node), "place:3");
  node.__set_uid("x");
  EXPECT_EQ(UidOf(node), "uid:x");
  node.__set_uid_hash("abc");
  EXPECT_EQ(UidOf(node), "hash:abc");
}

}  // namespace
}  // namespace pyflinkpp
