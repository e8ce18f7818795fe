// Matrix-vector product, y[m][n] = act(sum_k x[m][k] * w[n][k] + bias[n]), for a few rows m. The
// weights of an output lie together; kLanes threads share kOutputs outputs and have the first
// kPrefetch x 16 bytes of each one's weights in registers before the wait. Sums are added in a
// fixed order.
//
// Constants (host_builder/lowering/cuda/direct/gemv.cc): kM, kN, kK; kPadded: elements from an
// output's weights to the next's (whole chunks of 16 bytes, zeros behind kK); kLanes (a power of
// two up to 32), kOutputs, kThreads, kPrefetch; types X, W, Y, R; strides kXM, kYM, kRM between
// rows and kXK, kYK, kRK between elements; kVectorX: x can be read as whole chunks; the epilogue's
// constants.
#pragma once

#include "activation.cuh"
#include "vector.cuh"

constexpr int kEach = 16 / sizeof(W);
constexpr int kChunks = kPadded / kEach;                 // of one output
constexpr int kTurns = (kChunks + kLanes - 1) / kLanes;  // chunks of a lane
constexpr int kKept = kTurns < kPrefetch ? kTurns : kPrefetch;

union WeightChunk {
  Words4 words;
  W at[kEach];
};

__device__ __forceinline__ void load_x(const Args& args, float (&x)[kEach], int m, int chunk) {
  const X* from = args.x + m * kXM + chunk * kEach;
  if constexpr (kVectorX) {
    load_vector<kEach>(x, from);
  } else {
#pragma unroll
    for (int i = 0; i < kEach; ++i) x[i] = chunk * kEach + i < kK ? to_float(from[i * kXK]) : 0.0f;
  }
}

__device__ __forceinline__ void add_chunk(const Args& args, float (&sum)[kOutputs][kM],
                                          const WeightChunk (&w)[kOutputs], int chunk) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
    float x[kEach];
    load_x(args, x, m, chunk);
#pragma unroll
    for (int o = 0; o < kOutputs; ++o)
#pragma unroll
      for (int i = 0; i < kEach; ++i) sum[o][m] = fmaf(x[i], to_float(w[o].at[i]), sum[o][m]);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    STINT_KERNEL(const __grid_constant__ Args args) {
  STINT_LAUNCH_DEPENDENTS();
  const int thread = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  const int lane = thread % kLanes;
  const int first = thread / kLanes * kOutputs;
  const W* weights[kOutputs];
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
    const int n = first + o < kN ? first + o : kN - 1;
    weights[o] = args.weights + static_cast<int64_t>(n) * kPadded;
  }
  WeightChunk kept[kKept][kOutputs];
#pragma unroll
  for (int i = 0; i < kKept; ++i)
    if (i * kLanes + lane < kChunks)
#pragma unroll
      for (int o = 0; o < kOutputs; ++o)
        load_words(kept[i][o].words, weights[o] + (i * kLanes + lane) * kEach);
  float bias[kOutputs][1];
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
    bias[o][0] = 0.0f;
    if constexpr (kHasBias)
      if (first + o < kN) load_vector<1>(bias[o], args.bias + first + o);
  }
  STINT_WAIT();
  float sum[kOutputs][kM];
#pragma unroll
  for (int o = 0; o < kOutputs; ++o)
#pragma unroll
    for (int m = 0; m < kM; ++m) sum[o][m] = 0.0f;
#pragma unroll
  for (int i = 0; i < kKept; ++i)
    if (i * kLanes + lane < kChunks) add_chunk(args, sum, kept[i], i * kLanes + lane);
#pragma unroll 4
  for (int i = kKept; i < kTurns; ++i) {
    const int chunk = i * kLanes + lane;
    if (chunk >= kChunks) continue;
    WeightChunk w[kOutputs];
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) load_words(w[o].words, weights[o] + chunk * kEach);
    add_chunk(args, sum, w, chunk);
  }
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
#pragma unroll
    for (int m = 0; m < kM; ++m) {
      float total = sum[o][m];
#pragma unroll
      for (int apart = kLanes / 2; apart > 0; apart /= 2)
        total += __shfl_xor_sync(0xffffffffu, total, apart);
      if (lane != 0 || first + o >= kN) continue;
      total += bias[o][0];
      float residual = 0.0f;
      if constexpr (kHasResidual) residual = to_float(args.residual[m * kRM + (first + o) * kRK]);
      if constexpr (kHasResidual && !kResidualAfterAct) total += residual;
      total = activate_for<Y, kAct>(total, kAlpha, kBeta);
      if constexpr (kHasResidual && kResidualAfterAct) total += residual;
      args.y[m * kYM + (first + o) * kYK] = Store<Y>::from(total);
    }
  }
}
