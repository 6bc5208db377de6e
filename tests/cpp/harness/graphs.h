// Job graphs of native operators, written down in a few words.
#pragma once

#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/graph/job_graph.h"

namespace pyflinkpp::harness {

class GraphBuilder {
 public:
  GraphBuilder() {
    graph_.job_id = "00000000000000000000000000000001";
    graph_.name = "test";
  }

  // Each returns the operator's id.
  int Source(const std::string& name, int parallelism = 1) {
    const int id = Add(name, parallelism);
    idl::NumberSequenceSource numbers;
    numbers.first = 1;
    numbers.last = 10;
    op(id).spec.__set_number_sequence_source(numbers);
    op(id).output_type.kind = idl::TypeKind::LONG;
    return id;
  }
  int Native(const std::string& name, int parallelism = 1) {
    const int id = Add(name, parallelism);
    idl::NativeFunction function;
    function.name = name;
    op(id).spec.__set_native_function(function);
    return id;
  }
  int KeyBy(const std::string& name, int parallelism = 1) {
    return Python(name, idl::PythonFunctionKind::KEY_BY, parallelism);
  }
  int Custom(const std::string& name, int parallelism = 1) {
    return Python(name, idl::PythonFunctionKind::PARTITION_CUSTOM, parallelism);
  }
  int Reduce(const std::string& name, int parallelism = 1) {
    const int id = Add(name, parallelism);
    idl::Reduce reduce;
    reduce.kind = idl::ReduceKind::NATIVE;
    reduce.native_name = name;
    op(id).spec.__set_reduce(reduce);
    return id;
  }
  int Sink(const std::string& name, int parallelism = 1) {
    const int id = Add(name, parallelism);
    op(id).spec.__set_discarding_sink({});
    return id;
  }
  int Collect(const std::string& name) {
    const int id = Add(name, 1);
    op(id).spec.__set_collect_sink({});
    return id;
  }

  GraphBuilder& Edge(int source, int target,
                     idl::Partitioner::type partitioner = idl::Partitioner::FORWARD,
                     int input = 0) {
    idl::Edge edge;
    edge.source = source;
    edge.target = target;
    edge.partitioner = partitioner;
    edge.input = input;
    graph_.edges.push_back(edge);
    return *this;
  }

  // An edge from the operator before it.
  GraphBuilder& Then(int id, idl::Partitioner::type partitioner = idl::Partitioner::FORWARD) {
    return Edge(id - 1, id, partitioner);
  }

  idl::OperatorNode& op(int id) { return graph_.operators[id]; }
  idl::JobGraph& graph() { return graph_; }
  // The graph after ValidateAndComplete.
  idl::JobGraph Complete() {
    idl::JobGraph graph = graph_;
    const absl::Status status = ValidateAndComplete(graph);
    PFPP_CHECK(status.ok());
    return graph;
  }

 private:
  int Add(const std::string& name, int parallelism) {
    idl::OperatorNode node;
    node.id = static_cast<int>(graph_.operators.size());
    node.name = name;
    node.parallelism = parallelism;
    graph_.operators.push_back(std::move(node));
    return graph_.operators.back().id;
  }
  int Python(const std::string& name, idl::PythonFunctionKind::type kind, int parallelism) {
    const int id = Add(name, parallelism);
    idl::PythonFunction function;
    function.kind = kind;
    op(id).spec.__set_python(function);
    return id;
  }

  idl::JobGraph graph_;
};

}  // namespace pyflinkpp::harness
