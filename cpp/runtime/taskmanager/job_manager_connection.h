// A TaskManager's connection to a JobManager in another process.
//
//   DISCONNECTED --after a delay--> REGISTERING --accepted--> REGISTERED
//        ^                              |                         |
//        |<-- refused by the network ---+     closed, or silent for the timeout
//        |                                                        v
//        +<---------- all tasks have ended ----------------- CANCELLING
//
// Refused by the JobManager, it ends for good.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "core/env/network.h"
#include "core/idl/rpc_types.h"
#include "runtime/mailbox/loop.h"
#include "runtime/rpc/gateways.h"
#include "runtime/rpc/rpc_options.h"
#include "runtime/rpc/stubs.h"

namespace pyflinkpp {

// A loop of its own: what comes from the network becomes its mail. The calls of JobManagerGateway come
// from any thread; those that come while there is no registration are dropped, as their tasks are.
class JobManagerConnection final : public Loop,
                                   public JobManagerGateway,
                                   public std::enable_shared_from_this<JobManagerConnection> {
 public:
  struct Callbacks {
    // The JobManager is lost: `done` is called when no task is left.
    std::function<void(std::function<void()> done)> cancel_tasks;
    // Nothing of the job is heard any more: what is kept for it can go.
    std::function<void(const std::string& job_id)> release_job;
    // It will not be found or refuses this process: on the loop.
    std::function<void(const std::string& why)> give_up;
  };
  struct Options {
    NetworkAddress job_manager;
    std::string id;    // of this process: 32 hexadecimal digits
    std::string name;  // for messages
    // A JobManager that was lost is looked for, at most so long; 0: not at all.
    int64_t registration_timeout_ms = 300'000;  // taskmanager.registration.timeout
  };

  JobManagerConnection(Env& env, Network& network, Options options, RpcOptions rpc);
  ~JobManagerConnection() override;
  // Before RegisterTaskManager.
  void SetCallbacks(Callbacks callbacks) { callbacks_ = std::move(callbacks); }
  // Closes the connection and ends the loop.
  void Shutdown();

  // Starts to connect. `task_manager` outlives the loop.
  using JobManagerGateway::RegisterTaskManager;
  void RegisterTaskManager(int slots, TaskManagerGateway* task_manager,
                           std::string data_address) override;
  void ReportTask(idl::TaskReport report) override;
  void RequestSplit(idl::SplitRequest request) override;
  void ReportWatermark(idl::WatermarkProgress progress) override;
  void AnswerCheckpoint(idl::CheckpointAnswer answer) override;
  void ReportSourceWatermark(idl::ReportedWatermark report) override;

 private:
  class Attempt;
  enum class State { kDisconnected, kRegistering, kRegistered, kCancelling, kEnded };

  void Connect();
  void Take(Attempt& attempt, const std::string& frame);
  absl::Status TakeCall(Attempt& attempt, const std::string& frame);
  void Accepted(const idl::RegistrationAccepted& accepted);
  // The connection is of no use any more.
  void Lose(const std::string& why);
  void ConnectLater(const std::string& why);
  void GiveUp(const std::string& why);
  void CheckSilence(int64_t attempt);
  void ReleaseJobs();
  // None: there is no registration.
  std::shared_ptr<const JobManagerStub> stub();
  void SetStub(std::shared_ptr<const JobManagerStub> stub);

  Env& env_;
  Network& network_;
  const Options options_;
  const RpcOptions rpc_;
  Callbacks callbacks_;
  int slots_ = 0;
  TaskManagerGateway* task_manager_ = nullptr;
  std::string data_address_;
  State state_ = State::kDisconnected;
  int64_t attempt_ = 0;  // connections made
  std::shared_ptr<Attempt> handler_;
  std::shared_ptr<Connection> connection_;
  int64_t session_ = 0;
  int64_t timeout_ms_ = 0;
  int64_t last_heard_nanos_ = 0;
  int64_t alone_since_nanos_ = 0;
  int64_t delay_ms_ = 0;
  std::set<std::string> jobs_;  // of which tasks came and the end did not
  Mutex mutex_;
  std::shared_ptr<const JobManagerStub> stub_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
