#include "runtime/connectors/file/compression.h"

#include <bzlib.h>
#include <gmock/gmock.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "file_test_env.h"

namespace pyflinkpp::file_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string Zlib(const std::string& text, int window_bits) {
  z_stream stream = {};
  PFPP_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<unsigned>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  PFPP_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string Gzip(const std::string& text) { return Zlib(text, 15 + 16); }
std::string Deflate(const std::string& text) { return Zlib(text, 15); }
std::string Bzip2(const std::string& text) {
  std::string out(text.size() + text.size() / 50 + 1000, '\0');
  auto size = static_cast<unsigned>(out.size());
  PFPP_CHECK(BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(text.data()),
                                      static_cast<unsigned>(text.size()), 1, 0, 0) == BZ_OK);
  out.resize(size);
  return out;
}
std::string Xz(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  PFPP_CHECK(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr,
                                     reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                     reinterpret_cast<uint8_t*>(out.data()), &size,
                                     out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}
std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  const size_t size = ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size());
  ZSTD_freeCCtx(context);
  PFPP_CHECK(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

// One file's contents in memory: these tests read thousands of files.
class OneFile final : public FileSystem {
 public:
  std::string contents;

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string&) override {
    return std::make_unique<Readable>(contents);
  }
  absl::StatusOr<FileInfo> Stat(const std::string&) override { return No(); }
  absl::StatusOr<std::vector<FileInfo>> List(const std::string&) override { return No(); }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string&) override { return No(); }
  absl::Status CreateDirectories(const std::string&) override { return No(); }
  absl::Status Rename(const std::string&, const std::string&) override { return No(); }
  absl::Status Link(const std::string&, const std::string&) override { return No(); }
  absl::Status Delete(const std::string&) override { return No(); }
  absl::Status DeleteDirectory(const std::string&) override { return No(); }
  std::string temporary_directory() const override { return "/tmp"; }

 private:
  class Readable final : public ReadableFile {
   public:
    explicit Readable(const std::string& contents) : contents_(contents) {}
    absl::StatusOr<size_t> Read(int64_t offset, char* to, size_t size) override {
      return contents_.copy(to, size, static_cast<size_t>(offset));
    }

   private:
    const std::string& contents_;
  };
  static absl::Status No() { return absl::UnimplementedError("only Open"); }
};

struct Format {
  const char* suffix;
  std::string (*compress)(const std::string&);
};
void PrintTo(const Format& format, std::ostream* out) { *out << format.suffix; }

class CompressionTest : public testing::TestWithParam<Format> {
 protected:
  // What the stream gives, read by `size` bytes.
  absl::StatusOr<std::string> Read(const std::string& bytes, size_t size = 1000) {
    files_.contents = bytes;
    const std::string path = std::string("/data/in") + GetParam().suffix;
    ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> stream, OpenByteStream(files_, path, 0));
    std::string result;
    std::string buffer(size, '\0');
    for (;;) {
      ASSIGN_OR_RETURN(const size_t count, stream->Read(buffer.data(), size));
      if (count == 0) return result;
      result.append(buffer, 0, count);
    }
  }

  OneFile files_;
};

std::string SomeText(size_t size) {
  std::string text;
  for (uint32_t i = 0; text.size() < size; ++i) text += std::to_string(i * 2654435761u) + "\n";
  text.resize(size);
  return text;
}

TEST_P(CompressionTest, ReadsWhatWasWritten) {
  for (const size_t size : {0, 1, 100, 70'000, 1'000'000}) {
    const std::string text = SomeText(size);
    for (const size_t by : {size_t{7}, size_t{256 * 1024}}) {
      const auto read = Read(GetParam().compress(text), by);
      ASSERT_TRUE(read.ok()) << read.status();
      ASSERT_EQ(*read, text);
    }
  }
  // Well compressed: much more comes out than goes in.
  const std::string zeros(3'000'000, '0');
  EXPECT_EQ(Read(GetParam().compress(zeros)).value(), zeros);
}

TEST_P(CompressionTest, ReadsAllMembers) {
  if (GetParam().compress == &Deflate) GTEST_SKIP() << "zlib's own format has no members";
  const std::string one = SomeText(100'000), two = SomeText(30'000);
  const auto compress = GetParam().compress;
  const auto read = Read(compress(one) + compress("") + compress(two) + compress("last"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, one + two + "last");
}

TEST_P(CompressionTest, WhatIsCutOffIsAnError) {
  const std::string text = SomeText(400);
  const std::string member = GetParam().compress(text);
  const std::string bytes = member + member;
  const std::set<size_t> whole = {0, member.size(), bytes.size()};
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const auto read = Read(bytes.substr(0, size));
    ASSERT_EQ(read.ok(), whole.contains(size)) << size << " of " << bytes.size();
    if (!read.ok()) {
      ASSERT_THAT(std::string(read.status().message()),
                  AllOf(HasSubstr(std::string("cannot decompress /data/in") + GetParam().suffix),
                        HasSubstr("near byte")));
      ASSERT_EQ(FailureOf(read.status()).kind, idl::FaultKind::EXTERNAL);
    }
  }
  EXPECT_THAT(Read(bytes.substr(0, bytes.size() - 30)).status().message(), HasSubstr("is cut off"));
}

TEST_P(CompressionTest, WhatIsCorruptIsAnError) {
  const std::string text = SomeText(400);
  const std::string bytes = GetParam().compress(text);
  size_t noticed = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string corrupt = bytes;
    corrupt[i] = static_cast<char>(corrupt[i] ^ 0x55);
    const auto read = Read(corrupt);
    if (!read.ok()) ++noticed;
    if (read.ok()) {
      ASSERT_EQ(*read, text) << i;  // a byte of no meaning, such as gzip's time
    }
  }
  EXPECT_GE(noticed, bytes.size() - 12);
  EXPECT_THAT(Read("this is no compressed file at all").status().message(),
              HasSubstr("is corrupt"));
  EXPECT_FALSE(Read(bytes + "garbage behind the end").ok());
}

TEST_P(CompressionTest, ZerosBehindTheEndArePadding) {
  const std::string bytes = GetParam().compress("text") + std::string(512, '\0');
  const bool padded =
      GetParam().compress == &Gzip || GetParam().compress == &Deflate || GetParam().compress == &Xz;
  EXPECT_EQ(Read(bytes).ok(), padded);
}

INSTANTIATE_TEST_SUITE_P(Formats, CompressionTest,
                         testing::Values(Format{".gz", &Gzip}, Format{".GZIP", &Gzip},
                                         Format{".deflate", &Deflate}, Format{".bz2", &Bzip2},
                                         Format{".xz", &Xz}, Format{".zst", &Zstd}),
                         [](const auto& info) { return std::string(info.param.suffix + 1); });

TEST(ByteStreamTest, PlainFilesFromAnOffset) {
  TempDirectory directory;
  PosixFileSystem files;
  const std::string path = directory.Write("in.txt", "hello world");
  EXPECT_FALSE(IsCompressed(path));
  auto stream = OpenByteStream(files, path, 6);
  ASSERT_TRUE(stream.ok());
  char buffer[100];
  EXPECT_EQ((*stream)->Read(buffer, 3).value(), 3u);
  EXPECT_EQ((*stream)->Read(buffer + 3, 50).value(), 2u);
  EXPECT_EQ(std::string(buffer, 5), "world");
  EXPECT_EQ((*stream)->Read(buffer, 50).value(), 0u);
  EXPECT_FALSE(OpenByteStream(files, directory / "missing.gz", 0).ok());
}

}  // namespace
}  // namespace pyflinkpp::file_test
