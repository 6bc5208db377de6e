#include "runtime/jobmanager/resource_manager.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "runtime/rpc/rpc_message.h"
#include "runtime/rpc/skeletons.h"
#include "runtime/rpc/stubs.h"

namespace pyflinkpp {
namespace {
// Connections that have not registered yet.
constexpr size_t kUnregisteredMax = 1000;

// Hears who has not registered.
class NoJobManager final : public JobManagerGateway {
 public:
  void RegisterTaskManager(int, TaskManagerGateway*, std::string) override {}
  void ReportTask(idl::TaskReport) override {}
  void RequestSplit(idl::SplitRequest) override {}
  void ReportWatermark(idl::WatermarkProgress) override {}
  void AnswerCheckpoint(idl::CheckpointAnswer) override {}
  void ReportSourceWatermark(idl::ReportedWatermark) override {}
};
NoJobManager no_job_manager;

}  // namespace

// A connection. The network posts to the ResourceManager's loop; all else is used on it.
class ResourceManager::Link final : public ConnectionHandler,
                                    public JobManagerSkeleton,
                                    public std::enable_shared_from_this<Link> {
 public:
  explicit Link(std::weak_ptr<ResourceManager> owner) : owner_(std::move(owner)) {}

  void OnOpen(const std::shared_ptr<Connection>& connection) override {
    Post("TaskManager connects", [connection](ResourceManager& owner, Link& self) {
      self.connection_ = connection;
      self.last_heard_nanos_ = owner.env_.clock.NowNanos();
      owner.Accept(self.shared_from_this());
    });
  }
  void OnFrame(std::string frame) override {
    Post("TaskManager's message", [frame = std::move(frame)](ResourceManager& owner, Link& self) {
      self.Take(owner, frame);
    });
  }
  void OnClosed(const absl::Status& why) override {
    Post("TaskManager's connection ended", [why](ResourceManager& owner, Link& self) {
      owner.Lose(self.shared_from_this(),
                 why.ok() ? "its connection has ended" : FailureOf(why).message);
    });
  }

  void Heartbeat() override {}  // any message is a sign of life
  void RegisterTaskManager(const idl::TaskManagerRegistration& registration) override {
    registered_now_ = taking_->Register(*this, registration);
  }
  JobManagerGateway& job_manager() override {
    return session_ == 0 ? static_cast<JobManagerGateway&>(no_job_manager) : *taking_->job_manager_;
  }

  void Take(ResourceManager& owner, const std::string& frame) {
    if (lost_) return;
    const absl::Status taken = TakeCall(owner, frame);
    if (!taken.ok()) owner.Lose(shared_from_this(), FailureOf(taken).message);
  }
  absl::Status TakeCall(ResourceManager& owner, const std::string& frame) {
    ASSIGN_OR_RETURN(const idl::RpcHeader header, DecodeHeader(frame));
    if (header.version != kRpcVersion) {
      const std::string reason = absl::StrCat("it speaks version ", header.version,
                                              " of the protocol, and this JobManager version ",
                                              kRpcVersion, ": install the same pyflinkpp on both");
      Refuse(reason);
      return absl::FailedPreconditionError(reason);
    }
    if (header.session != session_) {
      owner.options_.log(absl::StrCat("a message of ", name(),
                                      " was dropped: it belongs to session ", header.session,
                                      ", which is over"));
      return absl::OkStatus();
    }
    last_heard_nanos_ = owner.env_.clock.NowNanos();
    taking_ = &owner;
    registered_now_ = absl::OkStatus();
    RETURN_IF_ERROR(DispatchCall(frame, *processor_));
    if (session_ == 0 && registered_now_.ok())
      return absl::PermissionDeniedError("it has not registered");
    return registered_now_;
  }
  void Refuse(const std::string& reason) {
    connection_->Send(EncodeCall<idl::TaskManagerServiceClient>(
        session_, [&](auto& client) { client.RefuseRegistration(reason); }));
  }
  std::string name() const {
    return name_.empty() ? absl::StrCat("the connection from ", connection_->peer()) : name_;
  }

  std::shared_ptr<Connection> connection_;
  int64_t last_heard_nanos_ = 0;
  int64_t session_ = 0;  // 0: not registered
  std::string id_;
  std::string name_;
  std::shared_ptr<TaskManagerStub> stub_;  // set: the JobManager knows it
  bool lost_ = false;

 private:
  template <class Action>
  void Post(const char* name, Action action) {
    if (const auto owner = owner_.lock()) {
      owner->mailbox().Post(name, [owner = owner.get(), self = shared_from_this(),
                                   action = std::move(action)] { action(*owner, *self); });
    }
  }

  const std::weak_ptr<ResourceManager> owner_;
  ResourceManager* taking_ = nullptr;  // whose call is made
  absl::Status registered_now_;        // what came of a registration
  // The processor only borrows this; by its base, or the borrowed pointer would be taken for the
  // one that shared_from_this shares.
  const std::unique_ptr<idl::JobManagerServiceProcessor> processor_ =
      std::make_unique<idl::JobManagerServiceProcessor>(std::shared_ptr<idl::JobManagerServiceIf>(
          static_cast<idl::JobManagerServiceIf*>(this), [](auto*) {}));
};

ResourceManager::ResourceManager(Env& env, Network& network,
                                 std::shared_ptr<JobManager> job_manager, RpcOptions options)
    : Loop("ResourceManager", env.clock),
      env_(env),
      network_(network),
      job_manager_(std::move(job_manager)),
      options_(std::move(options)) {}

ResourceManager::~ResourceManager() = default;

absl::Status ResourceManager::Listen(const NetworkAddress& address) {
  ASSIGN_OR_RETURN(listener_, network_.Listen(address, [owner = weak_from_this()] {
    return std::make_shared<Link>(owner);
  }));
  mailbox().Post("heartbeats", [this] { SendHeartbeats(); });
  return absl::OkStatus();
}

void ResourceManager::Shutdown() {
  mailbox().Post("shut down", [this] {
    shutting_down_ = true;
    for (const auto& [key, link] : std::exchange(links_, {})) {
      link->lost_ = true;
      link->connection_->Close();
    }
    CountRegistered();
    listener_.reset();
    EndLoop();
  });
}

void ResourceManager::Accept(std::shared_ptr<Link> link) {
  size_t unregistered = 0;
  for (const auto& [key, each] : links_) unregistered += each->session_ == 0 ? 1 : 0;
  if (unregistered >= kUnregisteredMax) {
    link->lost_ = true;
    options_.log(absl::StrCat(link->name(), " was closed: ", unregistered,
                              " others have not registered yet"));
    return link->connection_->Close();
  }
  links_.emplace(link.get(), std::move(link));
}

absl::Status ResourceManager::Register(Link& link,
                                       const idl::TaskManagerRegistration& registration) {
  if (link.session_ != 0) return absl::FailedPreconditionError("it has registered already");
  link.name_ = absl::StrCat("the TaskManager ", registration.name);
  if (registration.slots < 1 || registration.slots > kUnlimitedSlots)
    return absl::InvalidArgumentError(absl::StrCat("it offers ", registration.slots, " slots"));
  const auto same = [&](absl::string_view what, const std::string& its,
                        const std::string& ours) -> absl::Status {
    if (its == ours) return absl::OkStatus();
    const std::string reason = absl::StrCat("it runs ", what, " ", its, ", and this JobManager ",
                                            what, " ", ours, ": install the same version on both");
    link.Refuse(reason);
    return absl::FailedPreconditionError(reason);
  };
  RETURN_IF_ERROR(same("pyflinkpp", registration.pyflinkpp_version, options_.pyflinkpp_version));
  RETURN_IF_ERROR(same("Python", registration.python_version, options_.python_version));

  // One that comes back before its old connection was found broken.
  std::shared_ptr<Link> before;
  for (const auto& [key, each] : links_) {
    if (each->session_ != 0 && each->id_ == registration.id) before = each;
  }
  if (before != nullptr) Lose(before, "it has registered anew");

  link.id_ = registration.id;
  const int64_t session = static_cast<int64_t>(env_.random.Next() >> 1) | 1;
  idl::RegistrationAccepted accepted;
  accepted.session = session;
  accepted.heartbeat_timeout_ms = options_.heartbeat_timeout_ms;
  link.connection_->Send(EncodeCall<idl::TaskManagerServiceClient>(
      link.session_, [&](auto& client) { client.AcceptRegistration(accepted); }));
  link.session_ = session;
  link.stub_ = std::make_shared<TaskManagerStub>(
      link.connection_, session,
      [job_manager = std::weak_ptr(job_manager_)](idl::TaskReport report) {
        if (const auto alive = job_manager.lock()) alive->ReportTask(std::move(report));
      });
  job_manager_->RegisterTaskManager(registration.slots, link.stub_.get(),
                                    registration.data_address);
  options_.log(absl::StrCat(link.name_, " at ", link.connection_->peer(), " has registered"));
  CountRegistered();
  return absl::OkStatus();
}

// What comes behind this from its connection is not heard.
void ResourceManager::Lose(const std::shared_ptr<Link>& link, const std::string& why) {
  if (std::exchange(link->lost_, true) || link->connection_ == nullptr) return;
  options_.log(absl::StrCat(link->name(), " was lost: ", why));
  link->connection_->Close();
  links_.erase(link.get());
  if (link->stub_ != nullptr) {
    job_manager_->TaskManagerLost(link->stub_.get());
    // The JobManager calls it until it has heard of that.
    job_manager_->mailbox().Post("forget TaskManager", [stub = std::move(link->stub_)] {});
  }
  CountRegistered();
}

void ResourceManager::SendHeartbeats() {
  if (shutting_down_) return;
  const int64_t now = env_.clock.NowNanos();
  std::vector<std::shared_ptr<Link>> silent;
  for (const auto& [key, link] : links_) {
    if (now - link->last_heard_nanos_ > options_.heartbeat_timeout_ms * 1'000'000) {
      silent.push_back(link);
    } else if (link->stub_ != nullptr) {
      link->stub_->Heartbeat();
    }
  }
  for (const auto& link : silent) {
    Lose(link, absl::StrCat("nothing was heard of it for ", options_.heartbeat_timeout_ms, " ms"));
  }
  mailbox().PostAt(now + options_.heartbeat_interval_ms * 1'000'000, "heartbeats",
                   [this] { SendHeartbeats(); });
}

void ResourceManager::CountRegistered() {
  int count = 0;
  for (const auto& [key, link] : links_) count += link->stub_ != nullptr ? 1 : 0;
  MutexLock lock(mutex_);
  registered_ = count;
  changed_.NotifyAll();
}

int ResourceManager::task_managers() {
  MutexLock lock(mutex_);
  return registered_;
}

bool ResourceManager::WaitForTaskManagers(int count, int64_t timeout_ms) {
  const int64_t deadline = env_.clock.NowNanos() + timeout_ms * 1'000'000;
  MutexLock lock(mutex_);
  while (registered_ < count) {
    const int64_t now = env_.clock.NowNanos();
    if (now >= deadline) return false;
    changed_.WaitFor(mutex_, deadline - now);
  }
  return true;
}

}  // namespace pyflinkpp
