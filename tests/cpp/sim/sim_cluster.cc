#include "sim/sim_cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "runtime/checkpoint/checkpoint_storage.h"
#include "runtime/scheduler/execution_graph.h"
#include "runtime/task/in_flight.h"
#include "runtime/task/keyed_state_file.h"
#include "runtime/task/state_files.h"

namespace pyflinkpp::sim {

SimClient::SimClient(const idl::JobGraph& graph, SimEnv& world, WatchedTransport& transport,
                     std::vector<std::string>& violations)
    : Loop(absl::StrCat("client of ", graph.job_id), world.scheduler.clock()),
      job_id_(graph.job_id),
      world_(world),
      transport_(transport),
      violations_(violations),
      ready_(mailbox()),
      collects_(HasCollectSink(graph)) {
  if (collects_) results_ = transport_.OpenInput({job_id_, kClientEdge, 0, 0}, ready_, 0);
}

void SimClient::OnState(JobState state) {
  if (IsTerminal(state_))
    violations_.push_back(absl::StrCat("job ", job_id_, " leaves the state ", NameOf(state_)));
  state_ = state;
}

void SimClient::OnFailure(const idl::Failure& failure, int64_t at_ms) {
  last_failure_ = absl::StrCat(failure.operator_name, " (", failure.subtask, "): ", failure.message,
                               " at ", at_ms);
}

void SimClient::OnEnd(const JobResult& result) {
  if (result_) violations_.push_back(absl::StrCat("job ", job_id_, " ends twice"));
  if (result.state != state_)
    violations_.push_back(absl::StrCat("job ", job_id_, " ends in another state than it has"));
  transport_.Release(job_id_);
  result_ = result;
  mailbox().Post("job ended", [this] { told_end_ = true; });
}

StepResult SimClient::Work() {
  bool more = false;
  if (!next_results_.empty()) {
    FollowRestart();
    return {StepResult::State::kMore, "follow restart"};
  }
  if (results_ != nullptr && ready_.Pop()) {
    if (std::optional<StreamElement> element = results_->Poll(&more)) Take(*element);
    if (more) ready_.Push(0);
    if (abandon_after_ >= 0 && abandon_after_-- == 0) {
      abandoned_ = true;
      results_.reset();
    }
    return {StepResult::State::kMore, "take result"};
  }
  if (told_end_) {
    has_all_ = true;
    results_.reset();
    EndLoop();
    return {StepResult::State::kDone, "end"};
  }
  return {StepResult::State::kWait, "wait for results"};
}

void SimClient::TakeRest() {
  bool more = false;
  while (results_ != nullptr) {
    std::optional<StreamElement> element = results_->Poll(&more);
    if (!element) break;
    Take(*element);
  }
}

void SimClient::Crash() {
  while (!next_results_.empty()) FollowRestart();
  TakeRest();
  results_.reset();
}

// All tasks of the attempt before have ended: what it sent is there.
void SimClient::FollowRestart() {
  TakeRest();
  results_ = std::move(next_results_.front());
  next_results_.pop_front();
  if (abandoned_) results_.reset();
  if (results_ != nullptr) ready_.Push(0);  // what came before may have been told already
}

void SimClient::OnDeploy(int restart, int client_restart) {
  if (restart < restart_ || client_restart < client_restart_ || client_restart > restart)
    violations_.push_back(absl::StrCat("job ", job_id_, " restarts backwards"));
  restart_ = restart;
  // At once: the job may have ended before the client's next step.
  if (std::exchange(client_restart_, client_restart) != client_restart && collects_)
    next_results_.push_back(
        transport_.OpenInput({job_id_, kClientEdge, 0, 0, client_restart_}, ready_, 0));
  mailbox().Notify();
}

// A checkpoint that is complete is so on disk.
void SimClient::OnCheckpoint(const CheckpointStatistics& statistics) {
  checkpoints_.push_back(statistics);
  completed_ += statistics.state == CheckpointStatistics::State::kCompleted ? 1 : 0;
  if (statistics.state != CheckpointStatistics::State::kCompleted || statistics.path.empty())
    return;
  const SimFileSystem::TestAccess access(world_.files);
  const absl::StatusOr<idl::Checkpoint> checkpoint = ReadCheckpoint(world_.files, statistics.path);
  absl::Status status = checkpoint.status();
  if (checkpoint.ok()) {
    if (checkpoint->id != statistics.id) status = absl::InternalError("it has another number");
    for (const idl::OperatorCheckpoint& op : checkpoint->operators) {
      for (const auto& [subtask, state] : op.subtasks) {
        for (const idl::KeyedStateHandle& handle : state.keyed) {
          RestoredKeyedState restored;
          status.Update(ReadKeyedState(world_.files, handle, restored));
          if (!handle.__isset.backend) continue;
          status.Update(CheckStateFiles(world_.files, handle.backend));
          for (const idl::NativeFile& file : handle.backend.files)
            shared_files_.reused += file.shared && !seen_.insert(file.file.path).second ? 1 : 0;
        }
      }
    }
  }
  shared_files_.deleted += static_cast<int64_t>(
      std::erase_if(seen_, [&](const std::string& path) { return !world_.files.Stat(path).ok(); }));
  if (checkpoint.ok()) {
    for (const idl::InFlightExchange& exchange : checkpoint->in_flight) {
      for (const idl::InFlightHandle& handle : exchange.handles) {
        idl::RestoredInFlight all;
        all.handle = handle;
        std::deque<ReadRun> read;
        status.Update(ReadInFlight(world_.files, all, read));
      }
    }
  }
  if (!status.ok())
    violations_.push_back(absl::StrCat("checkpoint ", statistics.id, " of job ", job_id_,
                                       " is complete, but ", status.message()));
}

void SimClient::Take(StreamElement& element) {
  auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&element);
  if (batch == nullptr) return;
  if ((*batch)->has_timestamps()) {  // rows are numbered
    const std::vector<int64_t>& numbers = (*batch)->timestamps();
    if (std::exchange(rewinds_, false) && numbers[0] < next_row_) {
      next_row_ = numbers[0];
      rows_.resize(static_cast<size_t>(next_row_));
    }
    std::vector<uint32_t> fresh;
    for (uint32_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] >= next_row_) fresh.push_back(i);
    }
    if (!fresh.empty() && numbers[fresh[0]] != next_row_)
      violations_.push_back(
          absl::StrCat("collected rows go from ", next_row_, " to ", numbers[fresh[0]]));
    next_row_ = std::max(next_row_, numbers.back() + 1);
    if (fresh.empty()) return;
    auto rest = std::make_unique<RecordBatch>((*batch)->serializer());
    rest->MoveFrom(**batch, fresh.data(), fresh.size());
    *batch = std::move(rest);
  }
  std::string text;
  std::vector<size_t> ends;
  PFPP_CHECK((*batch)->serializer()->Format((*batch)->row(0), (*batch)->size(), text, ends).ok());
  size_t begin = 0;
  for (const size_t end : ends) {
    rows_.push_back(text.substr(begin, end - begin));
    begin = end;
  }
}

