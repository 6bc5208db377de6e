#include "runtime/task/task_checkpoints.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp {

void TaskCheckpoints::Begin(const CheckpointBarrier& barrier, int64_t alignment_ms) {
  // A backend has one snapshot at a time: what is left of the one before is written first.
  while (has_work()) WriteSome();
  UnderWay& checkpoint = under_way_.emplace_back(
      UnderWay{.barrier = barrier, .started_nanos = env_.clock.NowNanos(), .snapshot = {}});
  checkpoint.snapshot.alignment_ms = alignment_ms;
  if (barrier.told->__isset.base)
    files_.erase(files_.begin(), files_.lower_bound(barrier.told->base));
}

absl::Status TaskCheckpoints::Add(std::span<const int> operators,
                                  std::vector<idl::OperatorState> states,
                                  KeyedStateBackend* keyed_state,
                                  std::vector<std::function<void(SnapshotContext::Done)>> waits) {
  UnderWay& checkpoint = under_way_.back();
  for (auto& start : waits) {
    ++checkpoint.waits;
    start([post = post_, this, id = checkpoint.barrier.checkpoint()](const absl::Status& status) {
      post([this, id, status] {
        UnderWay* found = Find(id);
        if (found == nullptr) return;
        if (!status.ok()) return OnFailed(id, status);
        --found->waits;
        AnswerIfDone(*found);
      });
    });
  }
  for (size_t i = 0; i < operators.size(); ++i) {
    for (const idl::OperatorListState& list : states[i].lists) {
      for (const std::string& element : list.elements)
        checkpoint.snapshot.bytes += static_cast<int64_t>(element.size());
    }
    checkpoint.snapshot.operators[operators[i]] = std::move(states[i]);
  }
  if (keyed_state == nullptr) return absl::OkStatus();
  const idl::Barrier& told = *checkpoint.barrier.told;
  std::unique_ptr<KeyedSnapshot> snapshot;
  if (told.__isset.shared_directory) {
    ASSIGN_OR_RETURN(snapshot, keyed_state->SnapshotFiles());
  }
  if (snapshot == nullptr) {
    ASSIGN_OR_RETURN(snapshot, keyed_state->Snapshot());
  }
  StateFileTarget target{
      .directory = told.directory,
      .shared_directory = told.shared_directory,
      .name = absl::StrCat("op", operators[0], "-", task_.subtask, "-", task_.attempt, "-",
                           absl::Hex(env_.random.Next(), absl::kZeroPad16)),
      .inline_bytes = inline_bytes_,
      .base = nullptr};
  if (told.__isset.base) {
    const auto base = files_.find(told.base);
    if (base != files_.end() && base->second.contains(operators[0]))
      target.base = base->second.at(operators[0]);
  }
  checkpoint.parts.push_back(
      {operators[0], std::move(snapshot),
       std::make_shared<KeyedStateFile>(env_.files, env_.io, std::move(target))});
  checkpoint.files.push_back(checkpoint.parts.back().file);
  return absl::OkStatus();
}

void TaskCheckpoints::Seal(bool finished) {
  UnderWay& checkpoint = under_way_.back();
  checkpoint.sealed = true;
  checkpoint.sealed_nanos = env_.clock.NowNanos();
  checkpoint.snapshot.sync_nanos = checkpoint.sealed_nanos - checkpoint.started_nanos;
  checkpoint.snapshot.finished = finished;
  if (!checkpoint.failure.ok())
    return OnFailed(checkpoint.barrier.checkpoint(), absl::Status(checkpoint.failure));
  for (Part& part : checkpoint.parts) {
    if (!part.snapshot->on_loop()) HandOver(checkpoint, part);
  }
  FindWork();
  AnswerIfDone(checkpoint);
}

void TaskCheckpoints::Fail(const absl::Status& status) {
  under_way_.back().sealed = true;
  OnFailed(under_way_.back().barrier.checkpoint(), status);
}

// Everything of the part that is still to be done is done on the executor.
void TaskCheckpoints::HandOver(UnderWay& checkpoint, Part& part) {
  part.handed_over = true;
  const auto done = [post = post_, this, id = checkpoint.barrier.checkpoint(),
                     op = part.op](absl::StatusOr<WrittenState> written) {
    post([this, id, op, written = std::move(written)] { OnDurable(id, op, written); });
  };
  if (part.snapshot == nullptr) {
    part.file->Finish(done);
    return;
  }
  env_.io.Run([snapshot = std::move(part.snapshot), file = part.file, done]() mutable {
    absl::StatusOr<bool> all = false;
    while (all.ok() && !*all) all = snapshot->WriteSome(*file);
    snapshot.reset();
    if (!all.ok()) return done(all.status());
    file->Finish(done);
  });
}

void TaskCheckpoints::FindWork() {
  working_ = nullptr;
  for (UnderWay& checkpoint : under_way_) {
    if (!checkpoint.sealed) continue;
    for (Part& part : checkpoint.parts) {
      if (part.handed_over) continue;
      working_ = &part;
      working_for_ = &checkpoint;
      return;
    }
  }
}

void TaskCheckpoints::WriteSome() {
  const int64_t began = env_.clock.NowNanos();
  const absl::StatusOr<bool> all = working_->snapshot->WriteSome(*working_->file);
  idl::TaskSnapshot& snapshot = working_for_->snapshot;
  snapshot.sync_nanos = std::max(snapshot.sync_nanos, env_.clock.NowNanos() - began);
  if (all.ok() && !*all) return;
  Part& part = *working_;
  UnderWay& checkpoint = *working_for_;
  part.snapshot.reset();
  if (all.ok()) {
    HandOver(checkpoint, part);
    FindWork();
    return;
  }
  const int64_t id = checkpoint.barrier.checkpoint();
  part.handed_over = true;
  FindWork();
  OnDurable(id, part.op, all.status());
}

