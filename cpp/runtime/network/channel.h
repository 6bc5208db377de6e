// The two ends of a channel between subtasks, and what makes them. Nothing above this file knows
// whether a channel crosses a thread or a network.
//
//   producer's loop                                consumer's loop
//   OutputChannel.Send  --- StreamElement, in order --->  InputChannel.Poll
//   OutputChannel.credit <------- credit, one a Poll ----
//
// Credit bounds what is under way: a sender without credit keeps its elements and stops asking for
// input. A barrier needs none and takes none, and the consumer is told of it when it comes into the
// channel, not when it is polled: so that it can overtake data.
#pragma once

#include <atomic>
#include <compare>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  // REQUIRES: credit() > 0, or a barrier.
  virtual void Send(StreamElement element) = 0;
  // Asked behind the end of input: whether what was sent survives the producer. If not, the
  // producer's mailbox is notified when it does.
  virtual bool settled() const { return true; }
  // Why it does not, and never will.
  virtual absl::Status status() const { return absl::OkStatus(); }
  // Tells a consumer in another process why nothing more comes: what was to be sent can't be read.
  virtual void Fail(const absl::Status& why) { (void)why; }
};

// Used on the consumer's loop. Destroying it drops what has not been polled; the sender's credit is
// unlimited from then.
class InputChannel {
 public:
  virtual ~InputChannel() = default;
  // `*more`: whether another element is there; when it isn't, `ready` will be told of the next.
  virtual std::optional<StreamElement> Poll(bool* more) = 0;
  // Appends the batches that Poll will give before this barrier, or before the end of input. They
  // stay where they are; valid until the next Poll. False: neither has come yet, these are all.
  virtual bool Ahead(int64_t checkpoint, std::vector<const RecordBatch*>& batches) = 0;
  // Why Poll has nothing, and never will.
  virtual absl::Status status() const { return absl::OkStatus(); }
};

// A barrier or the end of input has come into a channel, perhaps behind data.
struct Announcement {
  size_t channel;
  std::optional<CheckpointBarrier> barrier;  // none: the end
};

// The channels of one consumer that have elements, in the order in which these came. Any thread.
class ReadyChannels {
 public:
  // `announces`: the consumer wants to be told of barriers.
  explicit ReadyChannels(Mailbox& consumer, bool announces = false)
      : consumer_(consumer), announces_(announces) {}

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

  // Comes as mail, so that the consumer interrupts a batch in hand.
  void Announce(Announcement announcement) {
    if (!announces_) return;
    {
      MutexLock lock(mutex_);
      announcements_.push_back(std::move(announcement));
      announced_.store(true, std::memory_order_relaxed);
    }
    consumer_.Post("barrier has come", [] {});
  }
  // Without a lock, for hot loops.
  bool announced() const { return announced_.load(std::memory_order_relaxed); }
  std::optional<Announcement> PopAnnouncement() {
    MutexLock lock(mutex_);
    announced_.store(announcements_.size() > 1, std::memory_order_relaxed);
    if (announcements_.empty()) return std::nullopt;
    Announcement announcement = std::move(announcements_.front());
    announcements_.pop_front();
    return announcement;
  }

 private:
  Mailbox& consumer_;
  const bool announces_;
  std::atomic<bool> announced_{false};
  Mutex mutex_;
  std::deque<size_t> ready_ ABSL_GUARDED_BY(mutex_);
  std::deque<Announcement> announcements_ ABSL_GUARDED_BY(mutex_);
};

// Where the other end of a channel is.
struct ChannelPeer {
  // Where its process listens for channels, "host:port"; empty: it is in this process.
  std::string address;
  // An input's: of the types that the records may have, beside the native ones.
  std::vector<std::shared_ptr<const TypeSerializer>> serializers;
};

// Connects the ends, whichever comes first. Any thread. The producer's mailbox is notified of new
// credit; `ready` is told `channel` whenever an element comes to an empty channel. Mailboxes and
// `ready` outlive the ends.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::unique_ptr<OutputChannel> OpenOutput(const ChannelId& id, Mailbox& producer,
                                                    const ChannelPeer& peer) = 0;
  virtual std::unique_ptr<InputChannel> OpenInput(const ChannelId& id, ReadyChannels& ready,
                                                  size_t channel, const ChannelPeer& peer) = 0;
  // Both ends in this process.
  std::unique_ptr<OutputChannel> OpenOutput(const ChannelId& id, Mailbox& producer) {
    return OpenOutput(id, producer, {});
  }
  std::unique_ptr<InputChannel> OpenInput(const ChannelId& id, ReadyChannels& ready,
                                          size_t channel) {
    return OpenInput(id, ready, channel, {});
  }
  // The job has ended: forgets channels of which only one end was ever opened.
  virtual void Release(const std::string& job) = 0;
};

}  // namespace pyflinkpp
