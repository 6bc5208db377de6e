// Assertions. PFPP_CHECK stays on in every build: a broken invariant ends the process instead of
// corrupting results.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace pyflinkpp::internal {
[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}
}  // namespace pyflinkpp::internal

#define PFPP_CHECK(condition)         \
  (__builtin_expect(!!(condition), 1) \
       ? (void)0                      \
       : ::pyflinkpp::internal::CheckFailed(__FILE__, __LINE__, #condition))

#ifdef NDEBUG
#define PFPP_DCHECK(condition) static_cast<void>(false && (condition))
#else
#define PFPP_DCHECK(condition) PFPP_CHECK(condition)
#endif
