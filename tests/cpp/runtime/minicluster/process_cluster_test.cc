// A JobManager and TaskManagers that know each other by their sockets only. Here they share a process;
// waits are for events, with a generous deadline.
#include "runtime/minicluster/process_cluster.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/job_builder.h"
#include "native/registry.h"
#include "runtime/env/asio_network.h"
#include "runtime/minicluster/task_manager_process.h"

namespace pyflinkpp {
namespace {

using testing::HasSubstr;

constexpr int64_t kDeadlineMs = 60'000;

class SilentConsole final : public Console {
 public:
  void Write(absl::string_view, bool) override {}
};

// Runs until the job is cancelled: waits for what nobody brings.
class Waiting final : public Operator {
 public:
  absl::Status Open(OperatorContext&) override { return absl::OkStatus(); }
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView&, Output&) override {
    return Progress::kWait;
  }
};

class ProcessClusterTest : public testing::Test {
 protected:
  ProcessClusterTest() {
    cluster_ = std::make_unique<ProcessCluster>(Registry(), std::make_unique<SilentConsole>(),
                                                *MakeAsioNetwork(Security()), Rpc("3.11"));
    PFPP_CHECK(cluster_->Start({.host = "127.0.0.1", .port = 0}).ok());
  }
  static OperatorRegistry Registry() {
    OperatorRegistry registry = native::NativeOperators();
    native::AddNative(registry, "waiting", [](const auto&) { return std::make_unique<Waiting>(); });
    return registry;
  }
  static AsioNetworkOptions Security(const std::string& token = "secret") {
    AsioNetworkOptions options;
    options.security.token = token;
    return options;
  }
  static RpcOptions Rpc(const std::string& python) {
    RpcOptions rpc;
    rpc.pyflinkpp_version = "1";
    rpc.python_version = python;
    return rpc;
  }
  std::unique_ptr<TaskManagerProcess> TaskManagerOf(const std::string& python = "3.11",
                                                    const std::string& token = "secret",
                                                    int64_t registration_timeout_ms = 60'000) {
    TaskManagerProcess::Options options;
    options.job_manager = cluster_->address();
    options.slots = kUnlimitedSlots;
    options.name = "test";
    options.rpc = Rpc(python);
    options.registration_timeout_ms = registration_timeout_ms;
    return *TaskManagerProcess::Make(Registry(), std::make_unique<SilentConsole>(),
                                     *MakeAsioNetwork(Security(token)), options);
  }
  void StartTaskManagers(int count) {
    for (int i = 0; i < count; ++i) task_managers_.push_back(TaskManagerOf());
    ASSERT_TRUE(cluster_->WaitForTaskManagers(count, kDeadlineMs));
  }
  // Words of numbers, counted by word, in two subtasks each.
  static idl::JobGraph WordCount(const std::string& id, int64_t last) {
    native::JobBuilder builder(id);
    const int numbers = builder.Numbers(1, last, 2);
    const int words =
        builder.Then(numbers, idl::Partitioner::FORWARD, builder.Native("long_to_word", 2));
    const int counts = builder.Then(words, idl::Partitioner::REBALANCE, builder.Native("pair", 2));
    const int keyed =
        builder.Then(counts, idl::Partitioner::FORWARD, builder.Native("key_by_word", 2));
    const int sums =
        builder.Then(keyed, idl::Partitioner::HASH, builder.Reduce("sum_counts", true, 2));
    builder.Then(sums, idl::Partitioner::REBALANCE, builder.Collect());
    return builder.Build();
  }
  // All of a job's results, as texts.
  static std::vector<std::string> Results(JobHandle& job) {
    std::vector<std::string> rows;
    for (bool ended = false; !ended;) {
      const auto element = job.NextResult(kDeadlineMs, &ended);
      if (!element && !ended) {
        ADD_FAILURE() << "no result came in time";
        break;
      }
      if (!element) break;
      const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&*element);
      if (batch == nullptr) continue;
      std::string text;
      std::vector<size_t> ends;
      EXPECT_TRUE(
          (*batch)->serializer()->Format((*batch)->row(0), (*batch)->size(), text, ends).ok());
      size_t begin = 0;
      for (const size_t end : ends) {
        rows.push_back(text.substr(begin, end - begin));
        begin = end;
      }
    }
    return rows;
  }

