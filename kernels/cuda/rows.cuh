// Softmax, its logarithm and layer normalisation of rows of adjacent elements. kLanes threads share
// a row: a part of a warp, a warp, or a whole block. A thread keeps its elements in registers
// (kKeeps), or reads rows that are too long for that again. Sums are added in a fixed order.
//
// Constants (host_builder/lowering/cuda/direct/rows.cc): kKind (0 softmax, 1 its logarithm, 2 layer
// normalisation), kRows, kLength, kVector, kLanes, kThreads, kKeeps; row r is (r / kCountB /
// kCountC, r / kCountC % kCountB, r % kCountC) with strides kXN, kXH, kXW of x and kYN, kYH, kYW of
// y; types X, Y. Of layer normalisation: kEpsilon, kHasShift.
#pragma once

#include "stint.cuh"
#include "vector.cuh"

constexpr int kSpan = kLanes * kVector;
constexpr int kTurns = (kLength + kSpan - 1) / kSpan;  // vectors of a thread
constexpr int kHeld = kKeeps ? kTurns : 1;
constexpr bool kFull = kLength % kSpan == 0;
constexpr int kUnroll = kKeeps ? kTurns : 4;

/// The same for all threads of a row. Every thread of the block calls it.
template <typename F>
__device__ __forceinline__ float of_row(float value, F combine) {
  constexpr int kInWarp = kLanes < 32 ? kLanes : 32;
#pragma unroll
  for (int apart = kInWarp / 2; apart > 0; apart /= 2)
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, apart));
  if constexpr (kLanes > 32) {
    constexpr int kWarps = (kLanes + 31) / 32;
    __shared__ float parts[kWarps];
    __syncthreads();  // the parts of an earlier call have been read
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    value = parts[0];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) value = combine(value, parts[w]);
  }
  return value;
}

__device__ __forceinline__ float sum_of_row(float value) {
  return of_row(value, [](float a, float b) { return a + b; });
}

__device__ __forceinline__ float largest_of_row(float value) {
  return of_row(value, [](float a, float b) { return b > a ? b : a; });
}

/// A thread's place in its row.
struct Place {
  const X* x;
  Y* y;
  int first;  // of its elements
  bool real;  // the row exists

  __device__ __forceinline__ Place(const Args& args) {
    const int row =
        static_cast<int>(blockIdx.x) * (kThreads / kLanes) + static_cast<int>(threadIdx.x) / kLanes;
    real = row < kRows;
    const int c = row % kCountC;
    const int b = row / kCountC % kCountB;
    const int a = row / kCountC / kCountB;
    x = args.x + a * kXN + b * kXH + c * kXW;
    y = args.y + a * kYN + b * kYH + c * kYW;
    first = static_cast<int>(threadIdx.x) % kLanes * kVector;
  }

  __device__ __forceinline__ int at(int turn) const { return turn * kSpan + first; }
  /// Whole vectors lie inside of a row or outside.
  __device__ __forceinline__ bool inside(int turn) const {
    return (kFull || at(turn) < kLength) && real;
  }
  template <bool kMinusInfinity>
  __device__ __forceinline__ void load(float (&v)[kVector], int turn) const {
    load_vector_if<kVector, kMinusInfinity>(v, x + at(turn), inside(turn));
  }
  __device__ __forceinline__ void store(int turn, const float (&v)[kVector]) const {
    if (inside(turn)) store_vector<kVector>(y + at(turn), v);
  }
};

/// x[i] as it was kept, or read again.
template <bool kMinusInfinity>
__device__ __forceinline__ void again(float (&v)[kVector], const float (&kept)[kHeld][kVector],
                                      const Place& place, int turn) {
  if constexpr (kKeeps) {
#pragma unroll
    for (int i = 0; i < kVector; ++i) v[i] = kept[turn][i];
  } else {
    place.load<kMinusInfinity>(v, turn);
  }
}

