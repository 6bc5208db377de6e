// The half of a FileSource that finds the files.
#pragma once

#include <memory>

#include "core/idl/pyflinkpp_types.h"
#include "runtime/connectors/split_enumerator.h"

namespace pyflinkpp {

// Lists the source's paths and deals out ranges of their bytes, one at a time, in the order of
// paths and positions.
std::unique_ptr<SplitEnumerator> MakeFileSplitEnumerator(const idl::FileSource& source);

}  // namespace pyflinkpp
