// Convolution as an implicit matrix product on tensor cores (sm_75 and later): output pixels x
// output channels, summed over taps x input channels. The matrix product of a fully connected layer
// is the case of one tap.
//
// A block computes kBM pixels x kBN channels. Weights do not depend on the step before: those of
// the first stages are under way before STINT_WAIT(). k may be divided among slices of warps
// (kSlices), among the blocks of a cluster (kCluster), or among blocks that meet in global memory
// (kSplit).
#pragma once

#include "conv_gemm_load.cuh"
#include "tile_end.cuh"

/// What a tactic decides. kStages tiles of A and B are in shared memory at a time.
template <int kBM_, int kBN_, int kBK_, int kStages_, int kWarpsM_, int kWarpsN_, int kSlices_,
          int kCluster_, int kSplit_>
struct GemmTile : WarpTiling<kBM_, kBN_, kWarpsM_, kWarpsN_, kSlices_> {
  static constexpr int kBK = kBK_, kStages = kStages_;
  static constexpr int kCluster = kCluster_, kSplit = kSplit_;
  static constexpr int kStageBytes = (kBM_ + kBN_) * kBK * 2;
};

/// Tiles of the flat list of pixels.
template <class T>
struct FlatPlace {
  int first;
  __device__ __forceinline__ int pixel(int row) const { return first + row; }
};

template <class L, class T>
struct ConvGemm {
  typedef typename L::X X;
  typedef typename L::R R;
  typedef ActivationTile<L, T> TileA;
  typedef WeightTile<L, T> TileB;
  typedef TileEnd<L, T, FlatPlace<T>> End;
  static constexpr int kSteps = (L::kKH * L::kKW * L::kC + T::kBK - 1) / T::kBK;
  static constexpr int kParts = T::kCluster * T::kSplit;
  static constexpr int kStepsPerPart = (kSteps + kParts - 1) / kParts;
  static constexpr bool kAllAtOnce = kStepsPerPart <= T::kStages;
  static constexpr int kAhead = kAllAtOnce ? kStepsPerPart : T::kStages - 1;
  static constexpr int kTilesN = (L::kN + T::kBN - 1) / T::kBN;
  // Shared memory: stages, bias, what is handed in.
  static constexpr int kBiasAt = T::kStages * T::kStageBytes;
  static constexpr int kSumAt = kBiasAt + (T::kBN * 4 + 127) / 128 * 128;

  template <class To>
  static __device__ __forceinline__ void run(const X* x, const uint4* w, const float* bias,
                                             const R* residual, To y, float* workspace,
                                             unsigned* state) {
    STINT_DYNAMIC_SHARED(unsigned char, shared, 1024);
    const uint32_t stages = shared_address(shared);
    float* const shared_bias = reinterpret_cast<float*>(shared + kBiasAt);
    const int thread = static_cast<int>(threadIdx.x);
    if constexpr (T::kCluster > 1) arrive_at_cluster_start();

    const int part = static_cast<int>(blockIdx.x) % kParts;
    const int tile = static_cast<int>(blockIdx.x) / kParts;
    const int tile_m = tile / (kTilesN * L::kGroups);
    const int tile_gn = tile - tile_m * (kTilesN * L::kGroups);
    const int group = tile_gn / kTilesN;
    const int tile_n = tile_gn - group * kTilesN;
    const int first = part * kStepsPerPart;
    const int steps = kSteps - first < kStepsPerPart ? kSteps - first : kStepsPerPart;

    w += group * (L::kBlocksK * L::kBlocksN * 32);
    if constexpr (TileB::kAsync) {
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i)
        if (i < steps)
          TileB::copy(stages + stage_at(i) + kBAt, w, first + i, tile_n);
    }
    if constexpr (L::kBias) {
#pragma unroll 1
      for (int i = thread; i < T::kBN; i += T::kThreads) {
        const int channel = tile_n * T::kBN + i;
        shared_bias[i] = channel < L::kN ? bias[group * L::kN + channel] : 0.0f;
      }
    }
    TileA a;
    a.prepare(tile_m);
    x += group * L::kC;
    y += group * L::kN;
    if constexpr (L::kResidual) residual += group * L::kN;

