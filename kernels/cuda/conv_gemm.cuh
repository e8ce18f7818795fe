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
#include "epilogue.cuh"
#include "split_sum.cuh"

/// What a tactic decides. kStages tiles of A and B are in shared memory at a time.
template <int kBM_, int kBN_, int kBK_, int kStages_, int kWarpsM_, int kWarpsN_, int kSlices_,
          int kCluster_, int kSplit_>
struct GemmTile {
  static constexpr int kBM = kBM_, kBN = kBN_, kBK = kBK_, kStages = kStages_;
  static constexpr int kWarpsM = kWarpsM_, kWarpsN = kWarpsN_, kSlices = kSlices_;
  static constexpr int kCluster = kCluster_, kSplit = kSplit_;
  static constexpr int kSliceThreads = kWarpsM * kWarpsN * 32;
  static constexpr int kThreads = kSliceThreads * kSlices;
  static constexpr int kWarpRows = kBM / kWarpsM, kWarpColumns = kBN / kWarpsN;
  // The builder deals out columns so that a lane's accumulators of kGroup columns are adjacent.
  static constexpr int kGroup = kWarpColumns % 32 == 0   ? 32
                                : kWarpColumns % 16 == 0 ? 16
                                                         : 8;
  static constexpr int kRun = kGroup / 4;
  static constexpr int kGroups = kWarpColumns / kGroup;
  static constexpr int kRunsPerThread = kWarpRows / 8 * kGroups;
  static constexpr int kStageBytes = (kBM + kBN) * kBK * 2;
};

/// Accumulators of one warp.
template <class T>
struct Accumulators {
  static constexpr int kRows = T::kWarpRows / 16, kColumns = T::kWarpColumns / 8;
  float v[kRows][kColumns][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < kRows; ++i)
#pragma unroll
      for (int j = 0; j < kColumns; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) v[i][j][e] = 0.0f;
  }

  /// Adds the product of one stage. `a_row` is this lane's row and first chunk in the A tile, `b`
  /// this lane's 16 bytes of the warp's first column block.
  __device__ __forceinline__ void multiply(uint32_t a_row, uint32_t b, int slice) {
    constexpr int kBlocks = T::kBK / 32 / T::kSlices;
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
      const uint32_t k32 = static_cast<uint32_t>(block * T::kSlices + slice);
      uint4 weights[kColumns];
#pragma unroll
      for (int j = 0; j < kColumns; ++j)
        weights[j] = load_shared_16(b + (k32 * (T::kBN / 8) + static_cast<uint32_t>(j)) * 512);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        uint32_t a[kRows][4];
#pragma unroll
        for (int i = 0; i < kRows; ++i)
          load_a_fragment(a[i], (a_row + static_cast<uint32_t>(i * 16 * T::kBK * 2)) ^
                                    ((k32 * 2 + static_cast<uint32_t>(half)) << 5));
#pragma unroll
        for (int i = 0; i < kRows; ++i)
#pragma unroll
          for (int j = 0; j < kColumns; ++j)
            multiply_accumulate(v[i][j], a[i], half == 0 ? weights[j].x : weights[j].z,
                                half == 0 ? weights[j].y : weights[j].w);
      }
    }
  }

  /// Run `u` of the thread: adjacent channels of one pixel.
  __device__ __forceinline__ void run(float (&values)[T::kRun], int u) const {
    const int row = u / T::kGroups;
    const int group = u % T::kGroups;
#pragma unroll
    for (int j = 0; j < T::kGroup / 8; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e)
        values[j * 2 + e] = v[row / 2][group * (T::kGroup / 8) + j][row % 2 * 2 + e];
  }
};

