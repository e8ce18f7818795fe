// Copies of whole blocks from global to shared memory that one thread starts (sm_90 and later).
// Who wants what they bring waits at a barrier in shared memory, 8 bytes, whose phases end when all
// bytes announced for them have arrived. The tensor cores see these copies without a fence.
#pragma once

#include "stint.cuh"

/// By the thread that starts the copies; others may wait after the next __syncthreads().
__device__ __forceinline__ void prepare_barrier(uint32_t barrier) {
#if STINT_SM >= 90
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier) : "memory");
#endif
}

/// After the last prepare_barrier(), before the first copy.
__device__ __forceinline__ void show_barriers_to_copies() {
#if STINT_SM >= 90
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/// The barrier's phase ends when so many bytes have come.
__device__ __forceinline__ void announce_bytes(uint32_t barrier, uint32_t bytes) {
#if STINT_SM >= 90
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
#endif
}

/// Addresses and bytes are multiples of 16.
__device__ __forceinline__ void copy_bulk(uint32_t to, const void* from, uint32_t bytes,
                                          uint32_t barrier) {
#if STINT_SM >= 90
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
          to),
      "l"(from), "r"(bytes), "r"(barrier)
      : "memory");
#endif
}

/// Until the barrier's latest phase of that parity (the first one has 0) has ended.
__device__ __forceinline__ void wait_for_bytes(uint32_t barrier, uint32_t parity) {
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
