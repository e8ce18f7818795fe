// Convolution with stride 1 by warpgroups (wgmma, sm_90 only) from a window of input pixels that
// lies in shared memory: activations are read once for all taps, not once per tap.
//
// A tile is kBM numbers one after the other of pixels with padding (padded_pixels.cuh). Those that
// lie in the padding are computed and not stored; in return a tap is the same distance away for
// every row of the tile, so that the tensor cores read a tap's operand where the window lies, from
// another row on.
//
// Warp specialised: consumer warpgroups multiply and run the epilogue, producer warps copy, the
// last one weights and the others pixels, as far ahead as the pipelines have free stages. Weights
// either stream through a pipeline of kStages steps of 64 k, or (kStages == 0) all stay in shared
// memory and the kernel is persistent: a block computes tile after tile, and where kWindows is 2
// the next window is in flight meanwhile.
#pragma once

#include "conv_gemm_block.cuh"
#include "padded_pixels.cuh"
#include "warpgroup.cuh"
#include "warpgroup_weights.cuh"

template <int kBM, int kBN, int kStages, int kWindows_, int kCluster, int kInterleave>
struct WindowTile : GemmTile<kBM, kBN, 64, kStages, kBM / 16, 1, 1, kCluster, 1, kInterleave> {
  static constexpr int kWindows = kWindows_;
  static constexpr bool kResidualInShared = kStages == 0;
  // More where blocks are persistent, as long as enough registers are left for the consumers.
  static constexpr int kPixelProducers = kStages > 0 || (kBM * kBN > 128 * 128) ? 96 : 224;
  static constexpr int kProducerThreads = kPixelProducers + 32;
};

template <class L, class T>
struct ConvWindow {
  typedef typename L::X X;
  typedef typename L::R R;
  typedef PaddedPixels<L> Pixels;
  typedef WarpgroupWeights<L, T> Weights;
  typedef TileEpilogue<L, T, PaddedPlace<L>> Epilogue;
  static constexpr int kTaps = L::kKH * L::kKW;
  static constexpr int kDepth = kTaps * L::kC;
  static constexpr bool kResident = T::kStages == 0;
  // Steps go tap by tap through 64 channels, then through the next 64, or through k as it comes
  // where 64 does not divide the channels. The blocks of a cluster divide the channels.
  static constexpr bool kByChannels = L::kC % 64 == 0;
  static constexpr int kChannels = L::kC / T::kCluster;
  static constexpr int kBlocks = kByChannels ? kChannels / 64 : 1;
  static constexpr int kSteps = kByChannels ? kTaps * kBlocks : (kDepth + 63) / 64;
  static_assert(L::kC % 16 == 0 && L::kGroups == 1, "16 k lie in one tap");
  static_assert(T::kCluster == 1 || (kByChannels && L::kC / 64 % T::kCluster == 0 && !kResident),
                "blocks of a cluster have as many steps");
  static constexpr int kWeightStages = kResident ? kSteps : T::kStages;
  // Steps of one wgmma group where weights stay.
  static constexpr int kStepsAtOnce = kSteps % 9 == 0   ? 9
                                      : kSteps % 8 == 0 ? 8
                                      : kSteps % 7 == 0 ? 7
                                      : kSteps % 5 == 0 ? 5
                                      : kSteps % 4 == 0 ? 4
                                      : kSteps % 3 == 0 ? 3
                                                        : 1;
  static constexpr int kTilesM = (Pixels::kAll + T::kBM - 1) / T::kBM;
  static constexpr int kTilesN = (L::kN + T::kBN - 1) / T::kBN;
  // A window: planes of 8 channels, 16 bytes a pixel. An odd number of pixels: the chunks of one
  // pixel, which neighbouring threads copy, lie in different banks.
  static constexpr int kRows = T::kBM + Pixels::kReach;
  static constexpr int kPlane = (kRows | 1) * 16;
  static constexpr int kWindowBytes = (kPlane * (kChannels / 8) + 127) / 128 * 128;
  static constexpr int kCopyChunks = (kByChannels ? 64 : L::kC) / 8;
  static constexpr int kCopyRows = T::kPixelProducers / kCopyChunks;  // at a time
  // Shared memory: weights, windows, bias, barriers, partial sums or residuals.
  static constexpr int kStageBytes = T::kBN * 128;
  static constexpr int kWindowAt = kWeightStages * kStageBytes;
  static constexpr int kBiasAt = kWindowAt + T::kWindows * kWindowBytes;
  static constexpr int kBarriersAt = kBiasAt + (T::kBN * 4 + 127) / 128 * 128;
  static constexpr int kSumAt = kBarriersAt + 256;

