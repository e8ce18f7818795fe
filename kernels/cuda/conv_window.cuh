// Convolution with stride 1 by groups of four warps (wgmma, sm_90 only) from a window of input
// pixels that lies in shared memory: activations are read once for all taps, not once per tap.
//
// Pixels are numbered through images with padding: rows of kPitchW pixels, images of kPitchH rows,
// where the padding at the end of a row is that at the start of the next one. A tile is kBM such
// numbers one after the other. Those that lie in the padding are computed and not stored; in return
// a tap is the same distance away for every row of the tile, so that the tensor cores read a tap's
// operand where the window lies, from another row on.
//
// Weights come as whole blocks, which one thread copies. They either pass through a ring of kStages steps of 64 k, or (kStages == 0) all stay in shared
// memory, and the block goes from tile to tile, with the next window on its way where kWindows is 2.
#pragma once

#include "bulk_copy.cuh"
#include "conv_gemm_block.cuh"
#include "warpgroup.cuh"

template <int kBM, int kBN, int kStages, int kWindows_, int kCluster>
struct WindowTile : GemmTile<kBM, kBN, 64, kStages, kBM / 16, 1, 1, kCluster, 1> {
  static constexpr int kWindows = kWindows_;
  static constexpr bool kResidualInShared = kStages == 0;
};

/// Input and output pixels as one list of numbers with padding.
template <class L>
struct PaddedPixels {
  static constexpr int kReachH = (L::kKH - 1) * L::kDH, kReachW = (L::kKW - 1) * L::kDW;
  static __device__ constexpr int larger(int a, int b) { return a > b ? a : b; }
  // All columns of the input and of the output, and so many that a tap beyond the end meets the
  // next row's padding.
  static constexpr int kPitchW =
      larger(larger(L::kOW, L::kW + L::kPW), L::kOW + kReachW - L::kPW);
  static constexpr int kPitchH =
      larger(larger(L::kOH, L::kH + L::kPH), L::kOH + kReachH - L::kPH);
  static constexpr int kImages = L::kM / (L::kOH * L::kOW);
  static constexpr int kAll = kImages * kPitchH * kPitchW;
  /// From the first to the last tap.
  static constexpr int kReach = kReachH * kPitchW + kReachW;

  int image, row, column;

  __device__ __forceinline__ explicit PaddedPixels(int number) {
    image = number / (kPitchH * kPitchW);
    const int rest = number - image * (kPitchH * kPitchW);
    row = rest / kPitchW;
    column = rest - row * kPitchW;
  }

  static __device__ __forceinline__ int distance(int tap) {
    const int kh = tap / L::kKW;
    return kh * (L::kDH * kPitchW) + (tap - kh * L::kKW) * L::kDW;
  }
};

/// Input pixels, kStep numbers apart: only the first one takes divisions.
template <class L, int kStep>
struct InputWalk {
  typedef PaddedPixels<L> Pixels;
  typedef typename L::Offset Offset;
  static constexpr int kColumns = kStep % Pixels::kPitchW;
  static constexpr int kRows = kStep / Pixels::kPitchW % Pixels::kPitchH;
  static constexpr int kImages = kStep / Pixels::kPitchW / Pixels::kPitchH;

  Pixels pixel;
  Offset at;  // of the pixel in x, if it is inside

  __device__ __forceinline__ explicit InputWalk(int number) : pixel(number) {
    at = static_cast<Offset>(pixel.image) * static_cast<Offset>(L::kXB) +
         static_cast<Offset>(pixel.row - L::kPH) * static_cast<Offset>(L::kXH) +
         static_cast<Offset>(pixel.column - L::kPW) * static_cast<Offset>(L::kXW);
  }

