#include "core/graph/job_graph.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status.h"
#include "core/graph/key_groups.h"

namespace pyflinkpp {
namespace {

const char* ShipStrategy(idl::Partitioner::type partitioner) {
  switch (partitioner) {
    case idl::Partitioner::FORWARD:
      return "FORWARD";
    case idl::Partitioner::REBALANCE:
      return "REBALANCE";
    case idl::Partitioner::RESCALE:
      return "RESCALE";
    case idl::Partitioner::SHUFFLE:
      return "SHUFFLE";
    case idl::Partitioner::BROADCAST:
      return "BROADCAST";
    case idl::Partitioner::GLOBAL:
      return "GLOBAL";
    case idl::Partitioner::HASH:
      return "HASH";
    case idl::Partitioner::CUSTOM:
      return "CUSTOM";
  }
  return "?";
}

std::string Named(const idl::OperatorNode& node) {
  return absl::StrCat("operator '", node.name, "'");
}

bool IsPython(const idl::OperatorNode& node, idl::PythonFunctionKind::type kind) {
  return node.spec.__isset.python && node.spec.python.kind == kind;
}

absl::Status ValidateOperator(idl::OperatorNode& node) {
  if (node.parallelism < 1) {
    return UserError(absl::StrCat("the parallelism of ", Named(node), " is ", node.parallelism,
                                  "; it must be at least 1"));
  }
  if (node.max_parallelism == -1) node.max_parallelism = DefaultMaxParallelism(node.parallelism);
  if (node.max_parallelism < 1 || node.max_parallelism > kMaxParallelismHighest) {
    return UserError(absl::StrCat("the max parallelism of ", Named(node), " is ",
                                  node.max_parallelism, "; it must lie between 1 and ",
                                  kMaxParallelismHighest));
  }
  if (node.parallelism > node.max_parallelism) {
    return UserError(absl::StrCat("the parallelism of ", Named(node), " is ", node.parallelism,
                                  ", more than its max parallelism ", node.max_parallelism));
  }
  return absl::OkStatus();
}

absl::Status ValidateEdge(idl::JobGraph& graph, const idl::Edge& edge) {
  const int count = static_cast<int>(graph.operators.size());
  if (edge.source < 0 || edge.target >= count || edge.source >= edge.target) {
    return absl::InternalError(
        absl::StrCat("an edge from operator ", edge.source, " to ", edge.target, " of ", count));
  }
  idl::OperatorNode& source = graph.operators[edge.source];
  const idl::OperatorNode& target = graph.operators[edge.target];
  if (edge.partitioner == idl::Partitioner::FORWARD && source.parallelism != target.parallelism) {
    return UserError(absl::StrCat("forward() connects equal parallelism, but ", Named(source),
                                  " has ", source.parallelism, " and ", Named(target), " has ",
                                  target.parallelism, "; use rebalance() or rescale()"));
  }
  if (edge.partitioner == idl::Partitioner::HASH &&
      !IsPython(source, idl::PythonFunctionKind::KEY_BY) && !source.spec.__isset.native_function) {
    return absl::InternalError(
        absl::StrCat("a keyed edge from ", Named(source), ", which gives no keys"));
  }
  if (edge.partitioner == idl::Partitioner::CUSTOM) {
    if (source.target_parallelism != 0 && source.target_parallelism != target.parallelism) {
      return UserError(absl::StrCat("the result of ", Named(source),
                                    " feeds operators of different parallelism; call "
                                    "partition_custom once for each"));
    }
    source.target_parallelism = target.parallelism;
  }
  return absl::OkStatus();
}

void CompleteSlotSharingGroups(idl::JobGraph& graph) {
  for (idl::OperatorNode& node : graph.operators) {
    if (node.__isset.slot_sharing_group) continue;
    std::string group;
    for (const idl::Edge& edge : graph.edges) {
      if (edge.target != node.id) continue;
      const std::string& input_group = graph.operators[edge.source].slot_sharing_group;
      if (group.empty()) group = input_group;
      if (group != input_group) group = kDefaultSlotSharingGroup;
    }
    node.__set_slot_sharing_group(group.empty() ? kDefaultSlotSharingGroup : group);
  }
}

// The target makes the watermarks of the source: they are one, whatever the program says about
// chains.
bool IsPartOfSource(const idl::OperatorNode& target) {
  return IsPython(target, idl::PythonFunctionKind::ASSIGN_TIMESTAMPS) &&
         target.spec.python.of_source;
}

// A keyed edge between single subtasks joins too: the keys are computed as ever, only no exchange
// is needed.
bool Chainable(const idl::JobGraph& graph, const idl::Edge& edge, const std::vector<int>& inputs,
               bool enabled) {
  const idl::OperatorNode& source = graph.operators[edge.source];
  const idl::OperatorNode& target = graph.operators[edge.target];
  const bool one_to_one = edge.partitioner == idl::Partitioner::FORWARD ||
                          (edge.partitioner == idl::Partitioner::HASH && source.parallelism == 1 &&
                           target.parallelism == 1);
  return one_to_one && inputs[edge.target] == 1 && source.parallelism == target.parallelism &&
         source.slot_sharing_group == target.slot_sharing_group &&
         (IsPartOfSource(target) || (enabled && source.chaining != idl::ChainingStrategy::NEVER &&
                                     target.chaining == idl::ChainingStrategy::ALWAYS));
}

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      absl::StrAppend(&out, "\\u00", c >= 0x10 ? "1" : "0", std::string(1, kHex[c & 0xf]));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::string KindOf(const idl::OperatorSpec& spec) {
  const auto& set = spec.__isset;
  if (set.number_sequence_source) return "number_sequence_source";
  if (set.file_source) return "file_source";
  if (set.collection_source) return "collection_source";
  if (set.python) return "python";
  if (set.reduce) {
    return spec.reduce.kind == idl::ReduceKind::NATIVE
               ? absl::StrCat("reduce:", spec.reduce.native_name)
               : "reduce";
  }
  if (set.project) return "project";
  if (set.file_sink) return "file_sink";
  if (set.python_sink) return "python_sink";
  if (set.print_sink) return "print_sink";
  if (set.discarding_sink) return "discarding_sink";
  if (set.collect_sink) return "collect_sink";
  if (set.process) return "process";
  if (set.async_function) return "async";
  if (set.push_source) return "push_source";
  if (set.window) {
    return spec.window.contents == idl::WindowFunctionKind::NATIVE
               ? absl::StrCat("window:", spec.window.native_name)
               : "window";
  }
  if (set.native_function) return absl::StrCat("native:", spec.native_function.name);
  return "?";
}

bool IsSource(const idl::OperatorSpec& spec) {
  return spec.__isset.number_sequence_source || spec.__isset.file_source ||
         spec.__isset.collection_source || spec.__isset.push_source;
}

bool IsSink(const idl::OperatorSpec& spec) {
  return spec.__isset.file_sink || spec.__isset.print_sink || spec.__isset.discarding_sink ||
         spec.__isset.collect_sink || spec.__isset.python_sink;
}

bool NeedsKeys(const idl::OperatorSpec& spec) {
  return spec.__isset.reduce || spec.__isset.window || (spec.__isset.process && spec.process.keyed);
}

bool IsBatch(const std::map<std::string, std::string>& configuration) {
  const auto mode = configuration.find("execution.runtime-mode");
  return mode != configuration.end() && mode->second == "BATCH";
}

const idl::WatermarkStrategy* AlignedStrategyOf(const std::vector<idl::ChainNode>& chain) {
  for (const idl::ChainNode& member : chain) {
    const idl::PythonFunction& function = member.op.spec.python;
    if (IsPartOfSource(member.op) && !function.watermarks.alignment_group.empty())
      return &function.watermarks;
  }
  return nullptr;
}

absl::Status ValidateAndComplete(idl::JobGraph& graph) {
  if (graph.operators.empty()) return UserError("the job has no operators");
  std::map<std::string, const idl::OperatorNode*> uids;
  std::vector<int> inputs(graph.operators.size());
  for (size_t i = 0; i < graph.operators.size(); ++i) {
    idl::OperatorNode& node = graph.operators[i];
    PFPP_CHECK(node.id == static_cast<int>(i));
    RETURN_IF_ERROR(ValidateOperator(node));
    if (!node.__isset.uid) continue;
    if (auto [other, first] = uids.emplace(node.uid, &node); !first) {
      return UserError(absl::StrCat("the uid '", node.uid, "' is given to two operators, '",
                                    other->second->name, "' and '", node.name,
                                    "'; each needs its own"));
    }
  }
  for (const idl::Edge& edge : graph.edges) {
    RETURN_IF_ERROR(ValidateEdge(graph, edge));
    ++inputs[edge.target];
  }
  for (const idl::OperatorNode& node : graph.operators) {
    if (IsSource(node.spec) != (inputs[node.id] == 0)) {
      return absl::InternalError(absl::StrCat(Named(node), " has ", inputs[node.id], " inputs"));
    }
  }
  CompleteSlotSharingGroups(graph);
  return absl::OkStatus();
}

ChainedGraph Chain(const idl::JobGraph& graph) {
  std::vector<int> inputs(graph.operators.size());
  for (const idl::Edge& edge : graph.edges) ++inputs[edge.target];

  ChainedGraph result;
  std::vector<int> vertex_of(graph.operators.size());
  std::vector<int> position_of(graph.operators.size());
  const auto disabled = graph.configuration.find("pipeline.operator-chaining.enabled");
  const bool enabled = disabled == graph.configuration.end() || disabled->second != "false";

  for (const idl::OperatorNode& node : graph.operators) {
    const idl::Edge* joined = nullptr;
    for (const idl::Edge& edge : graph.edges) {
      if (edge.target == node.id && Chainable(graph, edge, inputs, enabled)) joined = &edge;
    }
    if (joined == nullptr) {
      JobVertex vertex;
      vertex.parallelism = node.parallelism;
      vertex.slot_sharing_group = node.slot_sharing_group;
      vertex_of[node.id] = static_cast<int>(result.vertices.size());
      result.vertices.push_back(std::move(vertex));
    } else {
      vertex_of[node.id] = vertex_of[joined->source];
    }
    JobVertex& vertex = result.vertices[vertex_of[node.id]];
    position_of[node.id] = static_cast<int>(vertex.chain.size());
    if (joined != nullptr)
      vertex.chain[position_of[joined->source]].successors.push_back(position_of[node.id]);
    idl::ChainNode member;
    member.op = node;
    if (joined != nullptr) member.side_output = joined->side_output;
    vertex.chain.push_back(std::move(member));
    vertex.max_parallelism = std::max(vertex.max_parallelism, node.max_parallelism);
    absl::StrAppend(&vertex.name, vertex.name.empty() ? "" : " -> ", node.name);
  }

  for (const idl::Edge& edge : graph.edges) {
    const int source = vertex_of[edge.source];
    const int target = vertex_of[edge.target];
    if (source == target && Chainable(graph, edge, inputs, enabled)) continue;
    const int exchange = static_cast<int>(result.exchanges.size());
    JobVertex& from = result.vertices[source];
    from.chain[position_of[edge.source]].outputs.push_back(static_cast<int>(from.outputs.size()));
    from.outputs.push_back(exchange);
    result.vertices[target].inputs.push_back(exchange);
    result.exchanges.push_back({edge, source, target, IsBatch(graph.configuration)});
  }
  return result;
}

std::string PlanAsJson(const idl::JobGraph& graph) {
  std::vector<std::string> nodes;
  for (const idl::OperatorNode& node : graph.operators) {
    std::vector<std::string> predecessors;
    for (const idl::Edge& edge : graph.edges) {
      if (edge.target != node.id) continue;
      predecessors.push_back(absl::StrCat("{\"id\": ", edge.source + 1, ", \"ship_strategy\": \"",
                                          ShipStrategy(edge.partitioner),
                                          "\", \"side\": \"second\"}"));
    }
    const char* pact = IsSource(node.spec) ? "Data Source"
                       : IsSink(node.spec) ? "Data Sink"
                                           : "Operator";
    const std::string contents =
        JsonString(node.__isset.description ? node.description : node.name);
    std::string json = absl::StrCat("{\"id\": ", node.id + 1, ", \"type\": ", JsonString(node.name),
                                    ", \"pact\": \"", pact, "\", \"contents\": ", contents,
                                    ", \"parallelism\": ", node.parallelism);
    if (!predecessors.empty())
      absl::StrAppend(&json, ", \"predecessors\": [", absl::StrJoin(predecessors, ", "), "]");
    nodes.push_back(json + "}");
  }
  return absl::StrCat("{\"nodes\": [", absl::StrJoin(nodes, ", "), "]}");
}

}  // namespace pyflinkpp
