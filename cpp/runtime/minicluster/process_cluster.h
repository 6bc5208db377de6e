// A JobManager in this process whose TaskManagers are processes of their own, and the client's end
// of the jobs that run on them.
#pragma once

#include <memory>
#include <string>

#include "runtime/jobmanager/resource_manager.h"
#include "runtime/minicluster/mini_cluster.h"
#include "runtime/network/network_transport.h"

namespace pyflinkpp {

// Who starts the TaskManagers tells them the address. The destructor cancels all jobs, lets the
// TaskManagers go, and joins all threads.
class ProcessCluster {
 public:
  ProcessCluster(OperatorRegistry registry, std::unique_ptr<Console> console,
                 std::unique_ptr<Network> network, RpcOptions rpc);
  ~ProcessCluster();

  // Listens for TaskManagers, and on another port for results; before anything else.
  absl::Status Start(const NetworkAddress& address);
  NetworkAddress address() const { return resources_->address(); }
  int task_managers() { return resources_->task_managers(); }
  bool WaitForTaskManagers(int count, int64_t timeout_ms) {
    return resources_->WaitForTaskManagers(count, timeout_ms);
  }
  // Takes a graph that ValidateAndComplete has accepted.
  std::shared_ptr<JobHandle> Submit(idl::JobGraph graph);

  Env& env() { return env_; }

 private:
  // What handles of jobs use: it lives as long as one of them.
  struct Channels {
    RealClock clock;
    LocalTransport local;
    std::unique_ptr<Network> network;
    std::unique_ptr<NetworkTransport> transport;
  };

  const OperatorRegistry registry_;
  const std::unique_ptr<Console> console_;
  const std::shared_ptr<Channels> channels_;
  RealRandom random_;
  PosixFileSystem files_;
  ThreadLoopRunner loops_;
  ThreadExecutor io_;
  Env env_;
  std::shared_ptr<JobManager> job_manager_;
  std::shared_ptr<ResourceManager> resources_;
  bool started_ = false;
};

}  // namespace pyflinkpp
