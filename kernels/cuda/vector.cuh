// Several neighbouring elements at once: one access of up to 16 bytes, arithmetic in float. The
// address must be aligned to what is accessed: elements times their size, at most 16 bytes.
#pragma once

#include "stint.cuh"

struct __align__(8) Words2 {
  uint32_t x, y;
};
struct __align__(16) Words4 {
  uint32_t x, y, z, w;
};

template <int kBytes>
struct Words;
template <>
struct Words<2> {
  typedef uint16_t type;
};
template <>
struct Words<4> {
  typedef uint32_t type;
};
template <>
struct Words<8> {
  typedef Words2 type;
};
template <>
struct Words<16> {
  typedef Words4 type;
};

template <typename T, int kCount>
union Pack {
  typename Words<sizeof(T) * kCount>::type words;
  T at[kCount];
};

/// Elements of one access.
template <typename T, int kCount>
struct Access {
  static constexpr int kBytes = sizeof(T) * kCount;
  static constexpr int kEach = kBytes <= 16 ? kCount : 16 / sizeof(T);
};

template <int kCount, typename T>
__device__ __forceinline__ void load_vector(float (&to)[kCount], const T* from) {
  constexpr int kEach = Access<T, kCount>::kEach;
#pragma unroll
  for (int i = 0; i < kCount; i += kEach) {
    Pack<T, kEach> pack;
    pack.words = *reinterpret_cast<const decltype(pack.words)*>(from + i);
#pragma unroll
    for (int j = 0; j < kEach; ++j) to[i + j] = to_float(pack.at[j]);
  }
}

template <int kCount, typename T>
__device__ __forceinline__ void store_vector(T* to, const float (&from)[kCount]) {
  constexpr int kEach = Access<T, kCount>::kEach;
#pragma unroll
  for (int i = 0; i < kCount; i += kEach) {
    Pack<T, kEach> pack;
#pragma unroll
    for (int j = 0; j < kEach; ++j) pack.at[j] = Store<T>::from(from[i + j]);
    *reinterpret_cast<decltype(pack.words)*>(to + i) = pack.words;
  }
}

/// Of weights, before STINT_WAIT(): the asm keeps its place, the compiler would sink a plain load
/// behind the wait to where it is used.
__device__ __forceinline__ Words4 prefetch16(const void* from) {
  Words4 w;
  asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.x), "=r"(w.y), "=r"(w.z), "=r"(w.w)
               : "l"(from));
  return w;
}
__device__ __forceinline__ Words2 prefetch8(const void* from) {
  Words2 w;
  asm volatile("ld.global.nc.v2.u32 {%0, %1}, [%2];" : "=r"(w.x), "=r"(w.y) : "l"(from));
  return w;
}
__device__ __forceinline__ uint32_t prefetch4(const void* from) {
  uint32_t w;
  asm volatile("ld.global.nc.u32 %0, [%1];" : "=r"(w) : "l"(from));
  return w;
}

/// f32 constants; kCount is 1, 2 or a multiple of 4.
template <int kCount>
__device__ __forceinline__ void prefetch_floats(float (&to)[kCount], const float* from) {
  if constexpr (kCount % 4 == 0) {
#pragma unroll
    for (int i = 0; i < kCount; i += 4) {
      const Words4 w = prefetch16(from + i);
      to[i] = __uint_as_float(w.x), to[i + 1] = __uint_as_float(w.y);
      to[i + 2] = __uint_as_float(w.z), to[i + 3] = __uint_as_float(w.w);
    }
  } else if constexpr (kCount == 2) {
    const Words2 w = prefetch8(from);
    to[0] = __uint_as_float(w.x), to[1] = __uint_as_float(w.y);
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i) to[i] = __uint_as_float(prefetch4(from + i));
  }
}
