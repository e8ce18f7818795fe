// Convolution of few input channels (images) on tensor cores. A block computes kTileH x kTileW
// outputs of kBlockChannels channels: their patch of the input is converted to f16 in shared memory
// with its channels innermost, where every row of the window is a run of kKernelW * kInChannels
// neighbours, so that matrix fragments are read straight from the patch and no im2col is ever
// written. The input may have any strides: an image with planes apart (NCHW) needs no transpose.
//
// k counts (window row, position in its run), runs padded to kRun (even) with weights of zero; the
// weights lie in fragment order (host_builder/tactics/cuda/first_layer.cc).
//
// Constants: kBatch, kInHeight, kInWidth, kInChannels, kHeight, kWidth, kChannels, kKernelH,
// kKernelW, kStrideH, kStrideW, kPadTop, kPadLeft; kTileH, kTileW, kWarps, kBlockChannels (a
// multiple of 16), kStoreVector (channels stored at once); strides of x, y and the residual.
#pragma once

#include "direct_epilogue.cuh"
#include "tensor_core.cuh"

constexpr int kThreads = 32 * kWarps;
constexpr int kPatchH = (kTileH - 1) * kStrideH + kKernelH;
constexpr int kPatchW = (kTileW - 1) * kStrideW + kKernelW;
constexpr int kRun = (kKernelW * kInChannels + 1) / 2 * 2;
/// Halves from one row of the patch to the next; at least one more than its pixels: a run's padding
/// is read behind the last of them.
constexpr int kPitch = (kPatchW * kInChannels + 2) / 2 * 2;
constexpr int kSteps = (kKernelH * kRun + 15) / 16;
constexpr int kStripes = kTileH * kTileW / (16 * kWarps);  // of 16 pixels, each warp's
constexpr int kColumns = kBlockChannels / 8;               // matrices of 8 channels
/// A lane's results of kGroup matrices are 2 * kGroup neighbouring channels.
constexpr int kGroup = kColumns % 4 == 0 ? 4 : 2;
constexpr int kTilesH = (kHeight + kTileH - 1) / kTileH;
constexpr int kTilesW = (kWidth + kTileW - 1) / kTileW;
constexpr int kPixelStep = kStrideW * kInChannels;
constexpr int kFragments = kSteps * kColumns / 2 * 32;  // of 16 bytes, a block's
static_assert(kTileH * kTileW % (16 * kWarps) == 0, "whole stripes");
static_assert(kColumns % 2 == 0, "fragments of two matrices lie together");

struct FirstLayerShared {
  Words4 weights[kFragments];
  half_t patch[kPatchH * kPitch];
};

/// Warps take lines of the patch in turn, lanes the line's elements: nothing is divided per
/// element. With planes apart a line is one channel's pixels of a row, else a row's pixels and
/// channels.
__device__ __forceinline__ void load_patch(const Args& args, half_t* patch, int n, int first_row,
                                           int first_column) {
  constexpr bool kPlanes = kXW == 1 && kInChannels > 1;
  constexpr int kInLine = kPlanes ? 1 : kInChannels;  // channels
  constexpr int kLine = kPatchW * kInLine;
  constexpr int kLines = kPatchH * (kInChannels / kInLine);
  constexpr int kPieces = (kLine + 31) / 32;  // of a line, 32 elements each
  constexpr int kTurns = (kLines + kWarps - 1) / kWarps * kPieces;
  constexpr int kAtOnce = kTurns < 16 ? kTurns : 16;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const X* x = args.x + n * kXN;
#pragma unroll 1
  for (int first = 0; first < kTurns; first += kAtOnce) {
    float value[kAtOnce][1];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int line = (first + i) / kPieces * kWarps + warp;
      const int at = (first + i) % kPieces * 32 + lane;
      const int h = first_row + line % kPatchH;
      const int w = first_column + at / kInLine;
      const int channel = kPlanes ? line / kPatchH : at % kInLine;
      const bool inside = line < kLines && at < kLine &&
                          static_cast<uint32_t>(h) < static_cast<uint32_t>(kInHeight) &&
                          static_cast<uint32_t>(w) < static_cast<uint32_t>(kInWidth);
      load_vector_if<1>(value[i], x + h * kXH + w * kXW + channel * kXC, inside);
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int line = (first + i) / kPieces * kWarps + warp;
      const int at = (first + i) % kPieces * 32 + lane;
      const int to = line % kPatchH * kPitch + (kPlanes ? at * kInChannels + line / kPatchH : at);
      if (line < kLines && at < kLine) patch[to] = to_half(value[i][0]);
    }
  }
  // What the padding of runs reads must be finite.
  constexpr int kTail = kPitch - kPatchW * kInChannels;
  for (int i = static_cast<int>(threadIdx.x); i < kPatchH * kTail; i += kThreads)
    patch[i / kTail * kPitch + kPatchW * kInChannels + i % kTail] = half_t{0};
}

