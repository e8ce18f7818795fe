// Size of the tile of an indirect matrix product on each SIMD target.
#if defined(STINT_GEMM_TILE_SHAPE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_GEMM_TILE_SHAPE_INL_H_
#undef STINT_GEMM_TILE_SHAPE_INL_H_
#else
#define STINT_GEMM_TILE_SHAPE_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/cpu/gemm_tile.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

// Accumulators fill the register file and leave room for a panel's row and a broadcast:
//   SSE4     16 registers >=  2 x 4 + 4 + 1
//   AVX2     16 registers >=  6 x 2 + 2 + 1
//   AVX-512  32 registers >= 12 x 2 + 2 + 1
//   NEON     32 registers >=  6 x 4 + 4 + 1
#if HWY_TARGET == HWY_AVX3
inline constexpr int kTileRows = 12;
inline constexpr int kTilePanels = 2;
#elif HWY_TARGET == HWY_SSE4
inline constexpr int kTileRows = 2;
inline constexpr int kTilePanels = 1;
#else
inline constexpr int kTileRows = 6;
inline constexpr int kTilePanels = 1;
#endif
inline constexpr int kTileLanes =
    static_cast<int>(hwy::HWY_NAMESPACE::MaxLanes(hwy::HWY_NAMESPACE::ScalableTag<float>()));
inline constexpr int kPanelVectors = kPanelColumns / kTileLanes;
static_assert(kTileRows <= kMaxTileRows);
/// A tap's record: {weight offset in floats, row pointers}.
inline constexpr int kTapRecord = 1 + kTileRows;

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
