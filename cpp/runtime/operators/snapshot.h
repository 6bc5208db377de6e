// How an operator's own state, that of no key, gets into a checkpoint and back.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/base/check.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// What an operator adds at a barrier. State is lists of bytes under names, whose elements are spread
// over the subtasks when the job is restored (idl::Redistribution).
class SnapshotContext {
 public:
  // `members`: one for each JobGraph operator that the Operator runs.
  SnapshotContext(const idl::Barrier& barrier, std::span<idl::OperatorState> members)
      : barrier_(barrier), members_(members) {}

  int64_t checkpoint() const { return barrier_.checkpoint; }
  int64_t timestamp() const { return barrier_.timestamp; }  // when it was triggered
  bool savepoint() const { return barrier_.savepoint; }

  void AddList(std::string name, idl::Redistribution::type redistribution,
               std::vector<std::string> elements, std::string type = {}, size_t member = 0) {
    PFPP_CHECK(member < members_.size());
    idl::OperatorListState list;
    list.name = std::move(name);
    list.redistribution = redistribution;
    list.elements = std::move(elements);
    list.type = std::move(type);
    members_[member].lists.push_back(std::move(list));
  }

  // The task's part of the checkpoint is durable only when `start` has called what it is given, on
  // any thread: a file that the state names has been synced.
  using Done = std::function<void(absl::Status)>;
  void WaitFor(std::function<void(Done)> start) { waits_.push_back(std::move(start)); }
  std::vector<std::function<void(Done)>>& waits() { return waits_; }

 private:
  const idl::Barrier& barrier_;
  const std::span<idl::OperatorState> members_;
  std::vector<std::function<void(Done)>> waits_;
};

// What hears of checkpoints: an operator, or the function that it runs. Called on its task's loop.
class Checkpointed {
 public:
  virtual ~Checkpointed() = default;
  // A barrier passes: everything before it has been processed, nothing behind it. Adds what is not
  // keyed state; keyed state is written behind the operator's back.
  virtual absl::Status Snapshot(SnapshotContext& context) {
    (void)context;
    return absl::OkStatus();
  }
  // Every task's part of the checkpoint is durable: its effects are made visible, in the background.
  // Calls come in the order of checkpoints; one may be left out, and one whose snapshot was taken
  // before the job was restored may come after it.
  virtual absl::Status CheckpointCompleted(int64_t checkpoint) {
    (void)checkpoint;
    return absl::OkStatus();
  }
  // It was given up; what it would have made visible goes with a later one.
  virtual absl::Status CheckpointAborted(int64_t checkpoint) {
    (void)checkpoint;
    return absl::OkStatus();
  }
};

// The list of this name that was restored, null when there is none.
inline const idl::OperatorListState* FindList(const idl::OperatorState& state,
                                              const std::string& name) {
  for (const idl::OperatorListState& list : state.lists) {
    if (list.name == name) return &list;
  }
  return nullptr;
}

}  // namespace pyflinkpp
