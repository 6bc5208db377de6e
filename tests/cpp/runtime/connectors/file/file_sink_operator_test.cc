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

  // A part ends by size and time only.
  void Roll(int64_t part_size, int64_t rollover_ms = 60'000, int64_t inactivity_ms = 60'000) {
    idl::RollingPolicy rolling;
    rolling.part_size = part_size;
    rolling.rollover_ms = rollover_ms;
    rolling.inactivity_ms = inactivity_ms;
    rolling.check_interval_ms = 1'000;
    spec_.__set_rolling(rolling);
    spec_.bucket_format = "";
  }
  // The sink's state in a checkpoint, when all it names is durable.
  idl::OperatorState TakeCheckpoint(int64_t id, bool savepoint = false) {
    idl::Barrier barrier;
    barrier.checkpoint = id;
    barrier.savepoint = savepoint;
    std::vector<idl::OperatorState> states(1);
    SnapshotContext context(barrier, states);
    EXPECT_TRUE(sink_->Snapshot(context).ok());
    for (auto& wait : context.waits()) {
      wait([](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
    }
    env_.io.RunAll();
    return states[0];
  }
  void Complete(int64_t id) {
    EXPECT_TRUE(sink_->CheckpointCompleted(id).ok());
    env_.io.RunAll();
  }
  // A sink of a new attempt.
  absl::Status Restore(const idl::OperatorState& state) {
    restored_ = {state};
    env_.context.restored = restored_;
    const absl::Status made = Make();
    env_.io.RunAll();
    return made;
  }
  std::vector<std::string> Visible() {
    std::vector<std::string> files;
    for (const std::string& file : env_.directory.Files()) {
      if (file.find("/.") == std::string::npos) files.push_back(file);
    }
    return files;
  }
  std::vector<std::string> VisibleContents() {
    std::vector<std::string> contents;
    for (const std::string& file : Visible()) contents.push_back(ContentsOf(env_.directory / file));
    return contents;
  }

  FileTestEnv env_;
  idl::FileSink spec_;
  std::vector<idl::OperatorState> restored_;
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

TEST_F(FileSinkOperatorTest, APartLivesOverCheckpoints) {
  Roll(1'000'000);
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"a"}).ok());
  TakeCheckpoint(1);
  Complete(1);
  EXPECT_THAT(Visible(), IsEmpty());
  ASSERT_TRUE(Write({"b"}).ok());
  TakeCheckpoint(2);
  Complete(2);
  ASSERT_TRUE(Write({"c"}).ok());
  ASSERT_TRUE(Finish().ok());
  TakeCheckpoint(3);
  EXPECT_THAT(Visible(), IsEmpty());
  Complete(3);
  EXPECT_THAT(VisibleContents(), ElementsAre("a\nb\nc\n"));
  EXPECT_TRUE(sink_->Close().ok());
}

TEST_F(FileSinkOperatorTest, ARestoredSinkHasWhatTheCheckpointHad) {
  Roll(1'000'000);
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"a", "b"}).ok());
  const idl::OperatorState state = TakeCheckpoint(1);
  ASSERT_TRUE(Write({"lost"}).ok());
  // The old attempt goes on behind the new one's back, and ends without a checkpoint.
  std::unique_ptr<Operator> old = std::move(sink_);
  ASSERT_TRUE(Restore(state).ok());
  EXPECT_THAT(VisibleContents(), ElementsAre("a\nb\n"));
  std::swap(old, sink_);
  ASSERT_TRUE(Write(std::vector<std::string>(1'000, std::string(1'000, 'x'))).ok());
  EXPECT_TRUE(sink_->Close().ok());
  sink_ = nullptr;
  env_.io.RunAll();
  EXPECT_THAT(VisibleContents(), ElementsAre("a\nb\n"));
  EXPECT_THAT(env_.directory.Files(), SizeIs(1));
  // It fails before its first checkpoint.
  ASSERT_TRUE(old->Close().ok());
  old = nullptr;
  ASSERT_TRUE(Restore(state).ok());
  EXPECT_THAT(VisibleContents(), ElementsAre("a\nb\n"));
  ASSERT_TRUE(Write({"c"}).ok());
  ASSERT_TRUE(Finish().ok());
  ASSERT_TRUE(Commit().ok());
  EXPECT_THAT(VisibleContents(), testing::UnorderedElementsAre("a\nb\n", "c\n"));
}

// Those of other subtasks come when the parallelism changes.
TEST_F(FileSinkOperatorTest, ARestoredSinkTakesAnyNumberOfFiles) {
  Roll(1'000'000);
  idl::OperatorState all;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Make().ok());
    ASSERT_TRUE(Write({std::string(1, static_cast<char>('a' + i))}).ok());
    const idl::OperatorState state = TakeCheckpoint(1);
    if (all.lists.empty()) {
      all = state;
    } else {
      all.lists[0].elements.push_back(state.lists[0].elements[0]);
    }
    EXPECT_TRUE(sink_->Close().ok());
  }
  EXPECT_THAT(Visible(), IsEmpty());
  ASSERT_TRUE(Restore(all).ok());
  EXPECT_THAT(VisibleContents(), testing::UnorderedElementsAre("a\n", "b\n", "c\n"));
  EXPECT_THAT(env_.directory.Files(), SizeIs(3));
}

