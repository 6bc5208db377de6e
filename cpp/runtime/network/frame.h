// The wire on one page: how bytes between two processes become frames.
//
//   who connects                                 who listens
//   greeting ------------------------------------>           magic, version, token are as they should be
//            <------------------------------------ greeting  the same
//   frame frame frame ...      <-------->          frame frame ...
//
//   greeting   "PFPP" | version u16 | token size u16 | token
//   frame      body size u32 | CRC-32C of the four bytes before and of the body u32 | body
//
// Numbers are little endian. The token is told only to who has told it; where the network is not
// trusted it needs TLS below.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pyflinkpp {

// Changes with the frames or with what is in them: processes of different versions do not talk.
inline constexpr uint16_t kWireVersion = 1;
inline constexpr size_t kTokenBytesMax = 1024;
inline constexpr size_t kFrameBytesMax = size_t{256} << 20;  // of a body
inline constexpr size_t kFrameHeaderBytes = 8;

// REQUIRES: token.size() <= kTokenBytesMax.
std::string EncodeGreeting(absl::string_view token);
// What stands before `body`. REQUIRES: body.size() <= kFrameBytesMax.
std::array<char, kFrameHeaderBytes> FrameHeader(absl::string_view body);

// What the other side has said.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void OnGreeting() = 0;
  virtual void OnFrame(std::string body) = 0;
};

// Takes one direction of a connection apart. Has no socket: it says where the next bytes should be
// put, and is told how many came. Nothing that it reads is trusted: memory for a body grows with the
// bytes that have come, whatever its size claims.
//
// A body of up to 15 bytes needs no allocation. One that is larger than what has come of it is read
// straight into its string.
class FrameReader {
 public:
  explicit FrameReader(std::string token, size_t frame_bytes_max = kFrameBytesMax)
      : token_(std::move(token)), frame_bytes_max_(frame_bytes_max), buffer_(kBufferBytes, '\0') {}

  // The next bytes belong into the first span, and when it is full into the second, which may be
  // empty. Valid until Take.
  std::array<absl::Span<char>, 2> Room();
  // So many bytes are there now: what they complete is told, in order. An error names the reason; the
  // connection is of no use then. REQUIRES: bytes <= size of Room.
  absl::Status Take(size_t bytes, FrameSink& sink);

  bool greeted() const { return greeted_; }
  // Whether nothing is missing if nothing more comes.
  bool between_frames() const { return greeted_ && !in_body_ && begin_ == end_; }

 private:
  // Enough for many small frames; of a large one only so much is copied from there into its string.
  static constexpr size_t kBufferBytes = size_t{16} << 10;

  absl::string_view buffered() const { return {buffer_.data() + begin_, end_ - begin_}; }
  absl::Status TakeGreeting(FrameSink& sink);
  absl::Status TakeFrames(FrameSink& sink);
  absl::Status BeginBody(FrameSink& sink);
  void GrowBody();
  absl::Status EndBody(FrameSink& sink);

  const std::string token_;
  const size_t frame_bytes_max_;
  bool greeted_ = false;
  std::string buffer_;  // bytes [begin_, end_) have not been looked at
  size_t begin_ = 0;
  size_t end_ = 0;
  bool in_body_ = false;  // the buffer is empty then
  size_t body_bytes_ = 0;
  uint32_t checksum_ = 0;  // that it should have
  std::string body_;       // its first filled_ bytes have come
  size_t filled_ = 0;
};

}  // namespace pyflinkpp
