#include "runtime/rpc/rpc_message.h"

#include <gmock/gmock.h>

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/fake_gateways.h"
#include "harness/test_env.h"
#include "runtime/rpc/skeletons.h"
#include "runtime/rpc/stubs.h"

namespace pyflinkpp {
namespace {

using harness::Task;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Keeps what is sent.
class KeepingConnection final : public Connection {
 public:
  void Send(std::string frame) override { frames.push_back(std::move(frame)); }
  void Close() override {}
  const std::string& peer() const override { return peer_; }
  std::vector<std::string> frames;

 private:
  const std::string peer_ = "peer";
};

class TaskManagerEnd final : public TaskManagerSkeleton {
 public:
  void AcceptRegistration(const idl::RegistrationAccepted&) override { ++of_connection; }
  void RefuseRegistration(const std::string&) override { ++of_connection; }
  void Heartbeat() override { ++of_connection; }
  TaskManagerGateway& task_manager() override { return gateway; }
  harness::RecordingTaskManager gateway;
  int of_connection = 0;
};

class JobManagerEnd final : public JobManagerSkeleton {
 public:
  void RegisterTaskManager(const idl::TaskManagerRegistration&) override { ++of_connection; }
  void Heartbeat() override { ++of_connection; }
  JobManagerGateway& job_manager() override { return gateway; }
  harness::RecordingJobManager gateway;
  int of_connection = 0;
};

class RpcMessageTest : public testing::Test {
 protected:
  // Takes what was sent to the other end.
  absl::Status Deliver() {
    for (const std::string& frame : std::exchange(connection_->frames, {})) {
      const auto header = DecodeHeader(frame);
      if (!header.ok()) return header.status();
      EXPECT_EQ(header->version, kRpcVersion);
      EXPECT_EQ(header->session, 77);
      if (const absl::Status called = DispatchCall(frame, to_task_manager_); !called.ok())
        return called;
    }
    return absl::OkStatus();
  }