  /// Full and empty barriers of the stages that producers write and consumers release.
  struct Pipeline {
    uint32_t barriers;
    static __device__ __forceinline__ uint32_t bytes(int stages) {
      return static_cast<uint32_t>(stages) * 16;
    }
    __device__ __forceinline__ uint32_t full(int stage) const {
      return barriers + static_cast<uint32_t>(stage) * 16;
    }
    __device__ __forceinline__ uint32_t empty(int stage) const { return full(stage) + 8; }
  };
  // Weights that stay have one pair of barriers; so has each block of a window that is not reused.
  static constexpr int kWeightBarriers = kResident ? 1 : kWeightStages;
  static constexpr int kWindowBarriers = kResident ? T::kWindows : kBlocks;
  static_assert((kWeightBarriers + kWindowBarriers) * 16 <= 256, "room for the barriers");

  /// By one thread: issues the bulk copy of a step's weights, as the builder has packed them.
  static __device__ __forceinline__ void copy_weights(uint32_t base, const Pipeline& weights,
                                                      int stage, int step, const uint4* w, int part,
                                                      int tile_n) {
    int block = step;
    if constexpr (kByChannels) {
      const int channels = step / kTaps;
      block = (step - channels * kTaps) * (L::kC / 64) + part * kBlocks + channels;
    }
    const uint32_t barrier = weights.full(kResident ? 0 : stage);
    if constexpr (!kResident) arrive_and_expect_bytes(barrier, Weights::bytes(tile_n));
    Weights::copy(base + static_cast<uint32_t>(stage * kStageBytes), w, block, tile_n, barrier);
  }

