// Thread block clusters (sm_90 and later): the cluster barrier and distributed shared memory.
#pragma once

#include "stint.cuh"

/// Relaxed: says that the block runs, so that others may write to its shared memory, and no more.
__device__ __forceinline__ void arrive_at_cluster_start() {
#if STINT_SM >= 90
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
#endif
}

__device__ __forceinline__ void arrive_at_cluster() {
#if STINT_SM >= 90
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}

__device__ __forceinline__ void wait_for_cluster() {
#if STINT_SM >= 90
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

/// Where `address` of this block's shared memory is in that of block `rank` of the cluster.
__device__ __forceinline__ uint32_t address_in_block(uint32_t address, uint32_t rank) {
  uint32_t mapped = address;
#if STINT_SM >= 90
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(mapped) : "r"(address), "r"(rank));
#endif
  return mapped;
}

__device__ __forceinline__ void store_distributed_shared(uint32_t address, const float (&v)[4]) {
#if STINT_SM >= 90
  asm volatile("st.shared::cluster.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(address), "f"(v[0]),
               "f"(v[1]), "f"(v[2]), "f"(v[3])
               : "memory");
#endif
}

__device__ __forceinline__ void store_distributed_shared(uint32_t address, const float (&v)[2]) {
#if STINT_SM >= 90
  asm volatile("st.shared::cluster.v2.f32 [%0], {%1, %2};" ::"r"(address), "f"(v[0]), "f"(v[1])
               : "memory");
#endif
}