  __device__ __forceinline__ void step() {
    pixel.image += kImages;
    pixel.row += kRows;
    pixel.column += kColumns;
    at += static_cast<Offset>(kImages * L::kXB + kRows * L::kXH + kColumns * L::kXW);
    if (pixel.column >= Pixels::kPitchW) {
      pixel.column -= Pixels::kPitchW;
      ++pixel.row;
      at += static_cast<Offset>(L::kXH - Pixels::kPitchW * L::kXW);
    }
    if (pixel.row >= Pixels::kPitchH) {
      pixel.row -= Pixels::kPitchH;
      ++pixel.image;
      at += static_cast<Offset>(L::kXB - Pixels::kPitchH * L::kXH);
    }
  }

  __device__ __forceinline__ bool is_inside() const {
    return pixel.image < Pixels::kImages &&
           static_cast<unsigned>(pixel.row - L::kPH) < static_cast<unsigned>(L::kH) &&
           static_cast<unsigned>(pixel.column - L::kPW) < static_cast<unsigned>(L::kW);
  }
};

/// The output pixel in a row of the tile; kM if there is none.
template <class L>
struct PaddedPlace {
  int first;
  __device__ __forceinline__ int pixel(int row) const {
    const PaddedPixels<L> p(first + row);
    const bool inside = p.image < PaddedPixels<L>::kImages && p.row < L::kOH && p.column < L::kOW;
    return inside ? (p.image * L::kOH + p.row) * L::kOW + p.column : L::kM;
  }
};

template <class L, class T>
struct ConvWindow {
  typedef typename L::X X;
  typedef typename L::R R;
  typedef typename L::Offset Offset;
  typedef PaddedPixels<L> Pixels;
  typedef TileEnd<L, T, PaddedPlace<L>> End;
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
  static constexpr int kSlots = kResident ? kSteps : T::kStages;
  static constexpr bool kAllAtOnce = kSlots >= kSteps;
  static_assert(kAllAtOnce || kSlots >= 3, "one stage copied, two multiplied");
  static constexpr int kAhead = kAllAtOnce ? kSteps : kSlots - 2;
  // A block of the window may come while earlier ones are multiplied.
  static constexpr bool kBlockByBlock = kBlocks > 1 && !kResident && kTaps > 1;
  static constexpr int kTilesM = (Pixels::kAll + T::kBM - 1) / T::kBM;
  static constexpr int kTilesN = (L::kN + T::kBN - 1) / T::kBN;
  // A window: planes of 8 channels, 16 bytes a pixel. An odd number of pixels: the chunks of one
  // pixel, which neighbouring threads copy, lie in different banks.
  static constexpr int kRows = T::kBM + Pixels::kReach;
  static constexpr int kPlane = (kRows | 1) * 16;
  static constexpr int kWindowBytes = (kPlane * (kChannels / 8) + 127) / 128 * 128;
  static constexpr int kCopyChunks = (kByChannels ? 64 : L::kC) / 8;
  // Threads that copy the window: all chunks of so many pixels at a time.
  static constexpr int kCopyRows = T::kThreads / kCopyChunks;
  // Shared memory: weights, windows, bias, barriers, what is handed in or residuals.
  static constexpr int kSlotBytes = T::kBN * 128;
  static constexpr int kWindowAt = kSlots * kSlotBytes;
  static constexpr int kBiasAt = kWindowAt + T::kWindows * kWindowBytes;
  static constexpr int kBarriersAt = kBiasAt + (T::kBN * 4 + 127) / 128 * 128;
  static constexpr int kBarriers = kResident ? 1 : kSlots;
  static constexpr int kSumAt = kBarriersAt + 128;
  static_assert(kBarriers * 8 <= 128, "room for the barriers");

  /// By one thread: the weights of a step, as the builder has packed them.
  static __device__ __forceinline__ void copy_weights(uint32_t to, uint32_t barrier, const uint4* w,
                                                      int step, int part, int tile_n) {
    int block = step;
    if constexpr (kByChannels) {
      const int channels = step / kTaps;
      block = (step - channels * kTaps) * (L::kC / 64) + part * kBlocks + channels;
    }
    copy_bulk(to, w + (block * L::kBlocksN + tile_n * (T::kBN / 8)) * 64, weight_bytes(tile_n),
              barrier);
  }

