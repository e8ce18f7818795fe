// Several neighbouring elements at once: one access of up to 16 bytes, arithmetic in float. The
// address must be aligned to what is accessed: elements times their size, at most 16 bytes.
#pragma once

#include "quantised.cuh"
#include "words.cuh"

template <int kBytes>
struct Words;
template <>
struct Words<1> {
  typedef uint8_t type;
};
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
    load_words(pack.words, from + i);
#pragma unroll
    for (int j = 0; j < kEach; ++j) to[i + j] = to_float(pack.at[j]);
  }
}

/// Words of zeros, or of minus infinities: the least of what T can hold.
template <typename T, bool kMinusInfinity>
__device__ constexpr uint32_t filling() {
  if constexpr (kIsQuantised<T>)
    return 0x01010101u *
           static_cast<uint8_t>(static_cast<int>(kMinusInfinity ? T::kLowest : T::kZeroPoint));
  else
    return !kMinusInfinity ? 0u : sizeof(T) == 2 ? 0xFC00FC00u : 0xFF800000u;
}

/// Zeros, or minus infinities, where not `inside`.
template <int kCount, bool kMinusInfinity = false, typename T>
__device__ __forceinline__ void load_vector_if(float (&to)[kCount], const T* from, bool inside) {
  constexpr int kEach = Access<T, kCount>::kEach;
  constexpr uint32_t kFill = filling<T, kMinusInfinity>();
#pragma unroll
  for (int i = 0; i < kCount; i += kEach) {
    Pack<T, kEach> pack;
    load_words_if(pack.words, from + i, inside, kFill);
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
    store_words(to + i, pack.words);
  }
}
