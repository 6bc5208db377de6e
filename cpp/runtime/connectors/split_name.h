// How a split is called where users read of it.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// "/data/a.txt, bytes 0 to 1048575", "numbers 1 to 500", "collection".
inline std::string NameOf(const idl::FileSplit& split) {
  return absl::StrCat(split.path, ", bytes ", split.first, " to ", split.limit - 1);
}
inline std::string NameOf(const idl::NumberSplit& split) {
  return absl::StrCat("numbers ", split.first, " to ", split.last);
}
inline std::string NameOfCollection() { return "collection"; }

}  // namespace pyflinkpp
