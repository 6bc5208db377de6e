// The half of a source that runs beside the scheduler: finds the splits and deals them out.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

struct SplitEnumeratorContext {
  Env& env;
  int parallelism = 1;
  std::function<void(absl::AnyInvocable<void()>)>
      post;  // any thread: runs it on the enumerator's loop
  std::function<void(int subtask, std::vector<idl::SourceSplit> splits, bool no_more_splits)>
      assign;
};

// Owned by the JobMaster, called on its loop only; never blocks (discovery of files goes through
// env.io and post).
class SplitEnumerator {
 public:
  virtual ~SplitEnumerator() = default;
  // What it has not dealt out yet, and back: Restore comes before Start, which finds no splits then.
  virtual absl::StatusOr<idl::EnumeratorState> Snapshot() const = 0;
  virtual void Restore(idl::EnumeratorState state) = 0;
  // Finds the splits, then calls `started`. Nothing of the job runs before; an error fails it.
  virtual void Start(SplitEnumeratorContext& context,
                     std::function<void(absl::Status)> started) = 0;
  // A reader was restarted from a checkpoint that does not know these: they were dealt out to it
  // later.
  virtual void AddSplitsBack(std::vector<idl::SourceSplit> splits) = 0;
  // Each subtask asks once at its start and again whenever it has read what it was given.
  virtual void HandleSplitRequest(int subtask) = 0;
};

}  // namespace pyflinkpp
