#include "runtime/connectors/file/file_sink_operator.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/base/status.h"
#include "file_test_env.h"

namespace pyflinkpp::file_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;

class FileSinkOperatorTest : public testing::Test {
 protected:
  FileSinkOperatorTest() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    spec_.path = env_.directory / "out";
    spec_.bucket_format = "yyyy-MM-dd--HH";
  }
  ~FileSinkOperatorTest() override {
    sink_ = nullptr;
    env_.io.RunAll();
    EXPECT_EQ(env_.files.open_files, 0);
    ::unsetenv("TZ");
    ::tzset();
  }

  absl::Status Make() {
    sink_ = MakeFileSinkOperator(spec_);
    return sink_->Open(env_.context);
  }
  static std::unique_ptr<RecordBatch> BatchOf(const std::vector<std::string>& lines) {
    auto batch = std::make_unique<RecordBatch>(StringSerializer());
    for (const std::string& line : lines) {
      const absl::string_view copy = batch->arena().Copy(line);
      batch->AppendRow(StringRow{copy.data(), copy.size()});
    }
    return batch;
  }
  // Calls until it's done, with the executor's help.
  template <class Call>
  absl::Status Finished(Call call) {
    for (;;) {
      ASSIGN_OR_RETURN(const Progress progress, call());
      if (progress == Progress::kDone) return absl::OkStatus();
      if (progress == Progress::kWait) {
        const int wakes = env_.wakes;
        env_.io.RunAll();
        EXPECT_GT(env_.wakes, wakes);
      }
    }
  }
  absl::Status Write(const std::vector<std::string>& lines) {
    const auto batch = BatchOf(lines);
    RecordBatchView view{batch.get()};
    Output output;
    return Finished([&] { return sink_->ProcessBatch(0, view, output); });
  }
  absl::Status Finish() {
    Output output;
    return Finished([&] { return sink_->Finish(output); });
  }
  absl::Status Commit() {
    Output output;
    return Finished([&] { return sink_->Commit(output); });
  }

  FileTestEnv env_;
  idl::FileSink spec_;
  std::unique_ptr<Operator> sink_;
};

TEST_F(FileSinkOperatorTest, FilesAppearAtCommit) {
  env_.clock.millis = 1'717'146'425'999;
  ASSERT_TRUE(Make().ok());
  EXPECT_TRUE(sink_->needs_commit());
  ASSERT_TRUE(Write({"one", "", "über"}).ok());
  ASSERT_TRUE(Write({"last"}).ok());
  ASSERT_TRUE(Finish().ok());
  EXPECT_THAT(env_.directory.Files(),
              ElementsAre(MatchesRegex(
                  "out/2024-05-31--09/\\.part-0-[0-9a-f]{16}-0\\.inprogress\\.[0-9a-f]{8}")));
  ASSERT_TRUE(Commit().ok());
  const std::vector<std::string> files = env_.directory.Files();
  ASSERT_THAT(files, ElementsAre(MatchesRegex("out/2024-05-31--09/part-0-[0-9a-f]{16}-0")));
  EXPECT_EQ(ContentsOf(env_.directory / files[0]), "one\n\nüber\nlast\n");
  EXPECT_EQ(env_.counters[0].records_in, 4);
  EXPECT_TRUE(sink_->Close().ok());
  env_.io.RunAll();
  EXPECT_EQ(env_.directory.Files(), files);
}

TEST_F(FileSinkOperatorTest, PrefixSuffixNoBucketSubtask) {
  spec_.prefix = "words";
  spec_.suffix = ".txt";
  spec_.bucket_format = "";
  spec_.encoding = "utf8";
  spec_.path = "file://" + spec_.path;
  env_.context.subtask = 3;
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"x"}).ok());
  ASSERT_TRUE(Finish().ok());
  EXPECT_THAT(env_.directory.Files(),
              ElementsAre(MatchesRegex("out/\\.words-3-[0-9a-f]*-0\\.txt\\.inprogress\\..*")));
  ASSERT_TRUE(Commit().ok());
  EXPECT_THAT(env_.directory.Files(), ElementsAre(MatchesRegex("out/words-3-[0-9a-f]*-0\\.txt")));
}

