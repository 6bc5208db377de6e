#include "native/push_source.h"

#include <map>
#include <utility>

#include "core/base/status.h"
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
      : id_(std::move(id)), serializer_(std::move(serializer)) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    Gil gil;
    queue_ = PushQueueOf(id_);
    queue_->SetWake(context.wake);
    split_ = splits().Add("elements that are pushed");
    return absl::OkStatus();
  }

  void AddSplits(std::vector<idl::SourceSplit>, bool) override {}

  absl::StatusOr<Progress> Poll(Output& output) override {
    Gil gil;
    RecordBatch& batch = output.batch(serializer_);
    batch.set_split(split_);
    while (!queue_->items().empty() && !output.full()) {
      PushQueue::Item item = std::move(queue_->items().front());
      queue_->items().pop_front();
      if (!item.value) {
        output.EmitWatermark({item.timestamp, item.idle});
        return Progress::kMore;
      }
      batch.AppendRow(item.value.release());
      batch.timestamps().push_back(item.timestamp);
      ++context_->counters[0].records_out;
    }
    if (!queue_->items().empty()) return Progress::kMore;
    return queue_->ended() ? Progress::kDone : Progress::kWait;
  }

  absl::Status Close() override {
    Gil gil;
    if (queue_ != nullptr) queue_->SetWake(nullptr);
    queue_.reset();
    return absl::OkStatus();
  }

 private:
  const std::string id_;
  const std::shared_ptr<const TypeSerializer> serializer_;
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
