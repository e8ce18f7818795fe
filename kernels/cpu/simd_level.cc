#include "kernels/cpu/simd_level.h"

#include <atomic>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace stint::cpu {
namespace {

/// A set of levels, one bit each.
constexpr uint8_t bit_of(SimdLevel level) {
  return static_cast<uint8_t>(1u << static_cast<uint8_t>(level));
}

SimdLevel highest(uint8_t levels) {
  int level = kMostSimdLevel;
  while (level > 1 && ((levels >> level) & 1u) == 0) --level;
  return static_cast<SimdLevel>(level);
}

#if defined(__x86_64__)
// Bits of CPUID and XCR0 as the Intel SDM numbers them.
bool bit(uint32_t word, int n) { return (word >> n) & 1u; }

uint8_t detect() {
  uint8_t levels = bit_of(SimdLevel::kBaseline);
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return levels;
  const bool fma = bit(c, 12), osxsave = bit(c, 27), avx = bit(c, 28), f16c = bit(c, 29);
  if (!osxsave || !avx || !fma || !f16c) return levels;
  uint32_t xcr0, xcr0_high;
  __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(xcr0_high) : "c"(0));
  if ((xcr0 & 0x6u) != 0x6u) return levels;  // XMM and YMM state saved by the OS
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return levels;
  const bool avx2 = bit(b, 5), bmi1 = bit(b, 3), bmi2 = bit(b, 8);
  if (!avx2 || !bmi1 || !bmi2) return levels;
  levels |= bit_of(SimdLevel::kAvx2);
  const bool avx512 = bit(b, 16) && bit(b, 17) && bit(b, 28) && bit(b, 30) && bit(b, 31) &&
                      (xcr0 & 0xE0u) == 0xE0u;  // opmask and ZMM state
  if (avx512) levels |= bit_of(SimdLevel::kAvx512);
  if (avx512 && bit(c, 11)) levels |= bit_of(SimdLevel::kAvx512Vnni);
  if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && bit(a, 4))
    levels |= bit_of(SimdLevel::kAvxVnni);
  return levels;
}
#elif defined(__aarch64__) && defined(__linux__)
uint8_t detect() {
  const bool dot = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  return bit_of(SimdLevel::kBaseline) | (dot ? bit_of(SimdLevel::kNeonDot) : uint8_t{0});
}
#else
uint8_t detect() { return bit_of(SimdLevel::kBaseline); }
#endif

// Constant-initialised; several threads may find the same answer at once.
std::atomic<uint8_t> g_levels{0};
std::atomic<uint8_t> g_level{0};

uint8_t levels() {
  uint8_t known = g_levels.load(std::memory_order_relaxed);
  if (known == 0) {
    known = detect();
    g_levels.store(known, std::memory_order_relaxed);
  }
  return known;
}

}  // namespace

SimdLevel best_simd_level() { return highest(levels()); }

SimdLevel simd_level() {
  const uint8_t level = g_level.load(std::memory_order_relaxed);
  return level != 0 ? static_cast<SimdLevel>(level) : best_simd_level();
}

void limit_simd_level(SimdLevel level) {
  const auto below = static_cast<uint8_t>((2u << static_cast<uint8_t>(level)) - 1u);
  const SimdLevel highest_below = highest(static_cast<uint8_t>(levels() & below));
  g_level.store(static_cast<uint8_t>(highest_below), std::memory_order_relaxed);
}

}  // namespace stint::cpu
