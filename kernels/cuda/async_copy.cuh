// Asynchronous copies from global to shared memory (cp.async, sm_80 and later).
#pragma once

#include "stint.cuh"

/// 16 bytes; `bytes` of them (0 or 16) are read, the rest is zero: the predicate of padding.
__device__ __forceinline__ void copy_async_16(uint32_t shared, const void* global, uint32_t bytes) {
#if STINT_SM >= 80
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global),
               "r"(bytes)
               : "memory");
#endif
}

/// The same of 4, 8 or 16 bytes, which the address is aligned to; zeros where not `inside`.
template <int kBytes>
__device__ __forceinline__ void copy_async(uint32_t shared, const void* global, bool inside) {
  if constexpr (kBytes == 16) {
    copy_async_16(shared, global, inside ? 16 : 0);
  } else {
#if STINT_SM >= 80
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared), "l"(global),
                 "n"(kBytes), "r"(inside ? kBytes : 0)
                 : "memory");
#endif
  }
}

/// The copies since the last commit are one group.
__device__ __forceinline__ void commit_copies() {
#if STINT_SM >= 80
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Until at most `kPending` of this thread's committed groups are in flight.
template <int kPending>
__device__ __forceinline__ void wait_for_copies() {
#if STINT_SM >= 80
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}
