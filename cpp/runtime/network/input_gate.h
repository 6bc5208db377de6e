// The receiving side of a task: takes elements from its channels in the order in which they came.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/network/channel.h"

namespace pyflinkpp {

// Owned by its task, used on its loop.
class InputGate {
 public:
  struct Element {
    size_t channel;
    StreamElement element;
  };

  explicit InputGate(Mailbox& mailbox) : ready_(mailbox, /*announces=*/true) {}

  void Open(Transport& transport, const ChannelId& id, int input, const ChannelPeer& peer = {}) {
    channels_.push_back({.channel = nullptr, .input = input});
    channels_.back().channel = transport.OpenInput(id, ready_, channels_.size() - 1, peer);
  }
  // Drops what has not been polled.
  void Close() {
    for (Channel& channel : channels_) channel.channel.reset();
  }

  size_t size() const { return channels_.size(); }
  // The operator's input that a channel feeds.
  int input_of(size_t channel) const { return channels_[channel].input; }

  // The next element of a channel that is not blocked; none when there is none, or see status().
  std::optional<Element> Poll() {
    while (const std::optional<size_t> next = ready_.Pop()) {
      Channel& channel = channels_[*next];
      if (channel.blocked) {
        channel.ready_while_blocked = true;
        continue;
      }
      bool more = false;
      std::optional<StreamElement> element = channel.channel->Poll(&more);
      if (more) ready_.Push(*next);  // behind the others
      if (element) return Element{*next, *std::move(element)};
      status_.Update(channel.channel->status());
    }
    return std::nullopt;
  }

  // Of barriers and ends that have come into a channel.
  bool announced() const { return ready_.announced(); }
  std::optional<Announcement> PopAnnouncement() { return ready_.PopAnnouncement(); }
  // See InputChannel.
  bool Ahead(size_t channel, int64_t checkpoint, std::vector<const RecordBatch*>& batches) {
    return channels_[channel].channel->Ahead(checkpoint, batches);
  }

  // The first failure of a channel.
  const absl::Status& status() const { return status_; }

  // A blocked channel is not read: it waits for the others' barriers.
  void SetBlocked(size_t channel, bool blocked) {
    channels_[channel].blocked = blocked;
    if (!blocked && std::exchange(channels_[channel].ready_while_blocked, false))
      ready_.Push(channel);
  }

 private:
  struct Channel {
    std::unique_ptr<InputChannel> channel;
    int input;
    bool blocked = false;
    bool ready_while_blocked = false;
  };
  ReadyChannels ready_;
  absl::Status status_;
  std::vector<Channel> channels_;  // destroyed before ready_, which they tell
};

}  // namespace pyflinkpp
