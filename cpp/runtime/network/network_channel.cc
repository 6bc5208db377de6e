#include "runtime/network/network_channel.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"
#include "core/idl/codec.h"
#include "core/stream/batch_codec.h"
#include "core/types/native_serializers.h"

namespace pyflinkpp {
namespace {

constexpr int64_t kCreditMax = 1 << 20;  // of a channel: more is an error of the consumer
constexpr size_t kQueueMax = 10'000;     // elements, barriers too: more is one of the sender
constexpr size_t kTypesMax = 1'000;      // of a channel
constexpr uint32_t kBatchRecordsBound = 1 << 20;
constexpr int kPollsUnwaitedMax = 64;  // then floating credits go back

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

// As much of a batch as the next frame has.
std::string CutFrame(const std::string& message, size_t& at) {
  const size_t bytes = std::min(message.size() - at, kBatchFrameBytesMax);
  std::string frame = message.substr(0, kBatchHeaderBytes);
  frame.append(message, at, bytes);
  at += bytes;
  if (at < message.size()) AddFlags(frame, kMoreFollows);
  return frame;
}

}  // namespace

int FloatingCredits::Take(int most) {
  int left = left_.load(std::memory_order_relaxed);
  int taken;
  do {
    taken = std::min(left, most);
  } while (!left_.compare_exchange_weak(left, left - taken, std::memory_order_relaxed));
  return taken;
}

// ---- NetworkOutput ----

NetworkOutput::NetworkOutput(std::string peer, Mailbox& producer)
    : peer_(std::move(peer)), producer_(&producer) {}

int NetworkOutput::credit() const {
  MutexLock lock(mutex_);
  if (dropping_) return std::numeric_limits<int>::max();
  return static_cast<int>(std::max<int64_t>(credit_, 0));
}

bool NetworkOutput::settled() const {
  MutexLock lock(mutex_);
  return held_.empty();
}

absl::Status NetworkOutput::status() const {
  MutexLock lock(mutex_);
  return status_;
}

void NetworkOutput::Send(StreamElement element) {
  const bool needs_credit = !std::holds_alternative<CheckpointBarrier>(element);
  {
    MutexLock lock(mutex_);
    if (dropping_) return;
    PFPP_CHECK(!needs_credit || credit_ > 0);
  }
  frames_.clear();
  const absl::Status encoded = Encode(element);
  MutexLock lock(mutex_);
  if (dropping_) return;
  if (!encoded.ok()) {
    status_ = encoded;
    return Drop();
  }
  if (needs_credit && --credit_ == 0) AddFlags(frames_.back(), kSenderWaits);
  for (std::string& frame : frames_) {
    if (connection_ == nullptr) {
      held_.push_back(std::move(frame));
    } else {
      SetChannel(frame, channel_);
      connection_->Send(std::move(frame));
    }
  }
}

absl::Status NetworkOutput::Encode(const StreamElement& element) {
  return std::visit(
      Overloaded{
          [&](const std::unique_ptr<RecordBatch>& batch) { return EncodeRecords(*batch); },
          [&](const Watermark& watermark) {
            frames_.push_back(WatermarkMessage(watermark));
            return absl::OkStatus();
          },
          [&](const CheckpointBarrier& barrier) {
            frames_.push_back(BarrierMessage(barrier));
            return absl::OkStatus();
          },
          [&](const EndOfInput&) {
            frames_.push_back(EndMessage());
            return absl::OkStatus();
          },
      },
      element);
}

absl::Status NetworkOutput::EncodeRecords(const RecordBatch& batch) {
  const uint32_t type = TypeOf(batch);
  // The next batch will be about as large.
  std::string message = BeginBatchMessage(type, last_bytes_ + last_bytes_ / 4);
  RETURN_IF_ERROR(EncodeBatch(batch, message));
  last_bytes_ = message.size();
  if (message.size() > kBatchMessageBytesMax) {
    return UserError(absl::StrCat("records of ", message.size(),
                                  " bytes are to be sent to another process at once; ",
                                  kBatchMessageBytesMax, " are the most"));
  }
  if (message.size() <= kBatchFrameBytesMax) {
    frames_.push_back(std::move(message));
  } else {
    for (size_t at = kBatchHeaderBytes; at < message.size();)
      frames_.push_back(CutFrame(message, at));
  }
  return absl::OkStatus();
}

// Each type's name is told once.
uint32_t NetworkOutput::TypeOf(const RecordBatch& batch) {
  const auto found = std::find(types_.begin(), types_.end(), batch.serializer());
  const auto type = static_cast<uint32_t>(found - types_.begin());
  if (found == types_.end()) {
    types_.push_back(batch.serializer());
    frames_.push_back(TypeMessage(type, WrittenName(*batch.serializer())));
  }
  return type;
}

void NetworkOutput::Fail(const absl::Status& why) {
  MutexLock lock(mutex_);
  if (connection_ != nullptr && !dropping_)
    connection_->Send(FailMessage(channel_, FailureOf(why).message));
}

std::optional<uint32_t> NetworkOutput::CloseProducer() {
  MutexLock lock(mutex_);
  producer_ = nullptr;
  if (connection_ == nullptr) return std::nullopt;
  connection_->Send(CloseMessage(DataKind::kCloseOutput, channel_));
  connection_ = nullptr;
  return channel_;
}

bool NetworkOutput::Attach(std::shared_ptr<Connection> connection, uint32_t channel,
                           uint32_t credit) {
  MutexLock lock(mutex_);
  channel_ = channel;
  for (std::string& frame : held_) {
    SetChannel(frame, channel);
    connection->Send(std::move(frame));
  }
  held_.clear();
  if (producer_ == nullptr) {
    connection->Send(CloseMessage(DataKind::kCloseOutput, channel));
    return false;
  }
  connection_ = std::move(connection);
  credit_ += static_cast<int64_t>(credit) - kChannelCredit;
  producer_->Notify();
  return true;
}

absl::Status NetworkOutput::AddCredit(uint32_t count) {
  MutexLock lock(mutex_);
  const bool had_none = credit_ <= 0;
  credit_ += count;
  if (credit_ > kCreditMax) return Wrong("more credit than a channel can have");
  if (had_none && producer_ != nullptr) producer_->Notify();
  return absl::OkStatus();
}

void NetworkOutput::CloseConsumer() {
  MutexLock lock(mutex_);
  connection_ = nullptr;
  Drop();
}

void NetworkOutput::Lose(const absl::Status& why) {
  MutexLock lock(mutex_);
  if (connection_ == nullptr && !dropping_) status_.Update(why);
  connection_ = nullptr;
  Drop();
}

void NetworkOutput::Drop() {
  dropping_ = true;
  held_.clear();
  if (producer_ != nullptr) producer_->Notify();
}

// ---- NetworkInput ----

NetworkInput::NetworkInput(ChannelPeer peer, uint32_t channel, FloatingCredits& floating,
                           ReadyChannels& ready, size_t number)
    : peer_(std::move(peer)),
      channel_(channel),
      floating_(floating),
      ready_(&ready),
      number_(number) {}

bool NetworkInput::NeedsCredit(const Received& received) {
  const auto* element = std::get_if<StreamElement>(&received);
  return element == nullptr || !std::holds_alternative<CheckpointBarrier>(*element);
}

std::optional<StreamElement> NetworkInput::Poll(bool* more) {
  std::optional<Received> next;
  {
    MutexLock lock(mutex_);
    *more = false;
    if (queue_.empty()) return std::nullopt;
    next = std::move(queue_.front());
    queue_.pop_front();
    if (NeedsCredit(*next)) {
      --queued_;
      const int credit = CreditForPolled();
      unused_ += credit;
      if (credit > 0 && connection_ != nullptr && !ended_)
        connection_->Send(CreditMessage(channel_, static_cast<uint32_t>(credit)));
    }
    *more = !queue_.empty() || !status_.ok();
  }
  if (const absl::Status decoded = Decode(*next); !decoded.ok()) {
    Fail(decoded);
    *more = false;
    return std::nullopt;
  }
  return std::get<StreamElement>(*std::move(next));
}

int NetworkInput::CreditForPolled() {
  polls_unwaited_ = sender_waits_ ? 0 : polls_unwaited_ + 1;
  polls_behind_ = queued_ == 0 ? 0 : polls_behind_ + 1;
  if (floating_held_ > 0 &&
      (polls_behind_ > kChannelCredit + floating_held_ || polls_unwaited_ > kPollsUnwaitedMax)) {
    --floating_held_;
    floating_.Give(1);
    return 0;
  }
  if (queued_ > 0 || !sender_waits_) return 1;
  const int more = floating_.Take(
      std::min(kChannelCredit + floating_held_, kChannelFloatingCreditMax - floating_held_));
  floating_held_ += more;
  return 1 + more;
}

bool NetworkInput::Ahead(int64_t checkpoint, std::vector<const RecordBatch*>& batches) {
  std::vector<Received*> ahead;
  bool come = false;
  {
    MutexLock lock(mutex_);
    for (Received& received : queue_) {
      const auto* element = std::get_if<StreamElement>(&received);
      if (element == nullptr || std::holds_alternative<std::unique_ptr<RecordBatch>>(*element)) {
        ahead.push_back(&received);
        continue;
      }
      const auto* barrier = std::get_if<CheckpointBarrier>(element);
      come = (barrier != nullptr && barrier->checkpoint() == checkpoint) ||
             std::holds_alternative<EndOfInput>(*element);
      if (come) break;
    }
  }
  for (Received* received : ahead) {
    // Poll will find the same; until then the barrier has not come, so no checkpoint misses it.
    if (!Decode(*received).ok()) return false;
    batches.push_back(
        std::get<std::unique_ptr<RecordBatch>>(std::get<StreamElement>(*received)).get());
  }
  return come;
}

absl::Status NetworkInput::status() const {
  MutexLock lock(mutex_);
  return status_;
}

// What it is made of now is a StreamElement.
absl::Status NetworkInput::Decode(Received& received) {
  auto* encoded = std::get_if<Encoded>(&received);
  if (encoded == nullptr) return absl::OkStatus();
  std::string joined;
  absl::string_view bytes;
  if (encoded->frames.size() == 1) {
    bytes = absl::string_view(encoded->frames[0]).substr(kBatchHeaderBytes);
  } else {
    for (const std::string& frame : encoded->frames)
      joined.append(frame, kBatchHeaderBytes, std::string::npos);
    bytes = joined;
  }
  ASSIGN_OR_RETURN(const auto serializer, SerializerOf(encoded->type));
  BinaryReader reader(bytes);
  uint32_t records = 0;
  if (BinaryReader peek(bytes); !peek.Get(&records) || records > kBatchRecordsBound)
    return Wrong(absl::StrCat("a batch of ", records, " records in ", bytes.size(), " bytes"));
  ASSIGN_OR_RETURN(std::unique_ptr<RecordBatch> batch, DecodeBatch(reader, serializer));
  if (reader.remaining() > 0) return Wrong("bytes behind a batch");
  received = StreamElement(std::move(batch));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const TypeSerializer>> NetworkInput::SerializerOf(uint32_t type) {
  if (type < serializers_.size() && serializers_[type] != nullptr) return serializers_[type];
  std::string name;
  {
    MutexLock lock(mutex_);
    PFPP_CHECK(type < types_.size());
    name = types_[type];
  }
  std::shared_ptr<const TypeSerializer> serializer = NativeSerializerWritten(name);
  for (const auto& each : peer_.serializers) {
    if (serializer == nullptr && each->name() == name) serializer = each;
  }
  if (serializer == nullptr) {
    return absl::InternalError(
        absl::StrCat("records of the type ", name, ", which this channel is not declared to have"));
  }
  if (serializers_.size() <= type) serializers_.resize(type + 1);
  return serializers_[type] = serializer;
}

void NetworkInput::Fail(const absl::Status& why) {
  std::deque<Received> dropped;
  MutexLock lock(mutex_);
  status_.Update(
      absl::Status(why.code(), absl::StrCat("what the TaskManager at ", peer_.address,
                                            " has sent can't be read: ", FailureOf(why).message)));
  dropped.swap(queue_);
  queued_ = 0;
}

bool NetworkInput::CloseConsumer() {
  std::deque<Received> dropped;
  MutexLock lock(mutex_);
  ready_ = nullptr;
  connection_ = nullptr;
  dropped.swap(queue_);
  partial_ = {};
  floating_.Give(std::exchange(floating_held_, 0));
  return !ended_ && status_.ok();
}

absl::Status NetworkInput::Receive(const DataMessage& message, std::string&& frame,
                                   const std::shared_ptr<Connection>& connection) {
  MutexLock lock(mutex_);
  if (ready_ == nullptr || !status_.ok()) return absl::OkStatus();
  connection_ = connection;
  if (message.kind == DataKind::kBatch) return ReceiveBatch(message, std::move(frame));
  if (!partial_.frames.empty()) return Wrong("a batch that does not go on");
  switch (message.kind) {
    case DataKind::kType:
      if (message.count != types_.size() || types_.size() == kTypesMax)
        return Wrong(absl::StrCat("the type number ", message.count, " behind ", types_.size()));
      types_.emplace_back(message.bytes);
      return absl::OkStatus();
    case DataKind::kWatermark:
      return Push(StreamElement(message.watermark), (message.flags & kSenderWaits) != 0);
    case DataKind::kEnd:
      return Push(StreamElement(EndOfInput{}), (message.flags & kSenderWaits) != 0);
    case DataKind::kBarrier: {
      ASSIGN_OR_RETURN(auto barrier, idl::Decode<idl::Barrier>(std::string(message.bytes)));
      return Push(StreamElement(
                      CheckpointBarrier{std::make_shared<const idl::Barrier>(std::move(barrier))}),
                  sender_waits_);
    }
    default:
      return Wrong("a message that no producer sends");
  }
}

absl::Status NetworkInput::ReceiveBatch(const DataMessage& message, std::string&& frame) {
  if (message.count >= types_.size())
    return Wrong(
        absl::StrCat("a batch of the type number ", message.count, ", which was not told"));
  if (!partial_.frames.empty() && partial_.type != message.count)
    return Wrong("a batch that goes on with another type");
  partial_bytes_ += message.bytes.size();
  if (partial_bytes_ > kBatchMessageBytesMax) return Wrong("a batch that is too large");
  partial_.type = message.count;
  partial_.frames.push_back(std::move(frame));
  if ((message.flags & kMoreFollows) != 0) return absl::OkStatus();
  partial_bytes_ = 0;
  return Push(std::exchange(partial_, {}), (message.flags & kSenderWaits) != 0);
}

absl::Status NetworkInput::Push(Received received, bool sender_waits) {
  if (ended_) return Wrong("something behind the end of input");
  if (NeedsCredit(received)) {
    if (unused_ == 0) return Wrong("more than the credit allows");
    --unused_;
    ++queued_;
  }
  sender_waits_ = sender_waits;
  if (queue_.size() == kQueueMax) return Wrong("too many barriers");
  const bool was_empty = queue_.empty();
  queue_.push_back(std::move(received));
  if (was_empty) ready_->Push(number_);
  const auto* element = std::get_if<StreamElement>(&queue_.back());
  if (element == nullptr) return absl::OkStatus();
  if (const auto* barrier = std::get_if<CheckpointBarrier>(element)) {
    ready_->Announce({number_, *barrier});
  } else if (std::holds_alternative<EndOfInput>(*element)) {
    ended_ = true;
    ready_->Announce({number_, std::nullopt});
  }
  return absl::OkStatus();
}

void NetworkInput::Lose(const absl::Status& why) {
  MutexLock lock(mutex_);
  connection_ = nullptr;
  if (ended_ || ready_ == nullptr || !status_.ok()) return;
  status_ = why;
  if (queue_.empty()) ready_->Push(number_);
}

}  // namespace pyflinkpp
