#include "kernels/cpu/simd_level.h"

#include <atomic>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace stint::cpu {
namespace {

#if defined(__x86_64__)
// Bits of CPUID and XCR0 as the Intel SDM numbers them.
bool bit(uint32_t word, int n) { return (word >> n) & 1u; }

SimdLevel detect() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return SimdLevel::kBaseline;
  const bool fma = bit(c, 12), osxsave = bit(c, 27), avx = bit(c, 28), f16c = bit(c, 29);
  if (!osxsave || !avx || !fma || !f16c) return SimdLevel::kBaseline;
  uint32_t xcr0, xcr0_high;
  __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(xcr0_high) : "c"(0));
  if ((xcr0 & 0x6u) != 0x6u) return SimdLevel::kBaseline;  // XMM and YMM state saved by the OS
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return SimdLevel::kBaseline;
  const bool avx2 = bit(b, 5), bmi1 = bit(b, 3), bmi2 = bit(b, 8);
  if (!avx2 || !bmi1 || !bmi2) return SimdLevel::kBaseline;
  const bool avx512 = bit(b, 16) && bit(b, 17) && bit(b, 28) && bit(b, 30) && bit(b, 31);
  if (!avx512 || (xcr0 & 0xE0u) != 0xE0u) return SimdLevel::kAvx2;  // opmask and ZMM state
  return SimdLevel::kAvx512;
}
#else
SimdLevel detect() { return SimdLevel::kBaseline; }
#endif

// Constant-initialised; several threads may find the same answer at once.
std::atomic<uint8_t> g_best{0};
std::atomic<uint8_t> g_level{0};

}  // namespace

SimdLevel best_simd_level() {
  uint8_t level = g_best.load(std::memory_order_relaxed);
  if (level == 0) {
    level = static_cast<uint8_t>(detect());
    g_best.store(level, std::memory_order_relaxed);
  }
  return static_cast<SimdLevel>(level);
}

SimdLevel simd_level() {
  const uint8_t level = g_level.load(std::memory_order_relaxed);
  return level != 0 ? static_cast<SimdLevel>(level) : best_simd_level();
}

void limit_simd_level(SimdLevel level) {
  const SimdLevel best = best_simd_level();
  g_level.store(static_cast<uint8_t>(level < best ? level : best), std::memory_order_relaxed);
}

}  // namespace stint::cpu
