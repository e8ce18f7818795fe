// Convolution on tensor cores for few pixels: all that a block needs of its part of k lies in
// shared memory before it multiplies, so the mainloop has no barrier and no wait. The weights,
// which are most of it, are there before STINT_WAIT(); activations are read once for all taps (a
// window with its halo), not once per tap.
//
// A tile is kRows x kColumns output pixels of one image (of the flat list of pixels if the layer
// has one tap); kBM >= kRows * kColumns rows of fragments. Channels may be divided among the blocks
// of a cluster; slices of warps take blocks of 64 bytes of k in turn (sliced-K).
#pragma once

#include "async_copy.cuh"
#include "tile_epilogue.cuh"

template <int kRows_, int kColumns_, int kBM_, int kBN_, int kWarpsM_, int kWarpsN_, int kSlices_,
          int kCluster_, int kInterleave, class Products = HalfProducts>
struct ResidentTile : WarpTiling<kBM_, kBN_, kWarpsM_, kWarpsN_, kSlices_, kInterleave, Products> {
  static constexpr int kRows = kRows_, kColumns = kColumns_, kCluster = kCluster_, kSplit = 1;
};

template <class L, class T>
struct ConvResident {
  typedef typename L::X X;
  typedef typename L::R R;
  typedef typename L::Offset Offset;
  static constexpr int kTaps = L::kKH * L::kKW;
  static constexpr bool kFlat = kTaps == 1;  // rows of the tile are pixels of the flat list
  static constexpr int kBlock = 64 / T::Products::kBytes;  // of k
  static constexpr int kChannelBlocks = (L::kC + kBlock - 1) / kBlock;
  static constexpr int kPartBlocks = (kChannelBlocks + T::kCluster - 1) / T::kCluster;
  static constexpr int kBlocks = kTaps * kPartBlocks;
  static_assert(kTaps == 1 || L::kC % kBlock == 0, "a block of k lies in one tap");
  // The window of input pixels, and its row in shared memory: a multiple of 16 bytes that is odd,
  // so that eight neighbouring pixels lie in different banks.
  static constexpr int kWindowH =
      kFlat ? T::kRows : (T::kRows - 1) * L::kSH + (L::kKH - 1) * L::kDH + 1;
  static constexpr int kWindowW =
      kFlat ? T::kColumns : (T::kColumns - 1) * L::kSW + (L::kKW - 1) * L::kDW + 1;
  static constexpr int kPixels = kWindowH * kWindowW;
  static constexpr int kPitch = kPartBlocks * 64 + 16;
  static constexpr int kChunks = kPixels * kPartBlocks * 4;  // of 16 bytes
  static constexpr int kPasses = (kChunks + T::kThreads - 1) / T::kThreads;
  static constexpr int kWeightChunks = kBlocks * T::kBN * 4;
  static constexpr int kTilesH = kFlat ? 1 : (L::kOH + T::kRows - 1) / T::kRows;
  static constexpr int kTilesW = kFlat ? 1 : (L::kOW + T::kColumns - 1) / T::kColumns;
  static constexpr int kTilesN = (L::kN + T::kBN - 1) / T::kBN;
  // Shared memory: weights, window, bias, partial sums.
  static constexpr int kWindowAt = kWeightChunks * 16;
  static constexpr int kBiasAt = kWindowAt + (kPixels * kPitch + 127) / 128 * 128;
  static constexpr int kFactors = RunEpilogue<L, T::kRun>::kFactors;
  static constexpr int kSumAt = kBiasAt + (T::kBN * kFactors * 4 + 127) / 128 * 128;

  /// The output pixel in row `row` of the tile; kM if there is none.
  struct Place {
    int first, oh, ow;  // flat: the first pixel; else the image's and the tile's corner
    __device__ __forceinline__ int pixel(int row) const {
      if constexpr (kFlat) return row < T::kRows * T::kColumns ? first + row : L::kM;
      const int r = row / T::kColumns;
      const int c = row - r * T::kColumns;
      const bool inside = r < T::kRows && oh + r < L::kOH && ow + c < L::kOW;
      return inside ? first + (oh + r) * L::kOW + ow + c : L::kM;
    }
  };

