// Convolution as an implicit matrix product by groups of four warps (wgmma, sm_90 only): the tensor
// cores read both operands from shared memory and work while the warps copy. For products large
// enough to fill the multiprocessors with tiles of 64 pixels or more per group.
//
// All warps copy and multiply. The products of a step stay under way across the barrier of the next
// one: a stage may be filled again two steps after it was multiplied.
#pragma once

#include "conv_gemm_block.cuh"
#include "warpgroup.cuh"

/// What a tactic decides: every group of four warps has 64 pixels and all kBN channels. Rows of a
/// stage are 64 f16 = 128 bytes, so that `swizzled` is the order that the tensor cores expect.
template <int kBM, int kBN, int kStages, int kCluster, int kDeal>
using WarpgroupTile = GemmTile<kBM, kBN, 64, kStages, kBM / 16, 1, 1, kCluster, 1, kDeal>;

template <class L, class T>
struct WarpgroupLoop {
  typedef ConvSteps<L, T> Steps;
  typedef typename L::X X;
  typedef ActivationTile<L, T> TileA;
  typedef WeightTile<L, T, 64> TileB;
  static_assert(TileA::kAsync, "activations are copied as they are");
  static_assert(Steps::kAllAtOnce || T::kStages >= 3, "one stage copied, two multiplied");
  static constexpr int kAhead = Steps::kAllAtOnce ? Steps::kStepsPerPart : T::kStages - 2;

  uint32_t rows;  // of this group of warps, in a stage

  __device__ __forceinline__ explicit WarpgroupLoop(uint32_t)
      : rows(same_in_warp(threadIdx.x / 128) * (64 * 128)) {}

  __device__ __forceinline__ void run(Accumulators<T>& sums, TileA& a, const X* x, const uint4* w,
                                      uint32_t stages, int first, int steps, int tile_n) const {
    int slot = 0;
    int fill = kAhead == T::kStages ? 0 : kAhead;
    int step = 0;
    // Every block has a step. A loop that might have none makes the compiler wait for each product
    // (ptxas C7515): the sums would come from two places.
#pragma unroll 1
    do {
      wait_for_copies<kAhead - 1>();
      show_copies_to_tensor_cores();
      __syncthreads();
      const uint32_t stage = stages + Steps::stage_at(slot);
      begin_products(sums.v[0]);
#pragma unroll
      for (uint32_t k = 0; k < T::kBK; k += 16)
        start_product(sums.v[0], swapped_operand(stage + rows, k),
                      swapped_operand(stage + Steps::kBAt, k));
      commit_products();
      if constexpr (!Steps::kAllAtOnce) {
        // All groups have waited for the products of the step before the last.
        if (step + kAhead < steps) {
          const uint32_t to = stages + Steps::stage_at(fill);
          a.copy(to, x, first + step + kAhead);
          TileB::copy(to + Steps::kBAt, w, first + step + kAhead, tile_n);
        }
        fill = fill + 1 == T::kStages ? 0 : fill + 1;
      }
      commit_copies();
      wait_for_products<1>(sums.v[0]);
      slot = slot + 1 == T::kStages ? 0 : slot + 1;
    } while (++step < steps);
    wait_for_products<0>(sums.v[0]);
  }
};

template <class L, class T>
struct ConvWgmma : ConvGemmBlock<L, T, WarpgroupLoop<L, T>> {};
