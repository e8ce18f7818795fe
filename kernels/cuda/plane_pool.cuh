// Pooling with large windows: a block has kSlice channels of one image's whole plane in shared
// memory and reduces first along the rows, then along the columns.
//
// Constants (host_builder/lowering/cuda/direct/plane_pool.cc): those of pool_window.cuh, kHeight,
// kWidth, kChannels, kStrideH, kStrideW; kSlice, kThreads; strides of x and y.
#pragma once

#include "pool_window.cuh"
#include "stint.cuh"
#include "vector.cuh"

extern "C" __global__ void __launch_bounds__(kThreads)
    STINT_KERNEL(const __grid_constant__ Args args) {
  STINT_DYNAMIC_SHARED(float, plane, 16);                // [kInHeight][kInWidth][kSlice]
  float* lines = plane + kInHeight * kInWidth * kSlice;  // [kInHeight][kWidth][kSlice]
  const int first_channel = static_cast<int>(blockIdx.x) * kSlice;
  const int n = static_cast<int>(blockIdx.y);
  STINT_WAIT();
  STINT_LAUNCH_DEPENDENTS();
  constexpr int kLoads = (kInHeight * kInWidth * kSlice + kThreads - 1) / kThreads;
  const X* x = args.x + n * kXN;
#pragma unroll(kLoads <= 16 ? kLoads : 8)
  for (int i = 0; i < kLoads; ++i) {
    const int e = i * kThreads + static_cast<int>(threadIdx.x);
    const int channel = first_channel + e % kSlice;
    const int pixel = e / kSlice;
    float value[1];
    load_vector_if<1>(value, x + pixel / kInWidth * kXH + pixel % kInWidth * kXW + channel * kXC,
                      pixel < kInHeight * kInWidth && channel < kChannels);
    if (pixel < kInHeight * kInWidth) plane[e] = value[0];
  }
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x); e < kInHeight * kWidth * kSlice; e += kThreads) {
    const int channel = e % kSlice;
    const int first = e / kSlice % kWidth * kStrideW - kPadLeft;
    const float* row = plane + e / (kSlice * kWidth) * (kInWidth * kSlice) + channel;
    float result = kIsMax ? STINT_MINUS_INFINITY : 0.0f;
#pragma unroll(kKernelW <= 32 ? kKernelW : 8)
    for (int k = 0; k < kKernelW; ++k) {
      const int w = first + k * kDilationW;
      if (static_cast<uint32_t>(w) < static_cast<uint32_t>(kInWidth))
        result = pooled(result, row[w * kSlice]);
    }
    lines[e] = result;
  }
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x); e < kHeight * kWidth * kSlice; e += kThreads) {
    const int channel = first_channel + e % kSlice;
    const int column = e / kSlice % kWidth;
    const int row = e / (kSlice * kWidth);
    const int first = row * kStrideH - kPadTop;
    float result[1] = {kIsMax ? STINT_MINUS_INFINITY : 0.0f};
#pragma unroll(kKernelH <= 32 ? kKernelH : 8)
    for (int k = 0; k < kKernelH; ++k) {
      const int h = first + k * kDilationH;
      if (static_cast<uint32_t>(h) < static_cast<uint32_t>(kInHeight))
        result[0] = pooled(result[0], lines[(h * kWidth + column) * kSlice + e % kSlice]);
    }
    if constexpr (!kIsMax) result[0] *= average_scale(first, column * kStrideW - kPadLeft);
    if (channel < kChannels)
      store_vector<1>(args.y + n * kYN + row * kYH + column * kYW + channel * kYC, result);
  }
}
