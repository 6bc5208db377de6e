// Channels within one process: elements change hands as they are, without serialization.
#pragma once

#include <map>
#include <memory>

#include "core/base/mutex.h"
#include "runtime/network/channel.h"

namespace pyflinkpp {

class LocalTransport : public Transport {
 public:
  using Transport::OpenInput;
  using Transport::OpenOutput;
  // REQUIRES: the peer is this process.
  std::unique_ptr<OutputChannel> OpenOutput(const ChannelId& id, Mailbox& producer,
                                            const ChannelPeer& peer) override;
  std::unique_ptr<InputChannel> OpenInput(const ChannelId& id, ReadyChannels& ready, size_t channel,
                                          const ChannelPeer& peer) override;
  void Release(const std::string& job) override;

  // Channels of which one end was opened and the other not yet.
  size_t half_open();

 private:
  struct Queue;
  class Output;
  class Input;
  // The queue of a channel: made by the end that comes first, forgotten here when the other has
  // come.
  std::shared_ptr<Queue> Meet(const ChannelId& id);

  Mutex mutex_;
  std::map<ChannelId, std::shared_ptr<Queue>> half_open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
