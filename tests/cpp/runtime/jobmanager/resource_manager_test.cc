#include "runtime/jobmanager/resource_manager.h"

#include "core/idl/JobManagerService.h"
#include "harness/fake_gateways.h"
#include "harness/test_network.h"
#include "runtime/jobmanager/job_manager_fixture.h"
#include "runtime/rpc/rpc_message.h"
#include "runtime/rpc/skeletons.h"
#include "runtime/rpc/stubs.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A TaskManager's side of a connection, by hand.
class Peer final : public ConnectionHandler, public TaskManagerSkeleton {
 public:
  void OnOpen(const std::shared_ptr<Connection>& connection) override {
    this->connection = connection;
  }
  void OnFrame(std::string frame) override {
    idl::TaskManagerServiceProcessor processor(
        std::shared_ptr<idl::TaskManagerServiceIf>(this, [](auto*) {}));
    EXPECT_EQ(DecodeHeader(frame)->session, session);
    EXPECT_TRUE(DispatchCall(frame, processor).ok());
  }
  void OnClosed(const absl::Status&) override { closed = true; }
  void AcceptRegistration(const idl::RegistrationAccepted& accepted) override {
    session = accepted.session;
    heartbeat_timeout_ms = accepted.heartbeat_timeout_ms;
  }
  void RefuseRegistration(const std::string& reason) override { refused = reason; }
  void Heartbeat() override { ++heartbeats; }
  TaskManagerGateway& task_manager() override { return gateway; }

  void Register(const std::string& id, int slots = 1, const std::string& python = "3.11") {
    idl::TaskManagerRegistration registration;
    registration.id = id;
    registration.name = id;
    registration.slots = slots;
    registration.pyflinkpp_version = "1.2.3";
    registration.python_version = python;
    Send([&](auto& client) { client.RegisterTaskManager(registration); });
  }
  template <class Call>
  void Send(const Call& call) {
    connection->Send(EncodeCall<idl::JobManagerServiceClient>(session, call));
  }
  void Report(const idl::TaskId& task, TaskState::type state) {
    idl::TaskReport report;
    report.task = task;
    report.state = state;
    JobManagerStub(connection, session).ReportTask(report);
  }

  std::shared_ptr<Connection> connection;
  harness::RecordingTaskManager gateway;
  int64_t session = 0;
  int64_t heartbeat_timeout_ms = 0;
  std::string refused;
  int heartbeats = 0;
  bool closed = false;
};

class ResourceManagerTest : public JobManagerTest {
 protected:
  ResourceManagerTest() {
    RpcOptions options;
    options.pyflinkpp_version = "1.2.3";
    options.python_version = "3.11";
    options.log = [this](absl::string_view line) { log_.emplace_back(line); };
    resources_ = std::make_shared<ResourceManager>(env_.env, network_, manager_, options);
    EXPECT_TRUE(resources_->Listen({.host = "127.0.0.1", .port = 0}).ok());
    env_.loops.Start(resources_);
    Run();
  }
  ~ResourceManagerTest() override {
    resources_->Shutdown();  // it listens on the network, which is gone before the loops
    Run();
  }
  void Run() { env_.loops.RunUntilIdle(); }
  std::shared_ptr<Peer> Connect() {
    auto peer = std::make_shared<Peer>();
    peer->connection = network_.Connect(resources_->address(), peer);
    Run();
    return peer;
  }
  std::shared_ptr<Peer> Registered(const std::string& id, int slots = 1) {
    auto peer = Connect();
    peer->Register(id, slots);
    Run();
    EXPECT_NE(peer->session, 0);
    return peer;
  }
  // Their answers to a heartbeat.
  void Beat(std::initializer_list<std::shared_ptr<Peer>> peers, int64_t millis) {
    Advance(millis);
    for (const auto& peer : peers) peer->Send([](auto& client) { client.Heartbeat(); });
    Run();
  }
  std::vector<std::string> TakeLog() { return std::exchange(log_, {}); }

  harness::TestNetwork network_;
  std::vector<std::string> log_;
  std::shared_ptr<ResourceManager> resources_;
};

