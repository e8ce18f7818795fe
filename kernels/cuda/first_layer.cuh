// Convolution of few input channels (images) on tensor cores. Blocks are persistent: they take
// tiles of kTileH x kTileW outputs of kBlockChannels channels in turn. A tile's patch of the input
// is converted to f16 in shared memory with its channels innermost, where every row of the window
// is a run of kKernelW * kInChannels neighbours, so that matrix fragments are read straight from
// the patch and no im2col is ever written. The weights stay in shared memory; the next patch is
// prefetched while this one is multiplied. The input may have any strides: an image with planes
// apart (NCHW) needs no transpose.
//
// k counts (window row, position in its run), runs padded to kRun (even) with weights of zero; the
// weights lie in fragment order (host_builder/lowering/cuda/direct/first_layer.cc).
//
// Constants: kBatch, kInHeight, kInWidth, kInChannels, kHeight, kWidth, kChannels, kKernelH,
// kKernelW, kStrideH, kStrideW, kPadTop, kPadLeft; kTileH, kTileW, kWarps, kResident (blocks of a
// multiprocessor), kBlockChannels (a multiple of 16), kLoadVector (neighbours of a line loaded at
// once), kStoreVector (channels stored at once); strides of x, y and the residual.
#pragma once

#include "direct_epilogue.cuh"
#include "first_layer_patch.cuh"
#include "tensor_core.cuh"

constexpr int kRun = (kKernelW * kInChannels + 1) / 2 * 2;
constexpr int kSteps = (kKernelH * kRun + 15) / 16;
constexpr int kStripes = kTileH * kTileW / (16 * kWarps);  // of 16 pixels, each warp's
constexpr int kColumns = kBlockChannels / 8;               // matrices of 8 channels
/// A lane's results of kGroup matrices are 2 * kGroup neighbouring channels.
constexpr int kGroup = kColumns % 4 == 0 ? 4 : 2;
constexpr int kPixelStep = kStrideW * kInChannels;
constexpr int kFragments = kSteps * kColumns / 2 * 32;  // of 16 bytes, a block's
static_assert(kTileH * kTileW % (16 * kWarps) == 0, "whole stripes");
static_assert(kColumns % 2 == 0, "fragments of two matrices lie together");

struct FirstLayerShared {
  Words4 weights[kFragments];
  float bias[kBlockChannels];
  half_t patch[(kPatchH + 1) * kPitch];  // the last row is read where k is padding
};

/// Two neighbours in k.
__device__ __forceinline__ uint32_t k_pair(const half_t* patch, int at) {
  if constexpr (kPixelStep % 2 == 0) {
    return *reinterpret_cast<const uint32_t*>(patch + at);
  } else {
    return patch[at].bits | static_cast<uint32_t>(patch[at + 1].bits) << 16;
  }
}

/// Weights and bias of the block's channels, and what the padding of runs reads, which must be
/// finite.
__device__ __forceinline__ void prepare(const Args& args, FirstLayerShared& shared,
                                        int block_channel) {
  const int thread = static_cast<int>(threadIdx.x);
  const Words4* packed =
      reinterpret_cast<const Words4*>(args.weights) + block_channel / kBlockChannels * kFragments;
  constexpr int kAtOnce = 5;
#pragma unroll 1
  for (int first = thread; first < kFragments; first += kAtOnce * kThreads) {
    Words4 w[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i)
      if (first + i * kThreads < kFragments) load_words(w[i], packed + first + i * kThreads);
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i)
      if (first + i * kThreads < kFragments) shared.weights[first + i * kThreads] = w[i];
  }
  for (int i = thread; i < kBlockChannels; i += kThreads) {
    float bias[1] = {0.0f};
    if constexpr (kHasBias)
      if (block_channel + i < kChannels) load_vector<1>(bias, args.bias + block_channel + i);
    shared.bias[i] = bias[0];
  }
  constexpr int kTail = kPitch - kPatchW * kInChannels;
  for (int i = thread; i < kPatchH * kTail; i += kThreads)
    shared.patch[i / kTail * kPitch + kPatchW * kInChannels + i % kTail] = half_t{0};
  for (int i = thread; i < kPitch; i += kThreads) shared.patch[kPatchH * kPitch + i] = half_t{0};
}

/// Where a lane finds its pairs of a step, relative to a pixel's first element. Pairs are 8
/// neighbours in k, of which runs of 8 and more divide at most once: then all but where a lane
/// changes to the next run is a constant, and no register holds an offset.
struct PairOffsets {
  static constexpr bool kSimple = kRun >= 8;
  static constexpr int kNextRun = kPitch - kRun;
  int pair;     // the lane's, in elements
  int skip[4];  // [i]: what lanes from the i-th on skip if the run ends there
  int at[kSimple ? 1 : kSteps][2];