  const std::shared_ptr<KeepingConnection> connection_ = std::make_shared<KeepingConnection>();
  std::vector<idl::TaskReport> refused_;
  TaskManagerStub task_manager_{
      connection_, 77, [this](idl::TaskReport report) { refused_.push_back(std::move(report)); }};
  const JobManagerStub job_manager_{connection_, 77};
  const std::shared_ptr<TaskManagerEnd> task_manager_end_ = std::make_shared<TaskManagerEnd>();
  const std::shared_ptr<JobManagerEnd> job_manager_end_ = std::make_shared<JobManagerEnd>();
  idl::TaskManagerServiceProcessor to_task_manager_{task_manager_end_};
  idl::JobManagerServiceProcessor to_job_manager_{job_manager_end_};
};

TEST_F(RpcMessageTest, EachCallToATaskManagerArrivesAsItWas) {
  idl::TaskDeployment deployment;
  deployment.task = Task(1, 2, 3);
  deployment.name = "words (3/4)";
  deployment.chain.resize(2);
  deployment.chain[1].op.spec.__set_print_sink({});
  deployment.configuration["a"] = std::string("b\0c", 3);
  task_manager_.SubmitTask(deployment);
  task_manager_.CancelTask(Task(0, 1));
  idl::SplitAssignment splits;
  splits.task = Task(0, 2);
  splits.splits.resize(3);
  for (auto& split : splits.splits) split.__set_collection_from(4);
  task_manager_.AssignSplits(splits);
  task_manager_.CommitTask(Task(0, 3));
  idl::CheckpointTrigger trigger;
  trigger.task = Task(0, 4);
  trigger.barrier.checkpoint = std::numeric_limits<int64_t>::max();
  task_manager_.TriggerCheckpoint(trigger);
  idl::CheckpointNotice notice;
  notice.task = Task(0, 5);
  notice.checkpoint = 8;
  notice.completed = true;
  task_manager_.NotifyCheckpoint(notice);
  idl::WatermarkAlignment alignment;
  alignment.task = Task(0, 6);
  alignment.max_watermark = std::numeric_limits<int64_t>::min();
  task_manager_.AlignWatermark(alignment);
  task_manager_.ReleaseJob("some job");
  task_manager_.Heartbeat();
  ASSERT_TRUE(Deliver().ok());
  EXPECT_THAT(task_manager_end_->gateway.Take(),
              ElementsAre("submit 1.2#3", "cancel 0.1#0", "3 splits for 0.2#0", "commit 0.3#0",
                          "checkpoint 9223372036854775807 of 0.4#0", "notice 8 completed 0.5#0",
                          "align to -9223372036854775808 0.6#0", "release some job"));
  EXPECT_THAT(task_manager_end_->gateway.deployments, ElementsAre(deployment));
  EXPECT_EQ(task_manager_end_->of_connection, 1);
}

TEST_F(RpcMessageTest, EachCallToTheJobManagerArrivesAsItWas) {
  idl::TaskReport report;
  report.task = Task(1, 2, 3);
  report.state = idl::TaskState::FAILED;
  report.failure.message = " no such file: ü";
  report.__isset.failure = true;
  job_manager_.ReportTask(report);
  idl::SplitRequest request;
  request.task = Task(0, 1);
  job_manager_.RequestSplit(request);
  idl::WatermarkProgress progress;
  progress.task = Task(0, 2);
  progress.watermark = -5;
  job_manager_.ReportWatermark(progress);
  idl::CheckpointAnswer answer;
  answer.task = Task(0, 3);
  answer.checkpoint = 9;
  job_manager_.AnswerCheckpoint(answer);
  idl::ReportedWatermark source;
  source.task = Task(0, 4);
  source.watermark = 6;
  job_manager_.ReportSourceWatermark(source);
  job_manager_.Heartbeat();
  for (const std::string& frame : connection_->frames)
    ASSERT_TRUE(DispatchCall(frame, to_job_manager_).ok());
  EXPECT_THAT(job_manager_end_->gateway.Take(),
              ElementsAre("report 5 no such file: ü 1.2#3", "split 0.1#0", "watermark -5 0.2#0",
                          "answer 9 0.3#0", "source at 6 0.4#0"));
  EXPECT_EQ(job_manager_end_->of_connection, 1);
}

TEST_F(RpcMessageTest, ATaskThatIsTooLongToSendFailsAndSaysWhatToDo) {
  idl::TaskDeployment deployment;
  deployment.task = Task(1, 2, 3);
  deployment.name = "huge (3/4)";
  deployment.configuration["pickle"] = std::string(kRpcMessageMaxBytes, 'x');
  task_manager_.SubmitTask(deployment);
  EXPECT_THAT(connection_->frames, IsEmpty());
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].task, deployment.task);
  EXPECT_EQ(refused_[0].state, idl::TaskState::FAILED);
  EXPECT_TRUE(refused_[0].failure.fatal);
  EXPECT_THAT(refused_[0].failure.message,
              testing::AllOf(HasSubstr("huge (3/4)"), HasSubstr("execution.checkpointing.dir")));
}

TEST_F(RpcMessageTest, StateThatIsTooLongToSendFailsItsCheckpoint) {
  idl::CheckpointAnswer answer;
  answer.task = Task(0, 3);
  answer.checkpoint = 9;
  answer.snapshot.operators[0].keyed.resize(1);
  answer.snapshot.operators[0].keyed[0].file.inline_bytes.assign(kRpcMessageMaxBytes, 'x');
  answer.__isset.snapshot = true;
  job_manager_.AnswerCheckpoint(answer);
  ASSERT_EQ(connection_->frames.size(), 1u);
  ASSERT_TRUE(DispatchCall(connection_->frames[0], to_job_manager_).ok());
  EXPECT_THAT(job_manager_end_->gateway.Take(),
              ElementsAre(testing::AllOf(HasSubstr("answer 9 failed:"),
                                         HasSubstr("execution.checkpointing.dir"))));
}