void TaskCheckpoints::OnDurable(int64_t id, int op, absl::StatusOr<WrittenState> written) {
  UnderWay* checkpoint = Find(id);
  if (checkpoint == nullptr) return;  // it was given up
  if (!written.ok()) return OnFailed(id, written.status());
  checkpoint->snapshot.bytes += written->bytes;
  checkpoint->reused_bytes += written->reused_bytes;
  idl::KeyedStateHandle& handle = written->handle;
  if (handle.__isset.backend) SetFiles(id, op, handle.backend);
  checkpoint->snapshot.operators[op].keyed.push_back(std::move(handle));
  checkpoint->parts.remove_if([op](const Part& part) { return part.op == op; });
  AnswerIfDone(*checkpoint);
}

void TaskCheckpoints::OnFailed(int64_t id, const absl::Status& status) {
  if (UnderWay* found = Find(id); found != nullptr && !found->sealed) {
    found->failure = status;  // told when the barrier has passed
    return;
  }
  idl::CheckpointAnswer answer;
  answer.task = task_;
  answer.checkpoint = id;
  answer.__set_failure(FailureOf(status));
  Abort(id);
  answer_(std::move(answer));
}

void TaskCheckpoints::Hold(int64_t checkpoint) {
  if (UnderWay* found = Find(checkpoint)) ++found->holds;
}

void TaskCheckpoints::Release(int64_t checkpoint) {
  UnderWay* found = Find(checkpoint);
  if (found == nullptr) return;
  PFPP_CHECK(found->holds-- > 0);
  AnswerIfDone(*found);
}

void TaskCheckpoints::AddInFlight(int64_t checkpoint, const InFlightChannel& channel,
                                  const RecordBatch& batch, size_t from) {
  UnderWay* found = Find(checkpoint);
  if (found == nullptr) return;
  const absl::Status status = found->in_flight.Add(channel, batch, from);
  if (!status.ok()) OnFailed(checkpoint, status);
}

void TaskCheckpoints::SetUnaligned(int64_t checkpoint) {
  if (UnderWay* found = Find(checkpoint)) found->snapshot.__set_unaligned(true);
}

void TaskCheckpoints::WriteInFlight(UnderWay& checkpoint) {
  checkpoint.in_flight_written = true;
  ++checkpoint.waits;
  const int64_t bytes = checkpoint.in_flight.bytes();
  checkpoint.snapshot.__set_in_flight_bytes(bytes);
  checkpoint.snapshot.bytes += bytes;
  StateFileTarget target;
  target.directory = checkpoint.barrier.told->directory;
  target.name = absl::StrCat("in-flight", task_.vertex, "-", task_.subtask, "-", task_.attempt, "-",
                             absl::Hex(env_.random.Next(), absl::kZeroPad16));
  target.inline_bytes = inline_bytes_;
  const auto file = std::make_shared<KeyedStateFile>(env_.files, env_.io, std::move(target));
  checkpoint.files.push_back(file);
  checkpoint.in_flight.WriteTo(*file);
  file->Finish([post = post_, this,
                id = checkpoint.barrier.checkpoint()](absl::StatusOr<WrittenState> written) {
    post([this, id, written = std::move(written)] {
      UnderWay* found = Find(id);
      if (found == nullptr) return;  // it was given up
      if (!written.ok()) return OnFailed(id, written.status());
      found->snapshot.__set_in_flight(found->in_flight.Handles(written->handle));
      --found->waits;
      AnswerIfDone(*found);
    });
  });
}

void TaskCheckpoints::AnswerIfDone(UnderWay& checkpoint) {
  if (!checkpoint.sealed || checkpoint.holds > 0) return;
  if (!checkpoint.in_flight.empty() && !checkpoint.in_flight_written)
    return WriteInFlight(checkpoint);
  if (!checkpoint.parts.empty() || checkpoint.waits > 0) return;
  idl::CheckpointAnswer answer;
  answer.task = task_;
  answer.checkpoint = checkpoint.barrier.checkpoint();
  checkpoint.files.clear();  // they are the coordinator's now
  checkpoint.snapshot.async_ms = (env_.clock.NowNanos() - checkpoint.sealed_nanos) / 1'000'000;
  checkpoint.snapshot.__set_full_bytes(checkpoint.snapshot.bytes + checkpoint.reused_bytes);
  answer.__set_snapshot(std::move(checkpoint.snapshot));
  Remove(answer.checkpoint);
  answer_(std::move(answer));
}

TaskCheckpoints::UnderWay* TaskCheckpoints::Find(int64_t checkpoint) {
  for (UnderWay& each : under_way_) {
    if (each.barrier.checkpoint() == checkpoint) return &each;
  }
  return nullptr;
}

void TaskCheckpoints::SetFiles(int64_t checkpoint, int op, idl::NativeKeyedState files) {
  files_[checkpoint][op] = std::make_shared<const idl::NativeKeyedState>(std::move(files));
}

void TaskCheckpoints::Abort(int64_t checkpoint) {
  files_.erase(checkpoint);
  Remove(checkpoint);
}

void TaskCheckpoints::Remove(int64_t checkpoint) {
  if (UnderWay* found = Find(checkpoint)) {
    for (const auto& file : found->files) file->Abandon();
  }
  under_way_.remove_if(
      [&](const UnderWay& each) { return each.barrier.checkpoint() == checkpoint; });
  FindWork();
}

void TaskCheckpoints::Clear() {
  for (const UnderWay& checkpoint : under_way_) {
    for (const auto& file : checkpoint.files) file->Abandon();
  }
  under_way_.clear();
  working_ = nullptr;
}

}  // namespace pyflinkpp
