// The two ends of a channel that crosses the network, apart from who carries their messages.
//
//   producer's loop              network's thread              consumer's loop
//   Send: encodes --- Connection ------------> Receive: a queue ------> Poll: decodes
//   credit  <--------------------- kCredit ------------------------------ one a Poll, or more, or none
//
// A channel begins with kChannelCredit elements, which are its own. Is the queue empty when the sender
// has used up its credit, the way is too long for so few: the consumer adds floating credits from the
// pool of its process. They go back one by one when the queue has not been empty for as many elements
// as can be under way (it is the consumer that is slow), or when the sender has not needed them for a
// while. So a slow channel holds what is its own, and no channel waits for another's.
//
// Invariant: sender's credit + credit under way to it + elements under way and in the queue (barriers
// need none) = kChannelCredit + the channel's floating credits.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/mutex.h"
#include "core/env/network.h"
#include "runtime/network/channel.h"
#include "runtime/network/data_message.h"

namespace pyflinkpp {

// Of one channel, at most.
inline constexpr int kChannelFloatingCreditMax = 28;
// A batch that is larger goes in several frames: others' frames get in between.
inline constexpr size_t kBatchFrameBytesMax = size_t{16} << 20;
inline constexpr size_t kBatchMessageBytesMax = size_t{1} << 30;

// Credits that channels of this process may use beside their own, all together. Any thread.
class FloatingCredits {
 public:
  explicit FloatingCredits(int count) : left_(count) {}
  // As many as there are, `most` of them.
  int Take(int most);
  void Give(int count) { left_.fetch_add(count, std::memory_order_relaxed); }
  int left() const { return left_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int> left_;
};

// The producer's end: shared by its OutputChannel, used on the producer's loop, and by the transport,
// which attaches it to a connection when the consumer has opened its end. What is sent until then is
// held, as far as credit allows.
class NetworkOutput {
 public:
  NetworkOutput(std::string peer, Mailbox& producer);

  const std::string& peer() const { return peer_; }

  // ---- the producer's loop ----

  int credit() const;
  void Send(StreamElement element);
  // Whether all has left that was sent: before the consumer has come nothing does. A producer that ended
  // earlier would take it along when its job ends.
  bool settled() const;
  absl::Status status() const;
  void Fail(const absl::Status& why);
  // The channel's number, if the consumer has to be told; there is no producer any more.
  std::optional<uint32_t> CloseProducer();

  // ---- the network's thread, or the producer's loop ----

  // False: nothing more will be sent, because the producer has gone.
  bool Attach(std::shared_ptr<Connection> connection, uint32_t channel, uint32_t credit);
  // An error: more credit than can be.
  absl::Status AddCredit(uint32_t count);
  // The consumer takes nothing any more: what is sent is dropped.
  void CloseConsumer();
  // The connection is gone. The consumer's end knows it, if it was opened; else this one fails.
  void Lose(const absl::Status& why);

 private:
  // Fills frames_.
  absl::Status Encode(const StreamElement& element);
  absl::Status EncodeRecords(const RecordBatch& batch);
  uint32_t TypeOf(const RecordBatch& batch);
  void Drop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string peer_;

  // The producer's.
  std::vector<std::shared_ptr<const TypeSerializer>> types_;  // by number: those that were told
  size_t last_bytes_ = 0;                                     // of a batch
  std::vector<std::string> frames_;                           // of the element in hand

  mutable Mutex mutex_;
  Mailbox* producer_ ABSL_GUARDED_BY(mutex_);  // null: no such end any more
  std::shared_ptr<Connection> connection_
      ABSL_GUARDED_BY(mutex_);  // null: not yet, or not any more
  uint32_t channel_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t credit_ ABSL_GUARDED_BY(mutex_) = kChannelCredit;
  bool dropping_ ABSL_GUARDED_BY(mutex_) = false;  // nobody will read it
  std::vector<std::string> held_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// The consumer's end: shared by its InputChannel, used on the consumer's loop, and by the transport,
// which brings what has come. Bytes are decoded on the consumer's loop: values may need the
// interpreter's lock.
class NetworkInput {
 public:
  NetworkInput(ChannelPeer peer, uint32_t channel, FloatingCredits& floating, ReadyChannels& ready,
               size_t number);

  uint32_t channel() const { return channel_; }

  // ---- the consumer's loop ----

  std::optional<StreamElement> Poll(bool* more);
  bool Ahead(int64_t checkpoint, std::vector<const RecordBatch*>& batches);
  absl::Status status() const;
  // Drops what has not been polled. Whether the producer has to be told.
  bool CloseConsumer();

  // ---- the network's thread ----

  // A kType, or an element; takes the frame of a batch. An error is the sender's fault.
  absl::Status Receive(const DataMessage& message, std::string&& frame,
                       const std::shared_ptr<Connection>& connection);
  // Nothing more will come: the connection is gone, or the producer has failed.
  void Lose(const absl::Status& why);

 private:
  struct Encoded {
    std::vector<std::string> frames;  // of one batch
    uint32_t type = 0;
  };
  // A batch's bytes, or what Poll will give.
  using Received = std::variant<Encoded, StreamElement>;

  static bool NeedsCredit(const Received& received);
  absl::Status ReceiveBatch(const DataMessage& message, std::string&& frame)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Push(Received received, bool sender_waits) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What the sender gets for an element that was taken.
  int CreditForPolled() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Decode(Received& received);
  absl::StatusOr<std::shared_ptr<const TypeSerializer>> SerializerOf(uint32_t type);
  void Fail(const absl::Status& why);

  const ChannelPeer peer_;
  const uint32_t channel_;
  FloatingCredits& floating_;

  // The consumer's.
  std::vector<std::shared_ptr<const TypeSerializer>>
      serializers_;  // by type number, as far as known

  mutable Mutex mutex_;
  ReadyChannels* ready_ ABSL_GUARDED_BY(mutex_);                    // null: no such end any more
  const size_t number_;                                             // of the channel, for ready_
  std::shared_ptr<Connection> connection_ ABSL_GUARDED_BY(mutex_);  // null: nothing has come yet
  std::vector<std::string> types_ ABSL_GUARDED_BY(mutex_);
  // The consumer's loop alone takes elements away, and changes them: it needs no lock for one that it
  // knows.
  std::deque<Received> queue_ ABSL_GUARDED_BY(mutex_);
  Encoded partial_ ABSL_GUARDED_BY(mutex_);  // the frames of a batch that goes on
  size_t partial_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int unused_ ABSL_GUARDED_BY(mutex_) = kChannelCredit;  // credit given, less what has come
  int queued_ ABSL_GUARDED_BY(mutex_) = 0;               // of queue_, without barriers
  int floating_held_ ABSL_GUARDED_BY(mutex_) = 0;
  int polls_unwaited_ ABSL_GUARDED_BY(mutex_) = 0;  // since the sender was last without credit
  int polls_behind_ ABSL_GUARDED_BY(mutex_) = 0;    // since the queue was last empty
  bool sender_waits_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // the end has come
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
