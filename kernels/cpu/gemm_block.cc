// Blocks of indirect matrix products: see gemm_block-inl.h.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gemm_block.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include "kernels/cpu/gemm_block-inl.h"
#include "kernels/cpu/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

void run_gemm_block(const GemmBlock& block) {
  for_each_tile(block, kTileRows, kTilePanels, run_gemm_tile);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();
