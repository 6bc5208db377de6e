// The native operators by name, as job graphs of tests and benchmarks call them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "native/long_operators.h"
#include "native/word_operators.h"
#include "runtime/operators/registry.h"

namespace pyflinkpp::native {

inline void AddNative(
    OperatorRegistry& registry, const std::string& name,
    std::function<std::unique_ptr<Operator>(const idl::OperatorNode& node)> make) {
  registry.entries["native:" + name] = {
      .make = [make = std::move(make)](std::span<const idl::OperatorNode> nodes,
                                       const SerializerFactory&)
          -> absl::StatusOr<std::unique_ptr<Operator>> { return make(nodes[0]); },
      .make_enumerator = {}};
}

template <class Function>
void AddReduce(OperatorRegistry& registry, const std::string& name) {
  registry.entries["reduce:" + name] = {
      .make = [](std::span<const idl::OperatorNode> nodes,
                 const SerializerFactory&) -> absl::StatusOr<std::unique_ptr<Operator>> {
        return MakeKeyedReduceOperator(std::make_unique<Function>(),
                                       nodes[0].spec.reduce.final_only);
      },
      .make_enumerator = {}};
}

inline OperatorRegistry NativeOperators() {
  using Node = const idl::OperatorNode&;
  OperatorRegistry registry = BuiltinOperators();
  AddNative(registry, "affine_long", [](Node) { return MakeAffineLong(); });
  AddNative(registry, "odd_longs", [](Node) { return MakeOddLongs(); });
  AddNative(registry, "long_to_word", [](Node) { return MakeLongToWord(); });
  AddNative(registry, "key_by_long", [](Node) { return MakeKeyByLong(1000); });
  AddNative(registry, "long_to_line", [](Node) { return MakeLongToLine(); });
  AddNative(registry, "split_words", [](Node) { return MakeSplitWords(); });
  AddNative(registry, "twice", [](Node) { return MakeTwice(); });
  AddNative(registry, "short_words", [](Node) { return MakeShortWords(); });
  AddNative(registry, "pair", [](Node) { return MakePair(); });
  AddNative(registry, "first_byte", [](Node) { return MakeFirstByte(); });
  AddNative(registry, "key_by_word", [](Node) { return MakeKeyByWord(); });
  AddNative(registry, "route_words",
            [](Node node) { return MakeRouteWords(node.target_parallelism); });
  AddReduce<SumLongs>(registry, "sum_longs");
  AddReduce<SumCounts>(registry, "sum_counts");
  return registry;
}

}  // namespace pyflinkpp::native
