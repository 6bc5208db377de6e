#include "runtime/operators/registry.h"

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "runtime/connectors/collection/collection_source.h"
#include "runtime/connectors/file/file_sink_operator.h"
#include "runtime/connectors/file/file_source_operator.h"
#include "runtime/connectors/file/file_split_enumerator.h"
#include "runtime/connectors/number_sequence/number_sequence_source.h"
#include "runtime/operators/simple_sinks.h"

namespace pyflinkpp {
namespace {

absl::StatusOr<std::shared_ptr<const TypeSerializer>> NativeSerializerOf(
    const idl::TypeInformation& type) {
  switch (type.kind) {
    case idl::TypeKind::LONG:
      return LongSerializer();
    case idl::TypeKind::STRING:
      return StringSerializer();
    default:
      return absl::UnimplementedError(
          absl::StrCat("no native serializer for a type of kind ", static_cast<int>(type.kind)));
  }
}

using Nodes = std::span<const idl::OperatorNode>;

}  // namespace

OperatorRegistry BuiltinOperators() {
  OperatorRegistry registry;
  registry.serializers = NativeSerializerOf;
  auto& entries = registry.entries;

  // Sources.
  entries["number_sequence_source"] = {
      .make = [](Nodes, const SerializerFactory&) { return MakeNumberSequenceSource(); },
      .make_enumerator =
          [](const idl::OperatorNode& node) {
            return MakeNumberSequenceEnumerator(node.spec.number_sequence_source);
          }};
  entries["file_source"] = {
      .make = [](Nodes, const SerializerFactory&) { return MakeFileSourceOperator(); },
      .make_enumerator =
          [](const idl::OperatorNode& node) {
            return MakeFileSplitEnumerator(node.spec.file_source);
          }};
  entries["collection_source"] = {
      .make = [](Nodes nodes, const SerializerFactory& serializers)
          -> absl::StatusOr<std::unique_ptr<Operator>> {
        ASSIGN_OR_RETURN(auto serializer, serializers(nodes[0].output_type));
        return MakeCollectionSource(nodes[0].spec.collection_source, std::move(serializer));
      },
      .make_enumerator = [](const idl::OperatorNode&) { return MakeCollectionEnumerator(); }};

  // Sinks.
  entries["discarding_sink"] = {
      .make = [](Nodes, const SerializerFactory&) { return MakeDiscardingSink(); },
      .make_enumerator = {}};
  entries["print_sink"] = {
      .make = [](Nodes nodes,
                 const SerializerFactory&) { return MakePrintSink(nodes[0].spec.print_sink); },
      .make_enumerator = {}};
  entries["collect_sink"] = {
      .make =
          [](Nodes nodes, const SerializerFactory& serializers) {
            return MakeCollectSink(
                [type = nodes[0].output_type, serializers] { return serializers(type); });
          },
      .make_enumerator = {}};
  entries["file_sink"] = {.make =
                              [](Nodes nodes, const SerializerFactory&) {
                                return MakeFileSinkOperator(nodes[0].spec.file_sink);
                              },
                          .make_enumerator = {}};
  return registry;
}

}  // namespace pyflinkpp
