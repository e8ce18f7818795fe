// Data of the tile kernel in gemm_tile-inl.h, the same for every SIMD target.
#pragma once

#include <cstdint>

#include "kernels/cpu/epilogue.h"

namespace stint::cpu {

/// Output channels per packed weight panel: part of the plan format.
inline constexpr int kPanelColumns = 16;
inline constexpr int kMaxTileRows = 12;  // of any target

struct TileRow {
  float* y = nullptr;               // output row, first channel
  const float* residual = nullptr;  // the same of the residual, if there is one
};

struct GemmTile {
  const intptr_t* taps = nullptr;  // tap_count records
  int64_t tap_count = 0;
  int64_t first_channel = 0;  // of every tap: blocks of long dot products
  int64_t length = 0;
  const float* panel = nullptr;        // first of the panels
  int64_t panel_stride = 0;            // floats from one panel to the next
  int64_t panel_step = kPanelColumns;  // floats from one row of a panel to the next
  bool first = true;                   // accumulators start at 0, else at `partial`
  bool last = true;          // the epilogue runs and stores, else `partial` keeps the sums
  float* partial = nullptr;  // rows x panels x 16
  const TileRow* rows = nullptr;
  int64_t column = 0;   // first output channel of the panels
  int64_t columns = 0;  // output channels from there on that exist
  const Epilogue* epilogue = nullptr;
};

}  // namespace stint::cpu
