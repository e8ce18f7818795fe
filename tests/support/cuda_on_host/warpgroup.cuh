// Stands in for kernels/cuda/warpgroup.cuh on the host: products are computed when they are waited
// for, from what lay in shared memory all the time since they were started.
#pragma once

#include "stint.cuh"

inline void fence_async_proxy() { stint_host_threads->fence_async_proxy(); }

template <int kBlocks>
inline void wgmma_fence(float (&)[kBlocks][4]) {
  if (STINT_SM != 90) stint_host_threads->fail("wgmma, which this device does not have");
}

typedef HostOperand MatrixDescriptor;
inline MatrixDescriptor swizzled_descriptor(uint32_t address, uint32_t k) {
  return {address + k * 2, 0};
}
inline MatrixDescriptor planes_descriptor(uint32_t address, uint32_t pitch) {
  return {address, pitch};
}

template <int kBlocks>
inline void wgmma(float (&d)[kBlocks][4], MatrixDescriptor a, MatrixDescriptor b) {
  stint_host_threads->wgmma(&d[0][0], kBlocks, a, b);
}

inline void wgmma_commit() { stint_host_threads->wgmma_commit(); }

template <int kPending, int kBlocks>
inline void wgmma_wait(float (&)[kBlocks][4]) {
  stint_host_threads->wgmma_wait(kPending);
}