  __device__ __forceinline__ explicit PairOffsets(int lane) : pair(lane % 4 * 2) {
    if constexpr (kSimple) {
#pragma unroll
      for (int i = 0; i < 4; ++i) skip[i] = pair + (i > 0 && pair >= 2 * i ? kNextRun : 0);
    } else {
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int k = step * 16 + half * 8 + pair;
          at[step][half] = k < kKernelH * kRun ? k / kRun * kPitch + k % kRun : 0;
        }
      }
    }
  }

  /// `step` and `half` are constants where this is called.
  __device__ __forceinline__ int operator()(int step, int half) const {
    if constexpr (kSimple) {
      const int k = step * 16 + half * 8;
      const int left = kRun - k % kRun;  // of the run
      if (k >= kKernelH * kRun) return 0;
      return k + k / kRun * kNextRun + skip[left < 8 ? left / 2 : 0];
    } else {
      return at[step][half];
    }
  }
};

/// The lane's first channel of `group` of the block, and its pixels of the tile.
__device__ __forceinline__ int channel_of(int group, int lane) {
  return group * 8 + lane % 4 * (2 * kGroup);
}
__device__ __forceinline__ int pixel_of(int stripe, int half, int warp, int lane) {
  return (warp * kStripes + stripe) * 16 + half * 8 + lane / 4;
}

struct Sums {
  float v[kStripes][kColumns][4];

  __device__ __forceinline__ void start(const FirstLayerShared& shared, int lane) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const float bias = shared.bias[channel_of(j / kGroup * kGroup, lane) + j % kGroup * 2 + e];
#pragma unroll
        for (int s = 0; s < kStripes; ++s) v[s][j][e] = v[s][j][2 + e] = bias;
      }
    }
  }

  __device__ __forceinline__ void multiply(const FirstLayerShared& shared,
                                           const PairOffsets& offsets, int warp, int lane) {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      uint32_t a[kStripes][4];
#pragma unroll
      for (int s = 0; s < kStripes; ++s) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int pixel = pixel_of(s, half, warp, lane);
          const int base = pixel / kTileW * (kStrideH * kPitch) + pixel % kTileW * kPixelStep;
          a[s][half] = k_pair(shared.patch, base + offsets(step, 0));
          a[s][2 + half] = k_pair(shared.patch, base + offsets(step, 1));
        }
      }
#pragma unroll
      for (int j = 0; j < kColumns; j += 2) {
        const Words4 b = shared.weights[(step * (kColumns / 2) + j / 2) * 32 + lane];
#pragma unroll
        for (int s = 0; s < kStripes; ++s) {
          mma_m16n8k16(v[s][j], a[s], b.x, b.y);
          mma_m16n8k16(v[s][j + 1], a[s], b.z, b.w);
        }
      }
    }
  }

  __device__ __forceinline__ void store(const Args& args, const TilePlace& place, int block_channel,
                                        int warp, int lane) const {
#pragma unroll
    for (int s = 0; s < kStripes; ++s) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int pixel = pixel_of(s, half, warp, lane);
        const int row = place.row + pixel / kTileW;
        const int column = place.column + pixel % kTileW;
        if (row >= kHeight || column >= kWidth) continue;
#pragma unroll
        for (int g = 0; g < kColumns; g += kGroup) {
          const int channel = block_channel + channel_of(g, lane);
#pragma unroll
          for (int i = 0; i < 2 * kGroup; i += kStoreVector) {
            float out[kStoreVector];
#pragma unroll
            for (int e = 0; e < kStoreVector; ++e)
              out[e] = v[s][g + (i + e) / 2][half * 2 + (i + e) % 2];
            if (channel + i < kChannels)
              finish<kStoreVector>(args, out, place.n, row, column, channel + i);
          }
        }
      }
    }
  }
};

extern "C" __global__ void __launch_bounds__(kThreads, kResident)
    STINT_KERNEL(const __grid_constant__ Args args) {
  STINT_DYNAMIC_SHARED(unsigned char, shared_bytes, 16);
  FirstLayerShared& shared = *reinterpret_cast<FirstLayerShared*>(shared_bytes);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int block_channel = static_cast<int>(blockIdx.y) * kBlockChannels;
  const int blocks = static_cast<int>(gridDim.x);
  constexpr int kTiles = kBatch * kTilesH * kTilesW;
  prepare(args, shared, block_channel);
  const PairOffsets offsets(lane);
  STINT_WAIT();
  STINT_LAUNCH_DEPENDENTS();
  int tile = static_cast<int>(blockIdx.x);
  PatchLoad patch;
  if constexpr (PatchLoad::kAhead) patch.load(args.x, TilePlace(tile), 0);
#pragma unroll 1
  for (; tile < kTiles; tile += blocks) {
    const TilePlace place(tile);
    if constexpr (PatchLoad::kAhead) {
      patch.store(shared.patch, 0);
    } else {
      patch.load_and_store(args.x, place, shared.patch);
    }
    __syncthreads();
    if constexpr (PatchLoad::kAhead)
      if (tile + blocks < kTiles) patch.load(args.x, TilePlace(tile + blocks), 0);
    Sums sums;
    sums.start(shared, lane);
    sums.multiply(shared, offsets, warp, lane);
    __syncthreads();
    sums.store(args, place, block_channel, warp, lane);
  }
}
