// What is wrong with the rows of a sink, in words; empty: nothing.
#pragma once

#include <string>
#include <vector>

#include "sim/oracle.h"

namespace pyflinkpp::sim {

// `all`: the bags are equal; else there may be less, but never more, unless rows may repeat.
std::string WrongRow(const std::string& where, const Bag& found, const Bag& expected, bool all,
                     bool may_repeat);

// The updates of each word count one by one, `from_one` or from where the first is.
std::string WrongUpdate(const std::string& where, const std::vector<std::string>& rows,
                        bool from_one);

}  // namespace pyflinkpp::sim