  static __device__ __forceinline__ Place place_of(int tile_m) {
    Place p;
    if constexpr (kFlat) {
      p.first = tile_m * T::kRows * T::kColumns;
      p.oh = p.ow = 0;
    } else {
      const int image = tile_m / (kTilesH * kTilesW);
      const int rest = tile_m - image * (kTilesH * kTilesW);
      p.first = image * (L::kOH * L::kOW);
      p.oh = rest / kTilesW * T::kRows;
      p.ow = rest % kTilesW * T::kColumns;
    }
    return p;
  }

  /// Where a pixel of the window lies in x; negative: in the padding.
  static __device__ __forceinline__ Offset window_offset(const Place& place, int pixel) {
    if constexpr (kFlat) {
      const int m = place.first + pixel;
      const int n = m / (L::kOH * L::kOW);
      const int rest = m - n * (L::kOH * L::kOW);
      const int oh = rest / L::kOW;
      const int ih = oh * L::kSH - L::kPH;
      const int iw = (rest - oh * L::kOW) * L::kSW - L::kPW;
      const bool inside = m < L::kM && static_cast<unsigned>(ih) < static_cast<unsigned>(L::kH) &&
                          static_cast<unsigned>(iw) < static_cast<unsigned>(L::kW);
      return inside ? static_cast<Offset>(n) * static_cast<Offset>(L::kXB) +
                          static_cast<Offset>(ih) * static_cast<Offset>(L::kXH) +
                          static_cast<Offset>(iw) * static_cast<Offset>(L::kXW)
                    : Offset(-1);
    }
    const int r = pixel / kWindowW;
    const int ih = place.oh * L::kSH - L::kPH + r;
    const int iw = place.ow * L::kSW - L::kPW + pixel - r * kWindowW;
    const bool inside = static_cast<unsigned>(ih) < static_cast<unsigned>(L::kH) &&
                        static_cast<unsigned>(iw) < static_cast<unsigned>(L::kW);
    return inside ? static_cast<Offset>(place.first / (L::kOH * L::kOW)) *
                            static_cast<Offset>(L::kXB) +
                        static_cast<Offset>(ih) * static_cast<Offset>(L::kXH) +
                        static_cast<Offset>(iw) * static_cast<Offset>(L::kXW)
                  : Offset(-1);
  }

  static __device__ __forceinline__ void copy_weights(uint32_t to, const uint4* w, int part,
                                                      int tile_n) {
#pragma unroll 4
    for (int c = static_cast<int>(threadIdx.x); c < kWeightChunks; c += T::kThreads) {
      const int block = c / (T::kBN * 4);
      const int tap = block / kPartBlocks;
      const int channel_block = part * kPartBlocks + block - tap * kPartBlocks;
      const int block_n = tile_n * (T::kBN / 8) + c / 32 % (T::kBN / 8);
      const bool inside = (kChannelBlocks % T::kCluster == 0 || channel_block < kChannelBlocks) &&
                          (L::kBlocksN % (T::kBN / 8) == 0 || block_n < L::kBlocksN);
      const int from =
          ((tap * kChannelBlocks + channel_block) * L::kBlocksN + block_n) * 32 + c % 32;
      copy_async_16(to + static_cast<uint32_t>(c) * 16, w + (inside ? from : 0), inside ? 16 : 0);
    }
  }