TEST_F(FileSinkOperatorTest, ANewBucketStartsAFile) {
  spec_.bucket_format = "mm";
  ASSERT_TRUE(Make().ok());
  env_.clock.millis = 0;
  ASSERT_TRUE(Write({"a"}).ok());
  env_.clock.millis = 59'999;
  ASSERT_TRUE(Write({"b"}).ok());
  env_.clock.millis = 60'000;
  ASSERT_TRUE(Write({"c"}).ok());
  env_.clock.millis = 59'000;  // clocks are set back now and then
  ASSERT_TRUE(Write({"d"}).ok());
  ASSERT_TRUE(Finish().ok());
  ASSERT_TRUE(Commit().ok());
  const std::vector<std::string> files = env_.directory.Files();
  ASSERT_THAT(files, ElementsAre(MatchesRegex("out/00/part-.*-0"), MatchesRegex("out/00/part-.*-2"),
                                 MatchesRegex("out/01/part-.*-1")));
  EXPECT_EQ(ContentsOf(env_.directory / files[0]), "a\nb\n");
  EXPECT_EQ(ContentsOf(env_.directory / files[1]), "d\n");
  EXPECT_EQ(ContentsOf(env_.directory / files[2]), "c\n");
}

TEST_F(FileSinkOperatorTest, NoRowsNoFile) {
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Finish().ok());
  ASSERT_TRUE(Commit().ok());
  EXPECT_THAT(env_.directory.Files(), IsEmpty());
}

TEST_F(FileSinkOperatorTest, WaitsWhenTheDiskIsSlow) {
  ASSERT_TRUE(Make().ok());
  env_.io.RunAll();
  const std::vector<std::string> lines(1000, std::string(1000, 'x'));
  std::vector<std::unique_ptr<RecordBatch>> batches;
  Output output;
  size_t taken = 0;
  for (int i = 0; i < 10; ++i) {
    batches.push_back(BatchOf(lines));
    RecordBatchView view{batches.back().get()};
    const Progress progress = sink_->ProcessBatch(0, view, output).value();
    taken += view.position;
    EXPECT_EQ(progress, view.done() ? Progress::kDone : Progress::kWait);
  }
  EXPECT_LE(taken, 2000u);  // two megabytes
  EXPECT_GE(taken, 500u);
  EXPECT_EQ(env_.wakes, 0);
  env_.io.RunAll();
  EXPECT_EQ(env_.wakes, 1);
  env_.yield = true;
  RecordBatchView view{batches.back().get()};
  EXPECT_EQ(sink_->ProcessBatch(0, view, output).value(), Progress::kMore);
  EXPECT_EQ(view.position, 128u);
  ASSERT_TRUE(Finished([&] { return sink_->ProcessBatch(0, view, output); }).ok());
  ASSERT_TRUE(Finish().ok());
  ASSERT_TRUE(Commit().ok());
  const std::vector<std::string> files = env_.directory.Files();
  ASSERT_THAT(files, SizeIs(1));
  EXPECT_EQ(std::filesystem::file_size(env_.directory / files[0]), (taken + 1000) * 1001);
}

TEST_F(FileSinkOperatorTest, WhatIsNotCommittedIsDeleted) {
  for (int step = 0; step < 5; ++step) {
    for (const bool run : {false, true}) {
      ASSERT_TRUE(Make().ok());
      absl::Status status;
      if (step >= 1) status.Update(Write({"one", "two"}));
      if (step >= 2) status.Update(Write(std::vector<std::string>(1000, std::string(300, 'x'))));
      if (step >= 3) status.Update(Finish());
      ASSERT_TRUE(status.ok()) << status;
      if (run) env_.io.RunAll();
      if (step < 4) {
        EXPECT_TRUE(sink_->Close().ok());
      }
      sink_ = nullptr;
      const int wakes = env_.wakes;
      env_.io.RunAll();
      EXPECT_EQ(env_.wakes, wakes);
      EXPECT_THAT(env_.directory.Files(), IsEmpty()) << step;
      EXPECT_EQ(env_.files.open_files, 0);
    }
  }
}

