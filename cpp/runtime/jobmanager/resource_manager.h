// Takes the connections of TaskManagers in other processes: who they are, whether they live, what
// they say.
//
//   TaskManager                                   ResourceManager
//      RegisterTaskManager {id, slots, versions} ->   versions differ: RefuseRegistration, close
//      <- AcceptRegistration {session}                JobManager.RegisterTaskManager(slots, stub)
//      <- calls of TaskManagerGateway                 from the JobManager, by the stub
//      calls of JobManagerGateway ->                  to the JobManager
//      <- Heartbeat, Heartbeat ->                     each interval
//      closed, or silent for the timeout              JobManager.TaskManagerLost(stub)
//
// Every message carries the session that the registration got. One of another session is dropped; one
// that is not valid ends its connection. Neither concerns anybody else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/env/network.h"
#include "core/idl/rpc_types.h"
#include "runtime/jobmanager/job_manager.h"
#include "runtime/mailbox/loop.h"
#include "runtime/rpc/rpc_options.h"

namespace pyflinkpp {

// A loop of its own. What comes from the network becomes its mail, so messages are decoded here, and a
// message that is behind the loss of its TaskManager is never heard.
class ResourceManager final : public Loop, public std::enable_shared_from_this<ResourceManager> {
 public:
  ResourceManager(Env& env, Network& network, std::shared_ptr<JobManager> job_manager,
                  RpcOptions options);
  ~ResourceManager() override;

  // Before the loop starts.
  absl::Status Listen(const NetworkAddress& address);
  NetworkAddress address() const { return listener_->address(); }
  // Closes all connections and ends the loop. Jobs have ended before.
  void Shutdown();

  // How many TaskManagers are registered. Any thread.
  int task_managers();
  // Waits until so many are, at most so long; whether they are. Not on a loop.
  bool WaitForTaskManagers(int count, int64_t timeout_ms);

 private:
  class Link;
  void Accept(std::shared_ptr<Link> link);
  absl::Status Register(Link& link, const idl::TaskManagerRegistration& registration);
  void Lose(const std::shared_ptr<Link>& link, const std::string& why);
  void SendHeartbeats();
  void CountRegistered();

  Env& env_;
  Network& network_;
  const std::shared_ptr<JobManager> job_manager_;
  const RpcOptions options_;
  std::unique_ptr<Listener> listener_;
  std::map<const Link*, std::shared_ptr<Link>> links_;
  bool shutting_down_ = false;
  Mutex mutex_;
  CondVar changed_;
  int registered_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace pyflinkpp