TEST_F(FileSinkOperatorTest, ARestoreThatFailsCanBeRepeated) {
  for (const char* operation : {"create", "read", "append", "sync", "rename"}) {
    Roll(1'000'000);
    spec_.path = env_.directory / operation;
    env_.context.restored = {};
    ASSERT_TRUE(Make().ok());
    ASSERT_TRUE(Write({"a"}).ok());
    const idl::OperatorState state = TakeCheckpoint(1);
    EXPECT_TRUE(sink_->Close().ok());
    env_.files.failures[operation] = ExternalError("cannot: Input/output error");
    ASSERT_TRUE(Restore(state).ok());
    EXPECT_THAT(Write({"b"}).message(), HasSubstr("Input/output error")) << operation;
    EXPECT_TRUE(sink_->Close().ok());
    env_.io.RunAll();
    env_.files.failures.clear();
    ASSERT_TRUE(Restore(state).ok());
    const std::vector<std::string> files = Visible();
    EXPECT_EQ(ContentsOf(env_.directory / files.back()), "a\n") << operation;
    std::filesystem::remove_all(spec_.path);
  }
}

TEST_F(FileSinkOperatorTest, APartThatIsGoneOrShorterIsAnError) {
  Roll(1'000'000);
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"abc"}).ok());
  const idl::OperatorState state = TakeCheckpoint(1);
  EXPECT_TRUE(sink_->Close().ok());
  const std::string part = env_.directory / env_.directory.Files()[0];
  std::filesystem::resize_file(part, 2);
  ASSERT_TRUE(Restore(state).ok());
  EXPECT_THAT(Write({"b"}).message(), HasSubstr("has 2 bytes instead of 4"));
  EXPECT_TRUE(sink_->Close().ok());
  std::filesystem::remove(part);
  ASSERT_TRUE(Restore(state).ok());
  EXPECT_THAT(Write({"b"}).message(), HasSubstr("a file that FileSink had written is gone"));
}

TEST_F(FileSinkOperatorTest, PartsEndBySize) {
  Roll(5);
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"a", "b", "c", "d", "e", "long line", "f"}).ok());
  ASSERT_TRUE(Write({"g"}).ok());
  TakeCheckpoint(1);
  Complete(1);
  // The last one is not too large yet.
  EXPECT_THAT(VisibleContents(), ElementsAre("a\nb\nc\n", "d\ne\nlong line\n"));
  ASSERT_TRUE(Write({"h"}).ok());
  ASSERT_TRUE(Finish().ok());
  ASSERT_TRUE(Commit().ok());
  EXPECT_THAT(VisibleContents(), ElementsAre("a\nb\nc\n", "d\ne\nlong line\n", "f\ng\nh\n"));
  EXPECT_EQ(env_.counters[0].records_in, 9);
}

TEST_F(FileSinkOperatorTest, ACheckpointEndsAPartThatIsTooLarge) {
  Roll(5);
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"long line"}).ok());
  TakeCheckpoint(1);
  Complete(1);
  EXPECT_THAT(VisibleContents(), ElementsAre("long line\n"));
}

TEST_F(FileSinkOperatorTest, PartsEndByTime) {
  for (const bool idle : {false, true}) {
    Roll(1'000'000, idle ? 60'000 : 2'500, idle ? 2'500 : 60'000);
    spec_.path = env_.directory / (idle ? "idle" : "old");
    const int64_t start = env_.clock.millis;
    ASSERT_TRUE(Make().ok());
    Output output;
    EXPECT_EQ(sink_->next_processing_time(), kMaxTimestamp);
    ASSERT_TRUE(Write({"a"}).ok());
    for (int64_t due = start + 1'000; due <= start + 3'000; due += 1'000) {
      EXPECT_EQ(sink_->next_processing_time(), due);
      env_.clock.millis = due;
      if (!idle) {
        ASSERT_TRUE(Write({"b"}).ok());
      }
      ASSERT_TRUE(sink_->OnProcessingTime(due, output).ok());
    }
    EXPECT_EQ(sink_->next_processing_time(), kMaxTimestamp);
    TakeCheckpoint(1);
    Complete(1);
    EXPECT_THAT(ContentsOf(env_.directory / Visible().front()), idle ? "a\n" : "a\nb\nb\nb\n");
    EXPECT_TRUE(sink_->Close().ok());
    std::filesystem::remove_all(spec_.path);
  }
}

TEST_F(FileSinkOperatorTest, ASavepointEndsThePart) {
  Roll(1'000'000);
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"a"}).ok());
  const idl::OperatorState state = TakeCheckpoint(1, /*savepoint=*/true);
  Complete(1);
  EXPECT_THAT(VisibleContents(), ElementsAre("a\n"));
  ASSERT_TRUE(Write({"b"}).ok());
  TakeCheckpoint(2);
  EXPECT_TRUE(sink_->Close().ok());
  ASSERT_TRUE(Restore(state).ok());  // as often as one likes
  EXPECT_THAT(VisibleContents(), ElementsAre("a\n"));
}

