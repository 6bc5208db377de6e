#include "runtime/taskmanager/task_manager.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/test_env.h"
#include "runtime/network/local_transport.h"

namespace pyflinkpp {
namespace {

using idl::TaskState;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class FakeJobManager final : public JobManagerGateway {
 public:
  void RegisterTaskManager(int slots, TaskManagerGateway* task_manager, std::string) override {
    registered.emplace_back(slots, task_manager);
  }
  void ReportTask(idl::TaskReport report) override { reports.push_back(std::move(report)); }
  void RequestSplit(idl::SplitRequest request) override { requests.push_back(std::move(request)); }
  void AnswerCheckpoint(idl::CheckpointAnswer) override {}
  void ReportWatermark(idl::WatermarkProgress) override {}
  void ReportSourceWatermark(idl::ReportedWatermark) override {}

  std::vector<std::pair<int, TaskManagerGateway*>> registered;
  std::vector<idl::TaskReport> reports;
  std::vector<idl::SplitRequest> requests;
};

// Tasks that print numbers, on loops that the test steps.
class TaskManagerTest : public testing::Test {
 protected:
  TaskManagerTest()
      : registry_(BuiltinOperators()), job_manager_(std::make_shared<FakeJobManager>()) {
    manager_ =
        std::make_shared<TaskManager>("TaskManager", env_.env, transport_, registry_, job_manager_);
    env_.loops.Start(manager_);
  }
  static idl::TaskDeployment Printer(int subtask) {
    idl::TaskDeployment deployment;
    deployment.task.job_id = "job";
    deployment.task.subtask = subtask;
    deployment.name = "printer";
    deployment.parallelism = 1;
    deployment.max_parallelism = 128;
    deployment.chain.resize(2);
    deployment.chain[0].op.spec.__set_number_sequence_source({});
    deployment.chain[0].successors = {1};
    deployment.chain[1].op.id = 1;
    deployment.chain[1].op.spec.__set_print_sink({});
    return deployment;
  }
  void Submit(int subtask) {
    manager_->SubmitTask(Printer(subtask));
    env_.loops.RunUntilIdle();
  }
  idl::SplitAssignment Numbers(int subtask, int64_t first, int64_t last) {
    idl::SplitAssignment assignment;
    assignment.task = Printer(subtask).task;
    idl::NumberSplit numbers;
    numbers.first = first;
    numbers.last = last;
    assignment.splits.emplace_back().__set_numbers(numbers);
    assignment.no_more_splits = true;
    return assignment;
  }
  std::vector<std::pair<int, TaskState::type>> TakeReports() {
    std::vector<std::pair<int, TaskState::type>> reports;
    for (const idl::TaskReport& report : job_manager_->reports)
      reports.emplace_back(report.task.subtask, report.state);
    job_manager_->reports.clear();
    return reports;
  }
  bool ticks() {
    int64_t timer;
    EXPECT_FALSE(manager_->mailbox().Ready(&timer));
    return timer != std::numeric_limits<int64_t>::max();
  }

