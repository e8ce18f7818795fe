// Stands in for kernels/cuda/async_copy.cuh on the host: the bytes arrive when they are waited for,
// and their place holds NaN until then.
#pragma once

#include "stint.cuh"

inline void copy_async_16(uint32_t shared, const void* global, uint32_t bytes) {
  if (STINT_SM < 80) stint_host_threads->fail("cp.async, which this device does not have");
  stint_host_threads->copy_async(shared, global, bytes, 16);
}

template <int kBytes>
inline void copy_async(uint32_t shared, const void* global, bool inside) {
  if (STINT_SM < 80) stint_host_threads->fail("cp.async, which this device does not have");
  stint_host_threads->copy_async(shared, global, inside ? kBytes : 0, kBytes);
}

inline void commit_copies() {
  if (STINT_SM >= 80) stint_host_threads->commit_copies();
}

template <int kPending>
inline void wait_for_copies() {
  if (STINT_SM >= 80) stint_host_threads->wait_for_copies(kPending);
}
