// What the pooling kernels share: the reduction and what an average divides by.
//
// Constants: kIsMax, kCountsPadding; kInHeight, kInWidth, kKernelH, kKernelW, kDilationH,
// kDilationW, kPadTop, kPadLeft, kPadBottom, kPadRight.
#pragma once

#include "stint.cuh"

#define STINT_MINUS_INFINITY __int_as_float(0xff800000)

/// Cells of a window along one axis that begin in [low, high).
__device__ __forceinline__ int cells(int first, int kernel, int dilation, int low, int high) {
  const int begin = first >= low ? 0 : (low - first + dilation - 1) / dilation;
  const int room = high - first;
  int end = room <= 0 ? 0 : (room + dilation - 1) / dilation;
  if (end > kernel) end = kernel;
  return end > begin ? end - begin : 0;
}

/// What an average divides by: padding counts if asked for, cells beyond it (ceil_mode) never.
__device__ __forceinline__ float average_scale(int first_row, int first_column) {
  int count;
  if constexpr (kCountsPadding) {
    count = cells(first_row, kKernelH, kDilationH, -kPadTop, kInHeight + kPadBottom) *
            cells(first_column, kKernelW, kDilationW, -kPadLeft, kInWidth + kPadRight);
  } else {
    count = cells(first_row, kKernelH, kDilationH, 0, kInHeight) *
            cells(first_column, kKernelW, kDilationW, 0, kInWidth);
  }
  return count > 0 ? 1.0f / static_cast<float>(count) : 0.0f;
}

__device__ __forceinline__ float pooled(float so_far, float x) {
  if constexpr (kIsMax) return larger_or_nan(so_far, x);
  return so_far + x;
}
