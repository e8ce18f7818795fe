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

/// kRows x (kVectors vectors): vectors are consecutive in the panels, kPanelVectors per panel.
template <int kRows, int kVectors>
HWY_INLINE void gemm_tile(const GemmTile& t) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  V acc[kRows][kVectors];
  if (t.first) {
    _Pragma("GCC unroll 16") for (int m = 0; m < kRows; ++m)
        _Pragma("GCC unroll 8") for (int v = 0; v < kVectors; ++v) acc[m][v] = hn::Zero(d);
  } else {
    _Pragma("GCC unroll 16") for (int m = 0; m < kRows; ++m)
        _Pragma("GCC unroll 8") for (int v = 0; v < kVectors; ++v) acc[m][v] =
            hn::LoadU(d, t.partial + (m * kVectors + v) * kTileLanes);
  }
  const intptr_t* record = t.taps;
  for (int64_t tap = 0; tap < t.tap_count; ++tap, record += kTapRecord) {
    const float* HWY_RESTRICT a[kRows];
    _Pragma("GCC unroll 16") for (int m = 0; m < kRows; ++m) a[m] =
        reinterpret_cast<const float*>(record[1 + m]) + t.first_channel;
    const float* HWY_RESTRICT b = t.panel + record[0] + t.first_channel * t.panel_step;
    const int64_t length = t.length;
    const int64_t step = t.panel_step;
    for (int64_t k = 0; k < length; ++k) {
      V w[kVectors];
      _Pragma("GCC unroll 8") for (int v = 0; v < kVectors; ++v) w[v] =
          hn::LoadU(d, b + (v / kPanelVectors) * t.panel_stride + (v % kPanelVectors) * kTileLanes);
      b += step;
      _Pragma("GCC unroll 16") for (int m = 0; m < kRows; ++m) {
        const V x = hn::Set(d, a[m][k]);
        _Pragma("GCC unroll 8") for (int v = 0; v < kVectors; ++v) acc[m][v] =
            hn::MulAdd(x, w[v], acc[m][v]);
      }
    }
  }
  if (!t.last) {
    _Pragma("GCC unroll 16") for (int m = 0; m < kRows; ++m)
        _Pragma("GCC unroll 8") for (int v = 0; v < kVectors; ++v)
            hn::StoreU(acc[m][v], d, t.partial + (m * kVectors + v) * kTileLanes);
    return;
  }
  const Epilogue& e = *t.epilogue;
  const V low = hn::Set(d, e.low);
  const V high = hn::Set(d, e.high);
  const bool finish = e.act != Activation::kNone;
  constexpr int64_t kColumns = kVectors * kTileLanes;
  const int64_t columns = t.columns < kColumns ? t.columns : kColumns;
  // A late residual may be the output's own memory, so an activation in a second pass needs a
  // buffer.
  const bool whole = columns == kColumns && !(finish && e.residual_after);
  _Pragma("GCC unroll 16") for (int m = 0; m < kRows; ++m) {
    float* y = t.rows[m].y + t.column;
    const float* residual = t.rows[m].residual != nullptr ? t.rows[m].residual + t.column : nullptr;
    if (whole) {
      _Pragma("GCC unroll 8") for (int v = 0; v < kVectors; ++v) {
        V x = acc[m][v];
        if (e.bias != nullptr) x = hn::Add(x, hn::LoadU(d, e.bias + t.column + v * kTileLanes));
        if (e.residual_before) x = hn::Add(x, hn::LoadU(d, residual + v * kTileLanes));
        x = clamp(d, x, low, high);
        if (e.residual_after && !finish) x = hn::Add(x, hn::LoadU(d, residual + v * kTileLanes));
        hn::StoreU(x, d, y + v * kTileLanes);
      }
      if (finish) finish_run(e, y, nullptr, kColumns);
    } else {
      HWY_ALIGN float buffer[kVectors * kTileLanes];
      _Pragma("GCC unroll 8") for (int v = 0; v < kVectors; ++v)
          hn::Store(acc[m][v], d, buffer + v * kTileLanes);
      epilogue_run(e, e.bias != nullptr ? e.bias + t.column : nullptr, residual, buffer, columns);
      for (int64_t c = 0; c < columns; ++c) y[c] = buffer[c];
    }
  }
}

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