__device__ __forceinline__ void softmax(const Args& args) {
  const Place place(args);
  STINT_WAIT();
  STINT_LAUNCH_DEPENDENTS();
  constexpr bool kLog = kKind == 1;
  const float lowest = __int_as_float(static_cast<int>(0xff800000u));
  float kept[kHeld][kVector];
  float high = lowest;
  float sum = 0.0f;
  if constexpr (kKeeps) {
#pragma unroll kUnroll
    for (int t = 0; t < kTurns; ++t) place.load<true>(kept[t], t);
#pragma unroll kUnroll
    for (int t = 0; t < kTurns; ++t) {
#pragma unroll
      for (int i = 0; i < kVector; ++i) high = kept[t][i] > high ? kept[t][i] : high;
    }
    high = largest_of_row(high);
#pragma unroll kUnroll
    for (int t = 0; t < kTurns; ++t) {
#pragma unroll
      for (int i = 0; i < kVector; ++i) {
        const float shifted = kept[t][i] - high;
        const float e = expf(shifted);
        sum += e;
        kept[t][i] = kLog ? shifted : e;
      }
    }
    sum = sum_of_row(sum);
  } else {
    // The sum so far, scaled by the largest element so far.
#pragma unroll kUnroll
    for (int t = 0; t < kTurns; ++t) {
      float v[kVector];
      place.load<true>(v, t);
      float higher = high;
#pragma unroll
      for (int i = 0; i < kVector; ++i) higher = v[i] > higher ? v[i] : higher;
      // Nothing but minus infinities so far: they add nothing; NaN must add itself.
      const float base = higher == lowest ? 0.0f : higher;
      sum *= expf(high - base);
#pragma unroll
      for (int i = 0; i < kVector; ++i) sum += expf(v[i] - base);
      high = higher;
    }
    const float own = high;
    high = largest_of_row(high);
    sum = sum_of_row(own == lowest ? sum : sum * expf(own - high));
  }
  const float last = kLog ? logf(sum) : 1.0f / sum;
#pragma unroll kUnroll
  for (int t = 0; t < kTurns; ++t) {
    float v[kVector];
    again<true>(v, kept, place, t);
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      if constexpr (!kKeeps) v[i] = kLog ? v[i] - high : expf(v[i] - high);
      v[i] = kLog ? v[i] - last : v[i] * last;
    }
    place.store(t, v);
  }
}

__device__ __forceinline__ void layer_norm(const Args& args) {
  const Place place(args);
  // Weights do not depend on the step before.
  float scale[kHeld][kVector], shift[kHeld][kVector];
  const auto load_weights = [&](int held, int turn) {
    const bool inside = kFull || place.at(turn) < kLength;
    load_vector_if<kVector>(scale[held], args.scale + place.at(turn), inside);
    if constexpr (kHasShift)
      load_vector_if<kVector>(shift[held], args.shift + place.at(turn), inside);
  };
  if constexpr (kKeeps) {
#pragma unroll kUnroll
    for (int t = 0; t < kTurns; ++t) load_weights(t, t);
  }
  STINT_WAIT();
  STINT_LAUNCH_DEPENDENTS();
  float kept[kHeld][kVector];
  if constexpr (kKeeps) {
#pragma unroll kUnroll
    for (int t = 0; t < kTurns; ++t) place.load<false>(kept[t], t);
  }
  float sum = 0.0f;
#pragma unroll kUnroll
  for (int t = 0; t < kTurns; ++t) {
    float v[kVector];
    again<false>(v, kept, place, t);
#pragma unroll
    for (int i = 0; i < kVector; ++i) sum += v[i];
  }
  const float mean = sum_of_row(sum) * (1.0f / kLength);
  float squares = 0.0f;
#pragma unroll kUnroll
  for (int t = 0; t < kTurns; ++t) {
    float v[kVector];
    again<false>(v, kept, place, t);
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      const float d = v[i] - mean;
      if (kFull || place.at(t) < kLength) squares = fmaf(d, d, squares);
    }
  }
  const float inverse = 1.0f / sqrtf(sum_of_row(squares) * (1.0f / kLength) + kEpsilon);
#pragma unroll kUnroll
  for (int t = 0; t < kTurns; ++t) {
    float v[kVector];
    again<false>(v, kept, place, t);
    constexpr bool kReadNow = !kKeeps;
    if constexpr (kReadNow) load_weights(0, t);
    const int held = kKeeps ? t : 0;
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      v[i] = (v[i] - mean) * inverse * scale[held][i];
      if constexpr (kHasShift) v[i] += shift[held][i];
    }
    place.store(t, v);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    STINT_KERNEL(const __grid_constant__ Args args) {
  if constexpr (kKind == 2)
    layer_norm(args);
  else
    softmax(args);
}
