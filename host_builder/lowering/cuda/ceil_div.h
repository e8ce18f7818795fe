#pragma once

#include <cstdint>

namespace stint::builder {

/// Quotient of what is not negative, rounded up.
inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace stint::builder
