// Which vector instructions this processor has, found once and cached.
#pragma once

#include <cstdint>

namespace stint::cpu {

enum class SimdLevel : uint8_t {
  kBaseline = 1,    // SSE4 on x86-64, NEON on aarch64
  kAvx2 = 2,        // with FMA, F16C and BMI2
  kAvxVnni = 3,     // AVX2 and dot products of bytes, 256 bits wide
  kAvx512 = 4,      // F, BW, CD, DQ, VL
  kAvx512Vnni = 5,  // and dot products of bytes
  kNeonDot = 2,     // aarch64: NEON and dot products of bytes
};
inline constexpr int kMostSimdLevel = 5;

constexpr const char* simd_level_name(SimdLevel level) {
#if defined(__aarch64__)
  return level == SimdLevel::kBaseline ? "neon" : level == SimdLevel::kNeonDot ? "neon-dot" : "?";
#else
  switch (level) {
    case SimdLevel::kBaseline:
      return "sse4";
    case SimdLevel::kAvx2:
      return "avx2";
    case SimdLevel::kAvxVnni:
      return "avx-vnni";
    case SimdLevel::kAvx512:
      return "avx512";
    case SimdLevel::kAvx512Vnni:
      return "avx512-vnni";
  }
  return "?";
#endif
}

/// The level kernels use now: the best the processor and the operating system support, unless
/// lowered.
SimdLevel simd_level();

/// The best level this processor supports.
SimdLevel best_simd_level();

/// Makes kernels use `level`, or the best one below it that this processor has. For tests and for
/// comparing levels.
void limit_simd_level(SimdLevel level);

}  // namespace stint::cpu
