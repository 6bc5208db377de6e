#include "runtime/connectors/file/file_split_enumerator.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "file_test_env.h"

namespace pyflinkpp::file_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class FileSplitEnumeratorTest : public testing::Test {
 protected:
  absl::Status Start(std::vector<std::string> paths, int parallelism) {
    idl::FileSource source;
    source.paths = std::move(paths);
    enumerator_ = MakeFileSplitEnumerator(source);
    context_.parallelism = parallelism;
    std::optional<absl::Status> started;
    enumerator_->Start(context_, [&](absl::Status status) { started = status; });
    EXPECT_FALSE(started.has_value());
    env_.io.RunAll();
    EXPECT_FALSE(started.has_value());  // it comes on the loop
    loop_.RunAll();
    return started.value();
  }

  // All that is left, as "name [first, limit)", asked for by the subtasks in turn.
  std::vector<std::string> Deal() {
    std::vector<std::string> result;
    for (int subtask = 0;; subtask = (subtask + 1) % context_.parallelism) {
      assigned_.clear();
      enumerator_->HandleSplitRequest(subtask);
      EXPECT_EQ(assigned_.size(), 1u);
      EXPECT_EQ(assigned_[0].subtask, subtask);
      EXPECT_LE(assigned_[0].splits.size(), 1u);
      for (const idl::SourceSplit& split : assigned_[0].splits) {
        EXPECT_TRUE(split.__isset.file);
        result.push_back(split.file.path.substr(env_.directory.path().size() + 1) + " [" +
                         std::to_string(split.file.first) + ", " +
                         std::to_string(split.file.limit) + ")");
        EXPECT_EQ(split.file.file_size,
                  static_cast<int64_t>(std::filesystem::file_size(split.file.path)));
      }
      if (assigned_[0].no_more) return result;
    }
  }

  struct Assigned {
    int subtask;
    std::vector<idl::SourceSplit> splits;
    bool no_more;
  };

  FileTestEnv env_;
  StepExecutor loop_;
  std::vector<Assigned> assigned_;
  SplitEnumeratorContext context_{
      .env = env_.env,
      .parallelism = 1,
      .post = [this](absl::AnyInvocable<void()> work) { loop_.Run(std::move(work)); },
      .assign =
          [this](int subtask, std::vector<idl::SourceSplit> splits, bool no_more) {
            assigned_.push_back({subtask, std::move(splits), no_more});
          },
  };
  std::unique_ptr<SplitEnumerator> enumerator_;
};

TEST_F(FileSplitEnumeratorTest, FindsFilesInOrder) {
  for (const char* name : {"b.txt", "a/2.txt", "a/1.txt", "c/d/e.txt.gz", ".hidden", "_SUCCESS",
                           "_tmp/x", "a/.git/y"}) {
    env_.directory.Write(name, "text");
  }
  env_.directory.Write("empty", "");
  ASSERT_TRUE(Start({env_.directory.path()}, 1).ok());
  EXPECT_THAT(Deal(), ElementsAre("a/1.txt [0, 4)", "a/2.txt [0, 4)", "b.txt [0, 4)",
                                  "c/d/e.txt.gz [0, 4)"));
  EXPECT_THAT(Deal(), ElementsAre());  // each once
  // What is named explicitly is read whatever its name; several paths go by their order.
  ASSERT_TRUE(Start({env_.directory / "_tmp", env_.directory / ".hidden",
                     "file://" + (env_.directory / "a/")},
                    2)
                  .ok());
  EXPECT_THAT(Deal(),
              ElementsAre("_tmp/x [0, 4)", ".hidden [0, 4)", "a/1.txt [0, 4)", "a/2.txt [0, 4)"));
}

TEST_F(FileSplitEnumeratorTest, SplitsPlainFilesInAboutEqualRanges) {
  constexpr int64_t kMega = 1 << 20;
  env_.directory.Write("big", "");
  std::filesystem::resize_file(env_.directory / "big", 10 * kMega + 1);
  env_.directory.Write("big.gz", "");
  std::filesystem::resize_file(env_.directory / "big.gz", 10 * kMega);
  env_.directory.Write("small", "text");
  ASSERT_TRUE(Start({env_.directory.path()}, 2).ok());
  EXPECT_THAT(Deal(),
              ElementsAre("big [0, 2621441)", "big [2621441, 5242881)", "big [5242881, 7864321)",
                          "big [7864321, 10485761)", "big.gz [0, 10485760)", "small [0, 4)"));
  ASSERT_TRUE(Start({env_.directory / "big"}, 1).ok());
  EXPECT_THAT(Deal(), ElementsAre("big [0, 10485761)"));
  // At least a megabyte or so each.
  ASSERT_TRUE(Start({env_.directory / "big"}, 100).ok());
  EXPECT_EQ(Deal().size(), 10u);
}

TEST_F(FileSplitEnumeratorTest, NothingToRead) {
  env_.directory.Write("empty", "");
  ASSERT_TRUE(Start({env_.directory.path()}, 3).ok());
  EXPECT_THAT(Deal(), ElementsAre());
}

TEST_F(FileSplitEnumeratorTest, ErrorsNameThePathAndWhatToDo) {
  const absl::Status missing = Start({"/nowhere/at-all.txt"}, 1);
  EXPECT_THAT(std::string(missing.message()),
              AllOf(HasSubstr("cannot read /nowhere/at-all.txt: No such file or directory"),
                    HasSubstr("FileSource needs files or directories that exist")));
  EXPECT_EQ(FailureOf(missing).kind, idl::FaultKind::USER);
  EXPECT_THAT(Start({"s3://bucket/in"}, 1).message(),
              HasSubstr("the file system 's3' is not supported"));
  EXPECT_THAT(Start({"file://host/in"}, 1).message(), HasSubstr("names a host"));
  EXPECT_THAT(Start({""}, 1).message(), HasSubstr("needs a path"));
  std::filesystem::create_symlink("nothing", env_.directory / "dangling");
  EXPECT_THAT(Start({env_.directory.path()}, 1).message(), HasSubstr("dangling: No such file"));
}

TEST_F(FileSplitEnumeratorTest, DiesBeforeTheListing) {
  idl::FileSource source;
  source.paths = {env_.directory.path()};
  for (const int steps : {0, 1}) {
    enumerator_ = MakeFileSplitEnumerator(source);
    enumerator_->Start(context_, [](absl::Status) { FAIL(); });
    if (steps > 0) env_.io.RunAll();
    enumerator_ = nullptr;
    env_.io.RunAll();
    EXPECT_EQ(loop_.waiting(), static_cast<size_t>(steps));  // nothing is posted afterwards
    loop_.RunAll();
  }
}

}  // namespace
}  // namespace pyflinkpp::file_test