template <class L, class T>
struct ConvGemm {
  typedef typename L::X X;
  typedef typename L::Y Y;
  typedef typename L::R R;
  typedef ActivationTile<L, T> TileA;
  typedef WeightTile<L, T> TileB;
  typedef Epilogue<L, T::kRun> Out;
  static constexpr int kSteps = (L::kKH * L::kKW * L::kC + T::kBK - 1) / T::kBK;
  static constexpr int kParts = T::kCluster * T::kSplit;
  static constexpr int kStepsPerPart = (kSteps + kParts - 1) / kParts;
  static constexpr bool kAllAtOnce = kStepsPerPart <= T::kStages;
  static constexpr int kAhead = kAllAtOnce ? kStepsPerPart : T::kStages - 1;
  static constexpr int kTilesN = (L::kN + T::kBN - 1) / T::kBN;
  static constexpr int kRuns = T::kRunsPerThread * T::kSliceThreads;
  static constexpr int kSlots = T::kSlices * kParts;
  static constexpr bool kIsSplit = kSlots > 1;
  typedef SplitSum<T::kRun, kRuns, kSlots, T::kCluster> Sum;
  // Shared memory: stages, bias, what is handed in.
  static constexpr int kBiasAt = T::kStages * T::kStageBytes;
  static constexpr int kSumAt = kBiasAt + (T::kBN * 4 + 127) / 128 * 128;

  /// Where run `p` of the tile lies.
  static __device__ __forceinline__ void locate(int p, int& row, int& column) {
    const int u = p / T::kSliceThreads;
    const int thread = p % T::kSliceThreads;
    const int lane = thread % 32;
    const int warp = thread / 32;
    row = warp / T::kWarpsN * T::kWarpRows + u / T::kGroups * 8 + lane / 4;
    column = warp % T::kWarpsN * T::kWarpColumns + u % T::kGroups * T::kGroup +
             lane % 4 * T::kRun;
  }

  static __device__ __forceinline__ void run(const X* x, const uint4* w, const float* bias,
                                             const R* residual, Y* y, float* workspace,
                                             unsigned* state) {
    extern __shared__ __align__(1024) unsigned char shared[];
    const uint32_t stages = shared_address(shared);
    float* const shared_bias = reinterpret_cast<float*>(shared + kBiasAt);
    const int thread = static_cast<int>(threadIdx.x);
    STINT_LAUNCH_DEPENDENTS();
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

    STINT_WAIT();
    main_loop(sums, a, x, w, stages, a_row, b_lane, first, steps, tile_n, slice);

    if constexpr (kIsSplit) {
      finish_split(sums, shared_bias, stages + kSumAt, residual, y, workspace, state, part, tile,
                   tile_m, tile_n, slice);
    } else {
      finish(sums, shared_bias, residual, y, tile_m, tile_n);
    }
  }

 private:
  static constexpr uint32_t kBAt = T::kBM * T::kBK * 2;

  static __device__ __forceinline__ uint32_t stage_at(int slot) {
    return static_cast<uint32_t>(slot * T::kStageBytes);
  }

