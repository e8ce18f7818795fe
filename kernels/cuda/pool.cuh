// Max and average pooling, channels-last. A thread computes kColumns neighbouring outputs of
// kVector channels; threads of a warp lie along the channels first.
//
// Constants (host_builder/lowering/cuda/direct/pool.cc): kBatch, kInHeight, kInWidth, kHeight,
// kWidth, kChannels, kKernelH, kKernelW, kStrideH, kStrideW, kDilationH, kDilationW, kPadTop,
// kPadLeft, kPadBottom, kPadRight, kIsMax, kCountsPadding; kVector, kColumns, kThreads; strides of
// x and y.
#pragma once

#include "pool_window.cuh"
#include "stint.cuh"
#include "vector.cuh"

constexpr int kGroups = kChannels / kVector;
constexpr int kTileColumns = (kWidth + kColumns - 1) / kColumns;
constexpr int kSpanW = (kColumns - 1) * kStrideW + (kKernelW - 1) * kDilationW + 1;

__device__ __forceinline__ bool is_column(int w) {
  return static_cast<uint32_t>(w) < static_cast<uint32_t>(kInWidth);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    STINT_KERNEL(const __grid_constant__ Args args) {
  const int thread = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  const int channel = thread % kGroups * kVector;
  const int tile = thread / kGroups;
  const int column = tile % kTileColumns * kColumns;
  const int row = tile / kTileColumns % kHeight;
  const int n = tile / (kTileColumns * kHeight);
  const int first_row = row * kStrideH - kPadTop;
  const int first_column = column * kStrideW - kPadLeft;
  const X* x = args.x + n * kXN + channel * kXC;
  float result[kColumns][kVector];
#pragma unroll
  for (int c = 0; c < kColumns; ++c)
#pragma unroll
    for (int v = 0; v < kVector; ++v) result[c][v] = kIsMax ? STINT_MINUS_INFINITY : 0.0f;
  STINT_WAIT();
  STINT_LAUNCH_DEPENDENTS();
  if (n >= kBatch) return;
#pragma unroll(kSpanW <= 40 / kKernelH ? kKernelH : 1)
  for (int i = 0; i < kKernelH; ++i) {
    const int h = first_row + i * kDilationH;
    const bool row_inside = static_cast<uint32_t>(h) < static_cast<uint32_t>(kInHeight);
    const X* line = x + h * kXH + first_column * kXW;
    if constexpr (kColumns == 1) {
#pragma unroll(kKernelW <= 16 ? kKernelW : 8)
      for (int k = 0; k < kKernelW; ++k) {
        const int j = k * kDilationW;
        float value[kVector];
        load_vector_if<kVector, kIsMax>(value, line + j * kXW,
                                        row_inside && is_column(first_column + j));
#pragma unroll
        for (int v = 0; v < kVector; ++v) result[0][v] = pooled(result[0][v], value[v]);
      }
    } else {
#pragma unroll
      for (int j = 0; j < kSpanW; ++j) {
        float value[kVector];
        load_vector_if<kVector, kIsMax>(value, line + j * kXW,
                                        row_inside && is_column(first_column + j));
#pragma unroll
        for (int c = 0; c < kColumns; ++c) {
          const int from = j - c * kStrideW;
          if (from < 0 || from % kDilationW != 0 || from / kDilationW >= kKernelW) continue;
#pragma unroll
          for (int v = 0; v < kVector; ++v) result[c][v] = pooled(result[c][v], value[v]);
        }
      }
    }
  }
#pragma unroll
  for (int c = 0; c < kColumns; ++c) {
    if (column + c >= kWidth) continue;
    if constexpr (!kIsMax) {
      const float scale = average_scale(first_row, first_column + c * kStrideW);
#pragma unroll
      for (int v = 0; v < kVector; ++v) result[c][v] *= scale;
    }
    store_vector<kVector>(args.y + n * kYN + row * kYH + (column + c) * kYW + channel * kYC,
                          result[c]);
  }
}
