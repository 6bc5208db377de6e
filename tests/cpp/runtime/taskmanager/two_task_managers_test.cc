// Jobs over two TaskManagers whose channels are sockets. What the processes of a cluster have of their
// own is apart: network, transport, TaskManager; the JobManager's calls are direct.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "native/job_builder.h"
#include "native/registry.h"
#include "runtime/env/asio_network.h"
#include "runtime/env/real_env.h"
#include "runtime/jobmanager/job_manager.h"
#include "runtime/network/blocking_transport.h"
#include "runtime/network/local_transport.h"
#include "runtime/network/network_transport.h"
#include "runtime/taskmanager/task_manager.h"

namespace pyflinkpp {
namespace {

class SharedConsole final : public Console {
 public:
  void Write(absl::string_view text, bool) override {
    MutexLock lock(mutex_);
    text_.append(text.data(), text.size());
  }
  // Sorted.
  std::vector<std::string> TakeLines() {
    MutexLock lock(mutex_);
    std::vector<std::string> lines = absl::StrSplit(text_, '\n', absl::SkipEmpty());
    text_.clear();
    std::sort(lines.begin(), lines.end());
    return lines;
  }

 private:
  Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

class EndListener final : public JobListener {
 public:
  void OnState(JobState) override {}
  void OnEnd(const JobResult& result) override {
    MutexLock lock(mutex_);
    result_ = result;
    changed_.NotifyAll();
  }
  JobResult Wait() {
    MutexLock lock(mutex_);
    for (int i = 0; i < 6'000 && !result_.has_value(); ++i) changed_.WaitFor(mutex_, 10'000'000);
    return result_.value_or(JobResult{});
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<JobResult> result_ ABSL_GUARDED_BY(mutex_);
};

class TwoTaskManagersTest : public testing::Test {
 protected:
  // What a TaskManager's process has.
  struct Process {
    std::unique_ptr<Network> network;
    LocalTransport local;
    std::unique_ptr<NetworkTransport> transport;
    std::unique_ptr<BlockingTransport> blocking;
    std::shared_ptr<TaskManager> task_manager;
  };

  TwoTaskManagersTest() {
    loops_.Start(job_manager_);
    for (Process& process : processes_) {
      process.network = *MakeAsioNetwork({});
      process.transport = *NetworkTransport::Listen(*process.network, process.local, {});
      process.blocking = std::make_unique<BlockingTransport>(*process.transport, env_);
      process.blocking->ServeOver(*process.transport);
      process.task_manager = std::make_shared<TaskManager>("TaskManager", env_, *process.blocking,
                                                           registry_, job_manager_);
      process.task_manager->Register(/*slots=*/1, process.transport->address());
      loops_.Start(process.task_manager);
    }
  }
  ~TwoTaskManagersTest() override {
    job_manager_->Shutdown([this] {
      for (const Process& process : processes_) process.task_manager->Shutdown();
    });
    loops_.JoinAll();
  }

  // Counts words of `lines` made up lines at parallelism 2.
  static native::JobBuilder WordCount(int64_t lines) {
    native::JobBuilder job(std::string(32, 'a'));
    int last = job.Numbers(1, lines, 2);
    for (const char* name : {"long_to_line", "split_words", "pair", "key_by_word"})
      last = job.Then(last, idl::Partitioner::FORWARD, job.Native(name, 2));
    const int reduce =
        job.Then(last, idl::Partitioner::HASH, job.Reduce("sum_counts", /*final_only=*/true, 2));
    job.Then(reduce, idl::Partitioner::FORWARD, job.Print("", false, 2));
    return job;
  }
  // Without the subtasks that printed them, sorted.
  static std::vector<std::string> Pairs(std::vector<std::string> lines) {
    for (std::string& line : lines) line = line.substr(line.find('('));
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  JobResult Run(idl::JobGraph graph) {
    auto listener = std::make_shared<EndListener>();
    const std::string id = graph.job_id = absl::StrFormat("%032x", ++jobs_);
    job_manager_->SubmitJob(std::move(graph), listener);
    const JobResult result = listener->Wait();
    for (Process& process : processes_) process.blocking->Release(id);
    return result;
  }

  RealClock clock_;
  RealRandom random_;
  PosixFileSystem files_;
  SharedConsole console_;
  ThreadExecutor io_{2};
  OperatorRegistry registry_ = native::NativeOperators();
  ThreadLoopRunner loops_;
  Env env_{clock_, random_, files_, io_, console_, loops_};
  std::shared_ptr<JobManager> job_manager_ = std::make_shared<JobManager>(env_, registry_);
  Process processes_[2];
  int jobs_ = 0;
};

TEST_F(TwoTaskManagersTest, AKeyedJobGivesWhatItGivesWithinOneProcess) {
  const JobResult result = Run(WordCount(20'000).Build());
  ASSERT_EQ(result.state, JobState::kFinished) << result.failure.message;
  std::map<std::string, int64_t> counts;
  int64_t words = 0;
  for (const std::string& line : console_.TakeLines()) {
    // "2> (word,count)"
    const std::string pair = line.substr(line.find('(') + 1);
    const auto comma = pair.find(',');
    EXPECT_TRUE(counts.emplace(pair.substr(0, comma), 0).second) << "each word is in one subtask";
    words += std::stoll(pair.substr(comma + 1));
  }
  EXPECT_EQ(words, 20'000 * 8);
  EXPECT_EQ(result.metrics.at(5).records_in, 20'000 * 8);
  for (Process& process : processes_) {
    EXPECT_EQ(process.transport->half_open(), 0u);
    EXPECT_EQ(process.transport->channels(), 0u);
  }
}

TEST_F(TwoTaskManagersTest, EveryPartitioningCrossesTheNetwork) {
  for (const auto partitioner : {idl::Partitioner::REBALANCE, idl::Partitioner::BROADCAST,
                                 idl::Partitioner::GLOBAL, idl::Partitioner::SHUFFLE}) {
    native::JobBuilder job(std::string(32, 'b'));
    const int numbers = job.Numbers(1, 5'000, 2);
    job.Then(numbers, partitioner, job.Discard(2));
    const JobResult result = Run(job.Build());
    ASSERT_EQ(result.state, JobState::kFinished) << result.failure.message;
    const int64_t copies = partitioner == idl::Partitioner::BROADCAST ? 2 : 1;
    EXPECT_EQ(result.metrics.at(1).records_in, copies * 5'000);
  }
}

TEST_F(TwoTaskManagersTest, ManySmallJobsLeaveNothingBehind) {
  for (int i = 0; i < 20; ++i) {
    const JobResult result = Run(WordCount(10).Build());
    ASSERT_EQ(result.state, JobState::kFinished) << result.failure.message;
  }
  EXPECT_EQ(console_.TakeLines().empty(), false);
  for (Process& process : processes_) {
    EXPECT_EQ(process.transport->half_open(), 0u);
    EXPECT_EQ(process.transport->channels(), 0u);
    EXPECT_EQ(process.transport->floating_credits(), NetworkTransportOptions().floating_credits);
  }
}

TEST_F(TwoTaskManagersTest, ABatchJobReadsWhatTheOtherProcessHasWritten) {
  native::JobBuilder job = WordCount(20'000);
  job.graph().configuration["execution.runtime-mode"] = "BATCH";
  const JobResult result = Run(job.Build());
  ASSERT_EQ(result.state, JobState::kFinished) << result.failure.message;
  const std::vector<std::string> batch = Pairs(console_.TakeLines());
  ASSERT_EQ(Run(WordCount(20'000).Build()).state, JobState::kFinished);
  EXPECT_EQ(batch, Pairs(console_.TakeLines()));
  EXPECT_FALSE(batch.empty());
}

}  // namespace
}  // namespace pyflinkpp