TEST_F(ResourceManagerTest, ARegisteredTaskManagerRunsTasks) {
  const auto peer = Registered("tm", 2);
  EXPECT_EQ(peer->heartbeat_timeout_ms, 50'000);
  EXPECT_EQ(resources_->task_managers(), 1);
  EXPECT_TRUE(resources_->WaitForTaskManagers(1, 0));
  EXPECT_FALSE(resources_->WaitForTaskManagers(2, 0));
  const auto client = Submit(TwoVertices());
  EXPECT_THAT(peer->gateway.Take(), ElementsAre("submit 0.0#0", "submit 0.1#0", "submit 1.0#0"));
  for (const auto& [vertex, subtask] : {std::pair(0, 0), {0, 1}, {1, 0}}) {
    peer->Report(Task(vertex, subtask), TaskState::RUNNING);
    peer->Report(Task(vertex, subtask), TaskState::FINISHED);
  }
  Run();
  ASSERT_TRUE(client->result.has_value());
  EXPECT_EQ(client->result->state, JobState::kFinished);
  EXPECT_THAT(peer->gateway.Take(), ElementsAre("release job"));
  EXPECT_THAT(TakeLog(), ElementsAre("the TaskManager tm at wire end 0 has registered"));
}

TEST_F(ResourceManagerTest, ABrokenConnectionIsALostTaskManagerAtOnce) {
  const auto peer = Registered("tm", 2);
  const auto client = Submit(TwoVertices());
  network_.wires[0]->End(absl::UnavailableError("connection reset"));
  Run();
  ASSERT_TRUE(client->result.has_value());
  EXPECT_EQ(client->result->state, JobState::kFailed);
  EXPECT_THAT(client->result->failure.message, HasSubstr("the TaskManager that ran it was lost"));
  EXPECT_EQ(resources_->task_managers(), 0);
  EXPECT_THAT(TakeLog(), testing::Contains("the TaskManager tm was lost: connection reset"));
}

TEST_F(ResourceManagerTest, WhoStaysSilentForTheTimeoutIsLost) {
  const auto silent = Registered("silent", 1);
  const auto alive = Registered("alive", 1);
  const auto client = Submit(TwoVertices());
  network_.wires[0]->deaf = true;
  for (int beat = 1; beat <= 5; ++beat) {
    Beat({alive}, 10'000);
    EXPECT_EQ(alive->heartbeats, beat);
    EXPECT_EQ(resources_->task_managers(), 2);
  }
  Beat({alive}, 10'000);
  EXPECT_EQ(resources_->task_managers(), 1);
  EXPECT_TRUE(silent->closed);
  EXPECT_FALSE(alive->closed);
  EXPECT_EQ(silent->heartbeats, 0);
  EXPECT_THAT(alive->gateway.Take(), testing::Contains("cancel 0.1#0"));
  EXPECT_THAT(
      TakeLog(),
      testing::Contains("the TaskManager silent was lost: nothing was heard of it for 50000 ms"));
}

TEST_F(ResourceManagerTest, NothingIsHeardOfATaskManagerBehindItsLoss) {
  const auto peer = Registered("tm", 2);
  const auto client = Submit(TwoVertices());
  // Both come in one breath: the connection's end, then what was sent before.
  const std::shared_ptr<ConnectionHandler> handler = network_.wires[0]->handlers[1];
  handler->OnClosed(absl::OkStatus());
  handler->OnFrame(EncodeCall<idl::JobManagerServiceClient>(peer->session, [&](auto& to) {
    idl::TaskReport report;
    report.task = Task(0, 0);
    report.state = TaskState::RUNNING;
    to.ReportTask(report);
  }));
  Run();
  EXPECT_EQ(client->result->state, JobState::kFailed);
}

TEST_F(ResourceManagerTest, AMessageOfAnOldSessionIsDroppedAndTheConnectionGoesOn) {
  const auto peer = Registered("tm", 2);
  const auto client = Submit(TwoVertices());
  TakeLog();
  const int64_t session = std::exchange(peer->session, peer->session + 2);
  idl::TaskReport report;
  report.task = Task(0, 0);
  report.state = TaskState::FAILED;
  peer->Send([&](auto& to) { to.ReportTask(report); });
  Run();
  EXPECT_FALSE(client->result.has_value());
  EXPECT_FALSE(peer->closed);
  EXPECT_THAT(TakeLog(), ElementsAre(HasSubstr("was dropped: it belongs to session")));
  peer->session = session;
  peer->Send([&](auto& to) { to.ReportTask(report); });
  Run();
  EXPECT_THAT(client->states, testing::Contains("FAILING"));
}

TEST_F(ResourceManagerTest, OneThatComesBackReplacesItself) {
  const auto before = Registered("tm", 2);
  const auto other = Registered("other", 2);
  const auto after = Registered("tm", 2);
  EXPECT_TRUE(before->closed);
  EXPECT_FALSE(other->closed);
  EXPECT_NE(before->session, after->session);
  EXPECT_EQ(resources_->task_managers(), 2);
  Submit(TwoVertices());
  EXPECT_THAT(before->gateway.Take(), IsEmpty());
  EXPECT_THAT(other->gateway.Take(), testing::SizeIs(3));
}

TEST_F(ResourceManagerTest, AnotherPythonIsRefusedAndToldWhy) {
  const auto peer = Connect();
  peer->Register("tm", 1, "3.12");
  Run();
  EXPECT_THAT(peer->refused, testing::AllOf(HasSubstr("Python 3.12"), HasSubstr("Python 3.11")));
  EXPECT_TRUE(peer->closed);
  EXPECT_EQ(peer->session, 0);
  EXPECT_EQ(resources_->task_managers(), 0);
}

TEST_F(ResourceManagerTest, AnotherVersionOfTheProtocolIsRefusedAndToldWhy) {
  const auto peer = Connect();
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  apache::thrift::protocol::TCompactProtocol protocol(buffer);
  idl::RpcHeader header;
  header.version = kRpcVersion + 1;
  header.write(&protocol);
  peer->connection->Send(buffer->getBufferAsString() + "what only that version understands");
  Run();
  EXPECT_THAT(peer->refused, testing::AllOf(HasSubstr("version 2"), HasSubstr("version 1")));
  EXPECT_TRUE(peer->closed);
}

TEST_F(ResourceManagerTest, WhoHasNotRegisteredIsNotHeard) {
  const auto good = Registered("tm", 2);
  const auto client = Submit(TwoVertices());
  const auto peer = Connect();
  peer->Report(Task(0, 0), TaskState::FAILED);
  Run();
  EXPECT_TRUE(peer->closed);
  EXPECT_FALSE(good->closed);
  EXPECT_FALSE(client->result.has_value());
  EXPECT_THAT(TakeLog(),
              testing::Contains("the connection from wire end 0 was lost: it has not registered"));
}

TEST_F(ResourceManagerTest, WhoRegistersTwiceOnOneConnectionIsLost) {
  const auto peer = Registered("tm");
  peer->Register("tm");
  Run();
  EXPECT_TRUE(peer->closed);
  EXPECT_EQ(resources_->task_managers(), 0);
}

TEST_F(ResourceManagerTest, GarbageEndsItsConnectionOnly) {
  const auto good = Registered("tm", 2);
  const auto client = Submit(TwoVertices());
  harness::SeededRandom random(5);
  for (int i = 0; i < 200; ++i) {
    const auto peer = i % 2 == 0 ? Connect() : Registered("bad " + std::to_string(i));
    std::string garbage(1 + random.Next() % 200, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random.Next());
    garbage[0] = '\xff';  // no header
    peer->connection->Send(garbage);
    Run();
    EXPECT_TRUE(peer->closed);
  }
  EXPECT_FALSE(good->closed);
  EXPECT_FALSE(client->result.has_value());
  EXPECT_EQ(resources_->task_managers(), 1);
}

TEST_F(ResourceManagerTest, ConnectionsThatDoNotRegisterAreBounded) {
  std::vector<std::shared_ptr<Peer>> peers;
  for (int i = 0; i < 1001; ++i) peers.push_back(Connect());
  EXPECT_FALSE(peers[999]->closed);
  EXPECT_TRUE(peers[1000]->closed);
  for (int beat = 0; beat < 6; ++beat) Advance(10'000);
  EXPECT_TRUE(peers[0]->closed);
  EXPECT_EQ(Registered("tm")->closed, false);
}

TEST_F(ResourceManagerTest, ShutdownClosesAllConnections) {
  const auto registered = Registered("tm");
  const auto waiting = Connect();
  resources_->Shutdown();
  Run();
  EXPECT_TRUE(registered->closed);
  EXPECT_TRUE(waiting->closed);
  EXPECT_EQ(env_.loops.running(), 1u);  // the JobManager
}

}  // namespace
}  // namespace pyflinkpp
