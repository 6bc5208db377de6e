// Batch mode: a keyed operator sees one key after the other.
#pragma once

#include <memory>

#include "runtime/operators/operator.h"

namespace pyflinkpp {

// Gathers the keyed inputs of `op` to their end, sorts them by the keys' bytes, then timestamps,
// and gives them to it; behind the last element of a key comes Operator::FinishKey. What is not
// keyed (a broadcast stream) goes straight through: so all of it comes first. Watermarks do not
// pass, but for the last one.
std::unique_ptr<Operator> MakeSortedInputOperator(std::unique_ptr<Operator> op);

}  // namespace pyflinkpp
