// A TaskManager that has a process for itself: what it needs of the machine, and its life.
#pragma once

#include <memory>
#include <string>

#include "runtime/env/real_env.h"
#include "runtime/network/blocking_transport.h"
#include "runtime/network/local_transport.h"
#include "runtime/network/network_transport.h"
#include "runtime/taskmanager/job_manager_connection.h"
#include "runtime/taskmanager/task_manager.h"

namespace pyflinkpp {

// Looks for the JobManager at once and for ever, or until Shutdown. The destructor cancels all tasks
// and joins all threads.
class TaskManagerProcess {
 public:
  struct Options {
    NetworkAddress job_manager;
    NetworkAddress data = {.host = "127.0.0.1", .port = 0};  // where it takes channels of others
    int slots = 1;
    std::string name;                           // for messages
    int64_t registration_timeout_ms = 300'000;  // taskmanager.registration.timeout
    RpcOptions rpc;
  };
  // An error: it can't listen.
  static absl::StatusOr<std::unique_ptr<TaskManagerProcess>> Make(OperatorRegistry registry,
                                                                  std::unique_ptr<Console> console,
                                                                  std::unique_ptr<Network> network,
                                                                  const Options& options);
  ~TaskManagerProcess();

  // Cancels all tasks; when they have ended, so has this. Any thread.
  void Shutdown();
  // Waits until it has ended, at most so long; whether it has.
  bool Wait(int64_t timeout_ms);
  // Why it has ended by itself; empty: it was told to.
  std::string failure();

 private:
  TaskManagerProcess(OperatorRegistry registry, std::unique_ptr<Console> console,
                     std::unique_ptr<Network> network);
  void Run(const Options& options);

  const OperatorRegistry registry_;
  const std::unique_ptr<Console> console_;
  RealClock clock_;
  RealRandom random_;
  PosixFileSystem files_;
  LocalTransport local_;
  ThreadLoopRunner loops_;
  ThreadExecutor io_;
  Env env_;
  const std::unique_ptr<Network> network_;
  std::unique_ptr<NetworkTransport> channels_;
  std::unique_ptr<BlockingTransport> transport_;
  std::shared_ptr<JobManagerConnection> job_manager_;
  std::shared_ptr<TaskManager> task_manager_;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::string failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pyflinkpp
