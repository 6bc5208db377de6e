#include "runtime/checkpoint/in_flight_assignment.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/graph/key_groups.h"
#include "runtime/checkpoint/state_assignment.h"

namespace pyflinkpp {
namespace {

const std::vector<idl::OutputTag>* TagsOf(const idl::OperatorSpec& spec) {
  if (spec.__isset.process) return &spec.process.side_outputs;
  if (spec.__isset.window) return &spec.window.side_outputs;
  return nullptr;
}

}  // namespace

std::vector<idl::TypeInformation> TypesOf(const idl::JobGraph& graph, const idl::Edge& edge) {
  const idl::OperatorNode& source = graph.operators[static_cast<size_t>(edge.source)];
  std::vector<idl::TypeInformation> types;
  const std::vector<idl::OutputTag>* tags = TagsOf(source.spec);
  if (edge.side_output >= 0 && tags != nullptr) {
    const auto tag = static_cast<size_t>(edge.side_output);
    if (tag < tags->size()) {
      types.push_back((*tags)[tag].type);
    } else if (source.spec.__isset.window && source.spec.window.__isset.late_output) {
      types.push_back(source.spec.window.late_output.type);
    }
  }
  types.push_back(source.output_type);
  for (const idl::Edge& before : graph.edges) {
    if (before.target == edge.source)
      types.push_back(graph.operators[static_cast<size_t>(before.source)].output_type);
  }
  return types;
}

namespace {

// A run and the handle that has it.
struct Run {
  const idl::InFlightHandle* handle;
  const idl::InFlightRun* run;
};

// Channel by channel; in each what the receiver had, then what the sender had.
std::vector<Run> InOrder(const idl::InFlightExchange& exchange) {
  std::vector<Run> runs;
  for (const idl::InFlightHandle& handle : exchange.handles) {
    for (const idl::InFlightRun& run : handle.runs) runs.push_back({&handle, &run});
  }
  std::stable_sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return std::tie(a.run->source, a.run->target, a.run->of_sender) <
           std::tie(b.run->source, b.run->target, b.run->of_sender);
  });
  return runs;
}

// What one exchange of the checkpoint is in the job now.
struct Now {
  const idl::Edge& edge;
  int exchange;  // of the chained graph; -1: it is within a chain now
  const idl::OperatorNode& target;
  int parallelism_before;
  int max_parallelism_before;
  std::vector<idl::TypeInformation> types;

  bool by_key() const { return edge.partitioner == idl::Partitioner::HASH; }
  bool as_before(int parallelism) const {
    return parallelism == parallelism_before &&
           (!by_key() || target.max_parallelism == max_parallelism_before);
  }
};

void Give(const Now& now, const idl::InFlightExchange& exchange, idl::TaskDeployment& to) {
  const int subtask = to.task.subtask;
  const int shares = to.parallelism;
  int channel = -1;
  std::pair<int, int> last{-1, -1};
  for (const Run& each : InOrder(exchange)) {
    const std::pair<int, int> ends{each.run->source, each.run->target};
    if (std::exchange(last, ends) != ends) ++channel;
    idl::RestoredInFlight part;
    part.input = now.edge.input;
    part.op = now.target.id;
    part.handle.exchange = now.exchange;
    part.handle.runs = {*each.run};
    part.handle.file = each.handle->file;
    part.types = now.types;
    part.name = exchange.name;
    if (now.as_before(shares)) {
      if (each.run->target != subtask) continue;
    } else if (now.by_key()) {
      part.by_key = true;
    } else if (now.edge.partitioner == idl::Partitioner::GLOBAL) {
      if (subtask != 0) continue;
    } else {
      part.shares = shares;
      part.share = (subtask + channel) % shares;
    }
    to.__isset.in_flight = true;
    to.in_flight.push_back(std::move(part));
  }
}

}  // namespace

bool SameEnds(const idl::InFlightExchange& a, const idl::InFlightExchange& b) {
  return std::tie(a.source, a.target, a.input, a.side_output) ==
         std::tie(b.source, b.target, b.input, b.side_output);
}

idl::InFlightExchange ExchangeOf(const idl::JobGraph& graph, const idl::Edge& edge) {
  const idl::OperatorNode& source = graph.operators[static_cast<size_t>(edge.source)];
  const idl::OperatorNode& target = graph.operators[static_cast<size_t>(edge.target)];
  idl::InFlightExchange exchange;
  exchange.source = UidOf(source);
  exchange.target = UidOf(target);
  exchange.input = edge.input;
  exchange.side_output = edge.side_output;
  exchange.name = absl::StrCat("'", source.name, "' -> '", target.name, "'");
  return exchange;
}

absl::Status AssignInFlight(const idl::Checkpoint& checkpoint, const idl::JobGraph& graph,
                            bool ignore_unclaimed,
                            std::span<idl::TaskDeployment* const> deployments) {
  for (idl::TaskDeployment* deployment : deployments) deployment->in_flight.clear();
  if (checkpoint.in_flight.empty()) return absl::OkStatus();
  const std::vector<Exchange> exchanges = Chain(graph).exchanges;
  for (const idl::InFlightExchange& exchange : checkpoint.in_flight) {
    const auto edge = std::find_if(
        graph.edges.begin(), graph.edges.end(),
        [&](const idl::Edge& each) { return SameEnds(ExchangeOf(graph, each), exchange); });
    if (edge == graph.edges.end()) {
      if (ignore_unclaimed) continue;
      return UserError(absl::StrCat(
          "the checkpoint has data in flight of ", exchange.name, " (", exchange.source, " -> ",
          exchange.target,
          "), which are not connected so in the job: connect them again, start from a savepoint, "
          "which has no data in flight, or set execution.state-recovery.ignore-unclaimed-state to "
          "leave it behind"));
    }
    const idl::OperatorNode& target = graph.operators[static_cast<size_t>(edge->target)];
    const idl::OperatorCheckpoint* before = FindOperator(checkpoint, target);
    if (before == nullptr)
      return absl::DataLossError(absl::StrCat("data in flight of no operator: ", exchange.name));
    const auto exchanged = std::find_if(exchanges.begin(), exchanges.end(),
                                        [&](const Exchange& each) { return each.edge == *edge; });
    const Now now{.edge = *edge,
                  .exchange = exchanged == exchanges.end()
                                  ? -1
                                  : static_cast<int>(exchanged - exchanges.begin()),
                  .target = target,
                  .parallelism_before = before->parallelism,
                  .max_parallelism_before = before->max_parallelism,
                  .types = TypesOf(graph, *edge)};
    for (idl::TaskDeployment* deployment : deployments) {
      const bool has_it =
          std::any_of(deployment->chain.begin(), deployment->chain.end(),
                      [&](const idl::ChainNode& member) { return member.op.id == edge->target; });
      if (has_it) Give(now, exchange, *deployment);
    }
  }
  return absl::OkStatus();
}

}  // namespace pyflinkpp
