#include "runtime/minicluster/mini_cluster.h"

#include <algorithm>
#include <utility>

namespace pyflinkpp {
namespace {
constexpr int kIoThreads = 2;
constexpr size_t kCheckpointsKept = 100;
constexpr size_t kFailuresKept = 16;
// Results and the news of the job's end come on different connections: how long the end of the results
// is waited for.
constexpr int64_t kSettleNanos = 5'000'000'000;
constexpr int64_t kSettleFailedNanos = 100'000'000;
}  // namespace

JobHandle::JobHandle(std::string job_id, const Clock& clock, Transport& transport,
                     std::shared_ptr<JobManager> job_manager, std::function<void(int64_t)> drive)
    : job_id_(std::move(job_id)),
      clock_(clock),
      transport_(transport),
      job_manager_(std::move(job_manager)),
      drive_(std::move(drive)),
      mailbox_(clock),
      ready_(mailbox_) {}

JobState JobHandle::state() {
  MutexLock lock(mutex_);
  return state_;
}

bool JobHandle::Wait(int64_t timeout_ms) {
  const int64_t deadline = clock_.NowNanos() + timeout_ms * 1'000'000;
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!result_ && drive_ == nullptr && clock_.NowNanos() < deadline) {
        ended_.WaitFor(mutex_, deadline - clock_.NowNanos());
      }
      if (result_) return true;
    }
    if (clock_.NowNanos() >= deadline) return false;
    drive_(deadline);
  }
}

JobResult JobHandle::result() {
  MutexLock lock(mutex_);
  PFPP_CHECK(result_.has_value());
  return *result_;
}

std::optional<StreamElement> JobHandle::NextResult(int64_t timeout_ms, bool* ended) {
  const int64_t deadline = clock_.NowNanos() + timeout_ms * 1'000'000;
  *ended = false;
  for (;;) {
    mailbox_.BeginStep();
    bool more;
    const bool job_ended = Wait(0);  // asked first: what was sent before the end is still found
    // Asked first: the tasks of an attempt have ended before the next ones are deployed, so all
    // that they have sent is found.
    const bool restarted = HasNextResults();
    if (results_ != nullptr) {
      while (auto element = results_->Poll(&more)) {
        results_ended_ |= std::holds_alternative<EndOfInput>(*element);
        if (!DropKnown(*element)) return element;
      }
    }
    if (restarted) {
      MutexLock lock(mutex_);
      results_ = std::move(next_results_.front());
      next_results_.pop_front();
      results_ended_ = false;
      continue;
    }
    if (job_ended && !MoreIsUnderWay()) {
      *ended = true;
      return std::nullopt;
    }
    if (clock_.NowNanos() >= deadline) return std::nullopt;
    if (drive_ == nullptr) {
      mailbox_.Wait(job_ended ? std::min(deadline, settle_until_nanos_) : deadline);
    } else {
      drive_(deadline);
    }
  }
}

void JobHandle::OpenResults(const ChannelId& channel) {
  channel_ = channel;
  results_ = transport_.OpenInput(channel, ready_, 0);
  MutexLock lock(mutex_);
  takes_results_ = true;
}

void JobHandle::OpenRemoteResults(const ChannelId& channel, std::string data_address,
                                  std::vector<std::shared_ptr<const TypeSerializer>> serializers) {
  channel_ = channel;
  remote_ = true;
  data_address_ = std::move(data_address);
  serializers_ = std::move(serializers);
  MutexLock lock(mutex_);
  restart_ = -1;
  takes_results_ = true;
}

// The job has ended: whether results of another process may still come.
bool JobHandle::MoreIsUnderWay() {
  if (!remote_ || results_ == nullptr || results_ended_ || !results_->status().ok()) return false;
  const int64_t now = clock_.NowNanos();
  if (settle_until_nanos_ == 0) {
    const bool finished = state() == JobState::kFinished;
    settle_until_nanos_ = now + (finished ? kSettleNanos : kSettleFailedNanos);
  }
  return now < settle_until_nanos_;
}

absl::Status JobHandle::results_status() {
  if (!remote_ || results_ == nullptr || results_ended_ || state() != JobState::kFinished)
    return absl::OkStatus();
  return results_->status();
}

void JobHandle::CloseResults() {
  results_.reset();
  std::deque<std::unique_ptr<InputChannel>> rest;
  MutexLock lock(mutex_);
  takes_results_ = false;
  rest.swap(next_results_);
}