// Between a TaskManager and the JobManager: nothing arrives any more where one has crashed, or when it
// has been cut.
class SimCluster::Connection final : public TaskManagerGateway, public JobManagerGateway {
 public:
  Connection(std::weak_ptr<TaskManager> task_manager, std::weak_ptr<JobManager> job_manager)
      : task_manager_(std::move(task_manager)), job_manager_(std::move(job_manager)) {}
  void Cut() { cut_ = true; }
  bool cut() const { return cut_; }

  void SubmitTask(idl::TaskDeployment message) override {
    if (auto to = task_manager()) to->SubmitTask(std::move(message));
  }
  void CancelTask(idl::TaskId message) override {
    if (auto to = task_manager()) to->CancelTask(std::move(message));
  }
  void AssignSplits(idl::SplitAssignment message) override {
    if (auto to = task_manager()) to->AssignSplits(std::move(message));
  }
  void CommitTask(idl::TaskId message) override {
    if (auto to = task_manager()) to->CommitTask(std::move(message));
  }
  void TriggerCheckpoint(idl::CheckpointTrigger message) override {
    if (auto to = task_manager()) to->TriggerCheckpoint(std::move(message));
  }
  void NotifyCheckpoint(idl::CheckpointNotice message) override {
    if (auto to = task_manager()) to->NotifyCheckpoint(std::move(message));
  }
  void AlignWatermark(idl::WatermarkAlignment message) override {
    if (auto to = task_manager()) to->AlignWatermark(std::move(message));
  }