    const int warp = thread / 32 % (T::kSliceThreads / 32);
    const int slice = thread / T::kSliceThreads;
    const int lane = thread % 32;
    const uint32_t a_row =
        stages + swizzled<T::kBK>(warp / T::kWarpsN * T::kWarpRows + lane % 16, lane / 16);
    const uint32_t b_lane =
        stages + kBAt +
        static_cast<uint32_t>(warp % T::kWarpsN * (T::kWarpColumns / 8) * 512 + lane * 16);
    Accumulators<T> sums;
    sums.clear();

    End end({tile_m * T::kBM}, tile_n, part);

    STINT_WAIT();
    STINT_LAUNCH_DEPENDENTS();
    start(a, x, w, stages, first, steps, tile_n);
    end.begin(residual);
    main_loop(sums, a, x, w, stages, a_row, b_lane, first, steps, tile_n, slice);
    end.finish(sums, shared_bias, stages + kSumAt, residual, y, workspace, state, tile, slice);
  }

 private:
  static constexpr uint32_t kBAt = T::kBM * T::kBK * 2;

  static __device__ __forceinline__ uint32_t stage_at(int slot) {
    return static_cast<uint32_t>(slot * T::kStageBytes);
  }

  /// Activations of the first stages (and weights where they could not start earlier).
  static __device__ __forceinline__ void start(TileA& a, const X* x, const uint4* w,
                                               uint32_t stages, int first, int steps, int tile_n) {
    if constexpr (TileA::kAsync) {
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i) {
        if (i < steps) a.copy(stages + stage_at(i), x, first + i);
        commit_copies();
      }
    } else {
      a.load(x, first);
      if constexpr (!TileB::kAsync) {
        TileB b;
        b.load(w, first, tile_n);
        b.store(stages + kBAt);
      }
      a.store(stages);
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i) commit_copies();
    }
  }

  static __device__ __forceinline__ void main_loop(Accumulators<T>& sums, TileA& a, const X* x,
                                                   const uint4* w, uint32_t stages,
                                                   uint32_t a_row, uint32_t b_lane, int first,
                                                   int steps, int tile_n, int slice) {
    TileB b;
    int slot = 0;
    int fill = kAhead == T::kStages ? 0 : kAhead;
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
      if constexpr (!kAllAtOnce && TileB::kAsync) {
        if (step + kAhead < steps) {
          if constexpr (TileA::kAsync) a.copy(stages + stage_at(fill), x, first + step + kAhead);
          TileB::copy(stages + stage_at(fill) + kBAt, w, first + step + kAhead, tile_n);
        }
        fill = fill + 1 == T::kStages ? 0 : fill + 1;
      }
      commit_copies();
      multiply(sums, a_row + stage_at(slot), b_lane + stage_at(slot), slice);
      slot = slot + 1 == T::kStages ? 0 : slot + 1;
      if constexpr (!TileA::kAsync) {
        if (more) a.store(stages + stage_at(slot));
        if constexpr (!TileB::kAsync)
          if (more) b.store(stages + stage_at(slot) + kBAt);
      }
    }
  }

  /// The product of one stage; slices take turns at its blocks of 32 k.
  static __device__ __forceinline__ void multiply(Accumulators<T>& sums, uint32_t a_row, uint32_t b,
                                                  int slice) {
#pragma unroll
    for (int turn = 0; turn < T::kBK / 32 / T::kSlices; ++turn) {
      const uint32_t block = static_cast<uint32_t>(turn * T::kSlices + slice);
      sums.multiply_block(
          [&](int i, int half) {
            return (a_row + static_cast<uint32_t>(i * 16 * T::kBK * 2)) ^
                   ((block * 2 + static_cast<uint32_t>(half)) << 5);
          },
          b + block * (T::kBN * 64));
    }
  }
};
