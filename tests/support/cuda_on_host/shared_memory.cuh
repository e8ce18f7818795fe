// Stands in for kernels/cuda/shared_memory.cuh on the host.
#pragma once

#include "stint.cuh"

inline uint32_t shared_address(const void* p) { return stint_host_threads->shared_address(p); }

template <typename T>
inline T load_shared(uint32_t address) {
  T v;
  __builtin_memcpy(&v, stint_host_threads->own_shared(address, sizeof v), sizeof v);
  return v;
}
template <typename T>
inline void store_shared(uint32_t address, const T& v) {
  __builtin_memcpy(stint_host_threads->own_shared(address, sizeof v), &v, sizeof v);
}

inline uint4 load_shared_16(uint32_t address) { return load_shared<uint4>(address); }
inline void store_shared_16(uint32_t address, uint4 v) { store_shared(address, v); }
inline void load_shared_8(float (&v)[2], uint32_t address) {
  __builtin_memcpy(v, stint_host_threads->own_shared(address, 8), 8);
}
inline void store_shared_8(uint32_t address, const float (&v)[2]) { store_shared(address, v); }
inline uint32_t load_shared_4(uint32_t address) { return load_shared<uint32_t>(address); }
inline void store_shared_4(uint32_t address, uint32_t v) { store_shared(address, v); }
