// The receiving side of a task: takes elements from its channels in turn.
#pragma once

#include <memory>
#include <optional>
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

  void AddChannel(std::unique_ptr<InputChannel> channel, int input) { channels_.push_back({std::move(channel), input}); }

  size_t size() const { return channels_.size(); }
  // The operator's input that a channel feeds.
  int input_of(size_t channel) const { return channels_[channel].input; }

  // The next element of a channel that is not blocked, channels in turn; none when all are empty.
  std::optional<Element> Poll() {
    for (size_t tried = 0; tried < channels_.size(); ++tried) {
      const size_t channel = next_;
      if (++next_ == channels_.size()) next_ = 0;
      if (channels_[channel].blocked) continue;
      if (auto element = channels_[channel].channel->Poll()) return Element{channel, *std::move(element)};
    }
    return std::nullopt;
  }

  // A blocked channel is not read: it waits for the others' barriers.
  void SetBlocked(size_t channel, bool blocked) { channels_[channel].blocked = blocked; }

 private:
  struct Channel {
    std::unique_ptr<InputChannel> channel;
    int input;
    bool blocked = false;
  };
  std::vector<Channel> channels_;
  size_t next_ = 0;
};

}  // namespace pyflinkpp
