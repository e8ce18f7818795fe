// A block of output rows times a run of weight panels: cuts it into tiles and cuts long dot
// products so that the slice of the weights in use stays in L1.
#if defined(STINT_GEMM_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_GEMM_BLOCK_INL_H_
#undef STINT_GEMM_BLOCK_INL_H_
#else
#define STINT_GEMM_BLOCK_INL_H_
#endif

#include "kernels/cpu/gemm_blocking.h"
#include "kernels/cpu/gemm_tile_shape-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// How `rows` rows fall into tiles: as even as possible, because a tile of one row wastes the
/// pipeline.
struct RowTiling {
  explicit RowTiling(int64_t rows)
      : tiles((rows + kTileRows - 1) / kTileRows), small(rows / tiles), larger(rows % tiles) {}
  int64_t begin(int64_t tile) const { return tile * small + (tile < larger ? tile : larger); }
  int64_t size(int64_t tile) const { return small + (tile < larger ? 1 : 0); }
  int64_t tiles, small, larger;
};

struct GemmBlock {
  const intptr_t* records = nullptr;  // tile t at t * taps * kTapRecord
  const TileRow* rows = nullptr;
  int64_t row_count = 0;
  int64_t taps = 1;
  int64_t length = 0;  // floats per tap
  const float* panels = nullptr;
  int64_t panel_stride = 0;
  int64_t panel_step = kPanelColumns;
  int64_t panel_count = 0;
  int64_t column = 0;        // first output channel of the panels
  int64_t columns = 0;       // that exist from there on
  float* partial = nullptr;  // row_count x panel_count x 16 when the dot products are cut
  const Epilogue* epilogue = nullptr;
};

/// Defined in gemm_block.cc, once per target: its many tile shapes take long to compile.
void run_gemm_block(const GemmBlock& block);

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