/// Two neighbours in k.
__device__ __forceinline__ uint32_t k_pair(const half_t* patch, int at) {
  if constexpr (kPixelStep % 2 == 0) {
    return *reinterpret_cast<const uint32_t*>(patch + at);
  } else {
    return patch[at].bits | static_cast<uint32_t>(patch[at + 1].bits) << 16;
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    STINT_KERNEL(const __grid_constant__ Args args) {
  STINT_LAUNCH_DEPENDENTS();
  STINT_DYNAMIC_SHARED(unsigned char, shared_bytes, 16);
  FirstLayerShared& shared = *reinterpret_cast<FirstLayerShared*>(shared_bytes);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int block_channel = static_cast<int>(blockIdx.y) * kBlockChannels;
  {
    const Words4* packed =
        reinterpret_cast<const Words4*>(args.weights) + static_cast<int>(blockIdx.y) * kFragments;
    constexpr int kAtOnce = 5;
#pragma unroll 1
    for (int first = static_cast<int>(threadIdx.x); first < kFragments;
         first += kAtOnce * kThreads) {
      Words4 w[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
        if (first + i * kThreads < kFragments) load_words(w[i], packed + first + i * kThreads);
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
        if (first + i * kThreads < kFragments) shared.weights[first + i * kThreads] = w[i];
    }
  }
  float sum[kStripes][kColumns][4];
#pragma unroll
  for (int j = 0; j < kColumns; ++j) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int channel =
          block_channel + j / kGroup * (8 * kGroup) + lane % 4 * (2 * kGroup) + j % kGroup * 2 + e;
      float bias[1] = {0.0f};
      if constexpr (kHasBias)
        if (channel < kChannels) load_vector<1>(bias, args.bias + channel);
#pragma unroll
      for (int s = 0; s < kStripes; ++s) sum[s][j][e] = sum[s][j][2 + e] = bias[0];
    }
  }
  // Where this lane finds its four pairs of a step, relative to a pixel's first element.
  int offset[kSteps][2];
#pragma unroll
  for (int step = 0; step < kSteps; ++step) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int k = step * 16 + half * 8 + lane % 4 * 2;
      offset[step][half] = k < kKernelH * kRun ? k / kRun * kPitch + k % kRun : 0;
    }
  }
  STINT_WAIT();
  const int tile_column = static_cast<int>(blockIdx.x) % kTilesW;
  const int tile_row = static_cast<int>(blockIdx.x) / kTilesW % kTilesH;
  const int n = static_cast<int>(blockIdx.x) / (kTilesW * kTilesH);
  load_patch(args, shared.patch, n, tile_row * kTileH * kStrideH - kPadTop,
             tile_column * kTileW * kStrideW - kPadLeft);
  __syncthreads();
#pragma unroll
  for (int step = 0; step < kSteps; ++step) {
    uint32_t a[kStripes][4];
#pragma unroll
    for (int s = 0; s < kStripes; ++s) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int pixel = (warp * kStripes + s) * 16 + half * 8 + lane / 4;
        const int base = pixel / kTileW * (kStrideH * kPitch) + pixel % kTileW * kPixelStep;
        a[s][half] = k_pair(shared.patch, base + offset[step][0]);
        a[s][2 + half] = k_pair(shared.patch, base + offset[step][1]);
      }
    }
#pragma unroll
    for (int j = 0; j < kColumns; j += 2) {
      const Words4 b = shared.weights[(step * (kColumns / 2) + j / 2) * 32 + lane];
#pragma unroll
      for (int s = 0; s < kStripes; ++s) {
        multiply_accumulate(sum[s][j], a[s], b.x, b.y);
        multiply_accumulate(sum[s][j + 1], a[s], b.z, b.w);
      }
    }
  }
#pragma unroll
  for (int s = 0; s < kStripes; ++s) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int pixel = (warp * kStripes + s) * 16 + half * 8 + lane / 4;
      const int row = tile_row * kTileH + pixel / kTileW;
      const int column = tile_column * kTileW + pixel % kTileW;
      if (row >= kHeight || column >= kWidth) continue;
#pragma unroll
      for (int g = 0; g < kColumns; g += kGroup) {
        const int channel = block_channel + g * 8 + lane % 4 * (2 * kGroup);
#pragma unroll
        for (int i = 0; i < 2 * kGroup; i += kStoreVector) {
          float out[kStoreVector];
#pragma unroll
          for (int v = 0; v < kStoreVector; ++v)
            out[v] = sum[s][g + (i + v) / 2][half * 2 + (i + v) % 2];
          if (channel + i < kChannels) finish<kStoreVector>(args, out, n, row, column, channel + i);
        }
      }
    }
  }
}
