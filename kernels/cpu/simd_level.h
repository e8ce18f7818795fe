// Which vector instructions this processor has, found once and cached.
#pragma once

#include <cstdint>

namespace stint::cpu {

enum class SimdLevel : uint8_t {
  kBaseline = 1,  // SSE4 on x86-64, NEON on aarch64
  kAvx2 = 2,      // with FMA, F16C and BMI2
  kAvx512 = 3,    // F, BW, CD, DQ, VL
};

constexpr const char* simd_level_name(SimdLevel level) {
#if defined(__aarch64__)
  return level == SimdLevel::kBaseline ? "neon" : "?";
#else
  return level == SimdLevel::kBaseline ? "sse4" : level == SimdLevel::kAvx2 ? "avx2" : "avx512";
#endif
}

/// The level kernels use now: the best the processor and the operating system support, unless
/// lowered.
SimdLevel simd_level();

/// The best level this processor supports.
SimdLevel best_simd_level();

/// Makes kernels use `level`, or the best one if that is lower. For tests and for comparing levels.
void limit_simd_level(SimdLevel level);

}  // namespace stint::cpu