TEST_F(RpcMessageTest, OnlyWholeCallsOfTheServiceAreMade) {
  task_manager_.CancelTask(Task(0, 1));
  const std::string valid = connection_->frames[0];
  // Of the other service.
  EXPECT_THAT(DispatchCall(valid, to_job_manager_).message(),
              HasSubstr("there is no method 'CancelTask'"));
  EXPECT_THAT(DispatchCall(valid + "x", to_task_manager_).message(),
              HasSubstr("bytes are left behind the call"));
  EXPECT_FALSE(DispatchCall("", to_task_manager_).ok());
  EXPECT_FALSE(DecodeHeader("").ok());
  for (size_t size = 0; size < valid.size(); ++size)
    EXPECT_FALSE(DispatchCall(valid.substr(0, size), to_task_manager_).ok()) << size;
  EXPECT_THAT(task_manager_end_->gateway.Take(), IsEmpty());
  EXPECT_THAT(DispatchCall(std::string(kRpcMessageMaxBytes + 1, '\0'), to_task_manager_).message(),
              HasSubstr("134217729 bytes, at most 134217728"));
}

TEST_F(RpcMessageTest, ACallThatWantsAnAnswerIsNone) {
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  apache::thrift::protocol::TCompactProtocol protocol(buffer);
  idl::RpcHeader().write(&protocol);
  protocol.writeMessageBegin("Heartbeat", apache::thrift::protocol::T_CALL, 0);
  idl::TaskManagerService_Heartbeat_args().write(&protocol);
  protocol.writeMessageEnd();
  EXPECT_THAT(DispatchCall(buffer->getBufferAsString(), to_task_manager_).message(),
              HasSubstr("it is no call"));
  EXPECT_EQ(task_manager_end_->of_connection, 0);
}

// What comes of them is a call or an error, nothing else; the sanitizers look on.
TEST_F(RpcMessageTest, MutatedMessagesAreCallsOrErrors) {
  idl::TaskDeployment deployment;
  deployment.task = Task(1, 2, 3);
  deployment.chain.resize(3);
  for (auto& node : deployment.chain) {
    node.op.name = "operator";
    node.op.output_type.children.resize(3);
  }
  deployment.state[0].keyed.resize(1);
  deployment.configuration = {{"a", "b"}, {"c", "d"}};
  task_manager_.SubmitTask(deployment);
  idl::SplitAssignment splits;
  splits.splits.resize(20);
  for (auto& split : splits.splits) split.__set_file({});
  task_manager_.AssignSplits(splits);
  const std::vector<std::string> valid = std::exchange(connection_->frames, {});
  harness::SeededRandom random(11);
  std::map<bool, int> outcomes;
  for (int i = 0; i < 20'000; ++i) {
    std::string frame = valid[i % 2];
    for (uint64_t flips = 1 + random.Next() % 4; flips > 0; --flips)
      frame[random.Next() % frame.size()] = static_cast<char>(random.Next());
    if (random.Next() % 4 == 0) frame.resize(random.Next() % frame.size());
    ++outcomes[DispatchCall(frame, to_task_manager_).ok()];
    (void)DecodeHeader(frame);
  }
  EXPECT_GT(outcomes[true], 100);
  EXPECT_GT(outcomes[false], 100);
}

TEST_F(RpcMessageTest, ATaskThatIsTooDeepToSendFails) {
  idl::TaskDeployment deployment;
  deployment.name = "deep";
  deployment.chain.resize(1);
  idl::TypeInformation* type = &deployment.chain[0].op.output_type;
  for (int depth = 0; depth < 5'000; ++depth) type = &type->children.emplace_back();
  task_manager_.SubmitTask(deployment);
  EXPECT_THAT(connection_->frames, IsEmpty());
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_THAT(refused_[0].failure.message,
              HasSubstr("the deployment of task 'deep' can't be sent"));
}

TEST_F(RpcMessageTest, AStructWithinAStructWithoutEndIsRefused) {
  task_manager_.Heartbeat();
  std::string deep = connection_->frames[0];
  deep.pop_back();               // the end of the call's arguments
  deep.append(100'000, '\x1c');  // a field that is a struct
  deep.append(100'001, '\0');
  EXPECT_THAT(DispatchCall(deep, to_task_manager_).message(), HasSubstr("depth limit"));
  EXPECT_EQ(task_manager_end_->of_connection, 0);
}

}  // namespace
}  // namespace pyflinkpp