TEST_F(FileSinkOperatorTest, ACommitOnceBegunIsFinished) {
  spec_.bucket_format = "mm";
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"a"}).ok());
  env_.clock.millis += 60'000;
  ASSERT_TRUE(Write({"b"}).ok());
  ASSERT_TRUE(Finish().ok());
  Output output;
  EXPECT_EQ(sink_->Commit(output).value(), Progress::kWait);
  sink_ = nullptr;
  env_.io.RunAll();
  EXPECT_THAT(env_.directory.Files(),
              ElementsAre(MatchesRegex("out/../part-.*"), MatchesRegex("out/../part-.*")));
}

TEST_F(FileSinkOperatorTest, FailuresOfTheDiskEndTheJobAndLeaveNothing) {
  for (const char* operation : {"append", "sync", "rename"}) {
    ASSERT_TRUE(Make().ok());
    env_.io.RunAll();
    env_.files.failures[operation] = ExternalError("cannot write out: No space left on device");
    absl::Status status = Write({"one"});
    if (status.ok()) status = Finish();
    if (status.ok()) status = Commit();
    EXPECT_THAT(status.message(), HasSubstr("No space left")) << operation;
    EXPECT_TRUE(sink_->Close().ok());
    env_.io.RunAll();
    env_.files.failures.clear();
    EXPECT_THAT(env_.directory.Files(), IsEmpty());
  }
}

TEST_F(FileSinkOperatorTest, ADirectoryThatCannotBeWritten) {
  env_.directory.Write("out", "a file");
  ASSERT_TRUE(Make().ok());
  const absl::Status is_file = Write({"one"});
  EXPECT_THAT(
      std::string(is_file.message()),
      AllOf(HasSubstr("FileSink cannot write to the directory " + env_.directory.path() + "/out: "),
            HasSubstr("it is a file"), HasSubstr("choose a directory")));
  EXPECT_EQ(FailureOf(is_file).kind, idl::FaultKind::USER);
  // It is noticed although there is nothing to write.
  ASSERT_TRUE(Make().ok());
  EXPECT_FALSE(Finish().ok());

  spec_.path = env_.directory / "other";
  env_.files.failures["create"] = ExternalError("cannot write probe: Permission denied");
  ASSERT_TRUE(Make().ok());
  EXPECT_THAT(Write({"one"}).message(),
              HasSubstr("other: cannot write probe: Permission denied; choose"));
  env_.files.failures.clear();

  if (::geteuid() != 0) {
    std::filesystem::create_directory(env_.directory / "closed");
    std::filesystem::permissions(env_.directory / "closed", std::filesystem::perms::owner_read);
    spec_.path = env_.directory / "closed";
    ASSERT_TRUE(Make().ok());
    EXPECT_THAT(Write({"one"}).message(), HasSubstr("Permission denied"));
  }
}

TEST_F(FileSinkOperatorTest, RefusesWhatItCannotDoAtOpen) {
  spec_.encoding = "UTF-16";
  EXPECT_THAT(Make().message(), HasSubstr("the encoding 'UTF-16' is not supported"));
  spec_.encoding = "";
  spec_.bucket_format = "MMMM";
  EXPECT_THAT(Make().message(), HasSubstr("has 'MMMM'"));
  EXPECT_TRUE(sink_->Close().ok());
  spec_.bucket_format = "";
  spec_.path = "hdfs://host/out";
  EXPECT_THAT(Make().message(), HasSubstr("'hdfs' is not supported"));
}

}  // namespace
}  // namespace pyflinkpp::file_test
