// Brings what blocking partitions of this process have to consumers in other processes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "runtime/mailbox/loop.h"
#include "runtime/network/channel.h"

namespace pyflinkpp {

// A loop, because records are encoded on it, and because a consumer's credit comes when it comes. It
// reads a partition as a consumer in this process would, and sends as a producer does; it ends when it
// has nothing to read any more. Add and Release: any thread.
class PartitionServer final : public Loop {
 public:
  // Opens the two ends of a channel: what the partition has, and the way to the consumer.
  struct Ends {
    std::function<std::unique_ptr<InputChannel>(const ChannelId& id, ReadyChannels& ready,
                                                size_t number)>
        open_partition;
    std::function<std::unique_ptr<OutputChannel>(const ChannelId& id, Mailbox& mailbox,
                                                 const std::string& peer)>
        open_output;
  };

  PartitionServer(const Clock& clock, Ends ends);

  // False: it has ended; another one has to be made.
  bool Add(const ChannelId& id, const std::string& peer);
  // The job has ended.
  void Release(const std::string& job);

 protected:
  StepResult Work() override;

 private:
  struct Asked {
    ChannelId id;
    std::string peer;
  };
  struct Reading {
    ChannelId id;
    std::unique_ptr<InputChannel> input;
    std::unique_ptr<OutputChannel> output;
    bool more = false;  // the input has elements, or a failure
  };

  void TakeAsked();
  // Whether something was done; `*ended`: nothing more will be.
  static bool Pass(Reading& reading, bool* ended);

  const Ends ends_;
  ReadyChannels ready_;
  std::map<size_t, Reading> readings_;  // by the number that ready_ knows
  size_t next_ = 0;

  Mutex mutex_;
  std::vector<Asked> asked_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pyflinkpp
