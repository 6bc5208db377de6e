// A transport that keeps account of what goes over each channel of another one, and lets the other
// end move within a step.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/network/blocking_transport.h"
#include "runtime/network/local_transport.h"
#include "sim/sim_random.h"

namespace pyflinkpp::sim {

// Used on the simulation's one thread. The channels are those of LocalTransport and
// BlockingTransport; what is checked on the way: credit stays within its bounds, watermarks never go
// back, batches are not empty, nothing follows the end of input, no end is opened twice, no consumer
// of a blocking exchange comes before its producers have ended.
//
// With threads the other end may act between two calls of one step. Here it acted before the step;
// new credit and new elements may seem to come only after the call that asks for them, with the
// notification that belongs to it.
class WatchedTransport final : public Transport {
 public:
  // Broken rules are reported to `violations`.
  WatchedTransport(uint64_t seed, Env& env, std::vector<std::string>& violations);

  using Transport::OpenInput;
  using Transport::OpenOutput;
  std::unique_ptr<OutputChannel> OpenOutput(const ChannelId& id, Mailbox& producer,
                                            const ChannelPeer& peer) override;
  std::unique_ptr<InputChannel> OpenInput(const ChannelId& id, ReadyChannels& ready, size_t channel,
                                          const ChannelPeer& peer) override;
  void Release(const std::string& job) override { transport_.Release(job); }

  size_t half_open() { return local_.half_open(); }
  const BlockingTransport& blocking() const { return transport_; }
  size_t partitions() { return transport_.partitions(); }
  // Reports channels with an open end; for a job that has FINISHED also those on which not all that
  // was sent arrived, or the end of input did not.
  // `restarts`: of the job; the channels of attempts before the last one are only closed.
  void CheckClosed(const std::string& job, bool finished, int restarts = 0);
  // The processes are gone: channels of the job may be opened anew.
  void Crash(const std::string& job);
  int64_t elements() const { return elements_; }

 private:
  struct Account {
    int outputs_open = 0;
    int inputs_open = 0;
    bool output_opened = false;
    bool input_opened = false;
    int64_t sent = 0;
    int64_t records_sent = 0;
    int64_t polled = 0;
    int64_t records_polled = 0;
    int64_t barriers_sent = 0;
    int64_t barriers_polled = 0;
    int64_t under_way() const { return (sent - barriers_sent) - (polled - barriers_polled); }
    int64_t watermark_sent = kMinTimestamp;
    bool end_sent = false;
    bool end_polled = false;
    bool input_closed = false;
    bool settled = false;  // as its producer saw it
  };
  class Output;
  class Input;
  void Violate(const ChannelId& id, const std::string& what);

  SimRandom random_;
  std::vector<std::string>& violations_;
  LocalTransport local_;
  BlockingTransport transport_;
  std::map<ChannelId, Account> accounts_;
  int64_t elements_ = 0;
};

}  // namespace pyflinkpp::sim
