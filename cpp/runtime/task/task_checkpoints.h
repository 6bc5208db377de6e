// The checkpoints of one task that are being written.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/env/env.h"
#include "core/stream/stream_element.h"
#include "runtime/operators/snapshot.h"
#include "runtime/task/in_flight.h"
#include "runtime/task/keyed_state_file.h"
#include "state/keyed/keyed_state_backend.h"

namespace pyflinkpp {

// A checkpoint has two parts. The first one, while the barrier passes, takes no longer than it takes
// to say what belongs to it: operators hand over their lists, backends begin a snapshot. The second
// one writes the snapshots: live values in slices on the loop, between two batches, everything else
// on the executor. Then the task answers.
//
//   loop      |barrier: Begin, Add..., Seal|  batch  |WriteSome|  batch  |WriteSome|  ...  |answer|
//   executor                                              \ blocks, checksums, files, sync /
//
// What barriers have overtaken is added as it is found, also behind the barrier.
//
// Owned by its task, used on its loop.
class TaskCheckpoints {
 public:
  using Answer = std::function<void(idl::CheckpointAnswer)>;
  // `post` (any thread) runs a function on the loop, if the task is still there.
  using Post = std::function<void(std::function<void()>)>;

  // `inline_bytes`: of keyed state that need no file.
  TaskCheckpoints(Env& env, idl::TaskId task, Post post, Answer answer,
                  size_t inline_bytes = kInlineStateBytes)
      : env_(env),
        task_(std::move(task)),
        post_(std::move(post)),
        answer_(std::move(answer)),
        inline_bytes_(inline_bytes) {}

  // The three steps of the first part.
  void Begin(const CheckpointBarrier& barrier, int64_t alignment_ms);
  // `keyed_state` may be null; it belongs to the first of the operators.
  absl::Status Add(std::span<const int> operators, std::vector<idl::OperatorState> states,
                   KeyedStateBackend* keyed_state,
                   std::vector<std::function<void(SnapshotContext::Done)>> waits);
  void Seal(bool finished);
  // The first part went wrong: answers so.
  void Fail(const absl::Status& status);

  // The answer waits for what else there is of the checkpoint: data in flight that is still to come.
  // Each Hold needs a Release. Nothing happens for a checkpoint that was given up.
  void Hold(int64_t checkpoint);
  void Release(int64_t checkpoint);
  // A batch that the barrier has overtaken. `from`: the first record that counts.
  void AddInFlight(int64_t checkpoint, const InFlightChannel& channel, const RecordBatch& batch,
                   size_t from = 0);
  // The barrier did not wait for what was before it.
  void SetUnaligned(int64_t checkpoint);

  // Whether there is something to write on the loop, and a slice of it.
  bool has_work() const { return working_ != nullptr; }
  void WriteSome();
  // Whether checkpoints are under way.
  bool empty() const { return under_way_.empty(); }

  // Gives one up, or all; nothing is answered, and files go.
  void Abort(int64_t checkpoint);
  // The operator's backend goes on with the files that this checkpoint has of it.
  void SetFiles(int64_t checkpoint, int op, idl::NativeKeyedState files);
  void Clear();

 private:
  struct Part {  // keyed state of one operator
    int op;
    std::shared_ptr<KeyedSnapshot> snapshot;
    std::shared_ptr<KeyedStateFile> file;
    bool handed_over = false;  // to the executor
  };
  struct UnderWay {
    CheckpointBarrier barrier;
    int64_t started_nanos;
    bool sealed = false;
    int64_t sealed_nanos = 0;
    idl::TaskSnapshot snapshot;
    int64_t reused_bytes = 0;                                 // of files of an earlier checkpoint
    std::list<Part> parts = {};                               // that are not durable
    std::vector<std::shared_ptr<KeyedStateFile>> files = {};  // of all parts
    int waits = 0;  // for operators' own files, and that of data in flight
    int holds = 0;
    InFlightData in_flight = {};
    bool in_flight_written = false;
    absl::Status failure = {};  // came before it was sealed
  };

  // What a checkpoint has of an operator's backend, by operator.
  using Files = std::map<int, std::shared_ptr<const idl::NativeKeyedState>>;

  UnderWay* Find(int64_t checkpoint);
  void Remove(int64_t checkpoint);
  void FindWork();
  void HandOver(UnderWay& checkpoint, Part& part);
  void OnDurable(int64_t checkpoint, int op, absl::StatusOr<WrittenState> written);
  void OnFailed(int64_t checkpoint, const absl::Status& status);
  void WriteInFlight(UnderWay& checkpoint);
  void AnswerIfDone(UnderWay& checkpoint);

  Env& env_;
  const idl::TaskId task_;
  const Post post_;
  const Answer answer_;
  const size_t inline_bytes_;
  std::list<UnderWay> under_way_;
  // By checkpoint, those that a barrier may still name as its base. The JobManager says in the
  // barrier which one that is: it keeps the files of this one at least until it has our answer. What
  // we have been told of completed checkpoints would not do: the news may be older than the barrier,
  // and files gone meanwhile.
  std::map<int64_t, Files> files_;
  Part* working_ = nullptr;  // that is written on the loop
  UnderWay* working_for_ = nullptr;
};

}  // namespace pyflinkpp
