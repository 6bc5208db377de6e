#include "runtime/task/task_checkpoints.h"

#include <gmock/gmock.h>

#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "harness/batches.h"
#include "harness/test_env.h"
#include "sim/sim_file_system.h"
#include "state/memory/memory_keyed_state_backend.h"

namespace pyflinkpp {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TaskCheckpointsTest : public testing::Test {
 protected:
  TaskCheckpointsTest() {
    auto state = backend_->CreateValueState("numbers", LongSerializer());
    PFPP_CHECK(state.ok());
    state_ = *std::move(state);
    for (int i = 0; i < 100; ++i) {
      const std::string key = std::to_string(i);
      bool found;
      *reinterpret_cast<int64_t*>(*state_->FindOrInsert(harness::KeyOf(key), &found)) = i;
    }
    PFPP_CHECK(state_->Flush().ok());
  }

  static CheckpointBarrier Barrier(int64_t checkpoint) {
    idl::Barrier barrier;
    barrier.checkpoint = checkpoint;
    barrier.directory = "/c/chk-" + std::to_string(checkpoint);
    return {std::make_shared<const idl::Barrier>(barrier)};
  }
  absl::Status Add(std::vector<std::function<void(SnapshotContext::Done)>> waits = {}) {
    const int op = 0;
    return checkpoints_.Add(std::span(&op, 1), {{}}, backend_.get(), std::move(waits));
  }
  // All that is still to be done, on the loop and on the executor.
  void RunAll() {
    for (bool active = true; active;) {
      active = test_env_.io.RunOne();
      while (!posted_.empty()) {
        auto run = std::move(posted_.front());
        posted_.pop_front();
        run();
        active = true;
      }
      if (checkpoints_.has_work()) {
        checkpoints_.WriteSome();
        active = true;
      }
    }
  }

  harness::TestEnv test_env_;
  sim::SimFileSystem files_{[] { return true; }};
  Env env_{test_env_.clock, test_env_.random,  files_,
           test_env_.io,    test_env_.console, test_env_.loops};
  std::unique_ptr<KeyedStateBackend> backend_ = MakeMemoryKeyedStateBackend({0, 127}, 128);
  std::unique_ptr<ValueState> state_;
  std::deque<std::function<void()>> posted_;
  std::vector<idl::CheckpointAnswer> answers_;
  TaskCheckpoints checkpoints_{
      env_,
      {},
      [this](std::function<void()> run) { posted_.push_back(std::move(run)); },
      [this](idl::CheckpointAnswer answer) { answers_.push_back(std::move(answer)); },
      /*inline_bytes=*/0};
};

TEST_F(TaskCheckpointsTest, ItAnswersWhenAllIsDurable) {
  checkpoints_.Begin(Barrier(1), /*alignment_ms=*/3);
  ASSERT_TRUE(Add().ok());
  checkpoints_.Seal(/*finished=*/false);
  EXPECT_THAT(answers_, IsEmpty());
  RunAll();
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_FALSE(answers_[0].__isset.failure);
  EXPECT_EQ(answers_[0].snapshot.alignment_ms, 3);
  const idl::KeyedStateHandle& handle = answers_[0].snapshot.operators.at(0).keyed.at(0);
  RestoredKeyedState restored;
  ASSERT_TRUE(ReadKeyedState(files_, handle, restored).ok());
  EXPECT_TRUE(restored.states.contains("numbers"));
  EXPECT_EQ(files_.renamed_unsynced(), 0);
  EXPECT_TRUE(checkpoints_.empty());

  files_.Flip(handle.file.path, 20);
  RestoredKeyedState damaged;
  EXPECT_THAT(std::string(ReadKeyedState(files_, handle, damaged).message()),
              testing::AllOf(HasSubstr(handle.file.path), HasSubstr("is damaged")));
}

TEST_F(TaskCheckpointsTest, ItWaitsForTheOperatorsOwnFiles) {
  checkpoints_.Begin(Barrier(1), 0);
  SnapshotContext::Done done;
  ASSERT_TRUE(Add({[&](SnapshotContext::Done given) { done = std::move(given); }}).ok());
  checkpoints_.Seal(false);
  RunAll();
  EXPECT_THAT(answers_, IsEmpty());
  done(absl::OkStatus());
  RunAll();
  EXPECT_THAT(answers_, SizeIs(1));
}

// A disk that fails while the barrier is still on its way through the chain.
TEST_F(TaskCheckpointsTest, AFailureBeforeTheEndOfTheBarrierIsToldBehindIt) {
  checkpoints_.Begin(Barrier(1), 0);
  ASSERT_TRUE(
      Add({[](const SnapshotContext::Done& done) { done(ExternalError("no room")); }}).ok());
  RunAll();
  EXPECT_THAT(answers_, IsEmpty());
  checkpoints_.Seal(false);
  RunAll();
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_THAT(answers_[0].failure.message, HasSubstr("no room"));
  EXPECT_THAT(files_.FilesBelow("/c"), IsEmpty());
}

TEST_F(TaskCheckpointsTest, OneThatIsGivenUpAnswersNothingAndLeavesNoFile) {
  for (int works = 0; works < 12; ++works) {  // at any moment
    checkpoints_.Begin(Barrier(works + 1), 0);
    ASSERT_TRUE(Add().ok());
    checkpoints_.Seal(false);
    while (checkpoints_.has_work()) checkpoints_.WriteSome();
    for (int i = 0; i < works; ++i) test_env_.io.RunOne();
    checkpoints_.Abort(works + 1);
    RunAll();
    EXPECT_THAT(answers_, IsEmpty());
    EXPECT_THAT(files_.FilesBelow("/c"), IsEmpty()) << works;
    EXPECT_TRUE(checkpoints_.empty());
  }
}

TEST_F(TaskCheckpointsTest, ADiskThatFailsIsAFailure) {
  files_.SetFull(true);
  checkpoints_.Begin(Barrier(1), 0);
  ASSERT_TRUE(Add().ok());
  checkpoints_.Seal(false);
  RunAll();
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_THAT(answers_[0].failure.message, HasSubstr("No space left"));
  EXPECT_THAT(files_.FilesBelow("/c"), IsEmpty());
}

TEST_F(TaskCheckpointsTest, SmallStateNeedsNoFile) {
  TaskCheckpoints inlined(
      env_, {}, [this](std::function<void()> run) { posted_.push_back(std::move(run)); },
      [this](idl::CheckpointAnswer answer) { answers_.push_back(std::move(answer)); });
  inlined.Begin(Barrier(1), 0);
  const int op = 0;
  ASSERT_TRUE(inlined.Add(std::span(&op, 1), {{}}, backend_.get(), {}).ok());
  inlined.Seal(true);
  while (inlined.has_work()) inlined.WriteSome();
  RunAll();
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_TRUE(answers_[0].snapshot.finished);
  EXPECT_THAT(answers_[0].snapshot.operators.at(0).keyed.at(0).file.path, IsEmpty());
  EXPECT_THAT(files_.FilesBelow("/c"), IsEmpty());
}

TEST(InlineStateBytesTest, IsReadWithItsUnit) {
  const auto of = [](const std::string& text) {
    return InlineStateBytes({{"execution.checkpointing.data-inline-threshold", text}});
  };
  EXPECT_EQ(InlineStateBytes({}), 20u * 1024);
  EXPECT_EQ(of("300"), 300u);
  EXPECT_EQ(of("3 kb"), 3u * 1024);
  EXPECT_EQ(of("2mb"), 2u * 1024 * 1024);
}

}  // namespace
}  // namespace pyflinkpp
