// Sliced-K, cluster and split-K reduction: the sum of what several warps, or several blocks, have
// accumulated of one tile, each for its part of k. Always added in the same order: results do not
// depend on who was first.
//
// A tile is kRuns runs of kRun values; run p is finished by block p / kShare of the cluster. Every
// block and slice of warps stores its partial sums of the runs; then the block that finishes a run
// reduces them.
#pragma once

#include "cluster.cuh"
#include "packet.cuh"
#include "shared_memory.cuh"

template <int kRun, int kRuns, int kPartials, int kBlocks>
struct SplitSum {
  static constexpr int kPiece = kRun < 4 ? kRun : 4;  // values moved at once
  static constexpr int kPieces = kRun / kPiece;
  static constexpr int kShare = kRuns / kBlocks;
  static constexpr int kBytes = kPartials * kShare * kRun * 4;
  static_assert(kRuns % kBlocks == 0, "every block of a cluster finishes as many runs");

  static __device__ __forceinline__ uint32_t place(int partial, int piece, int run) {
    return static_cast<uint32_t>(((partial * kPieces + piece) * kShare + run) * kPiece * 4);
  }

  /// Into the shared memory at `area` of the block that finishes the run.
  static __device__ __forceinline__ void store_partial(uint32_t area, int partial, int p,
                                                       const float (&values)[kRun]) {
    const int owner = p / kShare;
    const int run = p - owner * kShare;
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      float piece[kPiece];
#pragma unroll
      for (int j = 0; j < kPiece; ++j) piece[j] = values[i * kPiece + j];
      const uint32_t address = area + place(partial, i, run);
      if constexpr (kBlocks > 1) {
        store_distributed_shared(address_in_block(address, static_cast<uint32_t>(owner)), piece);
      } else if constexpr (kPiece == 4) {
        store_shared_16(address, make_uint4(__float_as_uint(piece[0]), __float_as_uint(piece[1]),
                                            __float_as_uint(piece[2]), __float_as_uint(piece[3])));
      } else {
        store_shared_8(address, piece);
      }
    }
  }

  static __device__ __forceinline__ void reduce(float (&sum)[kRun], uint32_t area, int run) {
#pragma unroll
    for (int partial = 0; partial < kPartials; ++partial)
#pragma unroll
      for (int i = 0; i < kPieces; ++i) {
        float piece[kPiece];
        const uint32_t address = area + place(partial, i, run);
        if constexpr (kPiece == 4) {
          const uint4 v = load_shared_16(address);
          piece[0] = __uint_as_float(v.x);
          piece[1] = __uint_as_float(v.y);
          piece[2] = __uint_as_float(v.z);
          piece[3] = __uint_as_float(v.w);
        } else {
          load_shared_8(piece, address);
        }
#pragma unroll
        for (int j = 0; j < kPiece; ++j)
          sum[i * kPiece + j] = (partial == 0 ? 0.0f : sum[i * kPiece + j]) + piece[j];
      }
  }

  /// The same through global memory, where there are no clusters; `area` is the tile's.
  static __device__ __forceinline__ void store_partial(float* area, int partial, int p,
                                                       const float (&values)[kRun]) {
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      Packet<float, kPiece> packet;
#pragma unroll
      for (int j = 0; j < kPiece; ++j) packet.v[j] = values[i * kPiece + j];
      *reinterpret_cast<Packet<float, kPiece>*>(area + place(partial, i, p) / 4) = packet;
    }
  }

  static __device__ __forceinline__ void reduce(float (&sum)[kRun], const float* area, int run) {
#pragma unroll
    for (int partial = 0; partial < kPartials; ++partial)
#pragma unroll
      for (int i = 0; i < kRun; ++i) {
        // Other blocks wrote it: past the first-level cache.
        const float v = __ldcg(area + place(partial, i / kPiece, run) / 4 + i % kPiece);
        sum[i] = (partial == 0 ? 0.0f : sum[i]) + v;
      }
  }
};

/// Counts the blocks that have stored their partial sums of a tile; true in every thread of the
/// last one. The counter is zero again afterwards.
__device__ __forceinline__ bool is_last_block(unsigned* counter, unsigned blocks, uint32_t flag) {
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    const unsigned before = atomicAdd(counter, 1u);
    if (before == blocks - 1) *counter = 0;
    store_shared_4(flag, before);
  }
  __syncthreads();
  const unsigned before = load_shared_4(flag);
  __threadfence();
  return before == blocks - 1;
}
