// Batched matrix product through tiles in shared memory. Before this header: Batches (offsets of a,
// b, y, residual), kM, kN, kK and the strides kARow, kAColumn, kBRow, kBColumn, kYRow, kYColumn,
// kRRow, kRColumn.
#pragma once

constexpr int kTileM = 64, kTileN = 64, kTileK = 16;
constexpr int kEdge = 4;  // a thread computes 4 x 4 results; 16 x 16 threads

__device__ __forceinline__ void run(const Args& args) {
  __shared__ float a_tile[kTileK][kTileM + 1];
  __shared__ float b_tile[kTileK][kTileN + 1];
  constexpr index_t kTilesM = (kM + kTileM - 1) / kTileM, kTilesN = (kN + kTileN - 1) / kTileN;
  index_t block = blockIdx.x;
  const int64_t n0 = static_cast<int64_t>(block % kTilesN) * kTileN;
  block /= kTilesN;
  const int64_t m0 = static_cast<int64_t>(block % kTilesM) * kTileM;
  block /= kTilesM;
  if (block >= Batches::kElements) return;
  index_t at[4];
  Batches::at(block, at);
  const In0* a = in0(args) + at[0];
  const In1* b = in1(args) + at[1];
  const int t = static_cast<int>(threadIdx.x);
  const int tx = t % 16, ty = t / 16;
  float sum[kEdge][kEdge] = {};
  for (int64_t k0 = 0; k0 < kK; k0 += kTileK) {
    for (int i = t; i < kTileM * kTileK; i += 256) {
      const int64_t m = m0 + i / kTileK, k = k0 + i % kTileK;
      a_tile[i % kTileK][i / kTileK] =
          m < kM && k < kK ? load<float>(a[m * kARow + k * kAColumn]) : 0.0f;
    }
    for (int i = t; i < kTileN * kTileK; i += 256) {
      const int64_t n = n0 + i % kTileN, k = k0 + i / kTileN;
      b_tile[i / kTileN][i % kTileN] =
          n < kN && k < kK ? load<float>(b[k * kBRow + n * kBColumn]) : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kTileK; ++k) {
      float av[kEdge], bv[kEdge];
#pragma unroll
      for (int i = 0; i < kEdge; ++i) {
        av[i] = a_tile[k][ty + i * 16];
        bv[i] = b_tile[k][tx + i * 16];
      }
#pragma unroll
      for (int i = 0; i < kEdge; ++i)
#pragma unroll
        for (int j = 0; j < kEdge; ++j) sum[i][j] = fmaf(av[i], bv[j], sum[i][j]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kEdge; ++i)
#pragma unroll
    for (int j = 0; j < kEdge; ++j) {
      const int64_t m = m0 + ty + i * 16, n = n0 + tx + j * 16;
      if (m >= kM || n >= kN) continue;
      const index_t residual = at[3] + static_cast<index_t>(m * kRRow + n * kRColumn);
      out0(args)[at[2] + static_cast<index_t>(m * kYRow + n * kYColumn)] =
          store<Out0>(finished(args, sum[i][j], static_cast<index_t>(n), residual));
    }
}
