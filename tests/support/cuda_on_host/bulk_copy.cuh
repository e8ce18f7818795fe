// Stands in for kernels/cuda/bulk_copy.cuh on the host: bytes come when their barrier is waited at,
// never before.
#pragma once

#include "stint.cuh"

inline void needs_bulk_copies() {
  if (STINT_SM < 90) stint_host_threads->fail("cp.async.bulk, which this device does not have");
}
inline void init_barrier(uint32_t barrier, uint32_t arrivals) {
  needs_bulk_copies();
  stint_host_threads->init_barrier(barrier, arrivals);
}
inline void arrive_at_barrier(uint32_t barrier) { stint_host_threads->arrive_at_barrier(barrier); }
inline void fence_barrier_init() {}
inline void arrive_and_expect_bytes(uint32_t barrier, uint32_t bytes) {
  stint_host_threads->arrive_and_expect_bytes(barrier, bytes);
}
inline void copy_async_bulk(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
  stint_host_threads->copy_async_bulk(to, from, bytes, barrier);
}
inline void wait_at_barrier(uint32_t barrier, uint32_t parity) {
  stint_host_threads->wait_at_barrier(barrier, parity);
}
