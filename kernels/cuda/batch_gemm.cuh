// Batched GEMM of two activations on tensor cores (sm_75 and later), as attention has them:
// y[p][q][m][n] = act(sum_k a[p][q][m][k] * b[p][q][k][n] + bias[n]). f16 products, f32
// accumulation. Strides are free, so that transposed operands and parts of others are read where
// they lie; a batch stride of 0 repeats an operand.
//
// Constants (host_builder/lowering/cuda/gemm/batch_gemm.cc): kBatches, kCountQ (batch is p *
// kCountQ + q), kM, kN, kK; types A of a, W of b, Y, R; strides kAN, kAH (batches), kAW (rows), kAC
// (columns) of a, and so on; kAWhole, kBWhole: 16 bytes along the operand's lines lie inside or
// outside of it and are aligned; kBAlongK: lines of b run along k, else along n; the tile kBM x kBN
// x kBK, kStages, kWarpsM, kWarpsN; kPair: two columns are stored at once; the epilogue's
// constants.
#pragma once

#include "async_copy.cuh"
#include "direct_epilogue.cuh"
#include "tile_load.cuh"
#include "warp_tile.cuh"

// A lane has two adjacent columns of each block of eight: fragments of b come as they lie.
typedef WarpTiling<kBM, kBN, kWarpsM, kWarpsN, 1, 8> Tiling;

constexpr int kSteps = (kK + kBK - 1) / kBK;
constexpr int kAhead = kSteps <= kStages ? kSteps : kStages - 1;
constexpr uint32_t kBAt = kBM * kBK * 2;
constexpr uint32_t kStageBytes = (kBM + kBN) * kBK * 2;

/// Lines of a run along k. Rows that are adjacent in memory are read side by side.
typedef TileLoad<A, kBM, kBK, Tiling::kThreads, kAWhole, (kAW == 1 && kAC != 1)> LoadA;
typedef TileLoad<W, kBAlongK ? kBN : kBK, kBAlongK ? kBK : kBN, Tiling::kThreads, kBWhole, false>
    LoadB;

__device__ __forceinline__ void copy_step(const A* a, const W* b, uint32_t stage, int step,
                                          int first_m, int first_n) {
  const int k = step * kBK;
  LoadA::copy(stage, a, first_m, k, kM, kK, kAW, kAC);
  if constexpr (kBAlongK)
    LoadB::copy(stage + kBAt, b, first_n, k, kN, kK, kWC, kWW);
  else
    LoadB::copy(stage + kBAt, b, k, first_n, kK, kN, kWW, kWC);
}

/// The product of one stage for this warp.
__device__ __forceinline__ void multiply_stage(Accumulators<Tiling>& sums, uint32_t stage, int row,
                                               int column, int lane) {
  typedef Accumulators<Tiling> Sums;
  static_assert(Sums::kColumns % 2 == 0, "fragments of b come in pairs");
#pragma unroll
  for (int k = 0; k < kBK / 16; ++k) {
    uint32_t a[Sums::kRows][4], b[Sums::kColumns / 2][4];
#pragma unroll
    for (int i = 0; i < Sums::kRows; ++i)
      ldmatrix_x4(a[i], stage + swizzled<kBK * 2>(row + i * 16 + lane % 16, k * 2 + lane / 16));
#pragma unroll
    for (int j = 0; j < Sums::kColumns / 2; ++j) {
      // Both halves of k of two blocks of eight columns.
      const int n = column + j * 16 + lane / 16 * 8;
      if constexpr (kBAlongK)
        ldmatrix_x4(b[j], stage + kBAt + swizzled<kBK * 2>(n + lane % 8, k * 2 + lane / 8 % 2));
      else
        ldmatrix_x4_trans(b[j], stage + kBAt + swizzled<kBN * 2>(k * 16 + lane % 16, n / 8));
    }
#pragma unroll
    for (int i = 0; i < Sums::kRows; ++i)
#pragma unroll
      for (int j = 0; j < Sums::kColumns; ++j)
        mma_m16n8k16(sums.v[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
  }
}

extern "C" __global__ void __launch_bounds__(Tiling::kThreads)
    STINT_KERNEL(const __grid_constant__ Args args) {
  STINT_DYNAMIC_SHARED(unsigned char, shared, 1024);
  const uint32_t stages = shared_address(shared);
  constexpr int kTilesM = (kM + kBM - 1) / kBM, kTilesN = (kN + kBN - 1) / kBN;
  const int block = static_cast<int>(blockIdx.x);
  const int first_n = block % kTilesN * kBN;
  const int first_m = block / kTilesN % kTilesM * kBM;
  const int batch = block / (kTilesN * kTilesM);
  const int p = batch / kCountQ, q = batch % kCountQ;
  const A* a = args.a + p * kAN + q * kAH;
  const W* b = args.b + p * kWN + q * kWH;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int row = warp / kWarpsN * Tiling::kWarpRows;
  const int column = warp % kWarpsN * Tiling::kWarpColumns;
  Accumulators<Tiling> sums;
  sums.clear();

  STINT_WAIT();
  STINT_LAUNCH_DEPENDENTS();
#pragma unroll 1
  for (int i = 0; i < kAhead; ++i) {
    copy_step(a, b, stages + static_cast<uint32_t>(i) * kStageBytes, i, first_m, first_n);
    commit_copies();
  }
  int read_stage = 0;
  int write_stage = kAhead == kStages ? 0 : kAhead;
#pragma unroll 1
  for (int step = 0; step < kSteps; ++step) {
    wait_for_copies<kAhead - 1>();
    __syncthreads();
    if (step + kAhead < kSteps)
      copy_step(a, b, stages + static_cast<uint32_t>(write_stage) * kStageBytes, step + kAhead,
                first_m, first_n);
    commit_copies();
    write_stage = write_stage + 1 == kStages ? 0 : write_stage + 1;
    multiply_stage(sums, stages + static_cast<uint32_t>(read_stage) * kStageBytes, row, column,
                   lane);
    read_stage = read_stage + 1 == kStages ? 0 : read_stage + 1;
  }
  wait_for_copies<0>();

  constexpr int kAtOnce = kPair ? 2 : 1;
#pragma unroll
  for (int u = 0; u < Tiling::kRunsPerThread; ++u) {
    int m, n;
    Tiling::locate(u, static_cast<int>(threadIdx.x), m, n);
    m += first_m;
    n += first_n;
    float run[2];
    sums.run(run, u);
#pragma unroll
    for (int i = 0; i < 2; i += kAtOnce) {
      if (m >= kM || n + i >= kN) continue;
      float value[kAtOnce], bias[kAtOnce];
      fetch_bias<kAtOnce>(args, bias, n + i);
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) value[j] = run[i + j] + bias[j];
      finish<kAtOnce>(args, value, p, q, m, n + i);
    }
  }
}
