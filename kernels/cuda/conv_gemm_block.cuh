// The kernel of a convolution as an implicit GEMM, whatever its mainloop: tile scheduling, the
// prologue that fills the pipeline, mainloop, epilogue.
//
// A block computes kBM pixels x kBN channels. Weights do not depend on the step before: those of
// the first stages are in flight before STINT_WAIT(). k may be divided among slices of warps
// (kSlices, sliced-K), among the blocks of a cluster (kCluster), or among blocks that meet in
// global memory (kSplit, split-K).
#pragma once

#include "conv_gemm_load.cuh"
#include "tile_epilogue.cuh"

/// What a tactic decides. kStages: depth of the pipeline, tiles of A and B in shared memory.
template <int kBM_, int kBN_, int kBK_, int kStages_, int kWarpsM_, int kWarpsN_, int kSlices_,
          int kCluster_, int kSplit_, int kInterleave, class Products = HalfProducts>
struct GemmTile : WarpTiling<kBM_, kBN_, kWarpsM_, kWarpsN_, kSlices_, kInterleave, Products> {
  static constexpr int kBK = kBK_, kStages = kStages_;
  static constexpr int kCluster = kCluster_, kSplit = kSplit_;
  static constexpr int kRowBytes = kBK * Products::kBytes;  // k of a pixel or a channel in a stage
  static constexpr int kStageBytes = (kBM_ + kBN_) * kRowBytes;
};

/// Tiles of the flat list of pixels.
template <class T>
struct FlatPlace {
  int first;
  __device__ __forceinline__ int pixel(int row) const { return first + row; }
};

/// How a block goes through k. Stages lie one after the other in shared memory, each with its tile
/// of A, then that of B.
template <class L, class T>
struct ConvSteps {
  static constexpr int kSteps = (L::kKH * L::kKW * L::kC + T::kBK - 1) / T::kBK;
  static constexpr int kParts = T::kCluster * T::kSplit;
  static constexpr int kStepsPerPart = (kSteps + kParts - 1) / kParts;
  static constexpr bool kAllAtOnce = kStepsPerPart <= T::kStages;
  static constexpr uint32_t kBAt = T::kBM * T::kRowBytes;

  static __device__ __forceinline__ uint32_t stage_at(int stage) {
    return static_cast<uint32_t>(stage * T::kStageBytes);
  }
};

/// `Mainloop` goes through k: it says how weights lie (TileB) and how many steps are prefetched
/// (kAhead), and multiplies (run).
template <class L, class T, class Mainloop>
struct ConvGemmBlock {
  typedef ConvSteps<L, T> Steps;
  typedef typename L::X X;
  typedef typename L::R R;
  typedef ActivationTile<L, T> TileA;
  typedef typename Mainloop::TileB TileB;
  typedef TileEpilogue<L, T, FlatPlace<T>> Epilogue;
  static constexpr int kAhead = Mainloop::kAhead;
  static constexpr int kTilesN = (L::kN + T::kBN - 1) / T::kBN;
  static constexpr int kFactors = Epilogue::Out::kFactors;
  // Shared memory: stages, bias (and what sums are multiplied by), partial sums.
  static constexpr int kBiasAt = T::kStages * T::kStageBytes;
  static constexpr int kSumAt = kBiasAt + (T::kBN * kFactors * 4 + 127) / 128 * 128;

  template <class To>
  static __device__ __forceinline__ void run(const X* x, const uint4* w, const float* bias,
                                             const R* residual, To y, float* workspace,
                                             unsigned* state) {
    STINT_DYNAMIC_SHARED(unsigned char, shared, 1024);
    const uint32_t stages = shared_address(shared);
    float* const shared_bias = reinterpret_cast<float*>(shared + kBiasAt);
    const int thread = static_cast<int>(threadIdx.x);
    if constexpr (T::kCluster > 1) arrive_at_cluster_start();

    const int part = static_cast<int>(blockIdx.x) % Steps::kParts;
    const int tile = static_cast<int>(blockIdx.x) / Steps::kParts;
    const int tile_m = tile / (kTilesN * L::kGroups);
    const int tile_gn = tile - tile_m * (kTilesN * L::kGroups);
    const int group = tile_gn / kTilesN;
    const int tile_n = tile_gn - group * kTilesN;
    const int first = part * Steps::kStepsPerPart;
    const int steps =
        Steps::kSteps - first < Steps::kStepsPerPart ? Steps::kSteps - first : Steps::kStepsPerPart;

    w += group * (L::kBlocksK * L::kBlocksN * TileB::kBlockChunks);
    if constexpr (TileB::kAsync) {
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i)
        if (i < steps) TileB::copy(stages + Steps::stage_at(i) + Steps::kBAt, w, first + i, tile_n);
    }
    if constexpr (L::kBias) {
#pragma unroll 1
      for (int i = thread; i < T::kBN * kFactors; i += T::kThreads) {
        const int channel = tile_n * T::kBN + i / kFactors;
        shared_bias[i] =
            channel < L::kN ? bias[(group * L::kN + channel) * kFactors + i % kFactors] : 0.0f;
      }
    }
    TileA a;
    a.prepare(tile_m);
    x += group * L::kC;
    y += group * L::kN;
    if constexpr (L::kResidual) residual += group * L::kN;

    const Mainloop mainloop(stages);
    Accumulators<T> sums;
    sums.clear();

    Epilogue epilogue({tile_m * T::kBM}, tile_n, part);

    STINT_WAIT();
    STINT_LAUNCH_DEPENDENTS();
    prologue(a, x, w, stages, first, steps, tile_n);
    epilogue.prefetch(residual, stages + kSumAt);
    mainloop.run(sums, a, x, w, stages, first, steps, tile_n);
    epilogue.finish(sums, shared_bias, stages + kSumAt, residual, y, workspace, state, tile,
                    thread / T::kSliceThreads);
  }

 private:
  /// Activations of the first stages (and weights where they could not start earlier).
  static __device__ __forceinline__ void prologue(TileA& a, const X* x, const uint4* w,
                                                  uint32_t stages, int first, int steps,
                                                  int tile_n) {
    if constexpr (TileA::kAsync) {
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i) {
        if (i < steps) a.copy(stages + Steps::stage_at(i), x, first + i);
        commit_copies();
      }
    } else {
      a.load(x, first);
      if constexpr (!TileB::kAsync) {
        TileB b;
        b.load(w, first, tile_n);
        b.store(stages + Steps::kBAt);
      }
      a.store(stages);
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i) commit_copies();
    }
  }
};