  std::unique_ptr<ProcessCluster> cluster_;
  std::vector<std::unique_ptr<TaskManagerProcess>> task_managers_;
};

TEST_F(ProcessClusterTest, AJobRunsOverSocketsAndItsResultsReachTheClient) {
  StartTaskManagers(2);
  const auto job = cluster_->Submit(WordCount("job", 20'000));
  const std::vector<std::string> rows = Results(*job);
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  EXPECT_EQ(job->result().state, JobState::kFinished) << job->result().failure.message;
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), rows.size())
      << "each key is in one place";
}

TEST_F(ProcessClusterTest, ManyJobsOneAfterTheOther) {
  StartTaskManagers(2);
  std::vector<std::string> first;
  for (int i = 0; i < 20; ++i) {
    const auto job = cluster_->Submit(WordCount(absl::StrCat("job ", i), 1'000));
    std::vector<std::string> rows = Results(*job);
    std::sort(rows.begin(), rows.end());
    ASSERT_TRUE(job->Wait(kDeadlineMs));
    ASSERT_EQ(job->result().state, JobState::kFinished) << job->result().failure.message;
    EXPECT_EQ(job->results_status(), absl::OkStatus());
    EXPECT_EQ(rows.size(), 13u);
    if (i == 0) first = rows;
    EXPECT_EQ(rows, first);
  }
}

TEST_F(ProcessClusterTest, ACancelledJobAndItsTasksEnd) {
  StartTaskManagers(2);
  native::JobBuilder builder("job");
  const int numbers = builder.Numbers(1, 1000, 2);
  const int waiting =
      builder.Then(numbers, idl::Partitioner::REBALANCE, builder.Native("waiting", 2));
  builder.Then(waiting, idl::Partitioner::REBALANCE, builder.Collect());
  const auto job = cluster_->Submit(builder.Build());
  job->Cancel();
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  EXPECT_EQ(job->result().state, JobState::kCanceled);
}

TEST_F(ProcessClusterTest, AJobOfALostTaskManagerFails) {
  StartTaskManagers(2);
  native::JobBuilder builder("job");
  const int numbers = builder.Numbers(1, 1000, 2);
  const int waiting =
      builder.Then(numbers, idl::Partitioner::REBALANCE, builder.Native("waiting", 2));
  builder.Then(waiting, idl::Partitioner::REBALANCE, builder.Discard(2));
  const auto job = cluster_->Submit(builder.Build());
  // Else it may not have come to that TaskManager yet, and runs on the other one for ever.
  while (job->state() != JobState::kRunning) ASSERT_FALSE(job->Wait(1));
  task_managers_.pop_back();
  ASSERT_TRUE(job->Wait(kDeadlineMs));
  EXPECT_EQ(job->result().state, JobState::kFailed);
  EXPECT_EQ(job->result().failure.kind, idl::FaultKind::EXTERNAL);
}

TEST_F(ProcessClusterTest, AnotherPythonIsRefused) {
  const auto other = TaskManagerOf("3.12");
  ASSERT_TRUE(other->Wait(kDeadlineMs));
  EXPECT_THAT(other->failure(), testing::AllOf(HasSubstr("Python 3.12"), HasSubstr("Python 3.11")));
  EXPECT_EQ(cluster_->task_managers(), 0);
}

TEST_F(ProcessClusterTest, WhoDoesNotKnowTheTokenIsRefused) {
  const auto other = TaskManagerOf("3.11", "guessed", /*registration_timeout_ms=*/0);
  ASSERT_TRUE(other->Wait(kDeadlineMs));
  EXPECT_THAT(other->failure(), HasSubstr("no JobManager at"));
  EXPECT_EQ(cluster_->task_managers(), 0);
}

TEST_F(ProcessClusterTest, ATaskManagerEndsWhenItsJobManagerIsGone) {
  task_managers_.push_back(TaskManagerOf("3.11", "secret", /*registration_timeout_ms=*/0));
  ASSERT_TRUE(cluster_->WaitForTaskManagers(1, kDeadlineMs));
  cluster_.reset();
  ASSERT_TRUE(task_managers_[0]->Wait(kDeadlineMs));
}

}  // namespace
}  // namespace pyflinkpp
