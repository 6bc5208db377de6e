#include "core/config/options.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

namespace pyflinkpp {
namespace {

TEST(OptionsTest, KeysAreSortedAndUnique) {
  for (size_t i = 1; i < std::size(kOptions); ++i) {
    EXPECT_LT(std::string(kOptions[i - 1].key), kOptions[i].key);
  }
}

TEST(OptionsTest, EveryOptionHasAKnownTypeAndIsDescribed) {
  const std::set<std::string> types = {"int",    "bool", "string", "duration",
                                       "memory", "enum", "float"};
  for (const Option& option : kOptions) {
    EXPECT_TRUE(types.contains(option.type)) << option.key;
    EXPECT_THAT(option.description, testing::EndsWith(".")) << option.key;
    EXPECT_THAT(option.key, testing::MatchesRegex("[a-z][a-zA-Z.-]*[a-zA-Z]")) << option.key;
  }
}

TEST(OptionsTest, DefaultsFitTheirTypes) {
  for (const Option& option : kOptions) {
    const std::string type = option.type, value = option.default_value;
    if (value.empty()) continue;  // no default
    const char* pattern = type == "bool"       ? "true|false"
                          : type == "int"      ? "-?[0-9]+"
                          : type == "duration" ? "[0-9]+ (ms|s|min|h)"
                                               : ".+";
    EXPECT_THAT(value, testing::MatchesRegex(pattern)) << option.key;
  }
}

}  // namespace
}  // namespace pyflinkpp
