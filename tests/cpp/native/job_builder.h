// Job graphs of native operators, in a line an operator.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/graph/job_graph.h"
#include "core/types/native_serializers.h"

namespace pyflinkpp::native {

class JobBuilder {
 public:
  explicit JobBuilder(std::string job_id) {
    graph_.job_id = std::move(job_id);
    graph_.name = "native job";
  }

  int Numbers(int64_t first, int64_t last, int parallelism) {
    idl::OperatorNode& node = Add("numbers", parallelism);
    node.spec.__isset.number_sequence_source = true;
    node.spec.number_sequence_source.first = first;
    node.spec.number_sequence_source.last = last;
    return node.id;
  }
  int Files(std::vector<std::string> paths, int parallelism) {
    idl::OperatorNode& node = Add("files", parallelism);
    node.spec.__isset.file_source = true;
    node.spec.file_source.paths = std::move(paths);
    return node.id;
  }
  // STRING values.
  int Collection(const std::vector<std::string>& values) {
    idl::OperatorNode& node = Add("collection", 1);
    node.spec.__isset.collection_source = true;
    node.output_type.kind = idl::TypeKind::STRING;
    for (const std::string& value : values) {
      std::string bytes;
      BinaryWriter(bytes).PutBytes(value);
      node.spec.collection_source.elements.push_back(std::move(bytes));
    }
    return node.id;
  }
  int Native(const std::string& name, int parallelism) {
    idl::OperatorNode& node = Add(name, parallelism);
    node.spec.__isset.native_function = true;
    node.spec.native_function.name = name;
    return node.id;
  }
  int Reduce(const std::string& name, bool final_only, int parallelism) {
    idl::OperatorNode& node = Add(name, parallelism);
    node.spec.__isset.reduce = true;
    node.spec.reduce.kind = idl::ReduceKind::NATIVE;
    node.spec.reduce.native_name = name;
    node.spec.reduce.final_only = final_only;
    return node.id;
  }
  int Discard(int parallelism) {
    idl::OperatorNode& node = Add("discard", parallelism);
    node.spec.__isset.discarding_sink = true;
    return node.id;
  }
  int Print(const std::string& identifier, bool standard_error, int parallelism) {
    idl::OperatorNode& node = Add("print", parallelism);
    node.spec.__isset.print_sink = true;
    node.spec.print_sink.identifier = identifier;
    node.spec.print_sink.standard_error = standard_error;
    return node.id;
  }
  int WriteFiles(const std::string& path, int parallelism) {
    idl::OperatorNode& node = Add("write files", parallelism);
    node.spec.__isset.file_sink = true;
    node.spec.file_sink.path = path;
    return node.id;
  }
  int Collect() {
    idl::OperatorNode& node = Add("collect", 1);
    node.spec.__isset.collect_sink = true;
    return node.id;
  }

  void Connect(int source, int target, idl::Partitioner::type partitioner) {
    idl::Edge& edge = graph_.edges.emplace_back();
    edge.source = source;
    edge.target = target;
    edge.partitioner = partitioner;
    edge.input = 0;
  }
  // The same, for graphs written from source to sink: returns the target. The source was added
  // before.
  int Then(int source, idl::Partitioner::type partitioner, int target) {
    Connect(source, target, partitioner);
    return target;
  }

  idl::OperatorNode& op(int id) { return graph_.operators[id]; }
  idl::JobGraph& graph() { return graph_; }

  idl::JobGraph Build() {
    const absl::Status valid = ValidateAndComplete(graph_);
    if (!valid.ok())
      internal::CheckFailed(__FILE__, __LINE__, std::string(valid.message()).c_str());
    return graph_;
  }

 private:
  idl::OperatorNode& Add(const std::string& name, int parallelism) {
    idl::OperatorNode& node = graph_.operators.emplace_back();
    node.id = static_cast<int>(graph_.operators.size()) - 1;
    node.name = absl::StrCat(name, " ", node.id);
    node.parallelism = parallelism;
    node.chaining = idl::ChainingStrategy::ALWAYS;
    return node;
  }

  idl::JobGraph graph_;
};

}  // namespace pyflinkpp::native
