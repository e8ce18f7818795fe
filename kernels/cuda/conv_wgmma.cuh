// Convolution as an implicit GEMM by warpgroups (wgmma, sm_90 only): the tensor cores read both
// operands from shared memory and work while the warps copy. For products large enough to fill the
// multiprocessors with tiles of 64 pixels or more per warpgroup.
//
// No warp specialisation: all warps copy and multiply. The wgmmas of a step stay in flight across
// the barrier of the next one: a stage may be written again two steps after it was multiplied.
#pragma once

#include "conv_gemm_block.cuh"
#include "warpgroup.cuh"

/// What a tactic decides: every warpgroup has 64 pixels and all kBN channels. Rows of a stage are
/// 128 bytes, so that `swizzled` is the tensor cores' 128-byte swizzle.
template <int kBM, int kBN, int kStages, int kCluster, int kInterleave,
          class Products = HalfProducts>
using WarpgroupTile = GemmTile<kBM, kBN, 128 / Products::kBytes, kStages, kBM / 16, 1, 1, kCluster,
                               1, kInterleave, Products>;

template <class L, class T>
struct WarpgroupMainloop {
  typedef ConvSteps<L, T> Steps;
  typedef typename L::X X;
  typedef ActivationTile<L, T> TileA;
  typedef WeightTile<L, T, 128> TileB;
  static_assert(TileA::kAsync, "activations are copied as they are");
  static_assert(Steps::kAllAtOnce || T::kStages >= 3, "one stage written, two read");
  static constexpr int kAhead = Steps::kAllAtOnce ? Steps::kStepsPerPart : T::kStages - 2;

  uint32_t rows;  // of this warpgroup, in a stage

  __device__ __forceinline__ explicit WarpgroupMainloop(uint32_t)
      : rows(warp_uniform(threadIdx.x / 128) * (64 * 128)) {}

  __device__ __forceinline__ void run(Accumulators<T>& sums, TileA& a, const X* x, const uint4* w,
                                      uint32_t stages, int first, int steps, int tile_n) const {
    int read_stage = 0;
    int write_stage = kAhead == T::kStages ? 0 : kAhead;
    int step = 0;
    // Every block has a step. A loop that might have none makes the compiler wait for each product
    // (ptxas C7515): the sums would come from two places.
#pragma unroll 1
    do {
      wait_for_copies<kAhead - 1>();
      fence_async_proxy();
      __syncthreads();
      const uint32_t stage = stages + Steps::stage_at(read_stage);
      wgmma_fence(sums.v[0]);
#pragma unroll
      for (uint32_t at = 0; at < T::kRowBytes; at += 32)
        wgmma_of<typename T::Products>(sums.v[0], swizzled_descriptor(stage + rows, at),
                                       swizzled_descriptor(stage + Steps::kBAt, at));
      wgmma_commit();
      if constexpr (!Steps::kAllAtOnce) {
        // All warpgroups have waited for the wgmmas of the step before the last.
        if (step + kAhead < steps) {
          const uint32_t to = stages + Steps::stage_at(write_stage);
          a.copy(to, x, first + step + kAhead);
          TileB::copy(to + Steps::kBAt, w, first + step + kAhead, tile_n);
        }
        write_stage = write_stage + 1 == T::kStages ? 0 : write_stage + 1;
      }
      commit_copies();
      wgmma_wait<1>(sums.v[0]);
      read_stage = read_stage + 1 == T::kStages ? 0 : read_stage + 1;
    } while (++step < steps);
    wgmma_wait<0>(sums.v[0]);
  }
};

template <class L, class T>
struct ConvWgmma : ConvGemmBlock<L, T, WarpgroupMainloop<L, T>> {};
