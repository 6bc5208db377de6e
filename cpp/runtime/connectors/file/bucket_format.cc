#include "runtime/connectors/file/bucket_format.h"

#include <ctime>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

absl::Status Unsupported(absl::string_view pattern, absl::string_view what) {
  return UserError(absl::StrCat("the bucket assigner's date pattern '", pattern, "' ", what,
                                "; supported are yyyy, yy, MM, dd, HH, mm, ss and 'quoted text'"));
}

bool SupportedWidth(char letter, int width) {
  // Of a year: as it is, two digits, four digits. MMM and more would be names.
  if (letter == 'y' || letter == 'u') return width == 1 || width == 2 || width == 4;
  return width <= 2;
}

}  // namespace

absl::StatusOr<BucketFormat> BucketFormat::Parse(absl::string_view pattern,
                                                 absl::string_view time_zone) {
  constexpr absl::string_view kLetters = "yuMdHms";
  constexpr absl::string_view kReserved = "[]{}#";
  BucketFormat format;
  if (!time_zone.empty() && !absl::LoadTimeZone(time_zone, &format.time_zone_.emplace()))
    return UserError(absl::StrCat("the bucket assigner's time zone '", time_zone,
                                  "' is not known to this system"));
  const auto literal = [&format](absl::string_view text) {
    if (format.parts_.empty() || format.parts_.back().letter != 0) format.parts_.emplace_back();
    absl::StrAppend(&format.parts_.back().literal, text);
  };
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '\'') {
      size_t end = i + 1;
      std::string text;
      for (;; ++end) {
        if (end == pattern.size()) return Unsupported(pattern, "lacks a closing quote");
        if (pattern[end] == '\'') {
          if (end + 1 == pattern.size() || pattern[end + 1] != '\'') break;
          ++end;  // '' within quotes is a quote
        }
        text.push_back(pattern[end]);
      }
      literal(text.empty() ? "'" : text);  // so is '' on its own
      i = end + 1;
      continue;
    }
    if (!absl::ascii_isalpha(static_cast<unsigned char>(c))) {
      if (kReserved.find(c) != absl::string_view::npos) {
        return Unsupported(
            pattern, absl::StrCat("has the reserved character '", absl::string_view(&c, 1), "'"));
      }
      literal(absl::string_view(&c, 1));
      ++i;
      continue;
    }
    size_t end = i;
    while (end < pattern.size() && pattern[end] == c) ++end;
    const int width = static_cast<int>(end - i);
    if (kLetters.find(c) == absl::string_view::npos || !SupportedWidth(c, width)) {
      return Unsupported(pattern, absl::StrCat("has '", pattern.substr(i, end - i), "'"));
    }
    format.parts_.push_back({c, width, ""});
    i = end;
  }
  return format;
}

std::string BucketFormat::Format(int64_t time_ms) const {
  const std::time_t seconds =
      static_cast<std::time_t>(time_ms / 1000 - (time_ms % 1000 < 0 ? 1 : 0));
  const absl::CivilSecond time = CivilTime(seconds);
  std::string result;
  for (const Part& part : parts_) {
    int64_t value = 0;
    switch (part.letter) {
      case 0:
        result += part.literal;
        continue;
      case 'M':
        value = time.month();
        break;
      case 'd':
        value = time.day();
        break;
      case 'H':
        value = time.hour();
        break;
      case 'm':
        value = time.minute();
        break;
      case 's':
        value = time.second();
        break;
      default:
        value = time.year();
        if (part.width == 2) value %= 100;
    }
    absl::StrAppendFormat(&result, "%0*d", part.width, value);
  }
  return result;
}

absl::CivilSecond BucketFormat::CivilTime(std::time_t seconds) const {
  if (time_zone_) return absl::ToCivilSecond(absl::FromUnixSeconds(seconds), *time_zone_);
  std::tm time = {};
  localtime_r(&seconds, &time);  // asks the process for its zone each time: TZ may change
  return absl::CivilSecond(time.tm_year + 1900, time.tm_mon + 1, time.tm_mday, time.tm_hour,
                           time.tm_min, time.tm_sec);
}

}  // namespace pyflinkpp
