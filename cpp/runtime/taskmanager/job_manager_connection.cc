#include "runtime/taskmanager/job_manager_connection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "runtime/rpc/rpc_message.h"
#include "runtime/rpc/skeletons.h"

namespace pyflinkpp {
namespace {
constexpr int64_t kFirstDelayMs = 100;  // as Flink's cluster.registration.initial-timeout
constexpr int64_t kLongestDelayMs = 5'000;
constexpr int64_t kAnswerTimeoutMs = 10'000;  // of a JobManager that was asked to register
}  // namespace

// One connection that was tried. The network posts to the loop; mail of one that is over is dropped.
class JobManagerConnection::Attempt final : public ConnectionHandler, public TaskManagerSkeleton {
 public:
  Attempt(std::weak_ptr<JobManagerConnection> owner, int64_t number)
      : owner_(std::move(owner)), number_(number) {}

  void OnOpen(const std::shared_ptr<Connection>&) override {}
  void OnFrame(std::string frame) override {
    Post("JobManager's message", [frame = std::move(frame)](JobManagerConnection& owner) {
      const std::shared_ptr<Attempt> attempt = owner.handler_;  // which this may let go
      owner.Take(*attempt, frame);
    });
  }
  void OnClosed(const absl::Status& why) override {
    Post("JobManager's connection ended", [why](JobManagerConnection& owner) {
      owner.Lose(why.ok() ? "the connection has ended" : FailureOf(why).message);
    });
  }

  void AcceptRegistration(const idl::RegistrationAccepted& accepted) override {
    taking_->Accepted(accepted);
  }
  void RefuseRegistration(const std::string& reason) override { refused_ = reason; }
  void Heartbeat() override {
    if (const auto stub = taking_->stub()) stub->Heartbeat();
  }
  void SubmitTask(const idl::TaskDeployment& deployment) override {
    taking_->jobs_.insert(deployment.task.job_id);
    TaskManagerSkeleton::SubmitTask(deployment);
  }
  void ReleaseJob(const std::string& job_id) override {
    taking_->jobs_.erase(job_id);
    TaskManagerSkeleton::ReleaseJob(job_id);
  }
  TaskManagerGateway& task_manager() override { return *taking_->task_manager_; }

  // Whose call is made.
  JobManagerConnection* taking_ = nullptr;
  std::optional<std::string> refused_;
  // The processor only borrows this; by its base, or the borrowed pointer would be taken for the
  // one that shared_from_this shares.
  const std::unique_ptr<idl::TaskManagerServiceProcessor> processor_ =
      std::make_unique<idl::TaskManagerServiceProcessor>(std::shared_ptr<idl::TaskManagerServiceIf>(
          static_cast<idl::TaskManagerServiceIf*>(this), [](auto*) {}));

 private:
  template <class Action>
  void Post(const char* name, Action action) {
    if (const auto owner = owner_.lock()) {
      owner->mailbox().Post(name,
                            [owner = owner.get(), number = number_, action = std::move(action)] {
                              if (owner->attempt_ == number && owner->handler_ != nullptr)
                                action(*owner);
                            });
    }
  }

