// The elements of a collection that travels inside the job graph.
#pragma once

#include <memory>

#include "runtime/connectors/split_enumerator.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

std::unique_ptr<SplitEnumerator> MakeCollectionEnumerator();

// Emits values of `serializer`, read from their binary format. Has one subtask.
std::unique_ptr<SourceOperator> MakeCollectionSource(
    const idl::CollectionSource& spec, std::shared_ptr<const TypeSerializer> serializer);

}  // namespace pyflinkpp
