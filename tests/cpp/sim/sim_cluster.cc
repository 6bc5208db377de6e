#include "sim/sim_cluster.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "runtime/scheduler/execution_graph.h"

namespace pyflinkpp::sim {

SimClient::SimClient(const idl::JobGraph& graph, SimEnv& world, WatchedTransport& transport,
                     std::vector<std::string>& violations)
    : Loop(absl::StrCat("client of ", graph.job_id), world.scheduler.clock()),
      job_id_(graph.job_id),
      transport_(transport),
      violations_(violations),
      ready_(mailbox()) {
  if (HasCollectSink(graph))
    results_ = transport_.OpenInput({job_id_, kClientEdge, 0, 0}, ready_, 0);
}

void SimClient::OnState(JobState state) {
  if (IsTerminal(state_))
    violations_.push_back(absl::StrCat("job ", job_id_, " leaves the state ", NameOf(state_)));
  state_ = state;
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
    results_.reset();
    EndLoop();
    return {StepResult::State::kDone, "end"};
  }
  return {StepResult::State::kWait, "wait for results"};
}

void SimClient::Take(const StreamElement& element) {
  const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&element);
  if (batch == nullptr) return;
  std::string text;
  std::vector<size_t> ends;
  PFPP_CHECK((*batch)->serializer()->Format((*batch)->row(0), (*batch)->size(), text, ends).ok());
  size_t begin = 0;
  for (const size_t end : ends) {
    rows_.push_back(text.substr(begin, end - begin));
    begin = end;
  }
}

SimCluster::SimCluster(uint64_t seed, OperatorRegistry registry, const SimClusterOptions& options)
    : world_(seed),
      watch_{.fault = {}, .violations = &violations_, .running = &world_.scheduler.running()},
      registry_(Watched(std::move(registry), watch_)),
      transport_(seed, world_.env, violations_),
      job_manager_(std::make_shared<JobManager>(world_.env, registry_)) {
  for (int i = 0; i < options.task_managers; ++i) {
    task_managers_.push_back(std::make_shared<TaskManager>(
        absl::StrCat("TaskManager ", i), world_.env, transport_, registry_, job_manager_));
    task_managers_.back()->Register(options.slots);
    world_.scheduler.Start(task_managers_.back());
  }
  world_.scheduler.Start(job_manager_);
}

SimCluster::~SimCluster() { world_.scheduler.Clear(); }

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
    for (const auto& task_manager : task_managers_) task_manager->Shutdown();
  });
  RETURN_IF_ERROR(world_.scheduler.RunUntil([&] { return world_.scheduler.idle(); }));
  for (const auto& client : clients_) {
    if (!client->ended())
      violations_.push_back(absl::StrCat("nobody told how job ", client->job_id(), " ended"));
    transport_.CheckClosed(client->job_id(), client->state() == JobState::kFinished);
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
  for (const auto& [path, bytes] : world_.files.FilesBelow(world_.files.temporary_directory()))
    violations_.push_back(absl::StrCat("the temporary file ", path, " is left"));
  for (const auto& [path, bytes] : world_.files.FilesBelow("/out")) {
    if (path.find("/.") != std::string::npos)
      violations_.push_back(absl::StrCat("the file ", path, " is left"));
  }
  return absl::OkStatus();
}

}  // namespace pyflinkpp::sim
