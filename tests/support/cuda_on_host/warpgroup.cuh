// Stands in for kernels/cuda/warpgroup.cuh on the host: products are computed when they are waited
// for, from what lay in shared memory all the time since they were started.
#pragma once

#include "stint.cuh"

inline void show_copies_to_tensor_cores() { stint_host_threads->show_copies(); }

template <int kBlocks>
inline void begin_products(float (&)[kBlocks][4]) {
  if (STINT_SM != 90) stint_host_threads->fail("wgmma, which this device does not have");
}

typedef HostOperand Operand;
inline Operand swapped_operand(uint32_t address, uint32_t k) { return {address + k * 2, 0}; }
inline Operand planes_operand(uint32_t address, uint32_t pitch) { return {address, pitch}; }

template <int kBlocks>
inline void start_product(float (&d)[kBlocks][4], Operand a, Operand b) {
  stint_host_threads->start_product(&d[0][0], kBlocks, a, b);
}

inline void commit_products() { stint_host_threads->commit_products(); }

template <int kPending, int kBlocks>
inline void wait_for_products(float (&)[kBlocks][4]) {
  stint_host_threads->wait_for_products(kPending);
}
