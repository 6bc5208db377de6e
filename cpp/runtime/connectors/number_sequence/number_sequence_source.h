// All numbers of a range, split over the readers.
#pragma once

#include <memory>

#include "runtime/connectors/split_enumerator.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// Splits the range into one part a reader, as equal as can be.
std::unique_ptr<SplitEnumerator> MakeNumberSequenceEnumerator(
    const idl::NumberSequenceSource& range);

// Emits LONG rows.
std::unique_ptr<SourceOperator> MakeNumberSequenceSource();

}  // namespace pyflinkpp
