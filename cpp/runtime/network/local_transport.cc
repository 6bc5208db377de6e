#include "runtime/network/local_transport.h"

#include <limits>
#include <utility>
#include <vector>

#include "core/base/check.h"

namespace pyflinkpp {
namespace {

// Tells the consumer of what it does not wait for in the order of elements.
void AnnounceTo(ReadyChannels& ready, size_t channel, const StreamElement& element) {
  if (const auto* barrier = std::get_if<CheckpointBarrier>(&element)) {
    ready.Announce({channel, *barrier});
  } else if (std::holds_alternative<EndOfInput>(element)) {
    ready.Announce({channel, std::nullopt});
  }
}

}  // namespace

// Invariant: elements.size() without barriers + sender's credit <= kChannelCredit while the input is
// open.
struct LocalTransport::Queue {
  Mutex mutex;
  std::deque<StreamElement> elements ABSL_GUARDED_BY(mutex);
  int in_flight ABSL_GUARDED_BY(mutex) = 0;
  Mailbox* producer ABSL_GUARDED_BY(mutex) = nullptr;  // null: no such end (yet, or any more)
  ReadyChannels* ready ABSL_GUARDED_BY(mutex) = nullptr;
  size_t channel ABSL_GUARDED_BY(mutex) = 0;  // the consumer's number for it
  bool input_closed ABSL_GUARDED_BY(mutex) = false;
};

class LocalTransport::Output : public OutputChannel {
 public:
  Output(std::shared_ptr<Queue> queue, Mailbox& producer) : queue_(std::move(queue)) {
    MutexLock lock(queue_->mutex);
    queue_->producer = &producer;
  }
  ~Output() override {
    MutexLock lock(queue_->mutex);
    queue_->producer = nullptr;
  }
  int credit() const override {
    MutexLock lock(queue_->mutex);
    return queue_->input_closed ? std::numeric_limits<int>::max()
                                : kChannelCredit - queue_->in_flight;
  }
  void Send(StreamElement element) override {
    MutexLock lock(queue_->mutex);
    if (queue_->input_closed) return;  // nobody will read it
    if (!std::holds_alternative<CheckpointBarrier>(element)) {
      PFPP_CHECK(queue_->in_flight < kChannelCredit);
      ++queue_->in_flight;
    }
    queue_->elements.push_back(std::move(element));
    if (queue_->ready == nullptr) return;
    if (queue_->elements.size() == 1) queue_->ready->Push(queue_->channel);
    AnnounceTo(*queue_->ready, queue_->channel, queue_->elements.back());
  }

 private:
  const std::shared_ptr<Queue> queue_;
};

class LocalTransport::Input : public InputChannel {
 public:
  Input(std::shared_ptr<Queue> queue, ReadyChannels& ready, size_t channel)
      : queue_(std::move(queue)) {
    MutexLock lock(queue_->mutex);
    queue_->ready = &ready;
    queue_->channel = channel;
    if (!queue_->elements.empty()) ready.Push(channel);
    for (const StreamElement& element : queue_->elements) AnnounceTo(ready, channel, element);
  }
  ~Input() override {
    std::deque<StreamElement> dropped;
    MutexLock lock(queue_->mutex);
    queue_->ready = nullptr;
    queue_->input_closed = true;
    dropped.swap(queue_->elements);
    if (queue_->producer != nullptr) queue_->producer->Notify();
  }
  std::optional<StreamElement> Poll(bool* more) override {
    MutexLock lock(queue_->mutex);
    *more = queue_->elements.size() > 1;
    if (queue_->elements.empty()) return std::nullopt;
    std::optional<StreamElement> element(std::move(queue_->elements.front()));
    queue_->elements.pop_front();
    if (!std::holds_alternative<CheckpointBarrier>(*element) &&
        queue_->in_flight-- == kChannelCredit && queue_->producer != nullptr)
      queue_->producer->Notify();
    return element;
  }
  bool Ahead(int64_t checkpoint, std::vector<const RecordBatch*>& batches) override {
    MutexLock lock(queue_->mutex);
    for (const StreamElement& element : queue_->elements) {
      const auto* barrier = std::get_if<CheckpointBarrier>(&element);
      if ((barrier != nullptr && barrier->checkpoint() == checkpoint) ||
          std::holds_alternative<EndOfInput>(element))
        return true;
      // Only this end takes it away, and nobody changes it.
      if (const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&element))
        batches.push_back(batch->get());
    }
    return false;
  }

 private:
  const std::shared_ptr<Queue> queue_;
};

std::shared_ptr<LocalTransport::Queue> LocalTransport::Meet(const ChannelId& id) {
  PFPP_CHECK(!id.blocking);
  MutexLock lock(mutex_);
  auto [entry, first] = half_open_.try_emplace(id);
  if (first) return entry->second = std::make_shared<Queue>();
  std::shared_ptr<Queue> queue = std::move(entry->second);
  half_open_.erase(entry);
  return queue;
}

std::unique_ptr<OutputChannel> LocalTransport::OpenOutput(const ChannelId& id, Mailbox& producer,
                                                          const ChannelPeer& peer) {
  PFPP_CHECK(peer.address.empty());
  return std::make_unique<Output>(Meet(id), producer);
}

std::unique_ptr<InputChannel> LocalTransport::OpenInput(const ChannelId& id, ReadyChannels& ready,
                                                        size_t channel, const ChannelPeer& peer) {
  PFPP_CHECK(peer.address.empty());
  return std::make_unique<Input>(Meet(id), ready, channel);
}

void LocalTransport::Release(const std::string& job) {
  MutexLock lock(mutex_);
  std::erase_if(half_open_, [&](const auto& entry) { return entry.first.job == job; });
}

size_t LocalTransport::half_open() {
  MutexLock lock(mutex_);
  return half_open_.size();
}

}  // namespace pyflinkpp
