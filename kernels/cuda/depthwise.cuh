// Direct depthwise convolution, channels-last. A thread computes kRows x kColumns neighbouring
// outputs of kVector channels, so that rows of the input are reused from registers; its weights are
// in registers before the wait. Threads of a warp lie along the channels first.
//
// Constants (host_builder/lowering/cuda/direct/depthwise.cc): kBatch, kInHeight, kInWidth, kHeight,
// kWidth, kChannels (of the output), kMultiplier (outputs per input channel; 1 unless kVector is
// 1), kKernelH, kKernelW, kStrideH, kStrideW, kDilationH, kDilationW, kPadTop, kPadLeft; kVector,
// kRows, kColumns, kThreads, kSlots (stride of the loop over tiles: a thread does slot, slot +
// kSlots, ..); strides of x, y and the residual; the epilogue's.
#pragma once

#include "direct_epilogue.cuh"
#include "vector.cuh"

constexpr int kGroups = kChannels / kVector;
constexpr int kTileRows = (kHeight + kRows - 1) / kRows;
constexpr int kTileColumns = (kWidth + kColumns - 1) / kColumns;
constexpr int kTiles = kBatch * kTileRows * kTileColumns;
constexpr int kTaps = kKernelH * kKernelW;
constexpr int kSpanH = (kRows - 1) * kStrideH + (kKernelH - 1) * kDilationH + 1;
constexpr int kSpanW = (kColumns - 1) * kStrideW + (kKernelW - 1) * kDilationW + 1;
/// Weights stay in registers up to here; larger windows read them again and again through L1.
constexpr bool kKeepWeights = kTaps * kVector <= 112;

/// True where a row (column) of the tile's span is read by some output: strides larger than the
/// kernel and dilations leave gaps.
template <int kOutputs, int kStride, int kKernel, int kDilation>
__device__ constexpr bool is_read(int at) {
  for (int o = 0; o < kOutputs; ++o)
    for (int k = 0; k < kKernel; ++k)
      if (o * kStride + k * kDilation == at) return true;
  return false;
}

__device__ __forceinline__ void depthwise_tile(const Args& args, int tile, int channel,
                                               const float (&weights)[kTaps][kVector],
                                               const float* packed, const float (&bias)[kVector]) {
  const int column = tile % kTileColumns * kColumns;
  const int row = tile / kTileColumns % kTileRows * kRows;
  const int n = tile / (kTileColumns * kTileRows);
  const int first_row = row * kStrideH - kPadTop;
  const int first_column = column * kStrideW - kPadLeft;
  const X* x = args.x + n * kXN + static_cast<int64_t>(channel / kMultiplier) * kXC;
  float sum[kRows][kColumns][kVector];
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < kColumns; ++c)
#pragma unroll
      for (int v = 0; v < kVector; ++v) sum[r][c][v] = bias[v];
#pragma unroll
  for (int i = 0; i < kSpanH; ++i) {
    if (!is_read<kRows, kStrideH, kKernelH, kDilationH>(i)) continue;
    const int h = first_row + i;
    const bool row_inside = static_cast<uint32_t>(h) < static_cast<uint32_t>(kInHeight);
    float line[kSpanW][kVector];
#pragma unroll
    for (int j = 0; j < kSpanW; ++j) {
      if (!is_read<kColumns, kStrideW, kKernelW, kDilationW>(j)) continue;
      const int w = first_column + j;
      load_vector_if<kVector>(line[j], x + h * kXH + w * kXW,
                              row_inside && static_cast<uint32_t>(w) < uint32_t(kInWidth));
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int from = i - r * kStrideH;
      if (from < 0 || from % kDilationH != 0 || from / kDilationH >= kKernelH) continue;
      const int kh = from / kDilationH;
#pragma unroll
      for (int kw = 0; kw < kKernelW; ++kw) {
        float w[kVector];
        const int tap = kh * kKernelW + kw;
        if constexpr (kKeepWeights) {
#pragma unroll
          for (int v = 0; v < kVector; ++v) w[v] = weights[tap][v];
        } else {
          load_vector<kVector>(w, packed + tap * kChannels);
        }
#pragma unroll
        for (int c = 0; c < kColumns; ++c)
#pragma unroll
          for (int v = 0; v < kVector; ++v)
            sum[r][c][v] = fmaf(line[c * kStrideW + kw * kDilationW][v], w[v], sum[r][c][v]);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < kColumns; ++c)
      if (row + r < kHeight && column + c < kWidth)
        finish<kVector>(args, sum[r][c], n, row + r, column + c, channel);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    STINT_KERNEL(const __grid_constant__ Args args) {
  const int thread = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  const int channel = thread % kGroups * kVector;
  const int slot = thread / kGroups;
  const float* packed = args.weights + channel;
  float weights[kTaps][kVector];
  if constexpr (kKeepWeights) {
#pragma unroll
    for (int tap = 0; tap < kTaps; ++tap)
      load_vector<kVector>(weights[tap], packed + tap * kChannels);
  } else {
    // Into L1; the values are read again behind the wait.
    float ignored[kVector];
    for (int tap = 0; tap < kTaps; ++tap) load_vector<kVector>(ignored, packed + tap * kChannels);
  }
  float bias[kVector];
  fetch_bias<kVector>(args, bias, channel);
  STINT_WAIT();
  STINT_LAUNCH_DEPENDENTS();
  if (slot >= kSlots) return;
#pragma unroll 1
  for (int tile = slot; tile < kTiles; tile += kSlots)
    depthwise_tile(args, tile, channel, weights, packed, bias);
}