  const std::weak_ptr<JobManagerConnection> owner_;
  const int64_t number_;
};

JobManagerConnection::JobManagerConnection(Env& env, Network& network, Options options,
                                           RpcOptions rpc)
    : Loop("JobManager link", env.clock),
      env_(env),
      network_(network),
      options_(std::move(options)),
      rpc_(std::move(rpc)) {}

JobManagerConnection::~JobManagerConnection() = default;

void JobManagerConnection::RegisterTaskManager(int slots, TaskManagerGateway* task_manager,
                                               std::string data_address) {
  mailbox().Post("connect", [this, slots, task_manager, data_address = std::move(data_address)] {
    slots_ = slots;
    data_address_ = data_address;
    task_manager_ = task_manager;
    alone_since_nanos_ = env_.clock.NowNanos();
    Connect();
  });
}

void JobManagerConnection::Connect() {
  if (state_ != State::kDisconnected) return;
  state_ = State::kRegistering;
  last_heard_nanos_ = env_.clock.NowNanos();
  timeout_ms_ = kAnswerTimeoutMs;
  handler_ = std::make_shared<Attempt>(weak_from_this(), ++attempt_);
  connection_ = network_.Connect(options_.job_manager, handler_);
  idl::TaskManagerRegistration registration;
  registration.id = options_.id;
  registration.name = options_.name;
  registration.slots = slots_;
  registration.data_address = data_address_;
  registration.pyflinkpp_version = rpc_.pyflinkpp_version;
  registration.python_version = rpc_.python_version;
  connection_->Send(EncodeCall<idl::JobManagerServiceClient>(
      0, [&](auto& client) { client.RegisterTaskManager(registration); }));
  CheckSilence(attempt_);
}

void JobManagerConnection::Take(Attempt& attempt, const std::string& frame) {
  const absl::Status taken = TakeCall(attempt, frame);
  if (attempt.refused_) return GiveUp(*attempt.refused_);
  if (!taken.ok()) Lose(FailureOf(taken).message);
}

absl::Status JobManagerConnection::TakeCall(Attempt& attempt, const std::string& frame) {
  ASSIGN_OR_RETURN(const idl::RpcHeader header, DecodeHeader(frame));
  if (header.version != kRpcVersion) {
    attempt.refused_ = absl::StrCat("the JobManager speaks version ", header.version,
                                    " of the protocol, and this TaskManager version ", kRpcVersion,
                                    ": install the same pyflinkpp on both");
    return absl::OkStatus();
  }
  if (header.session != session_) {
    rpc_.log(absl::StrCat("a message of the JobManager was dropped: it belongs to session ",
                          header.session, ", which is over"));
    return absl::OkStatus();
  }
  last_heard_nanos_ = env_.clock.NowNanos();
  attempt.taking_ = this;
  return DispatchCall(frame, *attempt.processor_);
}

void JobManagerConnection::Accepted(const idl::RegistrationAccepted& accepted) {
  if (state_ != State::kRegistering) return;
  state_ = State::kRegistered;
  session_ = accepted.session;
  timeout_ms_ = std::max<int64_t>(accepted.heartbeat_timeout_ms, 1);
  delay_ms_ = 0;
  SetStub(std::make_shared<JobManagerStub>(connection_, session_));
  rpc_.log(absl::StrCat("registered at the JobManager ", connection_->peer()));
  CheckSilence(attempt_);
}

void JobManagerConnection::CheckSilence(int64_t attempt) {
  if (attempt != attempt_ || handler_ == nullptr) return;
  const int64_t limit = last_heard_nanos_ + timeout_ms_ * 1'000'000;
  if (env_.clock.NowNanos() > limit)
    return Lose(absl::StrCat("nothing was heard of it for ", timeout_ms_, " ms"));
  const State then = state_;
  mailbox().PostAt(limit + 1'000'000, "JobManager's silence", [this, attempt, then] {
    if (state_ == then) CheckSilence(attempt);
  });
}

void JobManagerConnection::Lose(const std::string& why) {
  if (handler_ == nullptr) return;
  handler_.reset();
  SetStub(nullptr);
  connection_->Close();
  connection_.reset();
  session_ = 0;
  if (std::exchange(state_, State::kCancelling) != State::kRegistered) return ConnectLater(why);
  alone_since_nanos_ = env_.clock.NowNanos();
  rpc_.log(absl::StrCat("the JobManager was lost: ", why));
  callbacks_.cancel_tasks([self = weak_from_this(), why] {
    if (const auto alive = self.lock()) {
      alive->mailbox().Post("tasks have ended", [alive = alive.get(), why] {
        alive->ReleaseJobs();
        alive->ConnectLater(why);
      });
    }
  });
}

void JobManagerConnection::ConnectLater(const std::string& why) {
  if (state_ == State::kEnded) return;
  state_ = State::kDisconnected;
  delay_ms_ = delay_ms_ == 0 ? kFirstDelayMs : std::min(2 * delay_ms_, kLongestDelayMs);
  const int64_t next = env_.clock.NowNanos() + delay_ms_ * 1'000'000;
  if (next > alone_since_nanos_ + options_.registration_timeout_ms * 1'000'000) {
    return GiveUp(absl::StrCat("no JobManager at ", options_.job_manager.host, ":",
                               options_.job_manager.port, ": ", why));
  }
  mailbox().PostAt(next, "connect again", [this] { Connect(); });
}

void JobManagerConnection::GiveUp(const std::string& why) {
  state_ = State::kEnded;
  SetStub(nullptr);
  handler_.reset();
  if (connection_ != nullptr) connection_->Close();
  connection_.reset();
  callbacks_.give_up(why);
}

void JobManagerConnection::Shutdown() {
  mailbox().Post("shut down", [this] {
    state_ = State::kEnded;
    SetStub(nullptr);
    handler_.reset();
    if (connection_ != nullptr) connection_->Close();
    connection_.reset();
    ReleaseJobs();
    EndLoop();
  });
}

// The JobManager that would have told of their end is not heard any more, and their tasks have ended.
void JobManagerConnection::ReleaseJobs() {
  for (const std::string& job : std::exchange(jobs_, {})) callbacks_.release_job(job);
}

std::shared_ptr<const JobManagerStub> JobManagerConnection::stub() {
  MutexLock lock(mutex_);
  return stub_;
}

void JobManagerConnection::SetStub(std::shared_ptr<const JobManagerStub> stub) {
  MutexLock lock(mutex_);
  stub_.swap(stub);
}

void JobManagerConnection::ReportTask(idl::TaskReport report) {
  if (const auto to = stub()) to->ReportTask(report);
}

void JobManagerConnection::RequestSplit(idl::SplitRequest request) {
  if (const auto to = stub()) to->RequestSplit(request);
}

void JobManagerConnection::ReportWatermark(idl::WatermarkProgress progress) {
  if (const auto to = stub()) to->ReportWatermark(progress);
}

void JobManagerConnection::AnswerCheckpoint(idl::CheckpointAnswer answer) {
  if (const auto to = stub()) to->AnswerCheckpoint(answer);
}

void JobManagerConnection::ReportSourceWatermark(idl::ReportedWatermark report) {
  if (const auto to = stub()) to->ReportSourceWatermark(report);
}

}  // namespace pyflinkpp
