#include "runtime/taskmanager/job_manager_connection.h"

#include <gmock/gmock.h>

#include <optional>

#include "harness/fake_gateways.h"
#include "harness/test_env.h"
#include "harness/test_network.h"
#include "runtime/rpc/rpc_message.h"
#include "runtime/rpc/skeletons.h"

namespace pyflinkpp {
namespace {

using harness::Task;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A JobManager's side of a connection, by hand.
class Peer final : public ConnectionHandler, public JobManagerSkeleton {
 public:
  void OnOpen(const std::shared_ptr<Connection>& to) override { connection = to; }
  void OnFrame(std::string frame) override {
    idl::JobManagerServiceProcessor processor(
        std::shared_ptr<idl::JobManagerServiceIf>(this, [](auto*) {}));
    sessions.push_back(DecodeHeader(frame)->session);
    EXPECT_TRUE(DispatchCall(frame, processor).ok());
  }
  void OnClosed(const absl::Status&) override { closed = true; }
  void RegisterTaskManager(const idl::TaskManagerRegistration& told) override {
    registration = told;
  }
  void Heartbeat() override { ++heartbeats; }
  JobManagerGateway& job_manager() override { return gateway; }

  void Accept(int64_t with_session) {
    idl::RegistrationAccepted accepted;
    accepted.session = with_session;
    accepted.heartbeat_timeout_ms = 50'000;
    Send([&](auto& client) { client.AcceptRegistration(accepted); });
    session = with_session;
  }
  template <class Call>
  void Send(const Call& call) {
    connection->Send(EncodeCall<idl::TaskManagerServiceClient>(session, call));
  }

  std::shared_ptr<Connection> connection;
  harness::RecordingJobManager gateway;
  std::optional<idl::TaskManagerRegistration> registration;
  std::vector<int64_t> sessions;  // of its messages
  int64_t session = 0;
  int heartbeats = 0;
  bool closed = false;
};

class JobManagerConnectionTest : public testing::Test {
 protected:
  JobManagerConnectionTest() {
    RpcOptions rpc;
    rpc.pyflinkpp_version = "1.2.3";
    rpc.python_version = "3.11";
    rpc.log = [this](absl::string_view line) { log_.emplace_back(line); };
    connection_ = std::make_shared<JobManagerConnection>(
        env_.env, network_,
        JobManagerConnection::Options{
            .job_manager = {.host = "localhost", .port = 6123}, .id = "me", .name = "host:1"},
        rpc);
    connection_->SetCallbacks(
        {.cancel_tasks = [this](auto done) { cancelled_ = std::move(done); },
         .release_job = [this](const std::string& job) { released_.push_back(job); },
         .give_up = [this](const std::string& why) { gave_up_.push_back(why); }});
    env_.loops.Start(connection_);
  }
  ~JobManagerConnectionTest() override {
    connection_->Shutdown();
    Run();
    EXPECT_EQ(env_.loops.running(), 0u);
  }
  void Run() { env_.loops.RunUntilIdle(); }
  void Advance(int64_t millis) {
    for (int64_t i = 0; i < millis; i += 100) {
      env_.clock.AdvanceMillis(100);
      Run();
    }
  }
  void Listen() {
    listener_ = *network_.Listen({.host = "localhost", .port = 6123}, [this] {
      peers_.push_back(std::make_shared<Peer>());
      return peers_.back();
    });
  }
  void Start(int slots = 2) {
    connection_->RegisterTaskManager(slots, &task_manager_, "host:99");
    Run();
  }
  // A connection that the JobManager has accepted.
  Peer& Registered(int64_t session = 7) {
    Listen();
    Start();
    peers_.back()->Accept(session);
    Run();
    return *peers_.back();
  }
  void Report(int subtask) {
    idl::TaskReport report;
    report.task = Task(0, subtask);
    connection_->ReportTask(report);
  }

