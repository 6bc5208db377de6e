// The channels of blocking exchanges: their elements are kept until the producer has ended and the
// consumers have come.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "runtime/network/blocking_partition.h"
#include "runtime/network/channel.h"
#include "runtime/network/network_transport.h"
#include "runtime/network/partition_server.h"

namespace pyflinkpp {

// What all blocking exchanges of a process keep in memory; the rest is in temporary files.
inline constexpr size_t kBlockingMemoryBytes = size_t{256} << 20;

// Stands before another transport, to which channels that are not blocking go. A sender has credit
// as long as writing keeps up with it. What it writes stays in its process.
class BlockingTransport final : public Transport {
 public:
  // `env` and `pipelined` outlive all that uses this.
  BlockingTransport(Transport& pipelined, Env& env, size_t memory_bytes = kBlockingMemoryBytes)
      : pipelined_(pipelined), env_(env), budget_(std::make_shared<MemoryBudget>(memory_bytes)) {}
  ~BlockingTransport() override {
    if (network_ != nullptr) network_->SetAsked(nullptr);
  }

  using Transport::OpenInput;
  using Transport::OpenOutput;
  std::unique_ptr<OutputChannel> OpenOutput(const ChannelId& id, Mailbox& producer,
                                            const ChannelPeer& peer) override;
  // From another process: as far as ServeOver was called, else the channel's status says that not.
  std::unique_ptr<InputChannel> OpenInput(const ChannelId& id, ReadyChannels& ready, size_t channel,
                                          const ChannelPeer& peer) override;
  // Processes may read each other's partitions over `network`, which is the transport below. Once, before
  // channels are opened.
  void ServeOver(NetworkTransport& network);
  // Also lets go of what the job's exchanges still keep.
  void Release(const std::string& job) override;

  size_t memory_used() const { return budget_->used(); }
  size_t partitions();  // that no Release has come for

 private:
  using PartitionId = std::tuple<std::string, int, int>;  // job, edge, source
  class Output;
  class Input;
  class NoInput;
  // Made by the end that comes first.
  std::shared_ptr<BlockingPartition> Find(const ChannelId& id);
  void Serve(const ChannelId& id, const std::string& peer);

  Transport& pipelined_;
  Env& env_;
  const std::shared_ptr<MemoryBudget> budget_;
  NetworkTransport* network_ = nullptr;  // that others read over; null: none do
  Mutex mutex_;
  std::shared_ptr<PartitionServer> server_ ABSL_GUARDED_BY(mutex_);  // null: none yet
  std::map<PartitionId, std::shared_ptr<BlockingPartition>> partitions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
