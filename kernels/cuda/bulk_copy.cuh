// Transaction barriers in shared memory (mbarrier, 8 bytes each) and bulk copies from global to
// shared memory (cp.async.bulk) that one thread issues and a barrier counts (sm_90 and later). A
// barrier's phase completes when as many have arrived as it was initialised for and all bytes that
// were expected have come. Bulk copies write through the async proxy: wgmma sees them without a
// fence.
#pragma once

#include "stint.cuh"

/// By one thread; others may use it after the next __syncthreads().
__device__ __forceinline__ void init_barrier(uint32_t barrier, uint32_t arrivals) {
#if STINT_SM >= 90
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
#endif
}

__device__ __forceinline__ void arrive_at_barrier(uint32_t barrier) {
#if STINT_SM >= 90
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
#endif
}

/// After the last init_barrier(), before the first bulk copy: the async proxy sees the barriers.
__device__ __forceinline__ void fence_barrier_init() {
#if STINT_SM >= 90
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/// Arrives; the barrier's phase completes when so many bytes have come as well.
__device__ __forceinline__ void arrive_and_expect_bytes(uint32_t barrier, uint32_t bytes) {
#if STINT_SM >= 90
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
#endif
}

/// Addresses and bytes are multiples of 16.
__device__ __forceinline__ void copy_async_bulk(uint32_t to, const void* from, uint32_t bytes,
                                                uint32_t barrier) {
#if STINT_SM >= 90
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
      "[%0], [%1], %2, [%3];"
      :
      : "r"(to), "l"(from), "r"(bytes), "r"(barrier)
      : "memory");
#endif
}

/// Until the barrier's phase of that parity has completed: the first one has 0, and the one before
/// it, which has 1, counts as completed.
__device__ __forceinline__ void wait_at_barrier(uint32_t barrier, uint32_t parity) {
#if STINT_SM >= 90
  uint32_t done = 0;
  do {
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%1], %2;\n"
        "selp.u32 %0, 1, 0, done;\n"
        "}\n"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
  } while (done == 0);
#endif
}
