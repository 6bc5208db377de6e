// Channels between processes: one connection for each pair of them, all their channels on it.
//
//   TaskManager at a:1                                        TaskManager at b:2
//   OutputChannel 1 \                                       / InputChannel 1
//   InputChannel  1  >-- Link to b:2 ===== TCP ===== Link to a:1 --<  OutputChannel 1
//   OutputChannel 2 /                                       \ InputChannel 2
//
// Of two processes the one whose address sorts first connects, with the first end that it opens; the
// other waits for it. Both always open their ends, because the JobManager deploys both tasks. Channels
// within this process go to another transport, as they are. The producer of a blocking exchange opens
// nothing: there the consumer connects, whoever sorts first, unless they are connected already.
//
// A lost connection fails each input whose end has not come, and each output that no consumer has
// opened yet; other outputs drop what is sent. Their tasks fail, and start anew with new channels, on
// a new connection.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/env/network.h"
#include "runtime/network/channel.h"

namespace pyflinkpp {

struct NetworkTransportOptions {
  NetworkAddress listen;
  // How other processes reach it; empty: as it listens.
  std::string advertised_host;
  // Elements that channels may have under way beside their own, all together.
  int floating_credits = 1024;
};

// Any thread. Outlives the ends that it opens.
class NetworkTransport final : public Transport {
 public:
  // `network` and `local` outlive it.
  static absl::StatusOr<std::unique_ptr<NetworkTransport>> Listen(Network& network,
                                                                  Transport& local,
                                                                  NetworkTransportOptions options);
  ~NetworkTransport() override;

  // Where other processes find it: "host:port".
  const std::string& address() const;

  using Transport::OpenInput;
  using Transport::OpenOutput;
  std::unique_ptr<OutputChannel> OpenOutput(const ChannelId& id, Mailbox& producer,
                                            const ChannelPeer& peer) override;
  std::unique_ptr<InputChannel> OpenInput(const ChannelId& id, ReadyChannels& ready, size_t channel,
                                          const ChannelPeer& peer) override;
  void Release(const std::string& job) override;

  // `asked` is told, on the network's thread, when a process wants to read what a blocking exchange has
  // for it here; it may open an output for it, on a loop. Null: not any more.
  using Asked = std::function<void(const ChannelId& id, const std::string& peer)>;
  void SetAsked(Asked asked);

  // What is kept, for tests: ends whose other end has not come, channels on connections, credits that
  // no channel has.
  size_t half_open() const;
  size_t channels() const;
  int floating_credits() const;

 private:
  class Links;
  class Output;
  class Input;
  class Handler;

  explicit NetworkTransport(std::shared_ptr<Links> links);

  const std::shared_ptr<Links> links_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace pyflinkpp