  void RegisterTaskManager(int, TaskManagerGateway*, std::string) override {}  // the cluster does
  void ReportTask(idl::TaskReport message) override {
    if (auto to = job_manager()) to->ReportTask(std::move(message));
  }
  void RequestSplit(idl::SplitRequest message) override {
    if (auto to = job_manager()) to->RequestSplit(std::move(message));
  }
  void ReportWatermark(idl::WatermarkProgress message) override {
    if (auto to = job_manager()) to->ReportWatermark(std::move(message));
  }
  void AnswerCheckpoint(idl::CheckpointAnswer message) override {
    if (auto to = job_manager()) to->AnswerCheckpoint(std::move(message));
  }
  void ReportSourceWatermark(idl::ReportedWatermark message) override {
    if (auto to = job_manager()) to->ReportSourceWatermark(std::move(message));
  }

 private:
  std::shared_ptr<TaskManager> task_manager() { return cut_ ? nullptr : task_manager_.lock(); }
  std::shared_ptr<JobManager> job_manager() { return cut_ ? nullptr : job_manager_.lock(); }

  const std::weak_ptr<TaskManager> task_manager_;
  const std::weak_ptr<JobManager> job_manager_;
  bool cut_ = false;
};

// What a TaskManager knows of its JobManager: the connection of the moment.
class SimCluster::Uplink final : public JobManagerGateway {
 public:
  void RegisterTaskManager(int, TaskManagerGateway*, std::string) override {}
  void ReportTask(idl::TaskReport message) override { to->ReportTask(std::move(message)); }
  void RequestSplit(idl::SplitRequest message) override { to->RequestSplit(std::move(message)); }
  void ReportWatermark(idl::WatermarkProgress message) override {
    to->ReportWatermark(std::move(message));
  }
  void AnswerCheckpoint(idl::CheckpointAnswer message) override {
    to->AnswerCheckpoint(std::move(message));
  }
  void ReportSourceWatermark(idl::ReportedWatermark message) override {
    to->ReportSourceWatermark(std::move(message));
  }
  std::shared_ptr<Connection> to;
};

SimCluster::SimCluster(uint64_t seed, OperatorRegistry registry, const SimClusterOptions& options)
    : world_(seed),
      watch_{.faults = {}, .violations = &violations_, .running = &world_.scheduler.running()},
      registry_(Watched(std::move(registry), watch_)),
      transport_(seed, world_.env, violations_) {
  Boot(options);
}

SimCluster::~SimCluster() {
  watch_.crashing = true;
  for (const auto& client : clients_) client->Crash();
  world_.scheduler.Clear();
}

void SimCluster::Boot(const SimClusterOptions& options) {
  StartJobManager();
  for (int i = 0; i < options.task_managers; ++i) BootTaskManager(options.slots);
}

void SimCluster::BootTaskManager(int slots) {
  auto uplink = std::make_shared<Uplink>();
  auto task_manager = std::make_shared<TaskManager>(absl::StrCat("TaskManager ", members_.size()),
                                                    world_.env, transport_, registry_, uplink);
  members_.push_back({task_manager, std::move(uplink), slots});
  Connect(members_.back());
  world_.scheduler.Start(std::move(task_manager));
}

void SimCluster::Connect(Member& member) {
  if (member.uplink->to != nullptr && !member.uplink->to->cut()) return;  // it heard of it twice
  connections_.push_back(std::make_shared<Connection>(member.task_manager, job_manager_));
  member.uplink->to = connections_.back();
  job_manager_->RegisterTaskManager(member.slots, connections_.back().get());
}

void SimCluster::CrashTaskManager(size_t index) {
  crashed_ = true;
  watch_.crashing = true;
  world_.files.SetDead(true);
  const std::string name = members_[index].task_manager->name();
  members_[index].task_manager.reset();
  world_.scheduler.Crash(name);
  world_.files.SetDead(false);
  watch_.crashing = false;
}

void SimCluster::CutConnection(size_t index) { members_[index].uplink->to->Cut(); }

