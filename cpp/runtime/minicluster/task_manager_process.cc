#include "runtime/minicluster/task_manager_process.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {
constexpr int kIoThreads = 2;
}

TaskManagerProcess::TaskManagerProcess(OperatorRegistry registry, std::unique_ptr<Console> console,
                                       std::unique_ptr<Network> network)
    : registry_(std::move(registry)),
      console_(std::move(console)),
      io_(kIoThreads),
      env_{clock_, random_, files_, io_, *console_, loops_},
      network_(std::move(network)) {}

absl::StatusOr<std::unique_ptr<TaskManagerProcess>> TaskManagerProcess::Make(
    OperatorRegistry registry, std::unique_ptr<Console> console, std::unique_ptr<Network> network,
    const Options& options) {
  auto process = std::unique_ptr<TaskManagerProcess>(
      new TaskManagerProcess(std::move(registry), std::move(console), std::move(network)));
  ASSIGN_OR_RETURN(process->channels_,
                   NetworkTransport::Listen(*process->network_, process->local_,
                                            {.listen = options.data, .advertised_host = {}}));
  process->Run(options);
  return process;
}

void TaskManagerProcess::Run(const Options& options) {
  transport_ = std::make_unique<BlockingTransport>(*channels_, env_);
  transport_->ServeOver(*channels_);
  JobManagerConnection::Options connection;
  connection.job_manager = options.job_manager;
  connection.id = absl::StrFormat("%016x%016x", random_.Next(), random_.Next());
  connection.name = options.name;
  connection.registration_timeout_ms = options.registration_timeout_ms;
  job_manager_ = std::make_shared<JobManagerConnection>(env_, *network_, connection, options.rpc);
  task_manager_ =
      std::make_shared<TaskManager>("TaskManager", env_, *transport_, registry_, job_manager_);
  job_manager_->SetCallbacks(
      {.cancel_tasks =
           [task_manager = std::weak_ptr(task_manager_)](std::function<void()> done) {
             if (const auto alive = task_manager.lock()) alive->JobManagerLost(std::move(done));
           },
       .release_job = [this](const std::string& job_id) { transport_->Release(job_id); },
       .give_up =
           [this](const std::string& why) {
             {
               MutexLock lock(mutex_);
               failure_ = why;
             }
             Shutdown();
           }});
  task_manager_->Register(options.slots, channels_->address());
  loops_.Start(job_manager_);
  loops_.Start(task_manager_);
}

TaskManagerProcess::~TaskManagerProcess() {
  if (task_manager_ == nullptr) return;
  Shutdown();
  loops_.JoinAll();
}

void TaskManagerProcess::Shutdown() {
  task_manager_->Shutdown([this] {
    job_manager_->Shutdown();
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  });
}

bool TaskManagerProcess::Wait(int64_t timeout_ms) {
  const int64_t deadline = clock_.NowNanos() + timeout_ms * 1'000'000;
  MutexLock lock(mutex_);
  while (!ended_) {
    const int64_t now = clock_.NowNanos();
    if (now >= deadline) return false;
    changed_.WaitFor(mutex_, deadline - now);
  }
  return true;
}

std::string TaskManagerProcess::failure() {
  MutexLock lock(mutex_);
  return failure_;
}

}  // namespace pyflinkpp
