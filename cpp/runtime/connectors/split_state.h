// A source's splits in a checkpoint: what of them was not read yet.
#pragma once

#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/idl/codec.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

inline constexpr char kSplitsState[] = "splits";

inline void SnapshotSplits(SnapshotContext& context, const std::vector<idl::SourceSplit>& splits) {
  std::vector<std::string> elements;
  for (const idl::SourceSplit& split : splits) elements.push_back(idl::Encode(split));
  context.AddList(kSplitsState, idl::Redistribution::SPLIT, std::move(elements), "SourceSplit");
}

inline absl::StatusOr<std::vector<idl::SourceSplit>> RestoredSplits(
    const OperatorContext& context) {
  std::vector<idl::SourceSplit> splits;
  if (context.restored.empty()) return splits;
  const idl::OperatorListState* list = FindList(context.restored[0], kSplitsState);
  if (list == nullptr) return splits;
  for (const std::string& element : list->elements) {
    ASSIGN_OR_RETURN(idl::SourceSplit split, idl::Decode<idl::SourceSplit>(element));
    splits.push_back(std::move(split));
  }
  return splits;
}

}  // namespace pyflinkpp
