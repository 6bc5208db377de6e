// Sizes as Flink writes them in configurations.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/status.h"

namespace pyflinkpp {

// The bytes of "512 mb", "1 GB", "64kibibytes"; a bare number means bytes. `key`: for the message.
inline absl::StatusOr<int64_t> ParseMemorySize(absl::string_view key, absl::string_view text) {
  struct Unit {
    absl::string_view names[3];
    int shift;
  };
  constexpr Unit kUnits[] = {{{"", "b", "bytes"}, 0},
                             {{"k", "kb", "kibibytes"}, 10},
                             {{"m", "mb", "mebibytes"}, 20},
                             {{"g", "gb", "gibibytes"}, 30},
                             {{"t", "tb", "tebibytes"}, 40}};
  const absl::string_view number = absl::StripAsciiWhitespace(text);
  size_t digits = 0;
  while (digits < number.size() && absl::ascii_isdigit(number[digits])) ++digits;
  const std::string unit =
      absl::AsciiStrToLower(absl::StripLeadingAsciiWhitespace(number.substr(digits)));
  int64_t value = 0;
  if (absl::SimpleAtoi(number.substr(0, digits), &value)) {
    for (const Unit& known : kUnits) {
      for (const absl::string_view name : known.names) {
        if (unit == name && value <= std::numeric_limits<int64_t>::max() >> known.shift)
          return value << known.shift;
      }
    }
  }
  return UserError(
      absl::StrCat(key, ": '", text, "' is no size: write it as \"20 kb\" or \"1 mb\""));
}

}  // namespace pyflinkpp