  /// Block `block` of the window of the pixels from number `first` on.
  static __device__ __forceinline__ void copy_window(uint32_t window, const X* x, int first,
                                                     int block) {
    constexpr int kPasses = (kRows + kCopyRows - 1) / kCopyRows;
    const int thread = static_cast<int>(threadIdx.x) - T::kThreads;
    const int row = thread / kCopyChunks;
    const int chunk = block * kCopyChunks + thread - row * kCopyChunks;
    InputWalk<L, kCopyRows> walk(first + row);
    const X* const from = x + chunk * 8;
    const uint32_t to = window + static_cast<uint32_t>(chunk * kPlane + row * 16);
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const bool mine = (T::kPixelProducers % kCopyChunks == 0 || row < kCopyRows) &&
                        (kRows % kCopyRows == 0 || row + i * kCopyRows < kRows);
      const bool inside = walk.is_inside();
      if (mine)
        copy_async_16(to + static_cast<uint32_t>(i * kCopyRows * 16), inside ? from + walk.at : x,
                      inside ? 16 : 0);
      walk.step();
    }
  }

  /// The wgmmas of a step; `rows`: this warpgroup's first row of the window.
  static __device__ __forceinline__ void issue_wgmmas(Accumulators<T>& sums, uint32_t rows,
                                                      uint32_t weights, int step) {
    uint32_t from = rows;
    if constexpr (kByChannels) {
      const int channels = step / kTaps;
      from += static_cast<uint32_t>(channels * 8 * kPlane +
                                    Pixels::distance(step - channels * kTaps) * 16);
    }
#pragma unroll
    for (int k = 0; k < 64; k += 16) {
      uint32_t at = from + static_cast<uint32_t>(k / 8 * kPlane);
      if constexpr (!kByChannels) {
        // Beyond the end weights are zero; what they are multiplied with must be a number.
        const int first = step * 64 + k < kDepth ? step * 64 + k : kDepth - 16;
        const int tap = first / L::kC;
        at = from +
             static_cast<uint32_t>((first - tap * L::kC) / 8 * kPlane + Pixels::distance(tap) * 16);
      }
      wgmma(sums.v[0], planes_descriptor(at, kPlane),
            swizzled_descriptor(weights, static_cast<uint32_t>(k * 2)));
    }
  }

  template <class To>
  static __device__ __forceinline__ void run(const X* x, const uint4* w, const float* bias,
                                             const R* residual, To y, float* workspace,
                                             unsigned* state) {
    STINT_DYNAMIC_SHARED(unsigned char, shared, 1024);
    const uint32_t base = shared_address(shared);
    float* const shared_bias = reinterpret_cast<float*>(shared + kBiasAt);
    const int thread = static_cast<int>(threadIdx.x);
    if constexpr (T::kCluster > 1) arrive_at_cluster_start();
    const int part = static_cast<int>(blockIdx.x) % T::kCluster;
    const int tile = static_cast<int>(blockIdx.x) / T::kCluster;
    const int tile_m = tile / kTilesN;
    const int tile_n = tile - tile_m * kTilesN;
    const Pipeline weights = {base + kBarriersAt};
    const Pipeline windows = {weights.barriers + Pipeline::bytes(kWeightBarriers)};
    constexpr int kFirstOfWeights = T::kThreads + T::kPixelProducers;

    if (thread == kFirstOfWeights) {
#pragma unroll 1
      for (int i = 0; i < kWeightBarriers; ++i) {
        init_barrier(weights.full(i), 1);
        init_barrier(weights.empty(i), T::kThreads / 32);
      }
#pragma unroll 1
      for (int i = 0; i < kWindowBarriers; ++i) {
        init_barrier(windows.full(i), T::kPixelProducers);
        init_barrier(windows.empty(i), T::kThreads / 32);
      }
      fence_barrier_init();
      if constexpr (kResident)
        arrive_and_expect_bytes(weights.full(0), kSteps * Weights::bytes(tile_n));
#pragma unroll 1
      for (int i = 0; i < kWeightStages && i < kSteps; ++i)
        copy_weights(base, weights, i, i, w, part, tile_n);
    }
    if constexpr (L::kBias) {
#pragma unroll 1
      for (int i = thread; i < T::kBN; i += T::kThreads + T::kProducerThreads) {
        const int channel = tile_n * T::kBN + i;
        shared_bias[i] = channel < L::kN ? bias[channel] : 0.0f;
      }
    }
    __syncthreads();
    STINT_WAIT();
    STINT_LAUNCH_DEPENDENTS();
    if (thread >= T::kThreads) {
      if (thread >= kFirstOfWeights) {
        produce_weights(base, weights, w, part, tile_n);
      } else {
        produce_pixels(base + kWindowAt, windows, x + part * kChannels, tile_m);
      }
      Epilogue::stand_by();
    } else if constexpr (kResident) {
      consume_tiles(base, weights, windows, shared_bias, residual, y, tile_m, tile_n);
    } else {
      Epilogue epilogue({tile_m * T::kBM}, tile_n, part);
      epilogue.prefetch(residual, base + kSumAt);
      Accumulators<T> sums;
      sums.clear();
      mainloop(sums, base, weights, windows);
      epilogue.finish(sums, shared_bias, base + kSumAt, residual, y, workspace, state, tile, 0);
    }
  }

 private:
  /// Of the producer warp of weights: the steps behind those of the prologue.
  static __device__ __forceinline__ void produce_weights(uint32_t base, const Pipeline& weights,
                                                         const uint4* w, int part, int tile_n) {
    if constexpr (kWeightStages < kSteps) {
      int stage = 0;
      uint32_t parity = 0;
#pragma unroll 1
      for (int step = kWeightStages; step < kSteps; ++step) {
        wait_at_barrier(weights.empty(stage), parity);
        if (threadIdx.x % 32 == 0) copy_weights(base, weights, stage, step, w, part, tile_n);
        advance<kWeightStages>(stage, parity);
      }
    }
  }

  /// Of the producer warps of pixels.
  static __device__ __forceinline__ void produce_pixels(uint32_t window, const Pipeline& windows,
                                                        const X* x, int tile_m) {
    if constexpr (kResident) {
      const int stride = static_cast<int>(gridDim.x) / kTilesN;
      int stage = 0;
      uint32_t parity = 1;  // the phase before the first one: every window is empty
#pragma unroll 1
      for (; tile_m < kTilesM; tile_m += stride) {
        wait_at_barrier(windows.empty(stage), parity);
#pragma unroll 1
        for (int block = 0; block < kBlocks; ++block)
          copy_window(window + static_cast<uint32_t>(stage * kWindowBytes), x, tile_m * T::kBM,
                      block);
        commit_copies();
        producer_commit<0>(windows.full(stage));
        advance<T::kWindows>(stage, parity);
      }
    } else {
#pragma unroll 1
      for (int block = 0; block < kBlocks; ++block) {
        copy_window(window, x, tile_m * T::kBM, block);
        commit_copies();
        // The first one is needed at once; a later one has the time that the next one takes to
        // start.
        if (block == 0) producer_commit<0>(windows.full(0));
        if (block > 1) producer_commit<1>(windows.full(block - 1));
      }
      if constexpr (kBlocks > 1) producer_commit<0>(windows.full(kBlocks - 1));
    }
  }

  /// The copies of all but the latest kPending groups have arrived: the stage is full.
  template <int kPending>
  static __device__ __forceinline__ void producer_commit(uint32_t barrier) {
    wait_for_copies<kPending>();
    fence_async_proxy();
    arrive_at_barrier(barrier);
  }

  template <int kCount>
  static __device__ __forceinline__ void advance(int& stage, uint32_t& parity) {
    if (++stage < kCount) return;
    stage = 0;
    parity ^= 1;
  }

  /// By a warp whose wgmmas have read the stage: it is empty.
  static __device__ __forceinline__ void consumer_release(uint32_t barrier) {
    if (threadIdx.x % 32 == 0) arrive_at_barrier(barrier);
  }

  static __device__ __forceinline__ uint32_t first_row(uint32_t window) {
    return window + threadIdx.x / 128 * (64 * 16);
  }

  /// Of the consumers: the products of a tile, as weights and pixels arrive.
  static __device__ __forceinline__ void mainloop(Accumulators<T>& sums, uint32_t base,
                                                  const Pipeline& weights,
                                                  const Pipeline& windows) {
    const uint32_t rows = first_row(base + kWindowAt);
    int stage = 0, before = 0;
    uint32_t parity = 0;
    int step = 0;
#pragma unroll 1
    do {
      if (kByChannels ? step % kTaps == 0 : step == 0)
        wait_at_barrier(windows.full(kByChannels ? step / kTaps : 0), 0);
      wait_at_barrier(weights.full(stage), parity);
      wgmma_fence(sums.v[0]);
      issue_wgmmas(sums, rows, base + static_cast<uint32_t>(stage * kStageBytes), step);
      wgmma_commit();
      wgmma_wait<1>(sums.v[0]);
      if (step > 0) consumer_release(weights.empty(before));
      before = stage;
      advance<kWeightStages>(stage, parity);
    } while (++step < kSteps);
    wgmma_wait<0>(sums.v[0]);
  }

  /// Of persistent consumers: tiles gridDim apart, a static tile scheduler.
  template <class To>
  static __device__ __forceinline__ void consume_tiles(uint32_t base, const Pipeline& weights,
                                                       const Pipeline& windows, const float* bias,
                                                       const R* residual, To y, int tile_m,
                                                       int tile_n) {
    const int stride = static_cast<int>(gridDim.x) / kTilesN;
    int stage = 0;
    uint32_t parity = 0;
    wait_at_barrier(weights.full(0), 0);
#pragma unroll 1
    for (; tile_m < kTilesM; tile_m += stride) {
      Epilogue epilogue({tile_m * T::kBM}, tile_n, 0);
      epilogue.prefetch(residual, base + kSumAt);
      commit_copies();
      wait_at_barrier(windows.full(stage), parity);
      const uint32_t rows =
          first_row(base + kWindowAt + static_cast<uint32_t>(stage * kWindowBytes));
      Accumulators<T> sums;
      sums.clear();
      int step = 0;
#pragma unroll 1
      do {
        wgmma_fence(sums.v[0]);
#pragma unroll
        for (int i = 0; i < kStepsAtOnce; ++i)
          issue_wgmmas(sums, rows, base + static_cast<uint32_t>((step + i) * kStageBytes),
                       step + i);
        wgmma_commit();
        wgmma_wait<1>(sums.v[0]);
        step += kStepsAtOnce;
      } while (step < kSteps);
      wgmma_wait<0>(sums.v[0]);
      consumer_release(windows.empty(stage));
      wait_for_copies<0>();
      epilogue.finish(sums, bias, base + kSumAt, residual, y, nullptr, nullptr, 0, 0);
      advance<T::kWindows>(stage, parity);
    }
  }
};
