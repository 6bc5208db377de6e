// The two ends of a channel between subtasks, and what makes them. Nothing above this file knows whether a channel
// crosses a thread or a network.
//
//   producer's loop                                consumer's loop
//   OutputChannel.Send  --- StreamElement, in order --->  InputChannel.Poll
//   OutputChannel.credit <------- credit, one a Poll ----
//
// Credit bounds what is under way: a sender without credit keeps its elements and stops asking for input.
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>

#include "core/stream/stream_element.h"
#include "runtime/mailbox/mailbox.h"

namespace pyflinkpp {

// Elements that may be under way on one channel.
inline constexpr int kChannelCredit = 4;

struct ChannelId {
  std::string job;
  int edge = 0;
  int source = 0;  // subtask that sends
  int target = 0;  // subtask that receives
  auto operator<=>(const ChannelId&) const = default;
};

// Used on the producer's loop. Destroying it ends the channel; what was sent still arrives.
class OutputChannel {
 public:
  virtual ~OutputChannel() = default;
  virtual int credit() const = 0;
  // REQUIRES: credit() > 0.
  virtual void Send(StreamElement element) = 0;
};

// Used on the consumer's loop. Destroying it drops what has not been polled; the sender's credit is unlimited from then.
class InputChannel {
 public:
  virtual ~InputChannel() = default;
  virtual std::optional<StreamElement> Poll() = 0;
};

// Connects the ends, whichever comes first. Any thread. The mailboxes are notified of new elements and of new credit;
// they outlive the ends.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::unique_ptr<OutputChannel> OpenOutput(const ChannelId& id, Mailbox& producer) = 0;
  virtual std::unique_ptr<InputChannel> OpenInput(const ChannelId& id, Mailbox& consumer) = 0;
  // The job has ended: forgets channels of which only one end was ever opened.
  virtual void Release(const std::string& job) = 0;
};

}  // namespace pyflinkpp
