// Runs a test body once for every SIMD level this processor has.
#pragma once

#include "kernels/cpu/simd_level.h"

namespace stint::cpu {

template <typename F>
void for_each_simd_level(F&& body) {
  for (int level = 1; level <= static_cast<int>(best_simd_level()); ++level) {
    limit_simd_level(static_cast<SimdLevel>(level));
    if (simd_level() != static_cast<SimdLevel>(level)) continue;
    body(static_cast<SimdLevel>(level));
  }
  limit_simd_level(best_simd_level());
}

}  // namespace stint::cpu
