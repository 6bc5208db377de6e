// The directories into which a file sink sorts its rows by processing time.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace pyflinkpp {

// A date pattern as of Java's DateTimeFormatter, as far as buckets need it: y (or u), M, d, H, m, s
// in numbers, quoted 'text', and what is no letter as it is. A value.
class BucketFormat {
 public:
  // The error names what is not supported. The empty pattern is the bucket "". `time_zone`: by its
  // name in the system's data base, or as "Fixed/UTC+08:00:00"; "" for the process's.
  static absl::StatusOr<BucketFormat> Parse(absl::string_view pattern,
                                            absl::string_view time_zone = "");

  // The bucket of a time, in milliseconds since the epoch: "2024-05-31--09". Changes at most once a
  // second.
  std::string Format(int64_t time_ms) const;

 private:
  struct Part {
    char letter = 0;  // 0: literal
    int width = 0;
    std::string literal;
  };

  absl::CivilSecond CivilTime(std::time_t seconds) const;

  std::vector<Part> parts_;
  std::optional<absl::TimeZone> time_zone_;  // none: the process's
};

}  // namespace pyflinkpp
