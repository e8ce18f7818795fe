// Blocks of products of f32 on each SIMD target.
#if defined(STINT_GEMM_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_GEMM_BLOCK_INL_H_
#undef STINT_GEMM_BLOCK_INL_H_
#else
#define STINT_GEMM_BLOCK_INL_H_
#endif

#include "kernels/cpu/gemm_block.h"
#include "kernels/cpu/gemm_tile_shape-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// Defined in gemm_block.cc, once per target: its many tile shapes take long to compile.
void run_gemm_block(const GemmBlock& block);

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
