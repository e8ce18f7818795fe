// The activations of epilogues (plan_schema/types.h, enum Activation), f32. Accurate functions: the
// results stay within a few units in the last place of the CPU's.
#pragma once

#include "stint.cuh"

/// NaN passes through, as on the CPU.
__device__ __forceinline__ float clamp_to(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

__device__ __forceinline__ float sigmoid_of(float x) { return 1.0f / (1.0f + expf(-x)); }

/// x * tanh(log(1 + exp(x))) = x * n / (n + 2) with n = e^x (e^x + 2): nothing cancels.
__device__ __forceinline__ float mish_of(float x) {
  const float e = expf(x > 30.0f ? 30.0f : x);
  const float n = e * (e + 2.0f);
  return x * (n / (n + 2.0f));
}

/// `kAct` is the number of the Activation.
template <int kAct>
__device__ __forceinline__ float activate(float x, float alpha, float beta) {
  if constexpr (kAct == 1) return x < 0.0f ? 0.0f : x;                     // relu
  if constexpr (kAct == 2) return clamp_to(x, alpha, beta);                // clip
  if constexpr (kAct == 3) return x < 0.0f ? alpha * x : x;                // leaky relu
  if constexpr (kAct == 4) return sigmoid_of(x);                           // sigmoid
  if constexpr (kAct == 5) return tanhf(x);                                // tanh
  if constexpr (kAct == 6) return x / (1.0f + expf(-x));                   // silu
  if constexpr (kAct == 7) return clamp_to(alpha * x + beta, 0.0f, 1.0f);  // hard sigmoid
  if constexpr (kAct == 8) return x * clamp_to(x * (1.0f / 6.0f) + 0.5f, 0.0f, 1.0f);  // hard swish
  if constexpr (kAct == 9) return mish_of(x);                                          // mish
  if constexpr (kAct == 10) return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));  // gelu
  if constexpr (kAct == 11) return x < 0.0f ? alpha * expm1f(x) : x;                    // elu
  return x;
}

/// 1 / (1 + exp(-x)) by the special-function unit: relative error under 1e-6, far below what an f16
/// or 8-bit result keeps.
__device__ __forceinline__ float approximate_sigmoid(float x) {
  return approximate_reciprocal(1.0f + approximate_exp2(x * -1.4426950408889634f));
}

/// For a result of type Y: with f16 and 8-bit results the functions that networks use most take the
/// short way.
template <typename Y, int kAct>
__device__ __forceinline__ float activate_for(float x, float alpha, float beta) {
  if constexpr (sizeof(Y) <= 2) {
    if constexpr (kAct == 4) return approximate_sigmoid(x);
    if constexpr (kAct == 6) return x * approximate_sigmoid(x);
    if constexpr (kAct == 9) {  // mish, as in mish_of
      const float e = approximate_exp2((x > 30.0f ? 30.0f : x) * 1.4426950408889634f);
      const float n = e * (e + 2.0f);
      return x * n * approximate_reciprocal(n + 2.0f);
    }
  }
  return activate<kAct>(x, alpha, beta);
}
