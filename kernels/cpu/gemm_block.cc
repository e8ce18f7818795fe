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
  const RowTiling tiling(block.row_count);
  const DotSlices slices(block.taps, block.length);
  GemmTile t;
  t.panel_stride = block.panel_stride;
  t.panel_step = block.panel_step;
  t.epilogue = block.epilogue;
  for (int64_t tap = 0; tap < block.taps; tap += slices.taps_per_slice) {
    t.tap_count =
        tap + slices.taps_per_slice < block.taps ? slices.taps_per_slice : block.taps - tap;
    for (int64_t channel = 0; channel < block.length; channel += slices.length_per_slice) {
      t.first_channel = channel;
      t.length = channel + slices.length_per_slice < block.length ? slices.length_per_slice
                                                                  : block.length - channel;
      t.first = tap == 0 && channel == 0;
      t.last = tap + t.tap_count == block.taps && channel + t.length == block.length;
      for (int64_t p = 0; p < block.panel_count; p += kTilePanels) {
        const int panels = p + kTilePanels <= block.panel_count ? kTilePanels : 1;
        t.panel = block.panels + p * block.panel_stride;
        t.column = block.column + p * kPanelColumns;
        t.columns = block.columns - p * kPanelColumns;
        for (int64_t i = 0; i < tiling.tiles; ++i) {
          const int64_t begin = tiling.begin(i);
          t.taps = block.records + (i * block.taps + tap) * kTapRecord;
          t.rows = block.rows + begin;
          t.partial = block.partial + (p * block.row_count + begin * panels) * kPanelColumns;
          run_gemm_tile(static_cast<int>(tiling.size(i)), panels, t);
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();
