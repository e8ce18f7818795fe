// Bulk copies of weights for warpgroups from global to shared memory: one thread issues whole
// blocks, the others spend neither instructions nor registers on them.
#pragma once

#include "bulk_copy.cuh"

/// The builder packs them as [64 k][8 columns][1024 bytes], so that a tile's columns for 64 k are
/// one piece. `L` and `T` as in conv_gemm_block.cuh.
template <class L, class T>
struct WarpgroupWeights {
  static constexpr int kColumnBlocks = T::kBN / 8;

  /// Of 64 k. Columns beyond the last one, which nobody stores, may not be there.
  static __device__ __forceinline__ uint32_t bytes(int tile_n) {
    const int left = L::kBlocksN - tile_n * kColumnBlocks;
    return static_cast<uint32_t>(left < kColumnBlocks ? left : kColumnBlocks) * 1024;
  }

  /// By one thread. Block `block` of 64 k to `to`; the barrier expects its bytes.
  static __device__ __forceinline__ void copy(uint32_t to, const uint4* w, int block, int tile_n,
                                              uint32_t barrier) {
    copy_async_bulk(to, w + (block * L::kBlocksN + tile_n * kColumnBlocks) * 64, bytes(tile_n),
                    barrier);
  }
};
