// What two TaskManagers tell each other of the channels between them: one message a frame.
//
//   who has connected        kHello   the address at which it listens itself; first, and once
//
//   consumer -> producer     kOpen    channel id, first credit
//                            kCredit  so many elements more
//                            kCloseInput   it takes nothing any more
//   producer -> consumer     kType    the serializer's name for a type number; once, before its first batch
//                            kBatch   type number, batch_codec.h; large ones in several frames
//                            kWatermark, kBarrier, kEnd
//                            kCloseOutput  nothing more will come
//                            kFail    nothing more will come, and why
//   either                   kError   why it closes the connection
//
//   kind u8 | channel u32 | what the kind has
//
// A channel is known by the number that its consumer gives it on this connection: 1, 2, 3 ...
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/stream/stream_element.h"
#include "runtime/network/channel.h"

namespace pyflinkpp {

// The kinds are a part of the wire: kWireVersion of frame.h changes with them.
enum class DataKind : uint8_t {
  kHello = 1,
  kOpen = 2,
  kCredit = 3,
  kCloseInput = 4,
  kType = 5,
  kBatch = 6,
  kWatermark = 7,
  kBarrier = 8,
  kEnd = 9,
  kCloseOutput = 10,
  kError = 11,
  kFail = 12,
};

// Of a batch, a watermark or an end.
enum DataFlags : uint8_t {
  kSenderWaits = 1,  // it took the sender's last credit
  kMoreFollows = 2,  // the next frame of the channel continues the batch
};

struct DataMessage {
  DataKind kind;
  uint32_t channel = 0;
  ChannelId id;             // kOpen
  uint32_t count = 0;       // kOpen, kCredit: credit; kType, kBatch: the type's number
  uint8_t flags = 0;        // kBatch, kWatermark, kEnd
  Watermark watermark;      // kWatermark
  absl::string_view bytes;  // kHello, kType, kBatch, kBarrier, kError, kFail: the rest of the frame
};

// An error tells what is wrong with it. The result's bytes point into `frame`.
absl::StatusOr<DataMessage> ParseDataMessage(absl::string_view frame);

std::string HelloMessage(absl::string_view address);
std::string OpenMessage(uint32_t channel, const ChannelId& id, uint32_t credit);
std::string CreditMessage(uint32_t channel, uint32_t count);
// kCloseInput, kCloseOutput.
std::string CloseMessage(DataKind kind, uint32_t channel);
std::string ErrorMessage(absl::string_view why);
std::string FailMessage(uint32_t channel, absl::string_view why);
// Of elements: their channel's number is filled in when they are sent.
std::string TypeMessage(uint32_t type, absl::string_view name);
// Room for `bytes` of a batch behind it.
std::string BeginBatchMessage(uint32_t type, size_t bytes);
std::string WatermarkMessage(const Watermark& watermark);
std::string BarrierMessage(const CheckpointBarrier& barrier);
std::string EndMessage();
void SetChannel(std::string& message, uint32_t channel);
// REQUIRES: a kind that has flags.
void AddFlags(std::string& message, uint8_t flags);
// Bytes of a batch's message before the batch.
inline constexpr size_t kBatchHeaderBytes = 10;

}  // namespace pyflinkpp
