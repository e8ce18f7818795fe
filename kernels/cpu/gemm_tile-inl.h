// The inner loop of convolutions and matrix products: a tile of a few output rows times one or two
// panels of 16 columns.
//
// Rows are given indirectly: for each tap (kernel position) a record {byte offset into the weights'
// panel, one pointer per row}. A tap multiplies `length` consecutive floats behind every row
// pointer with `length` rows of the panel. So the same loop serves plain matrix products (one tap),
// convolutions of any stride, dilation and padding (rows outside point to zeros) and transposed
// convolutions (each phase has its own subset of taps).
#if defined(STINT_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_GEMM_TILE_INL_H_
#undef STINT_GEMM_TILE_INL_H_
#else
#define STINT_GEMM_TILE_INL_H_
#endif

#include "kernels/cpu/epilogue-inl.h"
#include "kernels/cpu/gemm_tile_shape-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// The epilogue of a tile that is cut off at the last channel or has an activation that is not a
/// clamp. Through a buffer: the residual may be the output's own memory.
inline HWY_NOINLINE void finish_tile(const GemmTile& t, float* sums, int rows, int64_t stride) {
  const Epilogue& e = *t.epilogue;
  const int64_t columns = t.columns < stride ? t.columns : stride;
  for (int m = 0; m < rows; ++m) {
    float* row = sums + m * stride;
    const float* residual = t.rows[m].residual != nullptr ? t.rows[m].residual + t.column : nullptr;
    epilogue_run(e, e.bias != nullptr ? e.bias + t.column : nullptr, residual, row, columns);
    float* y = t.rows[m].y + t.column;
    for (int64_t c = 0; c < columns; ++c) y[c] = row[c];
  }
}

// Accumulator indices must be constants for the compiler to keep them in registers.
#define UNROLL_ROWS _Pragma("GCC unroll 16")
#define UNROLL_VECTORS _Pragma("GCC unroll 8")

/// kRows x (kVectors vectors): vectors are consecutive in the panels, kPanelVectors per panel.
/// Not inlined: in one huge function the compiler gives up on keeping the accumulators in
/// registers.
template <int kRows, int kVectors>
HWY_NOINLINE void gemm_tile(const GemmTile& t) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  V acc[kRows][kVectors];
  if (t.first) {
    UNROLL_ROWS for (int m = 0; m < kRows; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
        acc[m][v] = hn::Zero(d);
  } else {
    UNROLL_ROWS for (int m = 0; m < kRows; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
        acc[m][v] = hn::LoadU(d, t.partial + (m * kVectors + v) * kTileLanes);
  }
  const intptr_t* record = t.taps;
  for (int64_t tap = 0; tap < t.tap_count; ++tap, record += kTapRecord) {
    const float* HWY_RESTRICT a[kRows];
    UNROLL_ROWS for (int m = 0; m < kRows; ++m) a[m] =
        reinterpret_cast<const float*>(record[1 + m]) + t.first_channel;
    const float* HWY_RESTRICT b = t.panel + record[0] + t.first_channel * t.panel_step;
    const int64_t length = t.length;
    const int64_t step = t.panel_step;
    for (int64_t k = 0; k < length; ++k) {
      V w[kVectors];
      UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) w[v] =
          hn::LoadU(d, b + (v / kPanelVectors) * t.panel_stride + (v % kPanelVectors) * kTileLanes);
      b += step;
      UNROLL_ROWS for (int m = 0; m < kRows; ++m) {
        const V x = hn::Set(d, a[m][k]);
        UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) acc[m][v] =
            hn::MulAdd(x, w[v], acc[m][v]);
      }
    }
  }
  if (!t.last) {
    UNROLL_ROWS for (int m = 0; m < kRows; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
        hn::StoreU(acc[m][v], d, t.partial + (m * kVectors + v) * kTileLanes);
    return;
  }
  const Epilogue& e = *t.epilogue;
  constexpr int64_t kColumns = kVectors * kTileLanes;
  if (t.columns < kColumns || e.act != Activation::kNone) {
    HWY_ALIGN float sums[kRows * kColumns];
    UNROLL_ROWS for (int m = 0; m < kRows; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
        hn::Store(acc[m][v], d, sums + m * kColumns + v * kTileLanes);
    return finish_tile(t, sums, kRows, kColumns);
  }
  V bias[kVectors];
  UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) bias[v] =
      e.bias != nullptr ? hn::LoadU(d, e.bias + t.column + v * kTileLanes) : hn::Zero(d);
  const V low = hn::Set(d, e.low);
  const V high = hn::Set(d, e.high);
  UNROLL_ROWS for (int m = 0; m < kRows; ++m) {
    float* y = t.rows[m].y + t.column;
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) acc[m][v] = hn::Add(acc[m][v], bias[v]);
    if (e.residual_before) {
      const float* residual = t.rows[m].residual + t.column;
      UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) acc[m][v] =
          hn::Add(acc[m][v], hn::LoadU(d, residual + v * kTileLanes));
    }
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) acc[m][v] = clamp(d, acc[m][v], low, high);
    if (e.residual_after) {
      const float* residual = t.rows[m].residual + t.column;
      UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) acc[m][v] =
          hn::Add(acc[m][v], hn::LoadU(d, residual + v * kTileLanes));
    }
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) hn::StoreU(acc[m][v], d, y + v * kTileLanes);
  }
}

#undef UNROLL_ROWS
#undef UNROLL_VECTORS

template <int kVectors>
HWY_INLINE void gemm_tile_rows(int rows, const GemmTile& t) {
  switch (rows) {
    case 1:
      return gemm_tile<1, kVectors>(t);
    case 2:
      return gemm_tile<2, kVectors>(t);
#if HWY_TARGET != HWY_SSE4
    case 3:
      return gemm_tile<3, kVectors>(t);
    case 4:
      return gemm_tile<4, kVectors>(t);
    case 5:
      return gemm_tile<5, kVectors>(t);
    case 6:
      return gemm_tile<6, kVectors>(t);
#endif
#if HWY_TARGET == HWY_AVX3
    case 7:
      return gemm_tile<7, kVectors>(t);
    case 8:
      return gemm_tile<8, kVectors>(t);
    case 9:
      return gemm_tile<9, kVectors>(t);
    case 10:
      return gemm_tile<10, kVectors>(t);
    case 11:
      return gemm_tile<11, kVectors>(t);
    case 12:
      return gemm_tile<12, kVectors>(t);
#endif
    default:
      return;
  }
}

/// Runs a tile of `rows` <= kTileRows rows and `panels` <= kTilePanels panels.
inline HWY_NOINLINE void run_gemm_tile(int rows, int panels, const GemmTile& t) {
#if HWY_TARGET == HWY_AVX3
  if (panels == 2) return gemm_tile_rows<2 * kPanelVectors>(rows, t);
#else
  (void)panels;
  // Half a panel is enough for narrow layers (detection heads).
  if (t.columns <= kPanelColumns / 2) return gemm_tile_rows<kPanelVectors / 2>(rows, t);
#endif
  return gemm_tile_rows<kPanelVectors>(rows, t);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
