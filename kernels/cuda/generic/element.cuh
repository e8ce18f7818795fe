// Elements of all thirteen types, and those of 8 bits that stand for real numbers, and the four
// types they are computed in (float, double, int64_t, uint64_t): kernels/cpu/element_blocks.h
// states the rounding.
#pragma once

#include "quantised.cuh"

struct bhalf_t {
  uint16_t bits;
};
struct bool_t {
  uint8_t value;
};

template <typename A, typename B>
struct IsSame {
  static constexpr bool value = false;
};
template <typename A>
struct IsSame<A, A> {
  static constexpr bool value = true;
};
template <typename T>
constexpr bool kIsFloating = IsSame<T, float>::value || IsSame<T, double>::value;
template <typename T>
constexpr bool kIsSigned = static_cast<T>(-1) < static_cast<T>(1);

__device__ __forceinline__ uint32_t bits_of(float f) {
  return static_cast<uint32_t>(__float_as_int(f));
}
__device__ __forceinline__ float float_of_bits(uint32_t u) {
  return __int_as_float(static_cast<int>(u));
}
__device__ __forceinline__ double double_of_bits(uint64_t u) {
  return __longlong_as_double(static_cast<long long>(u));
}

__device__ __forceinline__ float to_float(bhalf_t b) {
  return float_of_bits(static_cast<uint32_t>(b.bits) << 16);
}
__device__ __forceinline__ bhalf_t to_bhalf(float f) {
  const uint32_t u = bits_of(f);
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) return {static_cast<uint16_t>(u >> 16 | 0x40u)};
  return {static_cast<uint16_t>((u + 0x7FFFu + (u >> 16 & 1u)) >> 16)};
}

/// Narrows so that a second rounding to 16 bits gives the correctly rounded result: an inexact
/// value gets an odd last bit.
__device__ __forceinline__ float to_float_odd(double d) {
  const float f = static_cast<float>(d);
  if (static_cast<double>(f) == d || f != f) return f;
  const uint32_t u = bits_of(f);
  if ((u & 0x7FFFFFFFu) >= 0x7F800000u || (u & 1u) != 0) return f;
  const double a = d < 0 ? -d : d;
  const double b = f < 0 ? -static_cast<double>(f) : static_cast<double>(f);
  return float_of_bits(b > a ? u - 1 : u + 1);
}

/// Truncates and saturates; NaN becomes 0.
template <typename To, typename From>
__device__ __forceinline__ To saturate(From v) {
  if (v != v) return 0;
  // 2^(value bits) is exact in floating point, the type's maximum may not be.
  constexpr From kBelowMax =
      static_cast<From>(static_cast<uint64_t>(1) << (sizeof(To) * 8 - 1 - kIsSigned<To>)) * 2;
  constexpr To kLowest =
      kIsSigned<To> ? static_cast<To>(static_cast<uint64_t>(1) << (sizeof(To) * 8 - 1)) : To(0);
  if (v >= kBelowMax) return static_cast<To>(~kLowest);
  if (kIsSigned<To> ? v < -kBelowMax : v <= From(-1)) return kLowest;
  return static_cast<To>(v);
}

/// An element as a number of type C.
template <typename C, typename S>
__device__ __forceinline__ C load(S s) {
  if constexpr (IsSame<S, half_t>::value || IsSame<S, bhalf_t>::value || kIsQuantised<S>) {
    return load<C>(to_float(s));
  } else if constexpr (IsSame<S, bool_t>::value) {
    return static_cast<C>(s.value != 0);
  } else if constexpr (kIsFloating<S> && !kIsFloating<C>) {
    return saturate<C>(s);
  } else {
    return static_cast<C>(s);
  }
}

/// A number as an element of type S: integers wrap, anything but 0 becomes true, 16-bit floats are
/// rounded to nearest even.
template <typename S, typename C>
__device__ __forceinline__ S store(C v) {
  if constexpr (IsSame<S, bool_t>::value) {
    return {static_cast<uint8_t>(v != C(0))};
  } else if constexpr (kIsQuantised<S>) {
    return Store<S>::from(static_cast<float>(v));
  } else if constexpr (IsSame<S, half_t>::value || IsSame<S, bhalf_t>::value) {
    float f;
    if constexpr (IsSame<C, double>::value)
      f = to_float_odd(v);
    else
      f = static_cast<float>(v);
    if constexpr (IsSame<S, half_t>::value)
      return to_half(f);
    else
      return to_bhalf(f);
  } else if constexpr (kIsFloating<C> && !kIsFloating<S>) {
    return saturate<S>(v);
  } else {
    return static_cast<S>(v);
  }
}

/// An element that only travels: the same bits, or converted where the types differ.
template <typename S, typename X>
__device__ __forceinline__ S moved(X x) {
  if constexpr (IsSame<S, X>::value)
    return x;
  else
    return store<S>(load<double>(x));
}

/// kCount neighbouring elements that travel in one access.
template <typename T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T item[kCount];
};
