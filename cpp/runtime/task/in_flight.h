// Batches that a barrier has overtaken: on their way into a checkpoint, and back.
#pragma once

#include <compare>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/env/env.h"
#include "core/graph/key_groups.h"
#include "core/idl/pyflinkpp_types.h"
#include "core/stream/record_batch.h"
#include "runtime/operators/registry.h"
#include "runtime/task/keyed_state_file.h"

namespace pyflinkpp {

// A channel as one of its ends sees it.
struct InFlightChannel {
  int exchange = 0;
  int source = 0;  // subtasks; -1: what a restored task had not processed yet, before all else
  int target = 0;
  bool of_sender = false;  // the end that sends
  // NOLINTNEXTLINE(modernize-use-nullptr): the check's mistake
  auto operator<=>(const InFlightChannel&) const = default;
};

// What one task keeps for one checkpoint. Batches are written as they come, because they are
// processed or sent all the same.
class InFlightData {
 public:
  // Behind what was added of the channel before. `from`: the first record that counts.
  absl::Status Add(const InFlightChannel& channel, const RecordBatch& batch, size_t from = 0);
  bool empty() const { return runs_.empty(); }
  int64_t bytes() const;

  // Hands the bytes over, a block for each run; and says, when they are durable, where they are.
  void WriteTo(KeyedStateFile& file);
  std::vector<idl::InFlightHandle> Handles(const idl::KeyedStateHandle& written) const;

 private:
  struct Run {  // batches of one type
    std::string type;
    std::string bytes;
  };
  std::map<InFlightChannel, std::vector<Run>> runs_;
};

// A run of a checkpoint, read and checked.
struct ReadRun {
  idl::RestoredInFlight part;  // what the task takes of it
  std::string type;
  std::string bytes;
};
// On the executor.
absl::Status ReadInFlight(FileSystem& files, const idl::RestoredInFlight& part,
                          std::deque<ReadRun>& to);

// What a task processes before anything else when it is restored. Used on its loop. A copy goes on
// from the same place.
class RestoredBatches {
 public:
  // `groups`, of `max_parallelism`: the task's own.
  RestoredBatches(std::deque<ReadRun> runs, const SerializerFactory& serializers,
                  KeyGroupRange groups, int max_parallelism)
      : runs_(std::make_shared<const std::deque<ReadRun>>(std::move(runs))),
        serializers_(&serializers),
        groups_(groups),
        max_parallelism_(max_parallelism) {}

  // The next batch that has records for the task; no batch: all has been given.
  struct Restored {
    std::unique_ptr<RecordBatch> batch;
    int op = 0;  // that it is for, and the operator's input
    int input = 0;
    int exchange = -1;  // on which it would come now; -1: there is none any more
  };
  absl::StatusOr<Restored> Next();
  // Whether all that is left has an exchange, so that another checkpoint can keep it.
  bool can_be_kept() const;

 private:
  absl::Status Begin(const ReadRun& run);
  std::unique_ptr<RecordBatch> OwnKeys(std::unique_ptr<RecordBatch> batch) const;

  std::shared_ptr<const std::deque<ReadRun>> runs_;
  const SerializerFactory* serializers_;
  KeyGroupRange groups_;
  int max_parallelism_;
  size_t run_ = 0;                                    // the first that is left
  size_t position_ = 0;                               // in it; 0: it was not begun
  int batch_ = 0;                                     // the same, counted
  std::shared_ptr<const TypeSerializer> serializer_;  // of this run
};

}  // namespace pyflinkpp
