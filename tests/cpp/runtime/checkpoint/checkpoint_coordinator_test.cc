#include "runtime/checkpoint/checkpoint_coordinator.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "harness/test_env.h"
#include "native/job_builder.h"
#include "runtime/checkpoint/checkpoint_storage.h"
#include "sim/sim_file_system.h"

namespace pyflinkpp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A job of one source task (vertex 0) that feeds one sink task (vertex 1).
idl::JobGraph TwoTasks() {
  native::JobBuilder job("00000000000000000000000000000001");
  const int numbers = job.Numbers(1, 10, 1);
  job.Then(numbers, idl::Partitioner::REBALANCE, job.Discard(1));
  return job.Build();
}

class CheckpointCoordinatorTest : public testing::Test, public CheckpointHost {
 protected:
  void Make(idl::CheckpointSettings settings) {
    timers_.clear();  // those of one that was made before
    coordinator_ =
        std::make_unique<CheckpointCoordinator>(settings, graph_, execution_, env_, *this);
    for (auto& execution : execution_.executions()) {
      execution.deployed = true;
      execution.state = idl::TaskState::RUNNING;
    }
    coordinator_->Start();
    RunWorks();
  }
  static idl::CheckpointSettings Settings() {
    idl::CheckpointSettings settings;
    settings.interval_ms = 10;
    settings.timeout_ms = 1'000;
    settings.directory = "/c";
    settings.savepoint_directory = "/s";
    settings.tolerable_failures = -1;
    return settings;
  }

  // ---- CheckpointHost ----
  void RunAfter(int64_t millis, std::function<void()> run) override {
    timers_.emplace(test_env_.clock.NowMillis() + millis, std::move(run));
  }
  void RunOnExecutor(absl::AnyInvocable<absl::Status()> work,
                     std::function<void(absl::Status)> then) override {
    works_.emplace_back(std::move(work), std::move(then));
  }
  void Trigger(const idl::TaskId& task, const idl::Barrier& barrier) override {
    triggered_.push_back(absl::StrCat(task.vertex, ":", barrier.checkpoint));
    last_ = barrier;
  }
  void Notify(const idl::TaskId& task, int64_t checkpoint, bool completed) override {
    if (task.vertex == 0)
      told_.push_back(absl::StrCat(checkpoint, completed ? " completed" : " aborted"));
  }
  absl::StatusOr<std::map<int, std::string>> SnapshotEnumerators() override {
    return std::map<int, std::string>{{0, "left"}};
  }
  void OnCheckpointsFail(const idl::Failure& failure) override { failed_ = failure.message; }
  void OnCheckpoint(const CheckpointStatistics& statistics) override {
    statistics_.push_back(statistics);
  }

  void Advance(int64_t millis) {
    for (; millis > 0; --millis) {
      test_env_.clock.AdvanceMillis(1);
      while (!timers_.empty() && timers_.begin()->first <= test_env_.clock.NowMillis()) {
        auto run = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        run();
      }
    }
  }
  void RunWorks() {
    while (!works_.empty()) {
      auto [work, then] = std::move(works_.front());
      works_.pop_front();
      then(work());
    }
  }
  idl::CheckpointAnswer Answer(int vertex, int64_t checkpoint) {
    idl::CheckpointAnswer answer;
    answer.task = execution_.executions()[static_cast<size_t>(vertex)].deployment.task;
    answer.checkpoint = checkpoint;
    answer.__set_snapshot({});
    return answer;
  }
  void AnswerBoth(int64_t checkpoint) {
    coordinator_->OnAnswer(Answer(0, checkpoint));
    coordinator_->OnAnswer(Answer(1, checkpoint));
    RunWorks();
  }
  std::vector<std::string> Directories() {
    std::vector<std::string> directories;
    for (const auto& [path, bytes] : files_.FilesBelow("/c"))
      directories.push_back(path.substr(path.rfind("chk-"), 5));
    return directories;
  }