// A savepoint has more of a part than the checkpoint to which its job goes back.
TEST_F(FileSinkOperatorTest, ASavepointKeepsItsPartWhenTheJobGoesBackBehindIt) {
  Roll(1'000'000);
  spec_.suffix = ".txt";
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"a"}).ok());
  const idl::OperatorState checkpoint = TakeCheckpoint(1);
  Complete(1);
  ASSERT_TRUE(Write({"b"}).ok());
  const idl::OperatorState savepoint = TakeCheckpoint(2, /*savepoint=*/true);
  ASSERT_TRUE(Write({"c"}).ok());
  EXPECT_TRUE(sink_->Close().ok());
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_TRUE(Restore(checkpoint).ok());
    EXPECT_THAT(Visible(), ElementsAre(MatchesRegex("out/part-0-[0-9a-f]*-0-2\\.txt")));
    EXPECT_THAT(VisibleContents(), ElementsAre("a\n"));
    EXPECT_TRUE(sink_->Close().ok());
  }
  std::filesystem::remove(env_.directory / Visible()[0]);  // of another history
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_TRUE(Restore(savepoint).ok());
    EXPECT_THAT(env_.directory.Files(), ElementsAre(MatchesRegex("out/part-0-[0-9a-f]*-0\\.txt")));
    EXPECT_THAT(VisibleContents(), ElementsAre("a\nb\n"));
    EXPECT_TRUE(sink_->Close().ok());
  }
}

// It is older than the last one: what it has is visible, and more.
TEST_F(FileSinkOperatorTest, AnOldCheckpointFindsItsPartFinished) {
  Roll(1'000'000);
  ASSERT_TRUE(Make().ok());
  ASSERT_TRUE(Write({"a"}).ok());
  const idl::OperatorState old = TakeCheckpoint(1);
  ASSERT_TRUE(Write({"b"}).ok());
  ASSERT_TRUE(Finish().ok());
  TakeCheckpoint(2);
  Complete(2);
  EXPECT_TRUE(sink_->Close().ok());
  ASSERT_TRUE(Restore(old).ok());
  ASSERT_TRUE(Write({"b"}).ok());
  ASSERT_TRUE(Finish().ok());
  ASSERT_TRUE(Commit().ok());
  EXPECT_THAT(VisibleContents(), testing::UnorderedElementsAre("a\nb\n", "b\n"));
}

// Keeps rows back until the part ends.
class CountingEncoder final : public PartEncoder {
 public:
  absl::Status Begin() override {
    rows_ = 0;
    return absl::OkStatus();
  }
  absl::Status Encode(RecordBatchView& view, size_t count, std::string&,
                      std::vector<size_t>&) override {
    rows_ += count;
    view.position += count;
    return absl::OkStatus();
  }
  absl::Status End(std::string& bytes) override {
    if (rows_ > 5) return UserError("too many");
    bytes += std::to_string(rows_);
    return absl::OkStatus();
  }
  bool whole_rows() const override { return false; }

 private:
  size_t rows_ = 0;
};

TEST_F(FileSinkOperatorTest, WhatIsNotWholeEndsWithEachCheckpoint) {
  Roll(1'000'000);
  sink_ = MakeFileSinkOperator(spec_, std::make_unique<CountingEncoder>());
  ASSERT_TRUE(sink_->Open(env_.context).ok());
  ASSERT_TRUE(Write({"a", "b"}).ok());
  TakeCheckpoint(1);
  Complete(1);
  ASSERT_TRUE(Write({"c"}).ok());
  ASSERT_TRUE(Finish().ok());
  ASSERT_TRUE(Commit().ok());
  EXPECT_THAT(VisibleContents(), ElementsAre("2", "1"));
}

TEST_F(FileSinkOperatorTest, NoCheckpointComesBehindAnEncoderThatFailed) {
  sink_ = MakeFileSinkOperator(spec_, std::make_unique<CountingEncoder>());
  ASSERT_TRUE(sink_->Open(env_.context).ok());
  ASSERT_TRUE(Write({"a", "b", "c", "d", "e", "f"}).ok());
  idl::Barrier barrier;
  barrier.checkpoint = 1;
  std::vector<idl::OperatorState> states(1);
  SnapshotContext context(barrier, states);
  EXPECT_EQ(sink_->Snapshot(context).message(), "too many");
  env_.io.RunAll();
  EXPECT_EQ(sink_->CheckpointAborted(1).message(), "too many");
  EXPECT_EQ(Write({"g"}).message(), "too many");
  EXPECT_TRUE(sink_->Close().ok());
  env_.io.RunAll();
  EXPECT_THAT(env_.directory.Files(), IsEmpty());
}

}  // namespace
}  // namespace pyflinkpp::file_test