  harness::TestEnv env_;
  harness::TestNetwork network_;
  std::vector<std::string> log_;
  harness::RecordingTaskManager task_manager_;
  std::function<void()> cancelled_;
  std::vector<std::string> released_;
  std::vector<std::string> gave_up_;
  std::vector<std::shared_ptr<Peer>> peers_;
  std::unique_ptr<Listener> listener_;
  std::shared_ptr<JobManagerConnection> connection_;
};

TEST_F(JobManagerConnectionTest, SaysWhoItIsAndCarriesItsSessionFromThenOn) {
  Listen();
  Start(3);
  ASSERT_EQ(peers_.size(), 1u);
  ASSERT_TRUE(peers_[0]->registration.has_value());
  EXPECT_EQ(peers_[0]->registration->slots, 3);
  EXPECT_EQ(peers_[0]->registration->id, "me");
  EXPECT_EQ(peers_[0]->registration->name, "host:1");
  EXPECT_EQ(peers_[0]->registration->data_address, "host:99");
  EXPECT_EQ(peers_[0]->registration->pyflinkpp_version, "1.2.3");
  EXPECT_EQ(peers_[0]->registration->python_version, "3.11");
  Report(1);  // nobody to hear it yet
  peers_[0]->Accept(7);
  Run();
  Report(2);
  idl::SplitRequest request;
  request.task = Task(0, 3);
  connection_->RequestSplit(request);
  EXPECT_THAT(peers_[0]->gateway.Take(), ElementsAre("report 0 0.2#0", "split 0.3#0"));
  EXPECT_THAT(peers_[0]->sessions, ElementsAre(0, 7, 7));
}

TEST_F(JobManagerConnectionTest, CallsReachTheTaskManagerAndHeartbeatsAreAnswered) {
  Peer& peer = Registered();
  peer.Send([](auto& client) { client.CancelTask(Task(1, 2)); });
  peer.Send([](auto& client) { client.Heartbeat(); });
  Run();
  EXPECT_THAT(task_manager_.Take(), ElementsAre("cancel 1.2#0"));
  EXPECT_EQ(peer.heartbeats, 1);
}

TEST_F(JobManagerConnectionTest, AMessageOfAnOldLeaderIsDropped) {
  Peer& peer = Registered();
  peer.session = 6;
  peer.Send([](auto& client) { client.CancelTask(Task(1, 2)); });
  Run();
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  EXPECT_FALSE(peer.closed);
  EXPECT_THAT(log_, testing::Contains(HasSubstr("it belongs to session 6, which is over")));
  peer.session = 7;
  peer.Send([](auto& client) { client.CancelTask(Task(1, 3)); });
  Run();
  EXPECT_THAT(task_manager_.Take(), ElementsAre("cancel 1.3#0"));
}

TEST_F(JobManagerConnectionTest,
       CancelsItsTasksWhenTheJobManagerIsLostAndRegistersAnewWhenTheyEnded) {
  Registered();
  network_.wires[0]->End(absl::UnavailableError("connection reset"));
  Run();
  ASSERT_TRUE(cancelled_);
  Report(1);  // of a task that is being cancelled
  Advance(1'000);
  EXPECT_EQ(peers_.size(), 1u);
  cancelled_();
  Run();
  Advance(100);
  ASSERT_EQ(peers_.size(), 2u);
  EXPECT_TRUE(peers_[1]->registration.has_value());
  EXPECT_THAT(peers_[1]->sessions, ElementsAre(0));
  peers_[1]->Accept(8);
  Run();
  Report(2);
  EXPECT_THAT(peers_[1]->gateway.Take(), ElementsAre("report 0 0.2#0"));
  EXPECT_THAT(peers_[0]->gateway.Take(), IsEmpty());
}

TEST_F(JobManagerConnectionTest, WhatIsKeptForJobsOfALostJobManagerIsReleased) {
  Peer& peer = Registered();
  for (const std::string job : {"first", "second"}) {
    idl::TaskDeployment deployment;
    deployment.task = Task(0, 0);
    deployment.task.job_id = job;
    peer.Send([&](auto& client) { client.SubmitTask(deployment); });
  }
  peer.Send([](auto& client) { client.ReleaseJob("first"); });
  Run();
  EXPECT_THAT(task_manager_.Take(), ElementsAre("submit 0.0#0", "submit 0.0#0", "release first"));
  network_.wires[0]->End(absl::OkStatus());
  Run();
  EXPECT_THAT(released_, IsEmpty()) << "its tasks have not ended";
  cancelled_();
  Run();
  EXPECT_THAT(released_, ElementsAre("second"));
}

TEST_F(JobManagerConnectionTest, ASilentJobManagerIsLost) {
  Peer& peer = Registered();
  Advance(49'000);
  peer.Send([](auto& client) { client.Heartbeat(); });
  Run();
  Advance(49'900);
  EXPECT_FALSE(peer.closed);
  Advance(200);
  EXPECT_TRUE(peer.closed);
  EXPECT_TRUE(cancelled_);
  EXPECT_THAT(log_, testing::Contains(HasSubstr("nothing was heard of it for 50000 ms")));
}

TEST_F(JobManagerConnectionTest, ComesBackWithLongerAndLongerDelays) {
  Start();
  int tried = 0;
  for (int i = 0; i < 40; ++i) {  // 100 + 200 + ... ms: at 0.1, 0.3, 0.7, 1.5, 3.1 s
    env_.clock.AdvanceMillis(100);
    Run();
  }
  Listen();
  while (peers_.empty() && tried++ < 100) Advance(100);
  EXPECT_EQ(tried, 23);  // 6.3 s: 3.2 s behind the try before
  peers_[0]->Accept(7);
  Run();
  EXPECT_THAT(gave_up_, IsEmpty());
}

TEST_F(JobManagerConnectionTest, AnAnswerThatDoesNotComeIsWaitedForTenSeconds) {
  Listen();
  Start();
  Advance(10'000);
  EXPECT_EQ(peers_.size(), 1u);
  Advance(300);
  EXPECT_EQ(peers_.size(), 2u);
  EXPECT_TRUE(peers_[0]->closed);
  EXPECT_FALSE(cancelled_) << "it had no tasks";
}

TEST_F(JobManagerConnectionTest, GivesUpWhenThereIsNoJobManagerForTheTimeout) {
  Start();
  for (int second = 0; second < 290; ++second) Advance(1'000);
  EXPECT_THAT(gave_up_, IsEmpty());
  for (int second = 0; second < 20; ++second) Advance(1'000);
  EXPECT_THAT(gave_up_, ElementsAre("no JobManager at localhost:6123: localhost:6123: connection "
                                    "refused"));
}

TEST_F(JobManagerConnectionTest, GivesUpWhenTheJobManagerRefusesIt) {
  Listen();
  Start();
  peers_[0]->Send([](auto& client) { client.RefuseRegistration("another Python"); });
  Run();
  EXPECT_THAT(gave_up_, ElementsAre("another Python"));
  Advance(10'000);
  EXPECT_EQ(peers_.size(), 1u);
}

TEST_F(JobManagerConnectionTest, GarbageEndsTheConnectionAndItComesBack) {
  Registered();
  peers_[0]->connection->Send("\xff garbage");
  Run();
  EXPECT_TRUE(peers_[0]->closed);
  EXPECT_THAT(task_manager_.Take(), IsEmpty());
  ASSERT_TRUE(cancelled_);
  cancelled_();
  Run();
  Advance(100);
  EXPECT_EQ(peers_.size(), 2u);
}

}  // namespace
}  // namespace pyflinkpp
