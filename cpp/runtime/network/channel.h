// The two ends of a channel between subtasks, and what makes them. Nothing above this file knows
// whether a channel crosses a thread or a network.
//
//   producer's loop                                consumer's loop
//   OutputChannel.Send  --- StreamElement, in order --->  InputChannel.Poll
//   OutputChannel.credit <------- credit, one a Poll ----
//
// Credit bounds what is under way: a sender without credit keeps its elements and stops asking for
// input.
#pragma once

#include <compare>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "core/stream/stream_element.h"
#include "runtime/mailbox/mailbox.h"

namespace pyflinkpp {

// Elements that may be under way on one channel.
inline constexpr int kChannelCredit = 4;

struct ChannelId {
  std::string job;
  int edge = 0;
  int source = 0;         // subtask that sends
  int target = 0;         // subtask that receives
  int restart = 0;        // of the job: ends of different ones never meet
  bool blocking = false;  // the consumer comes when the producer has ended
  // NOLINTNEXTLINE(modernize-use-nullptr): the check's mistake
  auto operator<=>(const ChannelId&) const = default;
};

// Used on the producer's loop. Destroying it ends the channel; what was sent still arrives.
class OutputChannel {
 public:
  virtual ~OutputChannel() = default;
  virtual int credit() const = 0;
  // REQUIRES: credit() > 0.
  virtual void Send(StreamElement element) = 0;
  // Asked behind the end of input: whether what was sent survives the producer. If not, the
  // producer's mailbox is notified when it does.
  virtual bool settled() const { return true; }
  // Why it does not, and never will.
  virtual absl::Status status() const { return absl::OkStatus(); }
};

// Used on the consumer's loop. Destroying it drops what has not been polled; the sender's credit is
// unlimited from then.
class InputChannel {
 public:
  virtual ~InputChannel() = default;
  // `*more`: whether another element is there; when it isn't, `ready` will be told of the next.
  virtual std::optional<StreamElement> Poll(bool* more) = 0;
  // Why Poll has nothing, and never will.
  virtual absl::Status status() const { return absl::OkStatus(); }
};

// The channels of one consumer that have elements, in the order in which these came. Any thread.
class ReadyChannels {
 public:
  explicit ReadyChannels(Mailbox& consumer) : consumer_(consumer) {}

  // A channel that was empty has an element.
  void Push(size_t channel) {
    {
      MutexLock lock(mutex_);
      ready_.push_back(channel);
    }
    consumer_.Notify();
  }
  std::optional<size_t> Pop() {
    MutexLock lock(mutex_);
    if (ready_.empty()) return std::nullopt;
    const size_t channel = ready_.front();
    ready_.pop_front();
    return channel;
  }

 private:
  Mailbox& consumer_;
  Mutex mutex_;
  std::deque<size_t> ready_ ABSL_GUARDED_BY(mutex_);
};

// Connects the ends, whichever comes first. Any thread. The producer's mailbox is notified of new
// credit; `ready` is told `channel` whenever an element comes to an empty channel. Mailboxes and
// `ready` outlive the ends.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::unique_ptr<OutputChannel> OpenOutput(const ChannelId& id, Mailbox& producer) = 0;
  virtual std::unique_ptr<InputChannel> OpenInput(const ChannelId& id, ReadyChannels& ready,
                                                  size_t channel) = 0;
  // The job has ended: forgets channels of which only one end was ever opened.
  virtual void Release(const std::string& job) = 0;
};

}  // namespace pyflinkpp
