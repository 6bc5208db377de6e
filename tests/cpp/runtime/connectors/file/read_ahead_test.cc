#include "runtime/connectors/file/read_ahead.h"

#include <gmock/gmock.h>

#include <string>

#include "core/base/status.h"
#include "file_test_env.h"

namespace pyflinkpp::file_test {
namespace {

using testing::HasSubstr;

class ReadAheadTest : public testing::Test {
 protected:
  std::shared_ptr<ReadAhead> Start(const std::string& path, int64_t first, int64_t limit,
                                   size_t chunk_bytes = 10) {
    idl::FileSplit split;
    split.path = path;
    split.first = first;
    split.limit = limit;
    return std::make_shared<ReadAhead>(
        env_.files, env_.io, [this] { ++ready_; }, split,
        ReadAheadLimits{.chunk_bytes = chunk_bytes, .chunks_max = 2});
  }
  static std::string Bytes(const std::optional<Chunk>& chunk) {
    return chunk.has_value() ? std::string(chunk->bytes.get(), chunk->size) : "nothing";
  }

  FileTestEnv env_;
  int ready_ = 0;
};

TEST_F(ReadAheadTest, ReadsTwoChunksAheadOneJobAtATime) {
  const std::string path = env_.directory.Write("in", std::string(20, 'a') + std::string(20, 'b'));
  auto reader = Start(path, 0, 40);
  EXPECT_EQ(Bytes(reader->Next().value()), "nothing");
  EXPECT_EQ(Bytes(reader->Next().value()), "nothing");
  EXPECT_EQ(env_.io.waiting(), 1u);
  env_.io.RunAll();
  EXPECT_EQ(env_.files.reads, 2);
  EXPECT_EQ(ready_, 1);  // once for all that was asked before
  EXPECT_EQ(Bytes(reader->Next().value()), std::string(10, 'a'));
  EXPECT_EQ(env_.io.waiting(), 1u);
  EXPECT_EQ(Bytes(reader->Next().value()), std::string(10, 'a'));
  EXPECT_EQ(env_.io.waiting(), 1u);
  env_.io.RunAll();
  EXPECT_EQ(ready_, 1);  // nobody had to wait
  EXPECT_EQ(Bytes(reader->Next().value()), std::string(10, 'b'));
  EXPECT_EQ(Bytes(reader->Next().value()), std::string(10, 'b'));
  reader->Stop();
  env_.io.RunAll();
  EXPECT_EQ(env_.files.open_files, 0);
}

TEST_F(ReadAheadTest, BeyondTheLimitOnlyWhenAsked) {
  const std::string path = env_.directory.Write("in", "0123456789abcdefghij");
  auto reader = Start(path, 5, 12, 6);
  EXPECT_EQ(Bytes(reader->Next().value()), "nothing");
  env_.io.RunAll();
  EXPECT_EQ(Bytes(reader->Next().value()), "456789");  // from one byte before
  env_.io.RunAll();
  EXPECT_EQ(Bytes(reader->Next().value()), "ab");
  EXPECT_EQ(env_.io.waiting(), 0u);
  std::string rest;
  for (int i = 0; i < 20; ++i) {
    auto chunk = reader->Next();
    env_.io.RunAll();
    if (!chunk->has_value()) continue;
    rest += Bytes(*chunk);
    if ((*chunk)->last) break;
  }
  EXPECT_EQ(rest, "cdefghij");
  EXPECT_EQ(env_.files.open_files, 0);
}

TEST_F(ReadAheadTest, TheWakeUpIsNotLostWhenTheJobHasDoneItsShare) {
  const std::string path = env_.directory.Write("in", std::string(100, 'a'));
  auto* const self = this;
  std::shared_ptr<ReadAhead> reader;
  size_t total = 0;
  // The loop takes each chunk at once, from within the job: it is always hungry.
  idl::FileSplit split;
  split.path = path;
  split.limit = 100;
  const auto take = [&] {
    while (total < 100) {
      const auto chunk = reader->Next();
      if (!chunk->has_value()) break;
      total += (*chunk)->size;
    }
    ++self->ready_;
  };
  reader = std::make_shared<ReadAhead>(env_.files, env_.io, take, split,
                                       ReadAheadLimits{.chunk_bytes = 10, .chunks_max = 2});
  take();
  for (int jobs = 0; jobs < 5; ++jobs) {
    EXPECT_EQ(env_.io.waiting(), 1u);
    env_.io.RunOne();
  }
  EXPECT_EQ(total, 100u);
  reader->Stop();
  env_.io.RunAll();
  EXPECT_EQ(env_.files.open_files, 0);
}

TEST_F(ReadAheadTest, StopsAtAnyMoment) {
  const std::string path = env_.directory.Write("in", std::string(100, 'a'));
  for (int jobs = 0; jobs < 4; ++jobs) {
    auto reader = Start(path, 0, 100);
    for (int i = 0; i < jobs; ++i) {
      ASSERT_TRUE(reader->Next().ok());
      env_.io.RunOne();
    }
    ASSERT_TRUE(reader->Next().ok());
    reader->Stop();
    reader->Stop();
    std::weak_ptr<ReadAhead> weak = reader;
    reader = nullptr;
    env_.io.RunAll();
    EXPECT_EQ(env_.files.open_files, 0);
    EXPECT_TRUE(weak.expired());
  }
}

TEST_F(ReadAheadTest, PassesErrorsOn) {
  auto missing = Start(env_.directory / "missing", 0, 10);
  EXPECT_EQ(Bytes(missing->Next().value()), "nothing");
  env_.io.RunAll();
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(missing->Next().status().message(), HasSubstr("missing: No such file"));

  auto failing = Start(env_.directory.Write("in", std::string(100, 'a')), 0, 100);
  ASSERT_TRUE(failing->Next().ok());
  env_.files.failures["read"] = ExternalError("cannot read in: Input/output error");
  env_.io.RunAll();
  EXPECT_THAT(failing->Next().status().message(), HasSubstr("Input/output error"));
  EXPECT_EQ(env_.files.open_files, 0);
}

}  // namespace
}  // namespace pyflinkpp::file_test
