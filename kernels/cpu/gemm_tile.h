// Data of the tiles and blocks that products are cut into, the same for every SIMD target and for
// every kind of product (P): what is multiplied, what a row of the result is and how it ends.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/epilogue.h"

namespace stint::cpu {

/// Output channels per packed weight panel: part of the plan format.
inline constexpr int kPanelColumns = 16;
inline constexpr int kMaxTileRows = 12;  // of any target

/// A tile of a few output rows times one or two panels.
template <typename P>
struct ProductTile {
  const intptr_t* taps = nullptr;  // tap_count records: {weight offset, a pointer per row}
  int64_t tap_count = 0;
  int64_t first_channel = 0;  // of every tap: blocks of long dot products
  int64_t length = 0;
  const typename P::Weight* panel = nullptr;  // first of the panels
  int64_t panel_stride = 0;                   // weights from one panel to the next
  int64_t panel_step = kPanelColumns;         // weights from one row of a panel to the next
  bool first = true;                          // sums start anew, else at `partial`
  bool last = true;  // the epilogue runs and stores, else `partial` keeps the sums
  typename P::Sum* partial = nullptr;  // rows x panels x 16
  const typename P::Row* rows = nullptr;
  int64_t column = 0;   // first output channel of the panels
  int64_t columns = 0;  // output channels from there on that exist
  const typename P::Finish* epilogue = nullptr;
};

/// A block of output rows times a run of panels: many tiles.
template <typename P>
struct ProductBlock {
  const intptr_t* records = nullptr;  // tile t at t * taps * (1 + tile rows)
  const typename P::Row* rows = nullptr;
  int64_t row_count = 0;
  int64_t taps = 1;
  int64_t length = 0;  // per tap
  const typename P::Weight* panels = nullptr;
  int64_t panel_stride = 0;
  int64_t panel_step = kPanelColumns;
  int64_t panel_count = 0;
  int64_t column = 0;                  // first output channel of the panels
  int64_t columns = 0;                 // that exist from there on
  typename P::Sum* partial = nullptr;  // row_count x panel_count x 16 when dot products are cut
  const typename P::Finish* epilogue = nullptr;
};

struct TileRow {
  float* y = nullptr;               // output row, first channel
  const float* residual = nullptr;  // the same of the residual, if there is one
};

/// Products of f32.
struct FloatProduct {
  using Element = float;  // of x
  using Weight = float;
  static constexpr int64_t kElements = 1;  // of x, that one weight meets
  using Sum = float;
  using Row = TileRow;
  using Finish = Epilogue;
  static Row row(std::byte* y, const std::byte* residual) {
    return {reinterpret_cast<float*>(y), reinterpret_cast<const float*>(residual)};
  }
};
using GemmTile = ProductTile<FloatProduct>;
using GemmBlock = ProductBlock<FloatProduct>;

}  // namespace stint::cpu
