// Stands in for kernels/cuda/warpgroup.cuh on the host: products are computed when they are waited
// for, from what lay in shared memory all the time since they were started.
#pragma once

#include "products.cuh"

inline void fence_async_proxy() { stint_host_threads->fence_async_proxy(); }

template <typename Sum, int kBlocks>
inline void wgmma_fence(Sum (&)[kBlocks][4]) {
  if (STINT_SM != 90) stint_host_threads->fail("wgmma, which this device does not have");
}

typedef HostOperand MatrixDescriptor;
inline MatrixDescriptor swizzled_descriptor(uint32_t address, uint32_t at) {
  return {address + at, 0};
}
inline MatrixDescriptor planes_descriptor(uint32_t address, uint32_t pitch) {
  return {address, pitch};
}

template <int kBlocks>
inline void wgmma(float (&d)[kBlocks][4], MatrixDescriptor a, MatrixDescriptor b) {
  stint_host_threads->wgmma(&d[0][0], kBlocks, a, b, kHostHalves);
}

template <class Products, int kBlocks>
inline void wgmma_of(typename Products::Sum (&d)[kBlocks][4], MatrixDescriptor a,
                     MatrixDescriptor b) {
  if constexpr (Products::kBytes == 2)
    wgmma(d, a, b);
  else
    stint_host_threads->wgmma(&d[0][0], kBlocks, a, b,
                              Products::kIsUnsigned ? kHostUnsignedBytes : kHostSignedBytes);
}

inline void wgmma_commit() { stint_host_threads->wgmma_commit(); }

template <int kPending, typename Sum, int kBlocks>
inline void wgmma_wait(Sum (&)[kBlocks][4]) {
  stint_host_threads->wgmma_wait(kPending);
}
