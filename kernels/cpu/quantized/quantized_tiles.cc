// The tiles of products of 8-bit integers, once for every SIMD target and every way it has to
// multiply bytes. Highway of this release knows none of these instructions, and a target of its own
// with them (AVX3_DL) asks for much that this does not need.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/quantized/quantized_tiles.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <cstring>

#include "kernels/cpu/quantized/quantized_finish-inl.h"

// The largest tile that keeps its sums, a row of weights and what it is multiplied with in
// registers.
#if HWY_TARGET == HWY_AVX3
#define STINT_DOT_ROWS 12
#define STINT_DOT_PANELS 2
#elif HWY_TARGET == HWY_AVX2
#define STINT_DOT_ROWS 4
#define STINT_DOT_PANELS 1
#elif HWY_TARGET == HWY_NEON
#define STINT_DOT_ROWS 6
#define STINT_DOT_PANELS 1
#else
#define STINT_DOT_ROWS 2
#define STINT_DOT_PANELS 1
#endif

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace dot_plain {
#define STINT_DOT_PLAIN
#include "kernels/cpu/quantized/quantized_dot-inl.h"
#include "kernels/cpu/quantized/quantized_tile-inl.h"
#undef STINT_DOT_PLAIN
}  // namespace dot_plain
QuantizedTiles plain_tiles() { return dot_plain::tiles(); }
}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
#undef STINT_DOT_ROWS
#if HWY_TARGET == HWY_AVX3
#define STINT_DOT_ROWS 12
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#else
#define STINT_DOT_ROWS 6
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avxvnni")
#endif
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace dot_vnni {
#define STINT_DOT_VNNI
#include "kernels/cpu/quantized/quantized_dot-inl.h"
#include "kernels/cpu/quantized/quantized_tile-inl.h"
#undef STINT_DOT_VNNI
}  // namespace dot_vnni
QuantizedTiles vnni_tiles() { return dot_vnni::tiles(); }
}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_POP_ATTRIBUTES
#endif

#if HWY_TARGET == HWY_NEON
// What arm_neon.h wraps sdot in, and Highway its functions (which uses none of it).
HWY_PUSH_ATTRIBUTES("arch=armv8.2-a+dotprod+crypto")
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace dot_neon {
#define STINT_DOT_NEON
#include "kernels/cpu/quantized/quantized_dot-inl.h"
#include "kernels/cpu/quantized/quantized_tile-inl.h"
#undef STINT_DOT_NEON
}  // namespace dot_neon
QuantizedTiles neon_dot_tiles() { return dot_neon::tiles(); }
}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_POP_ATTRIBUTES
#endif

#undef STINT_DOT_ROWS
#undef STINT_DOT_PANELS

#if HWY_ONCE
namespace stint::cpu {

QuantizedTiles quantized_tiles() {
  const SimdLevel level = simd_level();
#if HWY_TARGETS & HWY_AVX3
  if (level == SimdLevel::kAvx512Vnni) return N_AVX3::vnni_tiles();
#endif
#if HWY_TARGETS & HWY_AVX2
  if (level == SimdLevel::kAvxVnni) return N_AVX2::vnni_tiles();
#endif
#if HWY_TARGETS & HWY_NEON
  if (level == SimdLevel::kNeonDot) return N_NEON::neon_dot_tiles();
#endif
  (void)level;
  return STINT_SIMD(plain_tiles)();
}

}  // namespace stint::cpu
#endif
