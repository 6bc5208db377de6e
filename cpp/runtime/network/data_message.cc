#include "runtime/network/data_message.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/idl/codec.h"
#include "core/types/binary_io.h"

namespace pyflinkpp {
namespace {

constexpr size_t kChannelAt = 1;
constexpr size_t kFlagsAt = 5;

std::string Begin(DataKind kind, uint32_t channel = 0) {
  std::string message;
  BinaryWriter writer(message);
  writer.Put(static_cast<uint8_t>(kind));
  writer.Put(channel);
  return message;
}

bool ReadId(BinaryReader& reader, ChannelId& id) {
  absl::string_view job;
  int32_t edge, source, target, restart;
  uint8_t blocking;
  if (!reader.Get(&edge) || !reader.Get(&source) || !reader.Get(&target) || !reader.Get(&restart) ||
      !reader.Get(&blocking) || blocking > 1 || !reader.GetBytes(&job))
    return false;
  id = {std::string(job), edge, source, target, restart, blocking == 1};
  return true;
}

// What the kind has behind the channel's number.
bool ReadRest(BinaryReader& reader, DataMessage& message) {
  switch (message.kind) {
    case DataKind::kHello:
    case DataKind::kBarrier:
    case DataKind::kError:
    case DataKind::kFail:
      return reader.GetRaw(reader.remaining(), &message.bytes);
    case DataKind::kOpen:
      return reader.Get(&message.count) && ReadId(reader, message.id);
    case DataKind::kCredit:
      return reader.Get(&message.count);
    case DataKind::kType:
      return reader.Get(&message.count) && reader.GetRaw(reader.remaining(), &message.bytes);
    case DataKind::kBatch:
      return reader.Get(&message.flags) && reader.Get(&message.count) &&
             reader.GetRaw(reader.remaining(), &message.bytes);
    case DataKind::kWatermark: {
      uint8_t idle;
      if (!reader.Get(&message.flags) || !reader.Get(&message.watermark.timestamp) ||
          !reader.Get(&idle) || idle > 1)
        return false;
      message.watermark.idle = idle == 1;
      return true;
    }
    case DataKind::kEnd:
      return reader.Get(&message.flags);
    case DataKind::kCloseInput:
    case DataKind::kCloseOutput:
      return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<DataMessage> ParseDataMessage(absl::string_view frame) {
  BinaryReader reader(frame);
  uint8_t kind;
  DataMessage message;
  if (!reader.Get(&kind) || !reader.Get(&message.channel))
    return absl::InvalidArgumentError(absl::StrCat("a message of ", frame.size(), " bytes"));
  message.kind = static_cast<DataKind>(kind);
  if (!ReadRest(reader, message) || reader.remaining() > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of kind ", kind, " that has ", frame.size(), " bytes"));
  }
  return message;
}

std::string HelloMessage(absl::string_view address) {
  return absl::StrCat(Begin(DataKind::kHello), address);
}

std::string OpenMessage(uint32_t channel, const ChannelId& id, uint32_t credit) {
  std::string message = Begin(DataKind::kOpen, channel);
  BinaryWriter writer(message);
  writer.Put(credit);
  writer.Put(static_cast<int32_t>(id.edge));
  writer.Put(static_cast<int32_t>(id.source));
  writer.Put(static_cast<int32_t>(id.target));
  writer.Put(static_cast<int32_t>(id.restart));
  writer.Put(static_cast<uint8_t>(id.blocking));
  writer.PutBytes(id.job);
  return message;
}

std::string CreditMessage(uint32_t channel, uint32_t count) {
  std::string message = Begin(DataKind::kCredit, channel);
  BinaryWriter(message).Put(count);
  return message;
}

std::string CloseMessage(DataKind kind, uint32_t channel) { return Begin(kind, channel); }

std::string ErrorMessage(absl::string_view why) {
  return absl::StrCat(Begin(DataKind::kError), why);
}

std::string FailMessage(uint32_t channel, absl::string_view why) {
  return absl::StrCat(Begin(DataKind::kFail, channel), why);
}

std::string TypeMessage(uint32_t type, absl::string_view name) {
  std::string message = Begin(DataKind::kType);
  BinaryWriter writer(message);
  writer.Put(type);
  writer.PutRaw(name);
  return message;
}

std::string BeginBatchMessage(uint32_t type, size_t bytes) {
  std::string message;
  message.reserve(kBatchHeaderBytes + bytes);
  BinaryWriter writer(message);
  writer.Put(static_cast<uint8_t>(DataKind::kBatch));
  writer.Put(uint32_t{0});
  writer.Put(uint8_t{0});
  writer.Put(type);
  return message;
}

std::string WatermarkMessage(const Watermark& watermark) {
  std::string message = Begin(DataKind::kWatermark);
  BinaryWriter writer(message);
  writer.Put(uint8_t{0});
  writer.Put(watermark.timestamp);
  writer.Put(static_cast<uint8_t>(watermark.idle));
  return message;
}

std::string BarrierMessage(const CheckpointBarrier& barrier) {
  return absl::StrCat(Begin(DataKind::kBarrier), idl::Encode(*barrier.told));
}

std::string EndMessage() {
  std::string message = Begin(DataKind::kEnd);
  BinaryWriter(message).Put(uint8_t{0});
  return message;
}

void SetChannel(std::string& message, uint32_t channel) {
  std::memcpy(message.data() + kChannelAt, &channel, sizeof(channel));
}

void AddFlags(std::string& message, uint8_t flags) {
  message[kFlagsAt] = static_cast<char>(message[kFlagsAt] | flags);
}

}  // namespace pyflinkpp
