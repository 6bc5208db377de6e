#include "runtime/connectors/file/compression.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

constexpr size_t kInputBytes = size_t{64} * 1024;

class PlainStream final : public ByteStream {
 public:
  PlainStream(std::unique_ptr<ReadableFile> file, int64_t offset)
      : file_(std::move(file)), offset_(offset) {}

  absl::StatusOr<size_t> Read(char* to, size_t size) override {
    ASSIGN_OR_RETURN(const size_t count, file_->Read(offset_, to, size));
    offset_ += static_cast<int64_t>(count);
    return count;
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
  int64_t offset_;
};

// The bytes that a codec may take and the room it may fill; it advances all four.
struct CodecBuffers {
  const char* in;
  size_t in_size;
  char* out;
  size_t out_size;
};

enum class CodecState {
  kBetween,  // what was taken so far is a whole file; more may follow
  kInside,   // if the file ended here, it would be cut off
};

// A decompression library behind one call. Takes what follows a finished member as the next one.
class Codec {
 public:
  virtual ~Codec() = default;
  // An error says in a few words what the library found. `last`: nothing comes after these bytes.
  virtual absl::StatusOr<CodecState> Run(CodecBuffers& buffers, bool last) = 0;
};

absl::Status Corrupt(absl::string_view what) { return absl::DataLossError(what); }

unsigned Clamp(size_t size) {
  return static_cast<unsigned>(std::min<size_t>(size, std::numeric_limits<unsigned>::max()));
}

class ZlibCodec final : public Codec {
 public:
  // `window_bits` of zlib choose the format: 15 + 16 is gzip, 15 is zlib's own.
  explicit ZlibCodec(int window_bits) { PFPP_CHECK(inflateInit2(&stream_, window_bits) == Z_OK); }
  ~ZlibCodec() override { inflateEnd(&stream_); }

  absl::StatusOr<CodecState> Run(CodecBuffers& buffers, bool) override {
    if (ended_) {
      // Padding with zeros is common behind archives and allowed by gzip.
      while (buffers.in_size > 0 && *buffers.in == 0) ++buffers.in, --buffers.in_size;
      if (buffers.in_size == 0) return CodecState::kBetween;
      PFPP_CHECK(inflateReset(&stream_) == Z_OK);
      ended_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(buffers.in));
    const unsigned in_size = stream_.avail_in = Clamp(buffers.in_size);
    stream_.next_out = reinterpret_cast<Bytef*>(buffers.out);
    const unsigned out_size = stream_.avail_out = Clamp(buffers.out_size);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return Corrupt(stream_.msg != nullptr ? stream_.msg : zError(result));
    }
    buffers.in += in_size - stream_.avail_in;
    buffers.in_size -= in_size - stream_.avail_in;
    buffers.out += out_size - stream_.avail_out;
    buffers.out_size -= out_size - stream_.avail_out;
    ended_ = result == Z_STREAM_END;
    return ended_ ? CodecState::kBetween : CodecState::kInside;
  }

 private:
  z_stream stream_ = {};
  bool ended_ = false;
};

class Bzip2Codec final : public Codec {
 public:
  Bzip2Codec() { PFPP_CHECK(BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK); }
  ~Bzip2Codec() override { BZ2_bzDecompressEnd(&stream_); }

  absl::StatusOr<CodecState> Run(CodecBuffers& buffers, bool) override {
    if (ended_) {
      if (buffers.in_size == 0) return CodecState::kBetween;
      BZ2_bzDecompressEnd(&stream_);
      stream_ = {};
      PFPP_CHECK(BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK);
      ended_ = false;
    }
    stream_.next_in = const_cast<char*>(buffers.in);
    const unsigned in_size = stream_.avail_in = Clamp(buffers.in_size);
    stream_.next_out = buffers.out;
    const unsigned out_size = stream_.avail_out = Clamp(buffers.out_size);
    const int result = BZ2_bzDecompress(&stream_);
    if (result == BZ_DATA_ERROR_MAGIC) return Corrupt("not bzip2 data");
    if (result != BZ_OK && result != BZ_STREAM_END)
      return Corrupt("checksum or structure is wrong");
    buffers.in += in_size - stream_.avail_in;
    buffers.in_size -= in_size - stream_.avail_in;
    buffers.out += out_size - stream_.avail_out;
    buffers.out_size -= out_size - stream_.avail_out;
    ended_ = result == BZ_STREAM_END;
    return ended_ ? CodecState::kBetween : CodecState::kInside;
  }

 private:
  bz_stream stream_ = {};
  bool ended_ = false;
};

class XzCodec final : public Codec {
 public:
  XzCodec() {
    PFPP_CHECK(lzma_stream_decoder(&stream_, std::numeric_limits<uint64_t>::max(),
                                   LZMA_CONCATENATED) == LZMA_OK);
  }
  ~XzCodec() override { lzma_end(&stream_); }