// It may have connected anew since it was cut.
void SimCluster::Lose(size_t index) {
  CutConnection(index);
  job_manager_->TaskManagerLost(members_[index].uplink->to.get());
}

void SimCluster::Reconnect(size_t index) {
  if (!alive(index)) return;
  members_[index].task_manager->JobManagerLost([this, index] {
    if (alive(index)) Connect(members_[index]);
  });
}

absl::Status SimCluster::CrashJobManager() {
  crashed_ = true;
  world_.files.SetDead(true);
  const std::string name = job_manager_->name();
  job_manager_.reset();
  world_.scheduler.Crash(name);
  for (const auto& client : clients_) {
    client->Crash();
    world_.scheduler.Crash(client->name());
  }
  world_.files.SetDead(false);
  StartJobManager();
  size_t left = 0;
  for (Member& member : members_) {
    if (member.task_manager == nullptr) continue;
    ++left;
    member.uplink->to->Cut();
    member.task_manager->JobManagerLost([this, &left, &member] {
      --left;
      Connect(member);
    });
  }
  RETURN_IF_ERROR(world_.scheduler.RunUntil([&] { return left == 0; }));
  for (const auto& client : clients_) {
    transport_.CheckClosed(client->job_id(), /*finished=*/false);
    transport_.Crash(client->job_id());
  }
  clients_.clear();
  CheckCheckpoints();
  return absl::OkStatus();
}

void SimCluster::StartJobManager() {
  job_manager_ = std::make_shared<JobManager>(world_.env, registry_);
  world_.scheduler.Start(job_manager_);
}

void SimCluster::CrashAndBoot(const SimClusterOptions& options) {
  crashed_ = true;
  watch_.crashing = true;
  world_.files.SetDead(true);
  world_.scheduler.Crash();
  job_manager_.reset();
  members_.clear();
  connections_.clear();
  for (const auto& client : clients_) {
    client->Crash();
    transport_.CheckClosed(client->job_id(), /*finished=*/false);
    transport_.Crash(client->job_id());
  }
  clients_.clear();
  world_.scheduler.Crash();
  world_.files.SetDead(false);
  watch_.crashing = false;
  watch_.closed = watch_.opened;
  world_.files.LoseUnsynced();
  CheckCheckpoints();
  {
    const SimFileSystem::TestAccess access(world_.files);
    for (const auto& [path, bytes] : world_.files.FilesBelow(world_.files.temporary_directory()))
      PFPP_CHECK(world_.files.Delete(path).ok());
  }
  Boot(options);
}

std::shared_ptr<SimClient> SimCluster::Submit(const idl::JobGraph& graph) {
  clients_.push_back(std::make_shared<SimClient>(graph, world_, transport_, violations_));
  world_.scheduler.Start(clients_.back());
  job_manager_->SubmitJob(graph, clients_.back());
  return clients_.back();
}

absl::Status SimCluster::RunUntilEnded(const SimClient& client) {
  return world_.scheduler.RunUntil([&] { return client.ended(); });
}

absl::Status SimCluster::RunUntilStep(size_t steps) {
  return world_.scheduler.RunUntil([&] { return trace().size() >= steps; });
}

absl::Status SimCluster::ShutDown() {
  job_manager_->Shutdown([this] {
    for (const Member& member : members_) {
      if (member.task_manager != nullptr) member.task_manager->Shutdown();
    }
  });
  RETURN_IF_ERROR(world_.scheduler.RunUntil([&] { return world_.scheduler.idle(); }));
  for (const auto& client : clients_) {
    if (!client->ended())
      violations_.push_back(absl::StrCat("nobody told how job ", client->job_id(), " ended"));
    const bool suspended =
        std::any_of(client->checkpoints().begin(), client->checkpoints().end(),
                    [](const CheckpointStatistics& each) { return each.savepoint; });
    transport_.CheckClosed(client->job_id(), client->state() == JobState::kFinished && !suspended,
                           client->restarts());
  }
  if (transport_.half_open() != 0) violations_.push_back("channels with one end only are left");
  if (watch_.opened != watch_.closed) {
    violations_.push_back(
        absl::StrCat(watch_.opened, " operators were opened, ", watch_.closed, " closed"));
  }
  if (watch_.made != watch_.destroyed) {
    violations_.push_back(
        absl::StrCat(watch_.made, " operators were made, ", watch_.destroyed, " destroyed"));
  }
  if (world_.files.open_files() != 0)
    violations_.push_back(absl::StrCat(world_.files.open_files(), " files are left open"));
  if (world_.files.renamed_unsynced() != 0)
    violations_.push_back("a file got its final name before it was durable");
  if (transport_.partitions() != 0 || transport_.blocking().memory_used() != 0)
    violations_.push_back("results of blocking exchanges are left");
  for (const auto& [path, bytes] : world_.files.FilesBelow(world_.files.temporary_directory())) {
    if (crashed_) break;
    violations_.push_back(absl::StrCat("the temporary file ", path, " is left"));
  }
  CheckFiles();
  return absl::OkStatus();
}

