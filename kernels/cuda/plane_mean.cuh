// Mean over the plane of every channel (global average pooling, mean over the spatial axes). A
// block has kLanes threads of kVector channels each, times kParts that divide the plane among them;
// the parts are added in a fixed order.
//
// Constants (host_builder/lowering/cuda/direct/plane_mean.cc): kPixels, kWidth (of the input),
// kChannels, kVector, kLanes, kParts; strides kXN, kXH, kXW, kXC of x, kYN and kYC of y.
#pragma once

#include "stint.cuh"
#include "vector.cuh"

extern "C" __global__ void __launch_bounds__((kLanes * kParts))
    STINT_KERNEL(const __grid_constant__ Args args) {
  __shared__ float partial[kParts][kLanes][kVector];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int part = static_cast<int>(threadIdx.x) / kLanes;
  const int channel = (static_cast<int>(blockIdx.x) * kLanes + lane) * kVector;
  const int n = static_cast<int>(blockIdx.y);
  float sum[kVector];
#pragma unroll
  for (int v = 0; v < kVector; ++v) sum[v] = 0.0f;
  STINT_WAIT();
  STINT_LAUNCH_DEPENDENTS();
  const X* x = args.x + n * kXN + channel * kXC;
  constexpr int kLoads = (kPixels + kParts - 1) / kParts;
#pragma unroll(kLoads <= 8 ? kLoads : 8)
  for (int i = 0; i < kLoads; ++i) {
    const int pixel = i * kParts + part;
    float value[kVector];
    load_vector_if<kVector>(value, x + pixel / kWidth * kXH + pixel % kWidth * kXW,
                            pixel < kPixels && channel < kChannels);
#pragma unroll
    for (int v = 0; v < kVector; ++v) sum[v] += value[v];
  }
#pragma unroll
  for (int v = 0; v < kVector; ++v) partial[part][lane][v] = sum[v];
  __syncthreads();
  if (part != 0 || channel >= kChannels) return;
#pragma unroll 8
  for (int p = 1; p < kParts; ++p)
#pragma unroll
    for (int v = 0; v < kVector; ++v) sum[v] += partial[p][lane][v];
#pragma unroll
  for (int v = 0; v < kVector; ++v) sum[v] *= 1.0f / kPixels;
  store_vector<kVector>(args.y + n * kYN + channel * kYC, sum);
}
