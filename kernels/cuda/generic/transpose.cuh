// A copy whose dense axis differs between input and output: through tiles in shared memory, so that
// both sides are accessed in whole lines. Before this header:
//   Outer              the other axes: offsets of x and y
//   kRows, kColumns    extents of the input's and of the output's dense axis
//   kXColumn, kYRow    strides of x along the columns and of y along the rows
#pragma once

constexpr int kTile = 32;
constexpr int kTileRows = 8;  // threads: 32 x 8

__device__ __forceinline__ void run(const Args& args) {
  __shared__ In0 tile[kTile][kTile + 1];  // the odd width spreads a column over all banks
  constexpr index_t kRowTiles = (kRows + kTile - 1) / kTile;
  constexpr index_t kColumnTiles = (kColumns + kTile - 1) / kTile;
  index_t block = blockIdx.x;
  const index_t row0 = block % kRowTiles * kTile;
  block /= kRowTiles;
  const index_t column0 = block % kColumnTiles * kTile;
  block /= kColumnTiles;
  if (block >= Outer::kElements) return;
  index_t offset[2];
  Outer::at(block, offset);
  const In0* x = in0(args) + offset[0];
  Out0* y = out0(args) + offset[1];
  const index_t tx = threadIdx.x % kTile, ty = threadIdx.x / kTile;
  for (index_t c = ty; c < kTile; c += kTileRows)
    if (column0 + c < kColumns && row0 + tx < kRows)
      tile[c][tx] = x[(column0 + c) * static_cast<index_t>(kXColumn) + row0 + tx];
  __syncthreads();
  for (index_t r = ty; r < kTile; r += kTileRows)
    if (row0 + r < kRows && column0 + tx < kColumns)
      y[(row0 + r) * static_cast<index_t>(kYRow) + column0 + tx] = moved<Out0>(tile[tx][r]);
}
