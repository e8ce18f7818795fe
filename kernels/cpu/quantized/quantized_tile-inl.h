// The inner loop of products of 8-bit integers: gemm_tile-inl.h with quads for floats. Included
// like quantized_dot-inl.h, behind it; STINT_DOT_ROWS and STINT_DOT_PANELS are the largest tile.

inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(DI()));
inline constexpr int kVectorsOfPanel = kPanelColumns / kLanes;

#define UNROLL_ROWS _Pragma("GCC unroll 16")
#define UNROLL_VECTORS _Pragma("GCC unroll 8")

/// kRows x (kVectors vectors): vectors are consecutive in the panels.
template <int kRows, int kVectors>
HWY_NOINLINE void tile(const QuantizedTile& t) {
  const DI d;
  const auto at = [](int v) {  // of vector v's first quad in a row of the panels
    return (v % kVectorsOfPanel) * kLanes;
  };
  VI acc[kRows][kVectors];
  if (t.first) {
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) {
      const Quad* sums =
          t.panel + (v / kVectorsOfPanel + 1) * t.panel_stride - kPanelColumns + at(v);
      UNROLL_ROWS for (int m = 0; m < kRows; ++m) acc[m][v] = starting_sums(sums);
    }
  } else {
    UNROLL_ROWS for (int m = 0; m < kRows; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
        acc[m][v] = hn::LoadU(d, t.partial + (m * kVectors + v) * kLanes);
  }
  const intptr_t* record = t.taps;
  for (int64_t tap = 0; tap < t.tap_count; ++tap, record += 1 + STINT_DOT_ROWS) {
    const uint8_t* HWY_RESTRICT a[kRows];
    UNROLL_ROWS for (int m = 0; m < kRows; ++m) a[m] =
        reinterpret_cast<const uint8_t*>(record[1 + m]) + t.first_channel * 4;
    const Quad* HWY_RESTRICT b = t.panel + record[0] + t.first_channel * kPanelColumns;
    const int64_t length = t.length;
    for (int64_t k = 0; k < length; ++k) {
#if HWY_TARGET == HWY_SSE4
      // Few registers: one vector of weights at a time.
      Activations x[kRows];
      UNROLL_ROWS for (int m = 0; m < kRows; ++m) x[m] = spread(a[m] + k * 4);
      UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) {
        const Weights w = split(load_quads(b + (v / kVectorsOfPanel) * t.panel_stride + at(v)));
        UNROLL_ROWS for (int m = 0; m < kRows; ++m) acc[m][v] = dot(acc[m][v], x[m], w);
      }
#else
      Weights w[kVectors];
      UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) w[v] =
          split(load_quads(b + (v / kVectorsOfPanel) * t.panel_stride + at(v)));
      UNROLL_ROWS for (int m = 0; m < kRows; ++m) {
        const Activations x = spread(a[m] + k * 4);
        UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) acc[m][v] = dot(acc[m][v], x, w[v]);
      }
#endif
      b += kPanelColumns;
    }
  }
  constexpr int64_t kColumns = kVectors * kLanes;
  if (t.last && t.columns >= kColumns && t.epilogue->in_registers) {
    const hn::ScalableTag<float> df;
    const QuantizedEpilogue& e = *t.epilogue;
    const RealStorer<uint8_t> storer(e.y_zero, e.real.low * e.inverse, e.real.high * e.inverse);
    const auto inverse = hn::Set(df, e.inverse);
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) {
      const int64_t c = t.column + v * kLanes;
      const auto multiplier = hn::Mul(hn::LoadU(df, e.multiplier + c), inverse);
      const auto bias = hn::Mul(hn::LoadU(df, e.real.bias + c), inverse);
      UNROLL_ROWS for (int m = 0; m < kRows; ++m) {
        const auto sum = hn::ConvertTo(df, acc[m][v]);
        storer.store(hn::Add(hn::Mul(sum, multiplier), bias),
                     reinterpret_cast<uint8_t*>(t.rows[m].y) + c);
      }
    }
    return;
  }
  HWY_ALIGN int32_t local[kRows * kColumns];
  int32_t* sums = t.last ? local : t.partial;
  UNROLL_ROWS for (int m = 0; m < kRows; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
      hn::StoreU(acc[m][v], d, sums + (m * kVectors + v) * kLanes);
  if (t.last) finish_quantized(t, sums, kRows, kColumns);
}

#undef UNROLL_ROWS
#undef UNROLL_VECTORS

template <int kRows, int kVectors>
void tile_of_rows(int rows, const QuantizedTile& t) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return tile_of_rows<kRows - 1, kVectors>(rows, t);
  }
  tile<kRows, kVectors>(t);
}

inline void run_tile(int rows, int panels, const QuantizedTile& t) {
#if STINT_DOT_PANELS == 2
  if (panels == 2) return tile_of_rows<STINT_DOT_ROWS, 2 * kVectorsOfPanel>(rows, t);
#else
  (void)panels;
#endif
  if constexpr (kVectorsOfPanel > 1) {
    // Half a panel is enough for narrow layers (detection heads).
    if (t.columns <= kPanelColumns / 2)
      return tile_of_rows<STINT_DOT_ROWS, kVectorsOfPanel / 2>(rows, t);
  }
  tile_of_rows<STINT_DOT_ROWS, kVectorsOfPanel>(rows, t);
}

inline QuantizedTiles tiles() { return {STINT_DOT_ROWS, STINT_DOT_PANELS, run_tile}; }
