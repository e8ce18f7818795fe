// Convolution as an implicit GEMM on tensor cores (sm_75 and later): output pixels x output
// channels, summed over taps x input channels. The matrix product of a fully connected layer is the
// case of one tap. Multistage mainloop: warps load fragments from shared memory (ldmatrix) and
// multiply them (mma) while cp.async fills later stages.
#pragma once

#include "conv_gemm_block.cuh"

template <class L, class T>
struct WarpMainloop {
  typedef ConvSteps<L, T> Steps;
  typedef typename L::X X;
  typedef ActivationTile<L, T> TileA;
  typedef WeightTile<L, T, 64> TileB;
  static constexpr int kAhead = Steps::kAllAtOnce ? Steps::kStepsPerPart : T::kStages - 1;

  uint32_t a_row, b_lane;
  int slice;

  __device__ __forceinline__ explicit WarpMainloop(uint32_t stages) {
    const int thread = static_cast<int>(threadIdx.x);
    const int warp = thread / 32 % (T::kSliceThreads / 32);
    const int lane = thread % 32;
    slice = thread / T::kSliceThreads;
    a_row =
        stages + swizzled<T::kRowBytes>(warp / T::kWarpsN * T::kWarpRows + lane % 16, lane / 16);
    b_lane = stages + Steps::kBAt +
             static_cast<uint32_t>(warp % T::kWarpsN * (T::kWarpColumns / 8) * 512 + lane * 16);
  }

  __device__ __forceinline__ void run(Accumulators<T>& sums, TileA& a, const X* x, const uint4* w,
                                      uint32_t stages, int first, int steps, int tile_n) const {
    TileB b;
    int read_stage = 0;
    int write_stage = kAhead == T::kStages ? 0 : kAhead;
#pragma unroll 1
    for (int step = 0; step < steps; ++step) {
      wait_for_copies<kAhead - 1>();
      __syncthreads();
      const bool more = step + 1 < steps;
      if constexpr (!TileA::kAsync) {
        if (more) a.load(x, first + step + 1);
        if constexpr (!TileB::kAsync)
          if (more) b.load(w, first + step + 1, tile_n);
      }
      if constexpr (!Steps::kAllAtOnce && TileB::kAsync) {
        if (step + kAhead < steps) {
          const uint32_t to = stages + Steps::stage_at(write_stage);
          if constexpr (TileA::kAsync) a.copy(to, x, first + step + kAhead);
          TileB::copy(to + Steps::kBAt, w, first + step + kAhead, tile_n);
        }
        write_stage = write_stage + 1 == T::kStages ? 0 : write_stage + 1;
      }
      commit_copies();
      multiply(sums, a_row + Steps::stage_at(read_stage), b_lane + Steps::stage_at(read_stage));
      read_stage = read_stage + 1 == T::kStages ? 0 : read_stage + 1;
      if constexpr (!TileA::kAsync) {
        const uint32_t to = stages + Steps::stage_at(read_stage);
        if (more) a.store(to);
        if constexpr (!TileB::kAsync)
          if (more) b.store(to + Steps::kBAt);
      }
    }
  }

 private:
  /// The product of one stage; the slices share its blocks of 64 bytes of k (sliced-K).
  __device__ __forceinline__ void multiply(Accumulators<T>& sums, uint32_t a, uint32_t b) const {
#pragma unroll
    for (int turn = 0; turn < T::kRowBytes / 64 / T::kSlices; ++turn) {
      const uint32_t block = static_cast<uint32_t>(turn * T::kSlices + slice);
      sums.multiply_block(
          [&](int i, int half) {
            return (a + static_cast<uint32_t>(i * 16 * T::kRowBytes)) ^
                   ((block * 2 + static_cast<uint32_t>(half)) << 5);
          },
          b + block * (T::kBN * 64));
    }
  }
};

template <class L, class T>
struct ConvGemm : ConvGemmBlock<L, T, WarpMainloop<L, T>> {};
