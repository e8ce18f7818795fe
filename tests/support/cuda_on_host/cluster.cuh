// Stands in for kernels/cuda/cluster.cuh on the host: the blocks of a cluster run together.
#pragma once

#include "stint.cuh"

inline void arrive_at_cluster_start() {
  if (STINT_SM >= 90) stint_host_threads->arrive_at_cluster();
}
inline void arrive_at_cluster() { arrive_at_cluster_start(); }
inline void wait_for_cluster() {
  if (STINT_SM >= 90) stint_host_threads->wait_for_cluster();
}

inline uint32_t address_in_block(uint32_t address, uint32_t rank) {
  return STINT_SM >= 90 ? stint_host_threads->address_in_block(address, rank) : address;
}

template <int kCount>
inline void store_distributed_shared(uint32_t address, const float (&v)[kCount]) {
  if (STINT_SM >= 90)
    __builtin_memcpy(stint_host_threads->cluster_shared(address, sizeof v), v, sizeof v);
}
