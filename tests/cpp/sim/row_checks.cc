#include "sim/row_checks.h"

#include <cstdint>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pyflinkpp::sim {

std::string WrongRow(const std::string& where, const Bag& found, const Bag& expected, bool all,
                     bool may_repeat) {
  for (const auto& [row, count] : found) {
    const auto wanted = expected.find(row);
    const int64_t times = wanted == expected.end() ? 0 : wanted->second;
    if (count > times && !(may_repeat && times > 0))
      return absl::StrCat(where, " has ", count, " times '", row, "' instead of ", times);
  }
  if (!all) return "";
  for (const auto& [row, count] : expected) {
    const auto have = found.find(row);
    const int64_t times = have == found.end() ? 0 : have->second;
    if (count > times)
      return absl::StrCat(where, " has ", times, " times '", row, "' instead of ", count);
  }
  return "";
}

std::string WrongUpdate(const std::string& where, const std::vector<std::string>& rows,
                        bool from_one) {
  std::map<std::string, int64_t> last;
  for (const std::string& row : rows) {
    const size_t comma = row.rfind(',');
    int64_t count = 0;
    if (!absl::SimpleAtoi(row.substr(comma + 1, row.size() - comma - 2), &count))
      return absl::StrCat(where, " has '", row, "', which is no update");
    const auto [before, first] = last.try_emplace(row.substr(0, comma), from_one ? 0 : count - 1);
    if (count != before->second + 1)
      return absl::StrCat(where, " has '", row, "' behind the update ", before->second);
    before->second = count;
  }
  return "";
}

}  // namespace pyflinkpp::sim