  absl::StatusOr<CodecState> Run(CodecBuffers& buffers, bool last) override {
    if (ended_) return CodecState::kBetween;
    stream_.next_in = reinterpret_cast<const uint8_t*>(buffers.in);
    stream_.avail_in = buffers.in_size;
    stream_.next_out = reinterpret_cast<uint8_t*>(buffers.out);
    stream_.avail_out = buffers.out_size;
    const lzma_ret result = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
    if (result == LZMA_FORMAT_ERROR) return Corrupt("not xz data");
    if (result == LZMA_OPTIONS_ERROR) return Corrupt("unknown xz options");
    if (result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR) {
      return Corrupt("checksum or structure is wrong");
    }
    buffers.in += buffers.in_size - stream_.avail_in;
    buffers.in_size = stream_.avail_in;
    buffers.out += buffers.out_size - stream_.avail_out;
    buffers.out_size = stream_.avail_out;
    ended_ = result == LZMA_STREAM_END;  // of all streams: seen only when `last`
    return ended_ ? CodecState::kBetween : CodecState::kInside;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

class ZstdCodec final : public Codec {
 public:
  ZstdCodec() : stream_(ZSTD_createDStream()) { PFPP_CHECK(stream_ != nullptr); }
  ~ZstdCodec() override { ZSTD_freeDStream(stream_); }

  absl::StatusOr<CodecState> Run(CodecBuffers& buffers, bool) override {
    ZSTD_inBuffer in = {buffers.in, buffers.in_size, 0};
    ZSTD_outBuffer out = {buffers.out, buffers.out_size, 0};
    const size_t result = ZSTD_decompressStream(stream_, &out, &in);
    if (ZSTD_isError(result) != 0) return Corrupt(ZSTD_getErrorName(result));
    buffers.in += in.pos;
    buffers.in_size -= in.pos;
    buffers.out += out.pos;
    buffers.out_size -= out.pos;
    return result == 0 ? CodecState::kBetween : CodecState::kInside;
  }

 private:
  ZSTD_DStream* const stream_;
};

struct Format {
  absl::string_view suffix;
  std::unique_ptr<Codec> (*make)();
};

constexpr Format kFormats[] = {
    {".gz", []() -> std::unique_ptr<Codec> { return std::make_unique<ZlibCodec>(15 + 16); }},
    {".gzip", []() -> std::unique_ptr<Codec> { return std::make_unique<ZlibCodec>(15 + 16); }},
    {".deflate", []() -> std::unique_ptr<Codec> { return std::make_unique<ZlibCodec>(15); }},
    {".bz2", []() -> std::unique_ptr<Codec> { return std::make_unique<Bzip2Codec>(); }},
    {".xz", []() -> std::unique_ptr<Codec> { return std::make_unique<XzCodec>(); }},
    {".zst", []() -> std::unique_ptr<Codec> { return std::make_unique<ZstdCodec>(); }},
};

const Format* FormatOf(absl::string_view path) {
  for (const Format& format : kFormats) {
    if (absl::EndsWithIgnoreCase(path, format.suffix)) return &format;
  }
  return nullptr;
}

// Feeds a codec with the bytes of a file.
// Invariant: in_[taken_, filled_) was read from the file and not yet taken by the codec.
class DecompressingStream final : public ByteStream {
 public:
  DecompressingStream(std::string path, std::unique_ptr<ReadableFile> file,
                      std::unique_ptr<Codec> codec)
      : path_(std::move(path)), file_(std::move(file)), codec_(std::move(codec)) {}

  absl::StatusOr<size_t> Read(char* to, size_t size) override {
    for (;;) {
      if (taken_ == filled_ && !last_) RETURN_IF_ERROR(Refill());
      if (taken_ == filled_ && last_ && state_ == CodecState::kBetween) return 0;
      CodecBuffers buffers = {in_.get() + taken_, filled_ - taken_, to, size};
      absl::StatusOr<CodecState> state = codec_->Run(buffers, last_);
      if (!state.ok())
        return Failed(absl::StrCat("is corrupt", Where(), ": ", state.status().message()));
      const bool stuck = buffers.in_size == filled_ - taken_ && buffers.out_size == size;
      state_ = *state;
      taken_ = filled_ - buffers.in_size;
      if (buffers.out_size < size) return size - buffers.out_size;
      if (stuck && last_ && state_ == CodecState::kInside) {
        return Failed(absl::StrCat("is cut off", Where(), ": the compressed data goes on there"));
      }
    }
  }

 private:
  absl::Status Refill() {
    ASSIGN_OR_RETURN(filled_, file_->Read(offset_, in_.get(), kInputBytes));
    offset_ += static_cast<int64_t>(filled_);
    taken_ = 0;
    last_ = filled_ < kInputBytes;
    return absl::OkStatus();
  }
  std::string Where() const {
    return absl::StrCat(" near byte ", offset_ - static_cast<int64_t>(filled_ - taken_));
  }
  absl::Status Failed(absl::string_view how) const {
    return ExternalError(
        absl::StrCat("cannot decompress ", path_, ": it ", how,
                     " (was it copied completely, does its suffix tell the format?)"));
  }

  const std::string path_;
  const std::unique_ptr<ReadableFile> file_;
  const std::unique_ptr<Codec> codec_;
  const std::unique_ptr<char[]> in_ = std::make_unique_for_overwrite<char[]>(kInputBytes);
  size_t taken_ = 0;
  size_t filled_ = 0;
  int64_t offset_ = 0;  // in the file, behind what was read
  bool last_ = false;   // the file's end was read
  CodecState state_ = CodecState::kBetween;
};

}  // namespace

bool IsCompressed(absl::string_view path) { return FormatOf(path) != nullptr; }

absl::StatusOr<std::unique_ptr<ByteStream>> OpenByteStream(FileSystem& files,
                                                           const std::string& path,
                                                           int64_t offset) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file, files.Open(path));
  const Format* format = FormatOf(path);
  if (format == nullptr) return std::make_unique<PlainStream>(std::move(file), offset);
  PFPP_CHECK(offset == 0);
  return std::make_unique<DecompressingStream>(path, std::move(file), format->make());
}

}  // namespace pyflinkpp
