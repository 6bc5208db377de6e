#include "runtime/scheduler/execution_graph.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"

namespace pyflinkpp {
namespace {

// Whether barriers may overtake data on an exchange: what they have overtaken is spread anew when the
// job is restored at another parallelism, for which records must not depend on their subtasks' numbers.
bool MayOvertake(const Exchange& exchange) {
  switch (exchange.edge.partitioner) {
    case idl::Partitioner::HASH:
    case idl::Partitioner::REBALANCE:
    case idl::Partitioner::SHUFFLE:
    case idl::Partitioner::GLOBAL:
      return !exchange.blocking;
    case idl::Partitioner::FORWARD:
    case idl::Partitioner::RESCALE:
    case idl::Partitioner::BROADCAST:
    case idl::Partitioner::CUSTOM:
      return false;
  }
  return false;
}

// Whether a task of the vertex has to hold back some of its channels for others.
bool Aligns(const ChainedGraph& graph, const JobVertex& vertex) {
  bool may_overtake = true;
  std::vector<int> channels(static_cast<size_t>(vertex.parallelism));  // by subtask
  for (const int input : vertex.inputs) {
    const Exchange& exchange = graph.exchanges[input];
    may_overtake &= MayOvertake(exchange);
    const int sources = graph.vertices[exchange.source].parallelism;
    for (int source = 0; source < sources; ++source) {
      for (const int target :
           TargetsOf(exchange.edge.partitioner, source, sources, vertex.parallelism))
        ++channels[target];
    }
  }
  return !may_overtake && *std::max_element(channels.begin(), channels.end()) > 1;
}

// The vertices that barriers may reach before the data in front of them. What feeds one that aligns
// aligns itself: a barrier that came early would make it hold back a channel for others, on which data
// comes from tasks that wait for credit of the one it holds back.
std::vector<bool> OvertakingVertices(const ChainedGraph& graph) {
  std::vector<bool> aligned(graph.vertices.size());
  std::vector<bool> overtaking(graph.vertices.size());
  for (size_t v = graph.vertices.size(); v-- > 0;) {
    const JobVertex& vertex = graph.vertices[v];
    aligned[v] = Aligns(graph, vertex) ||
                 std::any_of(vertex.outputs.begin(), vertex.outputs.end(),
                             [&](int output) { return aligned[graph.exchanges[output].target]; });
    overtaking[v] = !aligned[v] && !vertex.inputs.empty() &&
                    std::all_of(vertex.inputs.begin(), vertex.inputs.end(),
                                [&](int input) { return MayOvertake(graph.exchanges[input]); });
  }
  return overtaking;
}

// Its input has ended and its output is written.
bool HasDoneItsWork(const ExecutionGraph::Execution& execution) {
  return execution.state == idl::TaskState::FINISHED || execution.state == idl::TaskState::PREPARED;
}

}  // namespace

bool HasEnded(idl::TaskState::type state) {
  return state == idl::TaskState::FINISHED || state == idl::TaskState::CANCELED ||
         state == idl::TaskState::FAILED;
}

const char* NameOf(JobState state) {
  switch (state) {
    case JobState::kCreated:
      return "CREATED";
    case JobState::kRunning:
      return "RUNNING";
    case JobState::kFailing:
      return "FAILING";
    case JobState::kFailed:
      return "FAILED";
    case JobState::kCancelling:
      return "CANCELLING";
    case JobState::kCanceled:
      return "CANCELED";
    case JobState::kFinished:
      return "FINISHED";
    case JobState::kRestarting:
      return "RESTARTING";
  }
  return "?";
}

std::vector<int> TargetsOf(idl::Partitioner::type partitioner, int source, int source_parallelism,
                           int target_parallelism) {
  std::vector<int> targets;
  if (partitioner == idl::Partitioner::FORWARD) return {source};
  if (partitioner == idl::Partitioner::RESCALE) {  // neighbours only: each target has its share of
                                                   // the sources, or reverse
    for (int target = 0; target < target_parallelism; ++target) {
      const bool feeds = source_parallelism <= target_parallelism
                             ? target * source_parallelism / target_parallelism == source
                             : source * target_parallelism / source_parallelism == target;
      if (feeds) targets.push_back(target);
    }
    return targets;
  }
  for (int target = 0; target < target_parallelism; ++target) targets.push_back(target);
  return targets;
}

ExecutionGraph::ExecutionGraph(const idl::JobGraph& graph)
    : batch_mode_(IsBatch(graph.configuration)), chained_(Chain(graph)) {
  std::vector<bool> overtaking(chained_.vertices.size(), false);
  if (TakesUnaligned(graph)) overtaking = OvertakingVertices(chained_);
  const auto overtakes = [&](const Exchange& exchange) { return overtaking[exchange.target]; };
  for (size_t v = 0; v < chained_.vertices.size(); ++v) {
    const JobVertex& vertex = chained_.vertices[v];
    int& group_size = group_size_[vertex.slot_sharing_group];
    group_size = std::max(group_size, vertex.parallelism);
    first_.push_back(executions_.size());
    for (int subtask = 0; subtask < vertex.parallelism; ++subtask) {
      Execution execution;
      idl::TaskDeployment& deployment = execution.deployment;
      deployment.task.job_id = graph.job_id;
      deployment.task.vertex = static_cast<int>(v);
      deployment.task.subtask = subtask;
      deployment.task.attempt = 0;
      deployment.name = absl::StrCat(vertex.name, " (", subtask + 1, "/", vertex.parallelism, ")");
      deployment.chain = vertex.chain;
      deployment.parallelism = vertex.parallelism;
      deployment.max_parallelism = vertex.max_parallelism;
      deployment.configuration = graph.configuration;
      deployment.checkpoints = graph.__isset.checkpoints && graph.checkpoints.interval_ms > 0;
      deployment.at_least_once =
          graph.__isset.checkpoints && graph.checkpoints.mode == idl::CheckpointMode::AT_LEAST_ONCE;
      for (const int exchange : vertex.outputs) {
        const Exchange& edge = chained_.exchanges[exchange];
        const JobVertex& target = chained_.vertices[edge.target];
        idl::OutputDescriptor output;
        output.edge = exchange;
        output.partitioner = edge.edge.partitioner;
        output.targets =
            TargetsOf(edge.edge.partitioner, subtask, vertex.parallelism, target.parallelism);
        output.max_parallelism = graph.operators[edge.edge.target].max_parallelism;
        output.target_parallelism = target.parallelism;
        output.side_output = edge.edge.side_output;
        if (edge.blocking) output.__set_blocking(true);
        if (overtakes(edge)) output.__set_overtakes(true);
        deployment.outputs.push_back(std::move(output));
      }
      for (idl::ChainNode& node : deployment.chain) {
        if (!node.op.spec.__isset.collect_sink) continue;
        idl::OutputDescriptor output;
        output.edge = kClientEdge;
        output.partitioner = idl::Partitioner::FORWARD;
        output.targets = {0};
        node.outputs.push_back(static_cast<int>(deployment.outputs.size()));
        deployment.outputs.push_back(std::move(output));
      }
      for (const int exchange : vertex.inputs) {
        const Exchange& edge = chained_.exchanges[exchange];
        const int sources = chained_.vertices[edge.source].parallelism;
        idl::InputDescriptor input;
        input.edge = exchange;
        input.input = edge.edge.input;
        if (edge.blocking) input.__set_blocking(true);
        if (overtakes(edge)) input.__set_overtakes(true);
        for (int source = 0; source < sources; ++source) {
          const std::vector<int> targets =
              TargetsOf(edge.edge.partitioner, source, sources, vertex.parallelism);
          if (std::find(targets.begin(), targets.end(), subtask) != targets.end())
            input.sources.push_back(source);
        }
        deployment.inputs.push_back(std::move(input));
      }
      executions_.push_back(std::move(execution));
    }
  }
  FindRegions();
}

// Connected components: each task knows another one of its region, the first one itself.
void ExecutionGraph::FindRegions() {
  std::vector<size_t> other(executions_.size());
  std::iota(other.begin(), other.end(), size_t{0});
  const auto root = [&](size_t task) {
    while (other[task] != task) task = other[task] = other[other[task]];
    return task;
  };
  std::optional<size_t> client;
  for (size_t task = 0; task < executions_.size(); ++task) {
    for (const idl::OutputDescriptor& output : executions_[task].deployment.outputs) {
      if (output.edge == kClientEdge) {
        if (!client) client = task;
        other[root(task)] = root(*client);
        continue;
      }
      const size_t first = first_[static_cast<size_t>(chained_.exchanges[output.edge].target)];
      for (const int target : output.targets)
        other[root(task)] = root(first + static_cast<size_t>(target));
    }
  }
  std::map<size_t, int> numbers;
  for (size_t task = 0; task < executions_.size(); ++task) {
    executions_[task].region =
        numbers.emplace(root(task), static_cast<int>(numbers.size())).first->second;
  }
  regions_ = static_cast<int>(numbers.size());
}

const ExecutionGraph::Execution& ExecutionGraph::first_of(int region) const {
  return *std::find_if(executions_.begin(), executions_.end(),
                       [&](const Execution& execution) { return execution.region == region; });
}

int ExecutionGraph::client_restart() const {
  for (const Execution& execution : executions_) {
    for (const idl::OutputDescriptor& output : execution.deployment.outputs) {
      if (output.edge == kClientEdge) return execution.deployment.restart;
    }
  }
  return 0;
}

bool TakesUnaligned(const idl::JobGraph& graph) {
  return graph.__isset.checkpoints && graph.checkpoints.unaligned &&
         graph.checkpoints.mode == idl::CheckpointMode::EXACTLY_ONCE;
}

bool HasCollectSink(const idl::JobGraph& graph) {
  return std::any_of(graph.operators.begin(), graph.operators.end(),
                     [](const idl::OperatorNode& node) { return node.spec.__isset.collect_sink; });
}

ExecutionGraph::SlotNeed ExecutionGraph::slots() const {
  int largest = 0;
  int all = 0;
  for (const auto& [group, size] : group_size_) {
    largest = std::max(largest, size);
    all += size;
  }
  return {batch_mode_ ? largest : all, all};
}

void ExecutionGraph::OfferSlots(int count) {
  for (int slot = 0; slot < count; ++slot) free_slots_.insert(slot);
}

std::vector<ExecutionGraph::Execution*> ExecutionGraph::TakeDeployable() {
  for (auto& [group, slots] : group_slots_) {
    if (!batch_mode_ || Holds(group)) continue;
    free_slots_.insert(slots.begin(), slots.end());
    slots.clear();
  }
  std::vector<Execution*> deployable;
  for (size_t v = 0; v < chained_.vertices.size(); ++v) {
    const JobVertex& vertex = chained_.vertices[v];
    const auto executions = executions_of(v);
    if (std::all_of(executions.begin(), executions.end(),
                    [](const Execution& execution) { return execution.deployed; }) ||
        !InputIsThere(vertex) || !TakeSlots(vertex.slot_sharing_group)) {
      continue;
    }
    for (Execution& execution : executions) {
      if (execution.deployed) continue;
      execution.deployed = true;
      execution.slot = group_slots_[vertex.slot_sharing_group][execution.deployment.task.subtask];
      deployable.push_back(&execution);
    }
  }
  return deployable;
}

bool ExecutionGraph::InputIsThere(const JobVertex& vertex) {
  return std::all_of(vertex.inputs.begin(), vertex.inputs.end(), [&](int input) {
    const Exchange& exchange = chained_.exchanges[input];
    const auto sources = executions_of(exchange.source);
    return !exchange.blocking || std::all_of(sources.begin(), sources.end(), HasDoneItsWork);
  });
}

// Whether a task of the group needs its slot. One that waits to commit does not: were it to keep
// it, tasks behind it might wait for the slot, and it for them.
bool ExecutionGraph::Holds(const std::string& group) {
  return std::any_of(executions_.begin(), executions_.end(), [&](const Execution& execution) {
    return execution.deployed && !HasDoneItsWork(execution) &&
           chained_.vertices[execution.deployment.task.vertex].slot_sharing_group == group;
  });
}

bool ExecutionGraph::TakeSlots(const std::string& group) {
  std::vector<int>& slots = group_slots_[group];
  if (!slots.empty()) return true;
  const auto size = static_cast<size_t>(group_size_[group]);
  if (free_slots_.size() < size) return false;
  const auto end = std::next(free_slots_.begin(), static_cast<std::ptrdiff_t>(size));
  slots.assign(free_slots_.begin(), end);
  free_slots_.erase(free_slots_.begin(), end);
  return true;
}

void ExecutionGraph::CancelUndeployed() {
  for (Execution& execution : executions_) {
    if (!execution.deployed) execution.state = idl::TaskState::CANCELED;
  }
}

void ExecutionGraph::Reset(const std::set<int>& regions) {
  ++restart_;
  for (Execution& execution : executions_) {
    if (!regions.contains(execution.region)) continue;
    ++execution.deployment.task.attempt;
    execution.deployment.restart = restart_;
    execution.state = idl::TaskState::CREATED;
    execution.deployed = false;
    execution.committing = false;
  }
}

bool ExecutionGraph::all_open() const {
  return std::none_of(executions_.begin(), executions_.end(), [](const Execution& e) {
    return e.deployed && e.state == idl::TaskState::CREATED;
  });
}

bool ExecutionGraph::all_ended() const {
  return std::all_of(executions_.begin(), executions_.end(),
                     [](const Execution& e) { return HasEnded(e.state); });
}

bool ExecutionGraph::all_ended(const std::set<int>& regions) const {
  return std::all_of(executions_.begin(), executions_.end(), [&](const Execution& e) {
    return !regions.contains(e.region) || !e.deployed || HasEnded(e.state);
  });
}

bool ExecutionGraph::all_prepared() const {
  return std::all_of(executions_.begin(), executions_.end(), [](const Execution& e) {
    return HasDoneItsWork(e) && !(e.committing && e.state == idl::TaskState::PREPARED);
  });
}

}  // namespace pyflinkpp