  static __device__ __forceinline__ void main_loop(Accumulators<T>& sums, TileA& a, const X* x,
                                                   const uint4* w, uint32_t stages,
                                                   uint32_t a_row, uint32_t b_lane, int first,
                                                   int steps, int tile_n, int slice) {
    TileB b;
    if constexpr (TileA::kAsync) {
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i) {
        if (i < steps) a.copy(stages + stage_at(i), x, first + i);
        commit_copies();
      }
    } else {
      a.load(x, first);
      if constexpr (!TileB::kAsync) {
        b.load(w, first, tile_n);
        b.store(stages + kBAt);
      }
      a.store(stages);
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i) commit_copies();
    }
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
      sums.multiply(a_row + stage_at(slot), b_lane + stage_at(slot), slice);
      slot = slot + 1 == T::kStages ? 0 : slot + 1;
      if constexpr (!TileA::kAsync) {
        if (more) a.store(stages + stage_at(slot));
        if constexpr (!TileB::kAsync)
          if (more) b.store(stages + stage_at(slot) + kBAt);
      }
    }
  }

  static constexpr int kBatch = T::kRunsPerThread < 4 ? T::kRunsPerThread : 4;

  /// Straight from the registers; residuals of kBatch runs are under way at a time.
  static __device__ __forceinline__ void finish(const Accumulators<T>& sums, const float* bias,
                                                const R* residual, Y* y, int tile_m, int tile_n) {
    const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
    for (int u0 = 0; u0 < T::kRunsPerThread; u0 += kBatch) {
      typename Out::Residual residuals[kBatch];
      if constexpr (L::kResidual) {
#pragma unroll
        for (int i = 0; i < kBatch; ++i) {
          int row, column;
          locate((u0 + i) * T::kSliceThreads + thread, row, column);
          Out::load_residual(residuals[i], residual, tile_m * T::kBM + row,
                             tile_n * T::kBN + column);
        }
      }
#pragma unroll
      for (int i = 0; i < kBatch; ++i) {
        int row, column;
        locate((u0 + i) * T::kSliceThreads + thread, row, column);
        float values[T::kRun];
        sums.run(values, u0 + i);
        Out::finish(values, bias + column, residuals[i], y, tile_m * T::kBM + row,
                    tile_n * T::kBN + column);
      }
    }
  }

  static __device__ __forceinline__ void finish_split(
      const Accumulators<T>& sums, const float* bias, uint32_t area, const R* residual, Y* y,
      float* workspace, unsigned* state, int part, int tile, int tile_m, int tile_n, int slice) {
    const int thread = static_cast<int>(threadIdx.x);
    const int slot = part * T::kSlices + slice;
    float* const tile_area = workspace + static_cast<long long>(tile) * (Sum::kBytes / 4);
    if constexpr (T::kCluster > 1) wait_for_cluster();
#pragma unroll
    for (int u = 0; u < T::kRunsPerThread; ++u) {
      float values[T::kRun];
      sums.run(values, u);
      const int p = u * T::kSliceThreads + thread % T::kSliceThreads;
      if constexpr (T::kSplit > 1) {
        Sum::hand_in(tile_area, slot, p, values);
      } else {
        Sum::hand_in(area, slot, p, values);
      }
    }
    // The runs this thread finishes: their residuals travel while the others hand in.
    constexpr int kMine = (Sum::kShare + T::kThreads - 1) / T::kThreads;
    constexpr bool kEarly = kMine <= 4;
    const int first_run = T::kCluster > 1 ? part * Sum::kShare : 0;
    typename Out::Residual residuals[kEarly ? kMine : 1];
    if constexpr (L::kResidual && kEarly) {
#pragma unroll
      for (int i = 0; i < kMine; ++i) {
        int row, column;
        locate(first_run + i * T::kThreads + thread, row, column);
        if (i * T::kThreads + thread < Sum::kShare)
          Out::load_residual(residuals[i], residual, tile_m * T::kBM + row,
                             tile_n * T::kBN + column);
      }
    }
    if constexpr (T::kSplit > 1) {
      if (!is_last_block(state + tile, T::kSplit, area)) return;
    } else if constexpr (T::kCluster > 1) {
      arrive_at_cluster();
      wait_for_cluster();
    } else {
      __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < kMine; ++i) {
      const int run = i * T::kThreads + thread;
      if (Sum::kShare % T::kThreads != 0 && run >= Sum::kShare) break;
      int row, column;
      locate(first_run + run, row, column);
      if constexpr (L::kResidual && !kEarly)
        Out::load_residual(residuals[0], residual, tile_m * T::kBM + row,
                           tile_n * T::kBN + column);
      float values[T::kRun];
      if constexpr (T::kSplit > 1) {
        Sum::add_up(values, tile_area, run);
      } else {
        Sum::add_up(values, area, run);
      }
      Out::finish(values, bias + column, residuals[kEarly ? i : 0], y, tile_m * T::kBM + row,
                  tile_n * T::kBN + column);
    }
  }
};