  harness::TestEnv test_env_;
  sim::SimFileSystem files_{[] { return true; }};
  Env env_{test_env_.clock, test_env_.random,  files_,
           test_env_.io,    test_env_.console, test_env_.loops};
  const idl::JobGraph graph_ = TwoTasks();
  ExecutionGraph execution_{graph_};
  std::unique_ptr<CheckpointCoordinator> coordinator_;
  std::multimap<int64_t, std::function<void()>> timers_;
  std::deque<std::pair<absl::AnyInvocable<absl::Status()>, std::function<void(absl::Status)>>>
      works_;
  std::vector<std::string> triggered_;  // vertex:checkpoint
  std::vector<std::string> told_;       // to the source
  std::string failed_;
  std::vector<CheckpointStatistics> statistics_;
  idl::Barrier last_;
};

TEST_F(CheckpointCoordinatorTest, ItIsCompleteWhenAllHaveAnsweredAndItIsDurable) {
  Make(Settings());
  Advance(9);
  EXPECT_THAT(triggered_, IsEmpty());
  Advance(1);
  EXPECT_THAT(triggered_, ElementsAre("0:1")) << "the barrier reaches the sink by itself";
  coordinator_->OnAnswer(Answer(0, 1));
  coordinator_->OnAnswer(Answer(1, 1));
  EXPECT_THAT(told_, IsEmpty()) << "it is not on disk yet";
  RunWorks();
  EXPECT_THAT(told_, ElementsAre("1 completed"));
  EXPECT_EQ(coordinator_->latest()->id, 1);
  const auto read = ReadCheckpoint(files_, last_.directory);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->operators[0].enumerator, "left");
}

TEST_F(CheckpointCoordinatorTest, OneAtATimeAndThePauseIsKept) {
  idl::CheckpointSettings settings = Settings();
  settings.min_pause_ms = 25;
  Make(settings);
  Advance(60);
  EXPECT_THAT(triggered_, ElementsAre("0:1"));
  AnswerBoth(1);
  Advance(24);
  EXPECT_THAT(triggered_, SizeIs(1));
  Advance(1);
  EXPECT_THAT(triggered_, ElementsAre("0:1", "0:2"));
}

TEST_F(CheckpointCoordinatorTest, OlderOnesGo) {
  idl::CheckpointSettings settings = Settings();
  settings.retained = 2;
  Make(settings);
  for (int64_t id = 1; id <= 4; ++id) {
    Advance(10);
    AnswerBoth(id);
  }
  EXPECT_THAT(Directories(), ElementsAre("chk-3", "chk-4"));
  coordinator_->EndJob(JobState::kFinished, [] {});
  RunWorks();
  EXPECT_THAT(Directories(), IsEmpty());
}

// What a later one has may be visible already: going back behind it would make it visible again.
TEST_F(CheckpointCoordinatorTest, WhatIsOlderThanACompleteOneIsGivenUp) {
  idl::CheckpointSettings settings = Settings();
  settings.max_concurrent = 2;
  Make(settings);
  Advance(20);
  EXPECT_THAT(triggered_, ElementsAre("0:1", "0:2"));
  AnswerBoth(2);
  AnswerBoth(1);
  EXPECT_THAT(told_, ElementsAre("1 aborted", "2 completed"));
  EXPECT_EQ(coordinator_->latest()->id, 2);
  EXPECT_THAT(Directories(), ElementsAre("chk-2"));
}

