// Stands in for kernels/cuda/words.cuh on the host: the same accesses, which must be aligned.
#pragma once

#include "stint.cuh"

struct __align__(8) Words2 {
  uint32_t x, y;
};
struct __align__(16) Words4 {
  uint32_t x, y, z, w;
};

template <typename T>
inline void check_alignment(const void* p) {
  if (reinterpret_cast<uint64_t>(p) % sizeof(T) != 0)
    stint_host_threads->fail("an access of several elements is not aligned to its size");
}

template <typename T>
inline void load_words(T& w, const void* from) {
  check_alignment<T>(from);
  __builtin_memcpy(&w, from, sizeof w);
}

template <typename T>
inline void store_words(void* to, T w) {
  check_alignment<T>(to);
  __builtin_memcpy(to, &w, sizeof w);
}

template <typename T>
inline void load_words_if(T& w, const void* from, bool inside, uint32_t fill) {
  if (inside) return load_words(w, from);
  for (unsigned i = 0; i < sizeof w; ++i)
    reinterpret_cast<unsigned char*>(&w)[i] = static_cast<unsigned char>(fill >> i % 4 * 8);
}
