#include "runtime/connectors/file/file_source_operator.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <random>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "file_test_env.h"

namespace pyflinkpp::file_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

idl::SourceSplit SplitOf(const std::string& path, int64_t first, int64_t limit) {
  idl::FileSplit file;
  file.path = path;
  file.first = first;
  file.limit = limit;
  idl::SourceSplit split;
  split.__set_file(file);
  return split;
}

class FileSourceOperatorTest : public testing::Test {
 protected:
  ~FileSourceOperatorTest() override {
    source_ = nullptr;
    env_.io.RunAll();
    EXPECT_EQ(env_.files.open_files, 0);
  }
  void Make(FileSourceLimits limits = {}) {
    source_ = MakeFileSourceOperator(limits);
    source_->request_split = [this] { ++requests_; };
    ASSERT_TRUE(source_->Open(env_.context).ok());
  }

  // Polls until it waits or ends.
  absl::StatusOr<Progress> Drain() {
    for (;;) {
      Output output;
      ASSIGN_OR_RETURN(const Progress progress, source_->Poll(output));
      if (std::unique_ptr<RecordBatch> batch = output.Take()) {
        EXPECT_FALSE(batch->empty());
        EXPECT_EQ(progress, Progress::kMore);
        AppendLines(*batch, lines_);
      }
      if (progress != Progress::kMore) return progress;
    }
  }
  // The same with the executor's help.
  absl::StatusOr<Progress> Run() {
    for (;;) {
      ASSIGN_OR_RETURN(const Progress progress, Drain());
      if (progress == Progress::kDone || env_.io.waiting() == 0) return progress;
      env_.io.RunAll();
    }
  }

  FileTestEnv env_;
  std::unique_ptr<SourceOperator> source_;
  int requests_ = 0;
  std::vector<std::string> lines_;
};

TEST_F(FileSourceOperatorTest, AsksWaitsReadsAndEnds) {
  const std::string path = env_.directory.Write("in", "one\ntwo\r\n\nüber");
  Make();
  EXPECT_EQ(Drain().value(), Progress::kWait);
  EXPECT_EQ(Drain().value(), Progress::kWait);
  EXPECT_EQ(requests_, 1);
  source_->AddSplits({SplitOf(path, 0, 15)}, false);
  EXPECT_EQ(env_.wakes, 1);
  EXPECT_EQ(Drain().value(), Progress::kWait);
  EXPECT_EQ(requests_, 1);
  env_.io.RunAll();
  EXPECT_EQ(env_.wakes, 2);
  EXPECT_EQ(Run().value(), Progress::kWait);
  EXPECT_THAT(lines_, ElementsAre("one", "two", "", "über"));
  EXPECT_EQ(env_.counters[0].records_out, 4);
  EXPECT_EQ(requests_, 2);
  source_->AddSplits({}, true);
  EXPECT_EQ(Drain().value(), Progress::kDone);
  EXPECT_EQ(Drain().value(), Progress::kDone);
  EXPECT_EQ(requests_, 2);
  env_.io.RunAll();
  EXPECT_EQ(env_.files.open_files, 0);
  EXPECT_TRUE(source_->Close().ok());
}

TEST_F(FileSourceOperatorTest, SplitsMayComeFromWithinTheRequest) {
  const std::string path = env_.directory.Write("in", "one\ntwo\n");
  Make();
  source_->request_split = [&] {
    ++requests_;
    if (requests_ == 1) source_->AddSplits({SplitOf(path, 0, 4), SplitOf(path, 4, 8)}, false);
    if (requests_ == 2) source_->AddSplits({SplitOf(path, 3, 3)}, true);
  };
  EXPECT_EQ(Run().value(), Progress::kDone);
  EXPECT_EQ(requests_, 2);
  EXPECT_THAT(lines_, ElementsAre("one", "two"));
}

