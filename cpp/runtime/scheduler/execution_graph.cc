#include "runtime/scheduler/execution_graph.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pyflinkpp {
namespace {

bool HasEnded(idl::TaskState::type state) {
  return state == idl::TaskState::FINISHED || state == idl::TaskState::CANCELED ||
         state == idl::TaskState::FAILED;
}

}  // namespace

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

ExecutionGraph::ExecutionGraph(const idl::JobGraph& graph) : chained_(Chain(graph)) {
  for (size_t v = 0; v < chained_.vertices.size(); ++v) {
    const JobVertex& vertex = chained_.vertices[v];
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
}

bool HasCollectSink(const idl::JobGraph& graph) {
  return std::any_of(graph.operators.begin(), graph.operators.end(),
                     [](const idl::OperatorNode& node) { return node.spec.__isset.collect_sink; });
}

int ExecutionGraph::AssignSlots() {
  std::map<std::string, int> size;  // by slot sharing group
  for (const JobVertex& vertex : chained_.vertices) {
    int& slots = size[vertex.slot_sharing_group];
    slots = std::max(slots, vertex.parallelism);
  }
  std::map<std::string, int> first;
  int total = 0;
  for (const auto& [group, slots] : size) {
    first[group] = total;
    total += slots;
  }
  for (Execution& execution : executions_) {
    const idl::TaskId& task = execution.deployment.task;
    execution.slot = first[chained_.vertices[task.vertex].slot_sharing_group] + task.subtask;
  }
  return total;
}

void ExecutionGraph::Reset() {
  ++restart_;
  for (Execution& execution : executions_) {
    ++execution.deployment.task.attempt;
    execution.deployment.restart = restart_;
    execution.state = idl::TaskState::CREATED;
  }
}

bool ExecutionGraph::all_open() const {
  return std::none_of(executions_.begin(), executions_.end(),
                      [](const Execution& e) { return e.state == idl::TaskState::CREATED; });
}

bool ExecutionGraph::all_ended() const {
  return std::all_of(executions_.begin(), executions_.end(),
                     [](const Execution& e) { return HasEnded(e.state); });
}

bool ExecutionGraph::all_prepared() const {
  return std::all_of(executions_.begin(), executions_.end(), [](const Execution& e) {
    return e.state == idl::TaskState::FINISHED || e.state == idl::TaskState::PREPARED;
  });
}

}  // namespace pyflinkpp
