#include "native/push_source.h"

#include <map>
#include <utility>

#include "core/base/status.h"
#include "core/types/binary_io.h"
#include "native/errors.h"
#include "native/python_serializer.h"

namespace pyflinkpp {
namespace {

std::map<std::string, std::shared_ptr<PushQueue>>& Queues() {
  static auto* const queues = new std::map<std::string, std::shared_ptr<PushQueue>>;
  return *queues;
}

class PushSource final : public SourceOperator {
 public:
  PushSource(std::string id, std::shared_ptr<const TypeSerializer> serializer)
      : id_(std::move(id)),
        serializer_(std::static_pointer_cast<const PythonSerializer>(std::move(serializer))) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    Gil gil;
    queue_ = PushQueueOf(id_);
    queue_->SetWake(context.wake);
    if (context.attempt > 0) queue_->Rewind(RestoredPosition());
    split_ = splits().Add("elements that are pushed");
    return absl::OkStatus();
  }

  void AddSplits(std::vector<idl::SourceSplit>, bool) override {}

  absl::StatusOr<Progress> Poll(Output& output) override {
    Gil gil;
    RecordBatch& batch = output.batch(serializer_);
    batch.set_split(split_);
    while (const PushQueue::Item* item = output.full() ? nullptr : queue_->next()) {
      if (!item->value) {
        output.EmitWatermark({item->timestamp, item->idle});
        Taken();
        return Progress::kMore;
      }
      // What functions do to an element must not be seen when it is taken again.
      PyObject* value = serializer_->CopyObject(item->value.get());
      if (value == nullptr) return CaptureError("a pushed element can't be copied");
      batch.AppendRow(value);
      batch.timestamps().push_back(item->timestamp);
      ++context_->counters[0].records_out;
      Taken();
    }
    if (queue_->next() != nullptr) return Progress::kMore;
    return queue_->ended() ? Progress::kDone : Progress::kWait;
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    Gil gil;
    std::string element;
    BinaryWriter out(element);
    out.PutBytes(id_);
    out.PutVarint(static_cast<uint64_t>(queue_->position()));
    context.AddList(kPositionState, idl::Redistribution::SPLIT, {std::move(element)});
    if (!context.savepoint()) snapshots_[context.checkpoint()] = queue_->position();
    return absl::OkStatus();
  }
  absl::Status CheckpointCompleted(int64_t checkpoint) override {
    Gil gil;
    if (const auto found = snapshots_.find(checkpoint); found != snapshots_.end()) {
      queue_->Forget(found->second);
      snapshots_.erase(snapshots_.begin(), std::next(found));
    }
    return absl::OkStatus();
  }

  absl::Status Close() override {
    Gil gil;
    if (queue_ != nullptr) queue_->SetWake(nullptr);
    queue_.reset();
    return absl::OkStatus();
  }

 private:
  static constexpr char kPositionState[] = "position";

  // Of this queue: another one, in a job that was started from a savepoint, begins anew.
  int64_t RestoredPosition() const {
    const idl::OperatorListState* list =
        context_->restored.empty() ? nullptr : FindList(context_->restored[0], kPositionState);
    if (list == nullptr || list->elements.empty()) return 0;
    BinaryReader in(list->elements[0]);
    absl::string_view id;
    uint64_t position;
    if (!in.GetBytes(&id) || !in.GetVarint(&position) || id != id_) return 0;
    return static_cast<int64_t>(position);
  }
  void Taken() {
    queue_->Take();
    if (!context_->checkpoints) queue_->Forget(queue_->position());
  }

  const std::string id_;
  const std::shared_ptr<const PythonSerializer> serializer_;
  std::map<int64_t, int64_t> snapshots_;  // by checkpoint, the position
  OperatorContext* context_ = nullptr;
  int split_ = SourceSplits::kNone;
  std::shared_ptr<PushQueue> queue_;
};

}  // namespace

std::shared_ptr<PushQueue> PushQueueOf(const std::string& id) {
  std::shared_ptr<PushQueue>& queue = Queues()[id];
  if (queue == nullptr) queue = std::make_shared<PushQueue>();
  return queue;
}

void ForgetPushQueue(const std::string& id) { Queues().erase(id); }

absl::StatusOr<std::unique_ptr<Operator>> MakePushSource(std::span<const idl::OperatorNode> nodes,
                                                         const SerializerFactory& serializers) {
  ASSIGN_OR_RETURN(auto serializer, serializers(nodes[0].output_type));
  return std::make_unique<PushSource>(nodes[0].spec.push_source.id, std::move(serializer));
}

}  // namespace pyflinkpp