bool JobHandle::HasNextResults() {
  MutexLock lock(mutex_);
  return !next_results_.empty();
}

// True: nothing is left of it.
bool JobHandle::DropKnown(StreamElement& element) {
  auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&element);
  if (batch == nullptr || !(*batch)->has_timestamps()) return false;  // rows without numbers
  const std::vector<int64_t>& numbers = (*batch)->timestamps();
  std::vector<uint32_t> fresh;
  for (uint32_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] >= next_row_) fresh.push_back(i);
  }
  next_row_ = std::max(next_row_, numbers.back() + 1);
  if (fresh.size() == numbers.size()) return false;
  auto rest = std::make_unique<RecordBatch>((*batch)->serializer());
  if (!fresh.empty()) rest->MoveFrom(**batch, fresh.data(), fresh.size());
  *batch = std::move(rest);
  return fresh.empty();
}

std::vector<CheckpointStatistics> JobHandle::checkpoints() {
  MutexLock lock(mutex_);
  return {checkpoints_.begin(), checkpoints_.end()};
}

int64_t JobHandle::TriggerSavepoint(const std::string& directory, idl::AfterBarrier::type after) {
  int64_t number;
  {
    MutexLock lock(mutex_);
    number = savepoint_number_++;
  }
  job_manager_->TriggerSavepoint(
      job_id_, directory, after,
      [self = shared_from_this(), number](const absl::StatusOr<std::string>& path) {
        MutexLock lock(self->mutex_);
        self->savepoints_.emplace(number, path);
        self->ended_.NotifyAll();
      });
  return number;
}

std::optional<absl::StatusOr<std::string>> JobHandle::WaitForSavepoint(int64_t number,
                                                                       int64_t timeout_ms) {
  const int64_t deadline = clock_.NowNanos() + timeout_ms * 1'000'000;
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!savepoints_.contains(number) && drive_ == nullptr && clock_.NowNanos() < deadline) {
        ended_.WaitFor(mutex_, deadline - clock_.NowNanos());
      }
      if (const auto found = savepoints_.find(number); found != savepoints_.end())
        return found->second;
    }
    if (clock_.NowNanos() >= deadline) return std::nullopt;
    drive_(deadline);
  }
}

void JobHandle::OnCheckpoint(const CheckpointStatistics& statistics) {
  MutexLock lock(mutex_);
  checkpoints_.push_back(statistics);
  if (checkpoints_.size() > kCheckpointsKept) checkpoints_.pop_front();
}

void JobHandle::OnFailure(const idl::Failure& failure, int64_t at_ms) {
  MutexLock lock(mutex_);
  failures_.push_back({failure, at_ms});
  if (failures_.size() > kFailuresKept) failures_.pop_front();
}

std::vector<JobHandle::FailureAt> JobHandle::failures() {
  MutexLock lock(mutex_);
  return {failures_.begin(), failures_.end()};
}

void JobHandle::OnWarning(const std::string& message) {
  MutexLock lock(mutex_);
  warnings_.push_back(message);
}

std::vector<std::string> JobHandle::TakeWarnings() {
  MutexLock lock(mutex_);
  return std::exchange(warnings_, {});
}

// The channel is opened here and not when the client comes to it: the job may have ended by then, and
// its channels with one end only be forgotten. Also when the results were given up: then what is sent
// is dropped, and nobody waits for credit.
void JobHandle::OnDeploy(int, int client_restart) {
  if (!remote_) OpenNextResults(client_restart, {});
}

void JobHandle::OnClientChannel(int client_restart, const std::string& task_manager) {
  if (remote_) OpenNextResults(client_restart, task_manager);
}

void JobHandle::OpenNextResults(int client_restart, const std::string& task_manager) {
  {
    MutexLock lock(mutex_);
    if (std::exchange(restart_, client_restart) == client_restart || channel_.job.empty()) return;
  }
  ChannelId channel = channel_;
  channel.restart = client_restart;
  std::unique_ptr<InputChannel> results = transport_.OpenInput(
      channel, ready_, 0, {.address = task_manager, .serializers = serializers_});
  {
    MutexLock lock(mutex_);
    if (takes_results_) next_results_.push_back(std::move(results));
  }
  mailbox_.Notify();
}

void JobHandle::OnState(JobState state) {
  MutexLock lock(mutex_);
  state_ = state;
}

void JobHandle::OnWatermark(const TaskWatermark& watermark) {
  MutexLock lock(mutex_);
  watermarks_[watermark.task] = watermark;
}

