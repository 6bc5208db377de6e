#include "runtime/connectors/file/local_path.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"

namespace pyflinkpp {

absl::StatusOr<std::string> LocalPath(absl::string_view connector, absl::string_view path) {
  absl::string_view local = path;
  if (absl::StartsWith(path, "file:/")) {
    absl::ConsumePrefix(&local, "file:");
    if (absl::ConsumePrefix(&local, "//")) absl::ConsumePrefix(&local, "localhost");
    if (!absl::StartsWith(local, "/")) {
      return UserError(absl::StrCat(connector, " path '", path, "' names a host: write file:///",
                                    local, " for a file of this machine"));
    }
    return std::string(local);
  }
  const size_t colon = path.find("://");
  if (colon != absl::string_view::npos && colon > 0) {
    bool scheme = true;
    for (const char c : path.substr(0, colon)) {
      scheme &=
          absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-' || c == '.';
    }
    if (scheme) {
      return UserError(absl::StrCat(connector, " cannot reach '", path, "': the file system '",
                                    path.substr(0, colon),
                                    "' is not supported, use a local path or a file:// URI"));
    }
  }
  if (path.empty()) return UserError(absl::StrCat(connector, " needs a path, got an empty one"));
  return std::string(path);
}

}  // namespace pyflinkpp
