// Is it UTF-8?
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace pyflinkpp {

// How many bytes at the front of `text` are whole, valid characters: all of them if it is UTF-8.
// Refuses overlong forms, surrogates and what lies beyond U+10FFFF, as Python and the Unicode
// standard (table 3-7) do.
size_t ValidUtf8Prefix(absl::string_view text);

}  // namespace pyflinkpp