namespace {

template <class Visit>
void ForEachKeyedState(const idl::Checkpoint& checkpoint, Visit visit) {
  for (const idl::OperatorCheckpoint& op : checkpoint.operators) {
    for (const auto& [subtask, state] : op.subtasks) {
      for (const idl::KeyedStateHandle& handle : state.keyed) visit(handle);
    }
  }
}

}  // namespace

void SimCluster::CheckCheckpoints() {
  const SimFileSystem::TestAccess access(world_.files);
  for (const char* directory : {"/checkpoints", "/savepoints"}) {
    for (const auto& [path, bytes] : world_.files.FilesBelow(directory)) {
      if (!absl::EndsWith(path, "/_metadata")) continue;
      const absl::StatusOr<idl::Checkpoint> checkpoint = ReadCheckpoint(world_.files, path);
      absl::Status status = checkpoint.status();
      if (status.ok()) {
        ForEachKeyedState(*checkpoint, [&](const idl::KeyedStateHandle& handle) {
          RestoredKeyedState restored;
          status.Update(ReadKeyedState(world_.files, handle, restored));
          if (handle.__isset.backend) status.Update(CheckStateFiles(world_.files, handle.backend));
        });
      }
      if (!status.ok())
        violations_.push_back(absl::StrCat(path, " can't be read: ", status.message()));
    }
  }
}

std::set<std::string> SimCluster::ReferredFiles() {
  const SimFileSystem::TestAccess access(world_.files);
  std::set<std::string> referred;
  for (const auto& [path, bytes] : world_.files.FilesBelow("/checkpoints")) {
    if (!absl::EndsWith(path, "/_metadata")) continue;
    const absl::StatusOr<idl::Checkpoint> checkpoint = ReadCheckpoint(world_.files, path);
    if (!checkpoint.ok()) continue;
    ForEachKeyedState(*checkpoint, [&](const idl::KeyedStateHandle& handle) {
      if (!handle.__isset.backend) return;
      for (const idl::NativeFile& file : handle.backend.files) referred.insert(file.file.path);
    });
  }
  return referred;
}

// A hidden file may be left by an attempt that has failed, or by a job that was stopped: a
// checkpoint may know it.
void SimCluster::CheckFiles() {
  const bool may_leave =
      crashed_ || world_.files.failed() > 0 ||
      std::any_of(clients_.begin(), clients_.end(), [](const auto& client) {
        return client->restarts() > 0 ||
               (!client->checkpoints().empty() && client->state() != JobState::kFinished);
      });
  for (const auto& [path, bytes] : world_.files.FilesBelow("/out")) {
    if (path.find("/.") != std::string::npos && !may_leave)
      violations_.push_back(absl::StrCat("the file ", path, " is left"));
  }
  CheckCheckpoints();
  if (crashed_ || world_.files.failed() > 0) return;
  const std::set<std::string> referred = ReferredFiles();
  for (const auto& [path, bytes] : world_.files.FilesBelow("/checkpoints")) {
    const std::string metadata = absl::StrCat(path.substr(0, path.rfind('/')), "/_metadata");
    const bool known = absl::StrContains(path, "/shared/")
                           ? referred.contains(path)
                           : world_.files.FilesBelow("/checkpoints").contains(metadata);
    if (absl::EndsWith(path, ".inprogress") || !known)
      violations_.push_back(absl::StrCat("the file ", path, " is left"));
  }
}

}  // namespace pyflinkpp::sim