TEST_F(FileSourceOperatorTest, EveryLineOnceForRandomSplitsAndChunks) {
  std::mt19937 random(3);
  const std::vector<std::string> pieces = {"\n", "\r\n", "\r", "word", "longer words", "漢字", ""};
  for (int round = 0; round < 100; ++round) {
    std::string text;
    for (size_t n = random() % 60; n > 0; --n) text += pieces[random() % pieces.size()];
    const std::string path = env_.directory.Write("in", text);
    std::vector<std::string> expected;
    for (const auto& [position, line] : ExpectedLines(text)) expected.push_back(line);
    lines_.clear();
    Make({.read_ahead = {.chunk_bytes = 1 + random() % 20, .chunks_max = 1 + random() % 3}});
    std::vector<idl::SourceSplit> splits;
    const auto size = static_cast<int64_t>(text.size());
    for (int64_t first = 0; first < size;) {
      const int64_t limit = std::min<int64_t>(first + 1 + random() % 40, size);
      splits.push_back(SplitOf(path, first, limit));
      first = limit;
    }
    source_->AddSplits(splits, true);
    EXPECT_EQ(Run().value(), Progress::kDone);
    ASSERT_EQ(lines_, expected) << testing::PrintToString(text);
    env_.io.RunAll();
    EXPECT_EQ(env_.files.open_files, 0);
  }
}

TEST_F(FileSourceOperatorTest, BatchesAreFullAndBounded) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "line " + std::to_string(i) + "\n";
  const std::string path = env_.directory.Write("in", text);
  Make();
  source_->AddSplits({SplitOf(path, 0, static_cast<int64_t>(text.size()))}, true);
  size_t batches = 0, rows = 0;
  for (;;) {
    Output output;
    const Progress progress = source_->Poll(output).value();
    if (auto batch = output.Take()) {
      ++batches;
      rows += batch->size();
      ASSERT_LE(batch->size(), kBatchRecordsMax);
      ASSERT_EQ(batch->rows<StringRow>()[0].view(), "line " + std::to_string(rows - batch->size()));
    }
    if (progress == Progress::kDone) break;
    if (progress == Progress::kWait) env_.io.RunAll();
  }
  EXPECT_EQ(rows, 200'000u);
  EXPECT_LE(batches, 210u);
  // A yield ends a batch early.
  Make();
  env_.yield = true;
  source_->AddSplits({SplitOf(path, 0, static_cast<int64_t>(text.size()))}, true);
  lines_.clear();
  EXPECT_EQ(Run().value(), Progress::kDone);
  EXPECT_EQ(lines_.size(), 200'000u);
}

TEST_F(FileSourceOperatorTest, CompressedFilesAreReadToTheirEnd) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + "\n";
  const std::string path = env_.directory / "in.gz";
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  Make();
  source_->AddSplits({SplitOf(path, 0, static_cast<int64_t>(std::filesystem::file_size(path)))},
                     true);
  EXPECT_EQ(Run().value(), Progress::kDone);
  EXPECT_EQ(lines_.size(), 100'000u);
  EXPECT_EQ(lines_.back(), "line 99999");

  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
  Make();
  source_->AddSplits({SplitOf(path, 0, static_cast<int64_t>(std::filesystem::file_size(path)))},
                     true);
  EXPECT_THAT(Run().status().message(), HasSubstr("in.gz: it is cut off"));
}

TEST_F(FileSourceOperatorTest, ErrorsNameTheFile) {
  Make();
  source_->AddSplits({SplitOf(env_.directory / "missing", 0, 10)}, true);
  EXPECT_THAT(Run().status().message(), HasSubstr("missing: No such file or directory"));
  Make();
  source_->AddSplits({SplitOf(env_.directory.Write("in", "good\nb\xe4se\n"), 0, 10)}, true);
  EXPECT_THAT(Run().status().message(),
              HasSubstr("not valid UTF-8 at byte 6 of " + env_.directory.path()));
  EXPECT_TRUE(source_->Close().ok());
  source_ = nullptr;
  env_.io.RunAll();
  EXPECT_EQ(env_.files.open_files, 0);
}

TEST_F(FileSourceOperatorTest, DiesAtAnyMoment) {
  const std::string path = env_.directory.Write("in", std::string(1000, '\n'));
  for (int jobs = 0; jobs < 6; ++jobs) {
    for (const bool close : {false, true}) {
      Make({.read_ahead = {.chunk_bytes = 10}});
      source_->AddSplits({SplitOf(path, 0, 1000)}, true);
      for (int i = 0; i < jobs; ++i) {
        ASSERT_EQ(Drain().value(), Progress::kWait);
        env_.io.RunOne();
      }
      ASSERT_TRUE(Drain().ok());
      if (close) {
        EXPECT_TRUE(source_->Close().ok());
      }
      source_ = nullptr;
      const int wakes = env_.wakes;
      env_.io.RunAll();
      EXPECT_EQ(env_.wakes, wakes);
      EXPECT_EQ(env_.files.open_files, 0);
    }
  }
}

}  // namespace
}  // namespace pyflinkpp::file_test
