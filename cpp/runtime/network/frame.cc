#include "runtime/network/frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/checksum.h"
#include "core/base/status.h"
#include "core/types/binary_io.h"

namespace pyflinkpp {
namespace {

constexpr absl::string_view kMagic = "PFPP";
constexpr size_t kGreetingBytes = 8;                   // before the token
constexpr size_t kUnseenBytesMax = size_t{256} << 10;  // of a body, for which there is memory

uint32_t ChecksumOf(absl::string_view size, absl::string_view body) {
  return Crc32c(body, Crc32c(size));
}

// Takes as long for a token that is nearly right as for one that is wrong from its first byte.
bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char different = 0;
  for (size_t i = 0; i < a.size(); ++i)
    different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  // The compiler must not leave the loop early.
  asm volatile("" : "+r"(different));
  return different == 0;
}

}  // namespace

std::string EncodeGreeting(absl::string_view token) {
  PFPP_CHECK(token.size() <= kTokenBytesMax);
  std::string greeting;
  BinaryWriter writer(greeting);
  writer.PutRaw(kMagic);
  writer.Put(kWireVersion);
  writer.Put(static_cast<uint16_t>(token.size()));
  writer.PutRaw(token);
  return greeting;
}

std::array<char, kFrameHeaderBytes> FrameHeader(absl::string_view body) {
  std::array<char, kFrameHeaderBytes> header;
  const auto size = static_cast<uint32_t>(body.size());
  std::memcpy(header.data(), &size, 4);
  const uint32_t checksum = ChecksumOf({header.data(), 4}, body);
  std::memcpy(header.data() + 4, &checksum, 4);
  return header;
}

std::array<absl::Span<char>, 2> FrameReader::Room() {
  if (in_body_) {
    const absl::Span<char> body(body_.data() + filled_, body_.size() - filled_);
    // What follows may be read with it only if its end is known.
    if (body_.size() < body_bytes_) return {body, {}};
    return {body, absl::MakeSpan(buffer_)};
  }
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  return {absl::Span<char>(buffer_.data() + end_, buffer_.size() - end_), {}};
}

absl::Status FrameReader::Take(size_t bytes, FrameSink& sink) {
  if (in_body_) {
    const size_t of_body = std::min(bytes, body_.size() - filled_);
    filled_ += of_body;
    bytes -= of_body;
    if (filled_ == body_bytes_) {
      RETURN_IF_ERROR(EndBody(sink));
    } else if (filled_ == body_.size()) {
      GrowBody();
    }
    begin_ = end_ = 0;
  }
  end_ += bytes;
  PFPP_CHECK(end_ <= buffer_.size());
  if (!greeted_) RETURN_IF_ERROR(TakeGreeting(sink));
  return greeted_ ? TakeFrames(sink) : absl::OkStatus();
}

absl::Status FrameReader::TakeGreeting(FrameSink& sink) {
  const absl::string_view bytes = buffered();
  const absl::string_view magic = bytes.substr(0, kMagic.size());
  if (magic != kMagic.substr(0, magic.size())) {
    return absl::InvalidArgumentError(absl::StrCat("its first bytes are not those of pyflinkpp: '",
                                                   absl::CHexEscape(magic), "'"));
  }
  if (bytes.size() < kGreetingBytes) return absl::OkStatus();
  uint16_t version, token_bytes;
  std::memcpy(&version, bytes.data() + 4, 2);
  std::memcpy(&token_bytes, bytes.data() + 6, 2);
  if (version != kWireVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("it speaks version ", version, " of the protocol, this process version ",
                     kWireVersion, ": all processes need the same version of pyflinkpp"));
  }
  if (token_bytes > kTokenBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("its token has ", token_bytes, " bytes; ", kTokenBytesMax, " are the most"));
  }
  if (bytes.size() < kGreetingBytes + token_bytes) return absl::OkStatus();
  if (!EqualInConstantTime(bytes.substr(kGreetingBytes, token_bytes), token_))
    return absl::UnauthenticatedError("its token is not the one of this process");
  begin_ += kGreetingBytes + token_bytes;
  greeted_ = true;
  sink.OnGreeting();
  return absl::OkStatus();
}

absl::Status FrameReader::TakeFrames(FrameSink& sink) {
  while (!in_body_ && end_ - begin_ >= kFrameHeaderBytes) RETURN_IF_ERROR(BeginBody(sink));
  return absl::OkStatus();
}

absl::Status FrameReader::BeginBody(FrameSink& sink) {
  const absl::string_view bytes = buffered();
  uint32_t size;
  std::memcpy(&size, bytes.data(), 4);
  std::memcpy(&checksum_, bytes.data() + 4, 4);
  if (size > frame_bytes_max_) {
    return absl::ResourceExhaustedError(absl::StrCat("a frame claims to have ", size, " bytes; ",
                                                     frame_bytes_max_, " are the most"));
  }
  body_bytes_ = size;
  const absl::string_view come = bytes.substr(kFrameHeaderBytes, size);
  begin_ += kFrameHeaderBytes + come.size();
  body_.reserve(std::min(body_bytes_, come.size() + kUnseenBytesMax));  // GrowBody copies nothing
  body_.assign(come.data(), come.size());
  filled_ = come.size();
  if (filled_ == body_bytes_) return EndBody(sink);
  in_body_ = true;
  begin_ = end_ = 0;
  GrowBody();
  return absl::OkStatus();
}

void FrameReader::GrowBody() {
  body_.resize(std::min(body_bytes_, filled_ + std::max(filled_, kUnseenBytesMax)));
}

absl::Status FrameReader::EndBody(FrameSink& sink) {
  in_body_ = false;
  const auto size = static_cast<uint32_t>(body_bytes_);
  const uint32_t checksum = ChecksumOf({reinterpret_cast<const char*>(&size), sizeof(size)}, body_);
  if (checksum != checksum_) {
    return absl::DataLossError(absl::StrCat("a frame of ", body_bytes_,
                                            " bytes has not the checksum that it should have"));
  }
  sink.OnFrame(std::exchange(body_, {}));
  return absl::OkStatus();
}

}  // namespace pyflinkpp