  /// Of a step. Columns that nobody stores may not be there.
  static __device__ __forceinline__ uint32_t weight_bytes(int tile_n) {
    const int left = L::kBlocksN - tile_n * (T::kBN / 8);
    return static_cast<uint32_t>(left < T::kBN / 8 ? left : T::kBN / 8) * 1024;
  }

  /// Block `block` of the window of the pixels from number `first` on.
  static __device__ __forceinline__ void copy_window(uint32_t window, const X* x, int first,
                                                     int block) {
    constexpr int kPasses = (kRows + kCopyRows - 1) / kCopyRows;
    const int row = static_cast<int>(threadIdx.x) / kCopyChunks;
    const int chunk = block * kCopyChunks + static_cast<int>(threadIdx.x) % kCopyChunks;
    InputWalk<L, kCopyRows> walk(first + row);
    const X* const from = x + chunk * 8;
    const uint32_t to = window + static_cast<uint32_t>(chunk * kPlane + row * 16);
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const bool mine = (T::kThreads % kCopyChunks == 0 || row < kCopyRows) &&
                        (kRows % kCopyRows == 0 || row + i * kCopyRows < kRows);
      const bool inside = walk.is_inside();
      if (mine)
        copy_async_16(to + static_cast<uint32_t>(i * kCopyRows * 16), inside ? from + walk.at : x,
                      inside ? 16 : 0);
      walk.step();
    }
  }

  static __device__ __forceinline__ void copy_windows(uint32_t window, const X* x, int first) {
#pragma unroll 1
    for (int block = 0; block < kBlocks; ++block) copy_window(window, x, first, block);
  }

  /// Starts the products of a step; `rows`: this group's first row of the window.
  static __device__ __forceinline__ void multiply(Accumulators<T>& sums, uint32_t rows,
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
        at = from + static_cast<uint32_t>((first - tap * L::kC) / 8 * kPlane +
                                          Pixels::distance(tap) * 16);
      }
      start_product(sums.v[0], planes_operand(at, kPlane),
                    swapped_operand(weights, static_cast<uint32_t>(k)));
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
    const int tile_n = tile % kTilesN;
    int tile_m = tile / kTilesN;

    const uint32_t barriers = base + kBarriersAt;
    if (thread == 0) {
#pragma unroll 1
      for (int i = 0; i < kBarriers; ++i)
        prepare_barrier(barriers + static_cast<uint32_t>(i * 8));
      show_barriers_to_copies();
      if constexpr (kResident) announce_bytes(barriers, kSteps * weight_bytes(tile_n));
#pragma unroll 1
      for (int i = 0; i < kAhead; ++i) {
        const uint32_t barrier = barriers + static_cast<uint32_t>(kResident ? 0 : i * 8);
        if constexpr (!kResident) announce_bytes(barrier, weight_bytes(tile_n));
        copy_weights(base + static_cast<uint32_t>(i * kSlotBytes), barrier, w, i, part, tile_n);
      }
    }
    if constexpr (L::kBias) {
#pragma unroll 1
      for (int i = thread; i < T::kBN; i += T::kThreads) {
        const int channel = tile_n * T::kBN + i;
        shared_bias[i] = channel < L::kN ? bias[channel] : 0.0f;
      }
    }
    x += part * kChannels;
    const uint32_t window = base + kWindowAt;
    const uint32_t rows = window + static_cast<uint32_t>(thread / 128 * (64 * 16));
    Accumulators<T> sums;

    STINT_WAIT();
    STINT_LAUNCH_DEPENDENTS();
    if constexpr (!kResident) {
      copy_window(window, x, tile_m * T::kBM, 0);
      if constexpr (!kBlockByBlock) {
#pragma unroll 1
        for (int block = 1; block < kBlocks; ++block)
          copy_window(window, x, tile_m * T::kBM, block);
      }
      commit_copies();
      End end({tile_m * T::kBM}, tile_n, part);
      end.begin(residual, base + kSumAt);
      sums.clear();
      pass_weights(sums, rows, base, w, x, tile_m, part, tile_n);
      end.finish(sums, shared_bias, base + kSumAt, residual, y, workspace, state, tile, 0);
    } else {
      const int stride = static_cast<int>(gridDim.x) / kTilesN;
      copy_windows(window, x, tile_m * T::kBM);
      commit_copies();
      uint32_t slot = 0;
#pragma unroll 1
      for (;;) {
        const int next = tile_m + stride;
        wait_for_copies<0>();
        show_copies_to_tensor_cores();
        __syncthreads();
        wait_for_bytes(barriers, 0);
        End end({tile_m * T::kBM}, tile_n, 0);
        end.begin(residual, base + kSumAt);
        commit_copies();
        sums.clear();
        begin_products(sums.v[0]);
        int step = 0;
#pragma unroll 1
        do {
          multiply(sums, rows + slot, base + static_cast<uint32_t>(step * kSlotBytes), step);
        } while (++step < kSteps);
        commit_products();
        if constexpr (T::kWindows > 1) {
          slot = kWindowBytes - slot;
          if (next < kTilesM) copy_windows(window + slot, x, next * T::kBM);
          commit_copies();
        }
        wait_for_products<0>(sums.v[0]);
        if constexpr (T::kWindows == 1) {
          __syncthreads();
          if (next < kTilesM) copy_windows(window, x, next * T::kBM);
          commit_copies();
        }
        wait_for_copies<1>();  // all but the next window
        end.finish(sums, shared_bias, base + kSumAt, residual, y, workspace, state, tile, 0);
        if (next >= kTilesM) break;
        tile_m = next;
      }
    }
  }

 private:
  /// All steps of one tile, with weights and the window's later blocks on their way.
  static __device__ __forceinline__ void pass_weights(Accumulators<T>& sums, uint32_t rows,
                                                      uint32_t base, const uint4* w, const X* x,
                                                      int tile_m, int part, int tile_n) {
    const uint32_t barriers = base + kBarriersAt;
    int slot = 0;
    int fill = kAhead == kSlots ? 0 : kAhead;
    uint32_t parity = 0;
    int step = 0;
    wait_for_copies<0>();
    show_copies_to_tensor_cores();
#pragma unroll 1
    do {
      if constexpr (kBlockByBlock) {
        // Every step commits a group, the first kBlocks - 1 a block of the window each.
        wait_for_copies<kTaps - 1>();
        show_copies_to_tensor_cores();
      }
      __syncthreads();
      wait_for_bytes(barriers + static_cast<uint32_t>(slot * 8), parity);
      begin_products(sums.v[0]);
      multiply(sums, rows, base + static_cast<uint32_t>(slot * kSlotBytes), step);
      commit_products();
      if constexpr (!kAllAtOnce) {
        // All groups have waited for the products of the step before the last.
        if (threadIdx.x == 0 && step + kAhead < kSteps) {
          const uint32_t barrier = barriers + static_cast<uint32_t>(fill * 8);
          announce_bytes(barrier, weight_bytes(tile_n));
          copy_weights(base + static_cast<uint32_t>(fill * kSlotBytes), barrier, w, step + kAhead,
                       part, tile_n);
        }
        fill = fill + 1 == kSlots ? 0 : fill + 1;
      }
      if constexpr (kBlockByBlock) {
        if (step + 1 < kBlocks) copy_window(base + kWindowAt, x, tile_m * T::kBM, step + 1);
        commit_copies();
      }
      wait_for_products<1>(sums.v[0]);
      if (++slot == kSlots) {
        slot = 0;
        parity ^= 1;
      }
    } while (++step < kSteps);
    wait_for_products<0>(sums.v[0]);
  }
};
