// Stands in for kernels/cuda/tensor_core.cuh on the host: the lanes of a warp meet in the harness.
#pragma once

#include "shared_memory.cuh"

inline void ldmatrix_x4(uint32_t (&a)[4], uint32_t address) {
  if (STINT_SM < 75) stint_host_threads->fail("ldmatrix, which this device does not have");
  stint_host_threads->load_matrices(a, address, false);
}

inline void ldmatrix_x4_trans(uint32_t (&a)[4], uint32_t address) {
  if (STINT_SM < 75) stint_host_threads->fail("ldmatrix, which this device does not have");
  stint_host_threads->load_matrices(a, address, true);
}

inline void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if (STINT_SM < 75) stint_host_threads->fail("mma.m16n8k8, which this device does not have");
  stint_host_threads->multiply(d, a, b0, b1, kHostHalves);
}

template <bool kUnsignedA>
inline void mma_m16n8k32(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if (STINT_SM < 75) stint_host_threads->fail("mma of bytes behind ldmatrix");
  stint_host_threads->multiply(d, a, b0, b1, kUnsignedA ? kHostUnsignedBytes : kHostSignedBytes);
}