std::map<std::string, TaskWatermark> JobHandle::watermarks() {
  MutexLock lock(mutex_);
  return watermarks_;
}

void JobHandle::OnEnd(const JobResult& result) {
  transport_.Release(job_id_);
  {
    MutexLock lock(mutex_);
    result_ = result;
    ended_.NotifyAll();
  }
  mailbox_.Notify();
}

MiniCluster::MiniCluster(OperatorRegistry registry, std::unique_ptr<Console> console, int slots,
                         size_t blocking_memory_bytes)
    : registry_(std::move(registry)),
      console_(std::move(console)),
      io_(kIoThreads),
      env_{clock_, random_, files_, io_, *console_, loops_},
      transport_(pipelined_, env_, blocking_memory_bytes),
      job_manager_(std::make_shared<JobManager>(env_, registry_)),
      task_manager_(
          std::make_shared<TaskManager>("TaskManager", env_, transport_, registry_, job_manager_)) {
  task_manager_->Register(slots);
  loops_.Start(job_manager_);
  loops_.Start(task_manager_);
}

MiniCluster::~MiniCluster() {
  job_manager_->Shutdown([task_manager = task_manager_] { task_manager->Shutdown(); });
  loops_.JoinAll();
}

std::shared_ptr<JobHandle> MiniCluster::Submit(idl::JobGraph graph) {
  auto handle = std::make_shared<JobHandle>(graph.job_id, clock_, transport_, job_manager_);
  if (HasCollectSink(graph)) handle->OpenResults({graph.job_id, kClientEdge, 0, 0});
  job_manager_->SubmitJob(std::move(graph), handle);
  return handle;
}

SteppedCluster::SteppedCluster(OperatorRegistry registry, std::unique_ptr<Console> console,
                               std::unique_ptr<ManualClock> clock)
    : registry_(std::move(registry)),
      console_(std::move(console)),
      manual_clock_(std::move(clock)),
      loops_(manual_clock_ != nullptr ? static_cast<const Clock&>(*manual_clock_) : real_clock_),
      env_{manual_clock_ != nullptr ? static_cast<Clock&>(*manual_clock_) : real_clock_,
           random_,
           files_,
           io_,
           *console_,
           loops_},
      transport_(pipelined_, env_),
      job_manager_(std::make_shared<JobManager>(env_, registry_)),
      task_manager_(
          std::make_shared<TaskManager>("TaskManager", env_, transport_, registry_, job_manager_)) {
  task_manager_->Register(kUnlimitedSlots);
  loops_.Start(job_manager_);
  loops_.Start(task_manager_);
}

SteppedCluster::~SteppedCluster() {
  job_manager_->Shutdown([task_manager = task_manager_] { task_manager->Shutdown(); });
  do {
    RunUntilIdle();
    if (!loops_.empty() && manual_clock_ == nullptr) loops_.Wait(env_.clock.NowNanos() + 1'000'000);
    if (!loops_.empty() && manual_clock_ != nullptr) Advance(1);
  } while (!loops_.empty());
}

std::shared_ptr<JobHandle> SteppedCluster::Submit(idl::JobGraph graph) {
  auto handle = std::make_shared<JobHandle>(graph.job_id, env_.clock, transport_, job_manager_,
                                            [this](int64_t until_nanos) { Drive(until_nanos); });
  if (HasCollectSink(graph)) handle->OpenResults({graph.job_id, kClientEdge, 0, 0});
  job_manager_->SubmitJob(std::move(graph), handle);
  return handle;
}

void SteppedCluster::RunUntilIdle() {
  while (loops_.StepAll()) {
  }
}

void SteppedCluster::Advance(int64_t millis) {
  const int64_t until = env_.clock.NowNanos() + millis * 1'000'000;
  RunUntilIdle();
  for (int64_t next; (next = loops_.next_timer_nanos()) <= until;) {
    manual_clock_->AdvanceTo(next);
    RunUntilIdle();
  }
  manual_clock_->AdvanceTo(until);
  RunUntilIdle();
}

// One round, so that who waits looks whether it is what he waits for.
void SteppedCluster::Drive(int64_t until_nanos) {
  if (loops_.StepAll()) return;
  if (manual_clock_ == nullptr) {
    loops_.Wait(until_nanos);
  } else {
    manual_clock_->AdvanceTo(std::min(until_nanos, loops_.next_timer_nanos()));
  }
}

}  // namespace pyflinkpp