TEST_F(CheckpointCoordinatorTest, TimeoutGivesItUp) {
  Make(Settings());
  Advance(10 + 1'000);
  RunWorks();
  EXPECT_THAT(told_, ElementsAre("1 aborted"));
  EXPECT_THAT(statistics_.at(0).failure, HasSubstr("timeout"));
  EXPECT_EQ(coordinator_->latest(), nullptr);
}

TEST_F(CheckpointCoordinatorTest, CompletedCheckpointsLeaveNoTimersBehind) {
  idl::CheckpointSettings settings = Settings();
  settings.timeout_ms = 100'000;
  Make(settings);
  for (int64_t checkpoint = 1; checkpoint <= 20; ++checkpoint) {
    Advance(10);
    AnswerBoth(checkpoint);
  }
  EXPECT_LE(timers_.size(), 2u);
}

TEST_F(CheckpointCoordinatorTest, EachOfSeveralHasItsOwnTimeout) {
  idl::CheckpointSettings settings = Settings();
  settings.max_concurrent = 3;
  settings.timeout_ms = 15;
  Make(settings);
  Advance(24);
  EXPECT_THAT(told_, IsEmpty());
  Advance(1);
  EXPECT_THAT(told_, ElementsAre("1 aborted"));
  Advance(10);
  EXPECT_THAT(told_, ElementsAre("1 aborted", "2 aborted"));
}

TEST_F(CheckpointCoordinatorTest, FilesOfAnAnswerThatComesTooLateGo) {
  Make(Settings());
  Advance(10 + 1'000);
  RunWorks();
  files_.Put("/c/x/chk-1/op0", "state");
  idl::CheckpointAnswer late = Answer(0, 1);
  late.snapshot.operators[0].keyed.emplace_back().file.path = "/c/x/chk-1/op0";
  coordinator_->OnAnswer(late);
  RunWorks();
  EXPECT_FALSE(files_.FilesBelow("/c").contains("/c/x/chk-1/op0"));
}

TEST_F(CheckpointCoordinatorTest, TooManyFailuresAreToldAndACompleteOneStartsAnew) {
  idl::CheckpointSettings settings = Settings();
  settings.tolerable_failures = 1;
  Make(settings);
  const auto fail = [&](int64_t id) {
    Advance(10);
    idl::CheckpointAnswer answer = Answer(0, id);
    answer.__set_failure(FailureOf(ExternalError("no room")));
    coordinator_->OnAnswer(answer);
    RunWorks();
  };
  fail(1);
  Advance(10);
  AnswerBoth(2);
  fail(3);
  EXPECT_EQ(failed_, "");
  fail(4);
  EXPECT_THAT(failed_, AllOf(HasSubstr("checkpoint 4"), HasSubstr("no room")));
}

TEST_F(CheckpointCoordinatorTest, ATaskThatHasEndedIsFinishedInIt) {
  Make(Settings());
  Advance(10);
  execution_.executions()[0].state = idl::TaskState::FINISHED;
  coordinator_->OnTaskState(execution_.executions()[0].deployment.task);
  EXPECT_THAT(triggered_, ElementsAre("0:1", "1:1")) << "no barrier comes to the sink any more";
  coordinator_->OnAnswer(Answer(1, 1));
  RunWorks();
  ASSERT_NE(coordinator_->latest(), nullptr);
  EXPECT_THAT(coordinator_->latest()->operators[0].finished, ElementsAre(0));
  EXPECT_THAT(coordinator_->latest()->operators[1].finished, IsEmpty());
}

// Nothing becomes visible with it: another run may start from it and make the same visible.
TEST_F(CheckpointCoordinatorTest, TasksHearNothingOfASavepointAfterWhichTheJobGoesOn) {
  Make(Settings());
  absl::StatusOr<std::string> path = absl::UnknownError("");
  coordinator_->TriggerSavepoint("", idl::AfterBarrier::GO_ON,
                                 [&](const absl::StatusOr<std::string>& done) { path = done; });
  AnswerBoth(1);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(*path, HasSubstr("/s/savepoint-000000-"));
  EXPECT_TRUE(ReadCheckpoint(files_, *path).ok());
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_EQ(coordinator_->latest(), nullptr);
}

TEST_F(CheckpointCoordinatorTest, BehindASavepointThatEndsTheJobThereIsNoGoingBack) {
  for (const auto after : {idl::AfterBarrier::SUSPEND, idl::AfterBarrier::DRAIN}) {
    told_.clear();
    Make(Settings());
    coordinator_->TriggerSavepoint("", after, [](const absl::StatusOr<std::string>&) {});
    AnswerBoth(1);
    EXPECT_THAT(told_, ElementsAre("1 completed"));
    EXPECT_EQ(coordinator_->latest()->id, 1);
    EXPECT_EQ(coordinator_->drained(), after == idl::AfterBarrier::DRAIN);
    coordinator_->EndJob(JobState::kFinished, [] {});
    RunWorks();
    EXPECT_EQ(files_.FilesBelow("/s").size(), after == idl::AfterBarrier::SUSPEND ? 1u : 2u)
        << "it is its user's";
  }
}

TEST_F(CheckpointCoordinatorTest, NothingIsTriggeredBehindASavepointThatStopsTheJob) {
  Make(Settings());
  coordinator_->TriggerSavepoint("", idl::AfterBarrier::SUSPEND,
                                 [](const absl::StatusOr<std::string>&) {});
  Advance(100);
  absl::Status final_one;
  coordinator_->TriggerFinal(
      [&](const absl::StatusOr<std::string>& done) { final_one = done.status(); });
  EXPECT_FALSE(final_one.ok());
  EXPECT_THAT(triggered_, ElementsAre("0:1"));
  idl::CheckpointAnswer failed;
  failed.task = Answer(0, 1).task;
  failed.checkpoint = 1;
  failed.__set_failure({});
  coordinator_->OnAnswer(failed);
  RunWorks();
  Advance(10);
  EXPECT_THAT(triggered_, ElementsAre("0:1", "0:2")) << "it goes on when that is given up";
}

TEST_F(CheckpointCoordinatorTest, ASavepointNeedsADirectoryAndARunningJob) {
  idl::CheckpointSettings settings = Settings();
  settings.savepoint_directory = "";
  Make(settings);
  std::string why;
  const auto done = [&](const absl::StatusOr<std::string>& path) {
    why = std::string(path.status().message());
  };
  coordinator_->TriggerSavepoint("", idl::AfterBarrier::GO_ON, done);
  EXPECT_THAT(why, HasSubstr("savepoint-dir"));
  coordinator_->Stop();
  why = "";
  coordinator_->TriggerSavepoint("/s", idl::AfterBarrier::GO_ON, done);
  EXPECT_EQ(why, "") << "it waits until the tasks run";
  coordinator_->EndJob(JobState::kFailed, [] {});
  EXPECT_THAT(why, HasSubstr("the job has ended"));
}

TEST_F(CheckpointCoordinatorTest, StopGivesUpWhatIsUnderWay) {
  Make(Settings());
  Advance(10);
  coordinator_->Stop();
  RunWorks();
  EXPECT_THAT(statistics_, SizeIs(1));
  EXPECT_EQ(statistics_[0].state, CheckpointStatistics::State::kFailed);
  EXPECT_EQ(failed_, "");
  AnswerBoth(1);
  EXPECT_EQ(coordinator_->latest(), nullptr);
}

TEST_F(CheckpointCoordinatorTest, AFullDiskFailsTheCheckpointOnly) {
  Make(Settings());
  Advance(10);
  files_.SetFull(true);
  AnswerBoth(1);
  EXPECT_THAT(told_, ElementsAre("1 aborted"));
  files_.SetFull(false);
  Advance(10);
  AnswerBoth(2);
  EXPECT_THAT(told_, ElementsAre("1 aborted", "2 completed"));
}

// ---- incremental ----

class IncrementalCheckpointsTest : public CheckpointCoordinatorTest {
 protected:
  const std::string kJob = "/c/00000000000000000000000000000001";

  static idl::CheckpointSettings Incremental() {
    idl::CheckpointSettings settings = Settings();
    settings.__set_incremental(true);
    return settings;
  }
  // Both tasks; the source has these shared files, which are there from now on.
  void AnswerWith(int64_t checkpoint, const std::vector<std::string>& shared) {
    coordinator_->OnAnswer(With(checkpoint, shared));
    coordinator_->OnAnswer(Answer(1, checkpoint));
    RunWorks();
  }
  idl::CheckpointAnswer With(int64_t checkpoint, const std::vector<std::string>& shared) {
    idl::CheckpointAnswer answer = Answer(0, checkpoint);
    idl::NativeKeyedState state;
    for (const std::string& name : shared) {
      idl::NativeFile& file = state.files.emplace_back();
      file.name = name;
      file.shared = true;
      file.file.path = kJob + "/shared/" + name;
      files_.Put(file.file.path, name);
    }
    answer.snapshot.operators[0].keyed.emplace_back().__set_backend(state);
    answer.snapshot.bytes = 1;
    answer.snapshot.__set_full_bytes(static_cast<int64_t>(shared.size()));
    return answer;
  }
  std::vector<std::string> Shared() {
    std::vector<std::string> names;
    for (const auto& [path, bytes] : files_.FilesBelow(kJob + "/shared")) names.push_back(bytes);
    return names;
  }
};

TEST_F(IncrementalCheckpointsTest, EachBuildsUponTheLastCompleteOne) {
  Make(Incremental());
  Advance(10);
  EXPECT_EQ(last_.shared_directory, kJob + "/shared");
  EXPECT_FALSE(last_.__isset.base);
  AnswerWith(1, {"a", "b"});
  Advance(10);
  EXPECT_EQ(last_.base, 1);
  AnswerWith(2, {"b", "c"});
  EXPECT_THAT(Shared(), ElementsAre("b", "c"));
  EXPECT_EQ(statistics_.back().bytes, 1);
  EXPECT_EQ(statistics_.back().full_bytes, 2);
  coordinator_->EndJob(JobState::kFinished, [] {});
  RunWorks();
  EXPECT_THAT(Shared(), IsEmpty());
}

TEST_F(IncrementalCheckpointsTest, ASavepointAndOneInMemoryHaveNoSharedFiles) {
  Make(Incremental());
  coordinator_->TriggerSavepoint("", idl::AfterBarrier::GO_ON,
                                 [](const absl::StatusOr<std::string>&) {});
  EXPECT_FALSE(last_.__isset.shared_directory);
  idl::CheckpointSettings settings = Incremental();
  settings.directory.clear();
  Make(settings);
  Advance(10);
  EXPECT_FALSE(last_.__isset.shared_directory);
}

TEST_F(IncrementalCheckpointsTest, FilesOfOneThatIsGivenUpGoAndThoseOfItsBaseStay) {
  Make(Incremental());
  Advance(10);
  AnswerWith(1, {"a"});
  Advance(10);
  coordinator_->OnAnswer(With(2, {"a", "b"}));
  Advance(1'000);
  RunWorks();
  EXPECT_THAT(told_, ElementsAre("1 completed", "2 aborted"));
  EXPECT_THAT(Shared(), ElementsAre("a"));
  coordinator_->OnAnswer(With(2, {"a", "late"}));
  RunWorks();
  EXPECT_THAT(Shared(), ElementsAre("a"));
}

// The base may be gone before those who build upon it have answered.
TEST_F(IncrementalCheckpointsTest, ABaseIsKeptForAllThatBuildUponIt) {
  idl::CheckpointSettings settings = Incremental();
  settings.max_concurrent = 2;
  Make(settings);
  Advance(10);
  AnswerWith(1, {"a", "b"});
  Advance(20);
  EXPECT_EQ(last_.checkpoint, 3);
  EXPECT_EQ(last_.base, 1);
  AnswerWith(2, {"c"});
  EXPECT_THAT(Shared(), ElementsAre("a", "b", "c"));
  AnswerWith(3, {"b", "d"});
  EXPECT_THAT(Shared(), ElementsAre("b", "d"));
}

TEST_F(IncrementalCheckpointsTest, ACheckpointThatCannotBeDeletedKeepsItsFiles) {
  Make(Incremental());
  Advance(10);
  AnswerWith(1, {"a"});
  sim::SimRandom random(1, 0);
  Advance(10);
  coordinator_->OnAnswer(With(2, {"b"}));
  coordinator_->OnAnswer(Answer(1, 2));
  // The metadata of 2 is written, then that of 1 can't be deleted.
  auto [work, then] = std::move(works_.front());
  works_.pop_front();
  then(work());
  files_.FailAtRandom(random, 1'000, 1'000);
  RunWorks();
  files_.FailAtRandom(random, 0, 0);
  EXPECT_THAT(told_, ElementsAre("1 completed", "2 completed"));
  EXPECT_TRUE(ReadCheckpoint(files_, kJob + "/chk-1").ok());
  EXPECT_THAT(Shared(), ElementsAre("a", "b"));
}

// A borrowed checkpoint may go at any time, so nothing refers to its files; a claimed one is the
// job's.
TEST_F(IncrementalCheckpointsTest, TheFirstOneAfterARestoreIsFullUnlessTheCheckpointIsClaimed) {
  for (const bool claim : {false, true}) {
    coordinator_ =
        std::make_unique<CheckpointCoordinator>(Incremental(), graph_, execution_, env_, *this);
    for (auto& execution : execution_.executions()) execution.state = idl::TaskState::RUNNING;
    idl::Checkpoint start;
    start.id = 7;
    idl::OperatorState& state = start.operators.emplace_back().subtasks[0];
    state = With(7, {"old"}).snapshot.operators[0];
    const std::string old = "/elsewhere/shared/old";
    ASSERT_TRUE(files_.Delete(state.keyed[0].backend.files[0].file.path).ok());
    files_.Put(old, "old");
    state.keyed[0].backend.files[0].file.path = old;
    ASSERT_TRUE(WriteCheckpoint(files_, "/elsewhere/chk-7", start).ok());
    coordinator_->StartFrom(start, "/elsewhere/chk-7", claim, {});
    coordinator_->Start();
    RunWorks();
    Advance(10);
    EXPECT_EQ(last_.checkpoint, 8);
    EXPECT_EQ(last_.__isset.base, claim);
    AnswerWith(8, {"new"});
    EXPECT_EQ(files_.FilesBelow("/elsewhere").empty(), claim);
    EXPECT_THAT(Shared(), ElementsAre("new"));
    Advance(10);
    EXPECT_EQ(last_.base, 8);
    coordinator_->EndJob(JobState::kFinished, [] {});
    RunWorks();
    EXPECT_THAT(Shared(), IsEmpty());
    EXPECT_EQ(files_.FilesBelow("/elsewhere").contains(old), !claim);
    coordinator_.reset();
    timers_.clear();
  }
}

TEST_F(IncrementalCheckpointsTest, WhatTheNeighboursOfAClaimedCheckpointHaveStays) {
  coordinator_ =
      std::make_unique<CheckpointCoordinator>(Incremental(), graph_, execution_, env_, *this);
  for (auto& execution : execution_.executions()) execution.state = idl::TaskState::RUNNING;
  idl::Checkpoint beside, start;
  beside.id = 6;
  beside.operators.emplace_back().subtasks[0] = With(6, {"both"}).snapshot.operators[0];
  start.id = 7;
  start.operators.emplace_back().subtasks[0] = With(7, {"both", "one"}).snapshot.operators[0];
  coordinator_->StartFrom(start, "/elsewhere/chk-7", /*claim=*/true, {beside});
  coordinator_->Start();
  RunWorks();
  Advance(10);
  AnswerWith(8, {"new"});
  EXPECT_THAT(Shared(), ElementsAre("both", "new"));
}

TEST_F(CheckpointCoordinatorTest,
       BarriersOfUnalignedCheckpointsMayOvertakeAndThoseOfSavepointsNot) {
  idl::CheckpointSettings settings = Settings();
  settings.unaligned = true;
  settings.aligned_timeout_ms = 77;
  settings.max_concurrent = 3;
  idl::JobGraph graph = graph_;
  graph.__set_checkpoints(settings);
  coordinator_ = std::make_unique<CheckpointCoordinator>(settings, graph, execution_, env_, *this);
  for (auto& execution : execution_.executions()) execution.state = idl::TaskState::RUNNING;
  coordinator_->Start();
  Advance(50);
  EXPECT_THAT(triggered_, ElementsAre("0:1")) << "it is alone";
  EXPECT_TRUE(last_.unaligned);
  EXPECT_EQ(last_.aligned_timeout_ms, 77);
  coordinator_->TriggerSavepoint("", idl::AfterBarrier::GO_ON, [](const auto&) {});
  EXPECT_FALSE(last_.unaligned);

  idl::CheckpointAnswer answer = Answer(1, 1);
  answer.snapshot.__set_unaligned(true);
  answer.snapshot.__set_in_flight_bytes(5);
  answer.snapshot.__set_in_flight({{}});
  answer.snapshot.in_flight[0].runs.emplace_back().size = 5;
  coordinator_->OnAnswer(answer);
  coordinator_->OnAnswer(Answer(0, 1));
  RunWorks();
  const idl::Checkpoint& checkpoint = *coordinator_->latest();
  ASSERT_THAT(checkpoint.in_flight, SizeIs(1));
  EXPECT_EQ(checkpoint.in_flight[0].source, "place:0");
  EXPECT_EQ(checkpoint.in_flight[0].target, "place:1");
  EXPECT_THAT(checkpoint.in_flight[0].handles, SizeIs(1));
  EXPECT_TRUE(statistics_[0].unaligned);
  EXPECT_EQ(statistics_[0].in_flight_bytes, 5);
}

}  // namespace
}  // namespace pyflinkpp
