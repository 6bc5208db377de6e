#include "runtime/network/blocking_transport.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp {

class BlockingTransport::Output final : public OutputChannel {
 public:
  Output(std::shared_ptr<BlockingPartition> partition, int target, Mailbox& producer)
      : partition_(std::move(partition)), target_(target) {
    partition_->OpenWriter(target, producer);
  }
  ~Output() override { partition_->CloseWriter(); }
  int credit() const override { return partition_->writable() ? kChannelCredit : 0; }
  void Send(StreamElement element) override { partition_->Append(target_, std::move(element)); }
  bool settled() const override { return partition_->settled(); }
  absl::Status status() const override { return partition_->status(); }

 private:
  const std::shared_ptr<BlockingPartition> partition_;
  const int target_;
};

class BlockingTransport::Input final : public InputChannel {
 public:
  Input(std::shared_ptr<BlockingPartition> partition, int target, ReadyChannels& ready,
        size_t channel)
      : partition_(std::move(partition)), target_(target) {
    partition_->OpenReader(target, ready, channel);
  }
  ~Input() override { partition_->CloseReader(target_); }
  std::optional<StreamElement> Poll(bool* more) override { return partition_->Poll(target_, more); }
  bool Ahead(int64_t, std::vector<const RecordBatch*>&) override {
    PFPP_CHECK(false);  // no barrier comes over a blocking exchange
  }
  absl::Status status() const override { return partition_->reader_status(target_); }

 private:
  const std::shared_ptr<BlockingPartition> partition_;
  const int target_;
};

// Stands for one that can't be read.
class BlockingTransport::NoInput final : public InputChannel {
 public:
  NoInput(ReadyChannels& ready, size_t channel, absl::Status why) : why_(std::move(why)) {
    ready.Push(channel);
  }
  std::optional<StreamElement> Poll(bool* more) override {
    *more = false;
    return std::nullopt;
  }
  bool Ahead(int64_t, std::vector<const RecordBatch*>&) override { return false; }
  absl::Status status() const override { return why_; }

 private:
  const absl::Status why_;
};

std::shared_ptr<BlockingPartition> BlockingTransport::Find(const ChannelId& id) {
  MutexLock lock(mutex_);
  auto& partition = partitions_[{id.job, id.edge, id.source}];
  if (partition == nullptr) {
    partition = std::make_shared<BlockingPartition>(
        env_, budget_,
        absl::StrCat("pyflinkpp-exchange-", absl::Hex(env_.random.Next(), absl::kZeroPad16)));
  }
  return partition;
}

std::unique_ptr<OutputChannel> BlockingTransport::OpenOutput(const ChannelId& id, Mailbox& producer,
                                                             const ChannelPeer& peer) {
  if (!id.blocking) return pipelined_.OpenOutput(id, producer, peer);
  return std::make_unique<Output>(Find(id), id.target, producer);
}

std::unique_ptr<InputChannel> BlockingTransport::OpenInput(const ChannelId& id,
                                                           ReadyChannels& ready, size_t channel,
                                                           const ChannelPeer& peer) {
  if (!id.blocking) return pipelined_.OpenInput(id, ready, channel, peer);
  if (!peer.address.empty() && network_ != nullptr)
    return pipelined_.OpenInput(id, ready, channel, peer);
  if (!peer.address.empty()) {
    return std::make_unique<NoInput>(
        ready, channel,
        UserError(absl::StrCat(
            "a task in batch mode can't read what one in another process has written (it is at ",
            peer.address, "): this process has no network")));
  }
  return std::make_unique<Input>(Find(id), id.target, ready, channel);
}

void BlockingTransport::ServeOver(NetworkTransport& network) {
  network_ = &network;
  network.SetAsked([this](const ChannelId& id, const std::string& peer) { Serve(id, peer); });
}

void BlockingTransport::Serve(const ChannelId& id, const std::string& peer) {
  MutexLock lock(mutex_);
  if (server_ != nullptr && server_->Add(id, peer)) return;
  server_ = std::make_shared<PartitionServer>(
      env_.clock,
      PartitionServer::Ends{
          .open_partition = [this](const ChannelId& read, ReadyChannels& ready,
                                   size_t number) { return OpenInput(read, ready, number, {}); },
          .open_output =
              [this](const ChannelId& sent, Mailbox& mailbox, const std::string& to) {
                return pipelined_.OpenOutput(sent, mailbox, {to, {}});
              },
      });
  server_->Add(id, peer);
  env_.loops.Start(server_);
}

void BlockingTransport::Release(const std::string& job) {
  pipelined_.Release(job);
  std::vector<std::shared_ptr<BlockingPartition>> released;
  {
    MutexLock lock(mutex_);
    if (server_ != nullptr) server_->Release(job);
    std::erase_if(partitions_, [&](auto& entry) {
      if (std::get<0>(entry.first) != job) return false;
      released.push_back(std::move(entry.second));
      return true;
    });
  }
  if (released.empty()) return;
  // Who calls is a loop: values may need a lock that others hold for long.
  env_.io.Run([released = std::move(released)] {
    for (const auto& partition : released) partition->Drop();
  });
}

size_t BlockingTransport::partitions() {
  MutexLock lock(mutex_);
  return partitions_.size();
}

}  // namespace pyflinkpp