  harness::TestEnv env_;
  LocalTransport transport_;
  OperatorRegistry registry_;
  std::shared_ptr<FakeJobManager> job_manager_;
  std::shared_ptr<TaskManager> manager_;
};

TEST_F(TaskManagerTest, OffersItsSlots) {
  manager_->Register(3);
  EXPECT_THAT(job_manager_->registered, ElementsAre(std::pair(3, manager_.get())));
}

TEST_F(TaskManagerTest, RunsATaskOnALoopOfItsOwnAndPassesMessagesOn) {
  Submit(0);
  EXPECT_EQ(env_.loops.running(), 2u);
  EXPECT_THAT(TakeReports(), ElementsAre(std::pair(0, TaskState::RUNNING)));
  ASSERT_THAT(job_manager_->requests, SizeIs(1));
  EXPECT_EQ(job_manager_->requests[0].task, Printer(0).task);
  manager_->AssignSplits(Numbers(0, 4, 6));
  env_.loops.RunUntilIdle();
  EXPECT_EQ(env_.console.out, "4\n5\n6\n");
  EXPECT_THAT(TakeReports(), ElementsAre(std::pair(0, TaskState::FINISHED)));
  EXPECT_EQ(env_.loops.running(), 1u);
}

TEST_F(TaskManagerTest, MessagesReachTheTaskTheyAreFor) {
  Submit(0);
  Submit(1);
  TakeReports();
  manager_->AssignSplits(Numbers(1, 7, 7));
  env_.loops.RunUntilIdle();
  EXPECT_EQ(env_.console.out, "7\n");
  EXPECT_THAT(TakeReports(), ElementsAre(std::pair(1, TaskState::FINISHED)));
  manager_->CancelTask(Printer(0).task);
  env_.loops.RunUntilIdle();
  EXPECT_THAT(TakeReports(), ElementsAre(std::pair(0, TaskState::CANCELED)));
}

TEST_F(TaskManagerTest, MessagesForTasksThatAreGoneAreIgnored) {
  manager_->CancelTask(Printer(5).task);
  manager_->CommitTask(Printer(5).task);
  manager_->AssignSplits(Numbers(5, 1, 1));
  env_.loops.RunUntilIdle();
  EXPECT_THAT(TakeReports(), IsEmpty());
  Submit(0);
  manager_->CancelTask(Printer(0).task);
  manager_->CancelTask(Printer(0).task);
  env_.loops.RunUntilIdle();
  EXPECT_THAT(TakeReports(),
              ElementsAre(std::pair(0, TaskState::RUNNING), std::pair(0, TaskState::CANCELED)));
}

TEST_F(TaskManagerTest, TicksWhileThereAreTasksAndOnlyThen) {
  env_.loops.RunUntilIdle();
  EXPECT_FALSE(ticks());
  Submit(0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(ticks());
    env_.clock.AdvanceMillis(1);
    env_.loops.RunUntilIdle();
  }
  manager_->CancelTask(Printer(0).task);
  env_.loops.RunUntilIdle();
  env_.clock.AdvanceMillis(1);
  env_.loops.RunUntilIdle();
  EXPECT_FALSE(ticks());
  Submit(1);
  EXPECT_TRUE(ticks());
}

TEST_F(TaskManagerTest, ShutdownWithoutTasksIsTheEnd) {
  manager_->Shutdown();
  env_.loops.RunUntilIdle();
  EXPECT_EQ(env_.loops.running(), 0u);
}

TEST_F(TaskManagerTest, ShutdownCancelsItsTasksAndReportsThem) {
  Submit(0);
  Submit(1);
  TakeReports();
  manager_->Shutdown();
  env_.loops.RunUntilIdle();
  EXPECT_THAT(TakeReports(), testing::UnorderedElementsAre(std::pair(0, TaskState::CANCELED),
                                                           std::pair(1, TaskState::CANCELED)));
  EXPECT_EQ(env_.loops.running(), 0u);
}

TEST_F(TaskManagerTest, CancelsItsTasksWhenTheJobManagerIsLostAndGoesOn) {
  int told = 0;
  manager_->JobManagerLost([&] { ++told; });
  env_.loops.RunUntilIdle();
  EXPECT_EQ(told, 1);
  Submit(0);
  Submit(1);
  manager_->JobManagerLost([&] { ++told; });
  env_.loops.RunUntilIdle();
  EXPECT_EQ(told, 2);
  EXPECT_EQ(env_.loops.running(), 1u);
  TakeReports();
  Submit(2);
  EXPECT_THAT(TakeReports(), ElementsAre(std::pair(2, TaskState::RUNNING)));
}

// Each of the two is told.
TEST_F(TaskManagerTest, MayShutDownWhileItsTasksAreBeingCancelled) {
  Submit(0);
  std::vector<std::string> told;
  manager_->JobManagerLost([&] { told.push_back("cancelled"); });
  manager_->Shutdown([&] { told.push_back("shut down"); });
  env_.loops.RunUntilIdle();
  EXPECT_THAT(told, ElementsAre("cancelled", "shut down"));
  EXPECT_EQ(env_.loops.running(), 0u);
}

TEST_F(TaskManagerTest, ForgetsChannelsOfAJobThatHasEnded) {
  Mailbox mailbox(env_.clock);
  ReadyChannels ready(mailbox);
  const auto input = transport_.OpenInput({.job = "job", .edge = 3}, ready, 0);
  manager_->ReleaseJob("other");
  env_.loops.RunUntilIdle();
  EXPECT_EQ(transport_.half_open(), 1u);
  manager_->ReleaseJob("job");
  env_.loops.RunUntilIdle();
  EXPECT_EQ(transport_.half_open(), 0u);
}

TEST(TaskIdLessTest, OrdersByEveryPart) {
  const TaskIdLess less;
  idl::TaskId base;
  base.job_id = "b";
  EXPECT_FALSE(less(base, base));
  idl::TaskId other = base;
  other.attempt = 1;
  EXPECT_TRUE(less(base, other));
  EXPECT_FALSE(less(other, base));
  other = base;
  other.subtask = 1;
  EXPECT_TRUE(less(base, other));
  other = base;
  other.vertex = 1;
  EXPECT_TRUE(less(base, other));
  other = base;
  other.job_id = "a";
  other.vertex = 9;
  EXPECT_TRUE(less(other, base));
}

}  // namespace
}  // namespace pyflinkpp
