// How a block of a product falls into tiles, and long dot products into slices so that the slice of
// the weights in use stays in L1.
#pragma once

#include "kernels/cpu/gemm_blocking.h"

namespace stint::cpu {

/// How `rows` rows fall into tiles of at most `most`: as even as possible, because a tile of one
/// row wastes the pipeline.
struct RowTiling {
  RowTiling(int64_t rows, int64_t most)
      : tiles((rows + most - 1) / most), small(rows / tiles), larger(rows % tiles) {}
  int64_t begin(int64_t tile) const { return tile * small + (tile < larger ? tile : larger); }
  int64_t size(int64_t tile) const { return small + (tile < larger ? 1 : 0); }
  int64_t tiles, small, larger;
};

/// Calls run(rows, panels, tile) for all tiles of a block, of at most `most_rows` rows and
/// `most_panels` (1 or 2) panels.
template <typename P, typename F>
void for_each_tile(const ProductBlock<P>& block, int most_rows, int most_panels, F&& run) {
  const RowTiling tiling(block.row_count, most_rows);
  const DotSlices slices(block.taps, block.length);
  ProductTile<P> t;
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
      for (int64_t p = 0; p < block.panel_count; p += most_panels) {
        const int panels = p + most_panels <= block.panel_count ? most_panels : 1;
        t.panel = block.panels + p * block.panel_stride;
        t.column = block.column + p * kPanelColumns;
        t.columns = block.columns - p * kPanelColumns;
        for (int64_t i = 0; i < tiling.tiles; ++i) {
          const int64_t begin = tiling.begin(i);
          t.taps = block.records + (i * block.taps + tap) * (1 + most_rows);
          t.rows = block.rows + begin;
          t.partial = block.partial + (p * block.row_count + begin * panels) * kPanelColumns;
          run(static_cast<int>(tiling.size(i)), panels, t);
        }
      }
    }
  }
}

}  // namespace stint::cpu
