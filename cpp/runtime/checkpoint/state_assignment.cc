#include "runtime/checkpoint/state_assignment.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/graph/key_groups.h"
#include "runtime/checkpoint/in_flight_assignment.h"

namespace pyflinkpp {
namespace {

bool IsEmpty(const idl::KeyedStateHandle& handle) {
  return handle.blocks.empty() && !handle.__isset.backend;
}

bool HasState(const idl::OperatorCheckpoint& op) {
  if (op.__isset.enumerator) return true;
  return std::any_of(op.subtasks.begin(), op.subtasks.end(), [](const auto& subtask) {
    const idl::OperatorState& state = subtask.second;
    return std::any_of(state.keyed.begin(), state.keyed.end(),
                       [](const auto& handle) { return !IsEmpty(handle); }) ||
           std::any_of(state.lists.begin(), state.lists.end(),
                       [](const auto& list) { return !list.elements.empty(); });
  });
}

bool HasKeyedState(const idl::OperatorCheckpoint& op) {
  return std::any_of(op.subtasks.begin(), op.subtasks.end(), [](const auto& subtask) {
    return std::any_of(subtask.second.keyed.begin(), subtask.second.keyed.end(),
                       [](const auto& handle) { return !IsEmpty(handle); });
  });
}

// Of all old subtasks, the blocks of these key groups, and the files that have some of them.
std::vector<idl::KeyedStateHandle> KeyedStateOf(const idl::OperatorCheckpoint& op,
                                                KeyGroupRange groups) {
  std::vector<idl::KeyedStateHandle> handles;
  for (const auto& [subtask, state] : op.subtasks) {
    for (const idl::KeyedStateHandle& handle : state.keyed) {
      const auto belongs = [&](const idl::KeyGroupBlock& block) {
        return groups.contains(block.key_group);
      };
      const bool files = handle.__isset.backend && handle.backend.first_key_group <= groups.last &&
                         handle.backend.last_key_group >= groups.first;
      if (!files && std::none_of(handle.blocks.begin(), handle.blocks.end(), belongs)) continue;
      idl::KeyedStateHandle mine;
      if (files) mine.__set_backend(handle.backend);
      mine.states = handle.states;
      mine.file = handle.file;
      std::copy_if(handle.blocks.begin(), handle.blocks.end(), std::back_inserter(mine.blocks),
                   belongs);
      handles.push_back(std::move(mine));
    }
  }
  return handles;
}

std::vector<idl::OperatorListState> ListsOf(const idl::OperatorCheckpoint& op, int subtask,
                                            int parallelism) {
  if (parallelism == op.parallelism) {
    // Nothing to spread: what is split or broadcast stays where it was. A subtask that had finished
    // has no copy: it gets another one's.
    std::vector<idl::OperatorListState> lists;
    if (const auto same = op.subtasks.find(subtask); same != op.subtasks.end())
      lists = same->second.lists;
    std::erase_if(
        lists, [](const auto& list) { return list.redistribution == idl::Redistribution::UNION; });
    for (auto& list : ListsOf(op, 0, -1)) {
      const bool known = std::any_of(lists.begin(), lists.end(),
                                     [&](const auto& own) { return own.name == list.name; });
      if (!known) lists.push_back(std::move(list));
    }
    return lists;
  }
  std::map<std::string, idl::OperatorListState> all;
  for (const auto& [old, state] : op.subtasks) {
    for (const idl::OperatorListState& list : state.lists) {
      idl::OperatorListState& gathered = all[list.name];
      const bool first = gathered.name.empty();
      gathered.name = list.name;
      gathered.type = list.type;
      gathered.redistribution = list.redistribution;
      if (list.redistribution == idl::Redistribution::BROADCAST && !first) continue;
      gathered.elements.insert(gathered.elements.end(), list.elements.begin(), list.elements.end());
    }
  }
  std::vector<idl::OperatorListState> lists;
  for (auto& [name, list] : all) {
    const bool split = list.redistribution == idl::Redistribution::SPLIT;
    if (split && parallelism < 0) continue;
    if (split) {
      const size_t count = list.elements.size();
      const size_t of = static_cast<size_t>(parallelism);
      const size_t begin = count * static_cast<size_t>(subtask) / of;
      const size_t end = count * (static_cast<size_t>(subtask) + 1) / of;
      list.elements = std::vector<std::string>(
          std::make_move_iterator(list.elements.begin() + static_cast<ptrdiff_t>(begin)),
          std::make_move_iterator(list.elements.begin() + static_cast<ptrdiff_t>(end)));
    }
    lists.push_back(std::move(list));
  }
  return lists;
}

}  // namespace

std::string UidOf(const idl::OperatorNode& node) {
  if (node.__isset.uid_hash && !node.uid_hash.empty()) return "hash:" + node.uid_hash;
  if (node.__isset.uid && !node.uid.empty()) return "uid:" + node.uid;
  return absl::StrCat("place:", node.id);
}

const idl::OperatorCheckpoint* FindOperator(const idl::Checkpoint& checkpoint,
                                            const idl::OperatorNode& node) {
  const std::string uid = UidOf(node);
  for (const idl::OperatorCheckpoint& op : checkpoint.operators) {
    if (op.uid == uid) return &op;
  }
  return nullptr;
}

absl::Status AssignState(const idl::Checkpoint& checkpoint, const idl::JobGraph& graph,
                         bool ignore_unclaimed, std::span<idl::TaskDeployment* const> deployments) {
  std::set<std::string> claimed;
  for (const idl::OperatorNode& node : graph.operators) claimed.insert(UidOf(node));
  for (const idl::OperatorCheckpoint& op : checkpoint.operators) {
    if (claimed.contains(op.uid) || !HasState(op) || ignore_unclaimed) continue;
    return UserError(
        absl::StrCat("the checkpoint has state of an operator '", op.name, "' (", op.uid,
                     ") that is not in the job: give the operator its uid() again, or set "
                     "execution.state-recovery.ignore-unclaimed-state to leave its state behind"));
  }
  for (idl::TaskDeployment* deployment : deployments) {
    deployment->restored = true;
    deployment->restored_checkpoint = checkpoint.id;
    deployment->state.clear();
    bool finished = !deployment->chain.empty();
    for (const idl::ChainNode& member : deployment->chain) {
      const idl::OperatorCheckpoint* op = FindOperator(checkpoint, member.op);
      finished =
          finished && op != nullptr && static_cast<int>(op->finished.size()) == op->parallelism;
      if (op == nullptr) continue;
      if (HasKeyedState(*op) && op->max_parallelism != member.op.max_parallelism) {
        return UserError(absl::StrCat(
            "the state of operator '", member.op.name, "' was saved with a maximum parallelism of ",
            op->max_parallelism, " and the job has ", member.op.max_parallelism,
            " now: call set_max_parallelism(", op->max_parallelism, ") on it"));
      }
      const int subtask = deployment->task.subtask;
      idl::OperatorState state;
      state.lists = ListsOf(*op, subtask, deployment->parallelism);
      state.keyed = KeyedStateOf(
          *op, KeyGroupsOfSubtask(subtask, deployment->parallelism, member.op.max_parallelism));
      deployment->state[member.op.id] = std::move(state);
    }
    deployment->finished = finished;
  }
  return AssignInFlight(checkpoint, graph, ignore_unclaimed, deployments);
}

}  // namespace pyflinkpp