  template <class To>
  static __device__ __forceinline__ void run(const X* x, const uint4* w, const float* bias,
                                             const R* residual, To y, float*, unsigned*) {
    STINT_DYNAMIC_SHARED(unsigned char, shared, 1024);
    const uint32_t base = shared_address(shared);
    float* const shared_bias = reinterpret_cast<float*>(shared + kBiasAt);
    const int thread = static_cast<int>(threadIdx.x);
    if constexpr (T::kCluster > 1) arrive_at_cluster_start();
    const int part = static_cast<int>(blockIdx.x) % T::kCluster;
    const int tile = static_cast<int>(blockIdx.x) / T::kCluster;
    const int tile_m = tile / (kTilesN * L::kGroups);
    const int tile_gn = tile - tile_m * (kTilesN * L::kGroups);
    const int group = tile_gn / kTilesN;
    const int tile_n = tile_gn - group * kTilesN;

    copy_weights(base, w + group * (L::kBlocksK * L::kBlocksN * 32), part, tile_n);
    if constexpr (L::kBias) {
#pragma unroll
      for (int i0 = 0; i0 < T::kBN * kFactors; i0 += T::kThreads) {
        const int i = i0 + thread;
        if (i < T::kBN * kFactors) {
          const int channel = tile_n * T::kBN + i / kFactors;
          shared_bias[i] =
              channel < L::kN ? bias[(group * L::kN + channel) * kFactors + i % kFactors] : 0.0f;
        }
      }
    }
    const Place place = place_of(tile_m);
    const int first_channel = part * kPartBlocks * kBlock;
    Offset from[kPasses];
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const int c = i * T::kThreads + thread;
      const int channel = first_channel + c % (kPartBlocks * 4) * (kBlock / 4);
      const Offset at = window_offset(place, c / (kPartBlocks * 4));
      const bool inside = at >= 0 && (L::kC % (kBlock * T::kCluster) == 0 || channel < L::kC);
      from[i] = inside ? at + static_cast<Offset>(group * L::kC + channel) : Offset(-1);
    }
    y += group * L::kN;
    if constexpr (L::kResidual) residual += group * L::kN;

    const int warp = thread / 32 % (T::kSliceThreads / 32);
    const int slice = thread / T::kSliceThreads;
    const int lane = thread % 32;
    uint32_t a_rows[T::kWarpRows / 16];
#pragma unroll
    for (int i = 0; i < T::kWarpRows / 16; ++i) {
      int row = warp / T::kWarpsN * T::kWarpRows + i * 16 + lane % 16;
      if (row >= T::kRows * T::kColumns) row = 0;  // computed, never stored
      const int r = row / T::kColumns;
      const int c = row - r * T::kColumns;
      const int pixel = kFlat ? row : r * L::kSH * kWindowW + c * L::kSW;
      a_rows[i] = base + static_cast<uint32_t>(kWindowAt + pixel * kPitch + lane / 16 * 16);
    }
    const uint32_t b_lane =
        base + static_cast<uint32_t>(warp % T::kWarpsN * (T::kWarpColumns / 8) * 512 + lane * 16);
    Accumulators<T> sums;
    sums.clear();

    STINT_WAIT();
    STINT_LAUNCH_DEPENDENTS();
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const int c = i * T::kThreads + thread;
      if (kChunks % T::kThreads != 0 && c >= kChunks) break;
      const int pixel = c / (kPartBlocks * 4);
      copy_async_16(base + static_cast<uint32_t>(kWindowAt + pixel * kPitch +
                                                 (c - pixel * (kPartBlocks * 4)) * 16),
                    from[i] < 0 ? x : x + from[i], from[i] < 0 ? 0 : 16);
    }
    commit_copies();
    TileEpilogue<L, T, Place> epilogue(place, tile_n, part);
    epilogue.prefetch(residual, base + kSumAt);
    wait_for_copies<0>();
    __syncthreads();
#pragma unroll 2
    for (int block = slice; block < kBlocks; block += T::kSlices) {
      uint32_t offset = static_cast<uint32_t>(block) * 64;
      if constexpr (kTaps > 1) {
        const int tap = block / kPartBlocks;
        const int kh = tap / L::kKW;
        const int pixel = kh * L::kDH * kWindowW + (tap - kh * L::kKW) * L::kDW;
        offset = static_cast<uint32_t>(pixel * kPitch + (block - tap * kPartBlocks) * 64);
      }
      sums.multiply_block(
          [&](int i, int half) { return a_rows[i] + offset + static_cast<uint32_t>(half) * 32; },
          b_lane + static_cast<uint32_t>(block) * (T::kBN * 64));
    }
    epilogue.finish(sums, shared_bias, base + kSumAt, residual, y, nullptr, nullptr, tile, slice);
  }
};
