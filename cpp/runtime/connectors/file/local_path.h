// Paths as users write them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pyflinkpp {

// The path on this machine that a path or a "file:" URI means. An error names other schemes
// ("s3://…") and what to do; `connector` is how the message calls the asker.
absl::StatusOr<std::string> LocalPath(absl::string_view connector, absl::string_view path);

}  // namespace pyflinkpp
