// What the direct kernels do with a finished accumulator of neighbouring channels: residual,
// activation, store. Bias is the accumulator's start.
//
// Constants: kHasBias, kHasResidual, kResidualAfterAct, kAct, kAlpha, kBeta; types Y, R; strides
// kYN, kYH, kYW, kYC and kRN, kRH, kRW, kRC in elements; Args.
#pragma once

#include "activation.cuh"
#include "vector.cuh"

template <int kCount>
__device__ __forceinline__ void fetch_bias(const Args& args, float (&bias)[kCount], int channel) {
  if constexpr (kHasBias) {
    load_vector<kCount>(bias, args.bias + channel);
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i) bias[i] = 0.0f;
  }
}

template <int kCount>
__device__ __forceinline__ void finish(const Args& args, float (&sum)[kCount], int n, int h, int w,
                                       int channel) {
  float residual[kCount];
  if constexpr (kHasResidual)
    load_vector<kCount>(residual, args.residual + n * kRN + h * kRH + w * kRW + channel * kRC);
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    if constexpr (kHasResidual && !kResidualAfterAct) sum[i] += residual[i];
    sum[i] = activate_for<Y, kAct>(sum[i], kAlpha, kBeta);
    if constexpr (kHasResidual && kResidualAfterAct) sum[i] += residual[i];
  }
  store_vector<kCount>(args.y + n * kYN + h * kYH + w * kYW + channel * kYC, sum);
}
