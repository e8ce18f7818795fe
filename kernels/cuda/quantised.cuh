// 8-bit integers that stand for (integer - zero point) * scale, as an element type like any other:
// kernels read and write numbers, and the type says how memory holds them.
#pragma once

#include "stint.cuh"

/// `Integer` is int8_t or uint8_t; the scale comes as the bits of a float.
template <typename Integer_, uint32_t kScaleBits, int kZero>
struct quantised_t {
  typedef Integer_ Integer;
  static constexpr int kZeroPoint = kZero;
  static constexpr int kLowest = static_cast<Integer>(-1) < 0 ? -128 : 0;
  static __device__ __forceinline__ float scale() {
    return __int_as_float(static_cast<int>(kScaleBits));
  }
  Integer bits;
};

template <typename T>
constexpr bool kIsQuantised = false;
template <typename Integer, uint32_t kScaleBits, int kZero>
constexpr bool kIsQuantised<quantised_t<Integer, kScaleBits, kZero>> = true;

template <typename Integer, uint32_t kScaleBits, int kZero>
__device__ __forceinline__ float to_float(quantised_t<Integer, kScaleBits, kZero> q) {
  return static_cast<float>(static_cast<int>(q.bits) - kZero) * q.scale();
}

/// The nearest integer (ties to even), saturated; NaN gives the zero point. By the reciprocal:
/// where that rounds x / scale to another side of a tie, the neighbour is as near.
template <typename Integer, uint32_t kScaleBits, int kZero>
struct Store<quantised_t<Integer, kScaleBits, kZero>> {
  typedef quantised_t<Integer, kScaleBits, kZero> Quantised;
  static __device__ __forceinline__ Quantised from(float f) {
    constexpr int kLow = Quantised::kLowest - kZero;
    int place = __float2int_rn(f * (1.0f / Quantised::scale()));  // NaN gives 0
    place = place < kLow ? kLow : place;
    place = place > kLow + 255 ? kLow + 255 : place;
    return {static_cast<Integer>(place + kZero)};
  }
};
