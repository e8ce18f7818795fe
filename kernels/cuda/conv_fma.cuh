// Convolution as an implicit GEMM in plain f32 (SIMT): for plans that want f32 products, and for
// devices without the tensor core instructions of conv_gemm.cuh. A matrix product is the case of
// one tap.
//
// A block computes kBM pixels x kBN channels, a thread kTM x 4 of them. While it multiplies one
// step of kBK k, the next one is prefetched into registers: two stages in shared memory.
#pragma once

#include "epilogue.cuh"

template <int kBM_, int kBN_, int kBK_, int kTM_>
struct FmaTile {
  static constexpr int kBM = kBM_, kBN = kBN_, kBK = kBK_, kTM = kTM_, kTN = 4;
  static constexpr int kThreads = kBM / kTM * (kBN / kTN);
};

template <class L, class T>
struct ConvFma {
  typedef typename L::X X;
  typedef typename L::R R;
  typedef typename L::Offset Offset;
  typedef typename L::Mask Mask;
  typedef RunEpilogue<L, T::kTN> Out;
  static constexpr int kTaps = L::kKH * L::kKW;
  static constexpr int kDepth = kTaps * L::kC;
  static constexpr int kSteps = (kDepth + T::kBK - 1) / T::kBK;
  static constexpr int kTilesN = (L::kN + T::kBN - 1) / T::kBN;
  // A thread loads kVec adjacent k of every kRowsPerPass-th pixel.
  static constexpr int kVec = L::kXVec < 4 ? L::kXVec : 4;
  static constexpr int kPiecesA = T::kBK / kVec;
  static constexpr int kRowsPerPass = T::kThreads / kPiecesA;
  static constexpr int kPassesA = T::kBM / kRowsPerPass;
  static constexpr int kPiecesB = T::kBN / 4;
  static constexpr int kPassesB = T::kBK * kPiecesB / T::kThreads;
  static_assert(T::kThreads % kPiecesA == 0 && T::kBM % kRowsPerPass == 0, "whole passes over A");
  static_assert(T::kBK * kPiecesB % T::kThreads == 0, "whole passes over B");
  static constexpr int kPitchA = T::kBM + 4;  // A lies transposed; 16 bytes against bank conflicts

  struct Stage {
    float a[T::kBK][kPitchA];
    float b[T::kBK][T::kBN];
  };

  /// What one thread has loaded of the next stage.
  struct Prefetch {
    float a[kPassesA][kVec];
    Packet<float, 4> b[kPassesB];
  };

  struct Source {
    Offset origin[kPassesA];
    Mask predicates[kPassesA];  // bit t: tap t lies inside

    __device__ __forceinline__ void prepare(int tile_m) {
#pragma unroll
      for (int i = 0; i < kPassesA; ++i) {
        const int m = tile_m * T::kBM + static_cast<int>(threadIdx.x) / kPiecesA + i * kRowsPerPass;
        const int n = m / (L::kOH * L::kOW);
        const int rest = m - n * (L::kOH * L::kOW);
        const int oh = rest / L::kOW;
        const int ih = oh * L::kSH - L::kPH;
        const int iw = (rest - oh * L::kOW) * L::kSW - L::kPW;
        origin[i] = static_cast<Offset>(n) * static_cast<Offset>(L::kXB) +
                    static_cast<Offset>(ih) * static_cast<Offset>(L::kXH) +
                    static_cast<Offset>(iw) * static_cast<Offset>(L::kXW);
        Mask columns = 0, mask = 0;
        for (int kw = 0; kw < L::kKW; ++kw)
          if (static_cast<unsigned>(iw + kw * L::kDW) < static_cast<unsigned>(L::kW))
            columns |= Mask(1) << kw;
        for (int kh = 0; kh < L::kKH; ++kh)
          if (static_cast<unsigned>(ih + kh * L::kDH) < static_cast<unsigned>(L::kH))
            mask |= columns << (kh * L::kKW);
        predicates[i] = m < L::kM ? mask : Mask(0);
      }
    }
  };

  static __device__ __forceinline__ void load_b(Prefetch& t, const float* w, int step, int tile_n) {
#pragma unroll
    for (int i = 0; i < kPassesB; ++i) {
      const int piece = static_cast<int>(threadIdx.x) + i * T::kThreads;
      const int k = step * T::kBK + piece / kPiecesB;
      const int column = tile_n * T::kBN + piece % kPiecesB * 4;
      const bool inside = k < kDepth && column < L::kColumns;
      const float* from = w + (inside ? k * L::kColumns + column : 0);
      t.b[i] = *reinterpret_cast<const Packet<float, 4>*>(from);
      if (!inside) t.b[i] = Packet<float, 4>{};
    }
  }

  static __device__ __forceinline__ void load_a(Prefetch& t, const Source& s, const X* x,
                                                int step) {
    const int k = step * T::kBK + static_cast<int>(threadIdx.x) % kPiecesA * kVec;
    const int tap = k / L::kC;
    const int kh = tap / L::kKW;
    const Offset offset =
        static_cast<Offset>(kh) * static_cast<Offset>(L::kDH * L::kXH) +
        static_cast<Offset>(tap - kh * L::kKW) * static_cast<Offset>(L::kDW * L::kXW) +
        static_cast<Offset>(k - tap * L::kC);
#pragma unroll
    for (int i = 0; i < kPassesA; ++i) {
      // Loaded from anywhere and dropped where the predicate is false: no branch before the load.
      const bool inside = tap < kTaps && ((s.predicates[i] >> tap) & 1) != 0;
      const Packet<X, kVec> packet =
          *reinterpret_cast<const Packet<X, kVec>*>(inside ? x + s.origin[i] + offset : x);
#pragma unroll
      for (int e = 0; e < kVec; ++e) t.a[i][e] = inside ? to_float(packet.v[e]) : 0.0f;
    }
  }

  static __device__ __forceinline__ void store_stage(Stage& stage, const Prefetch& t) {
    const int row = static_cast<int>(threadIdx.x) / kPiecesA;
    const int k = static_cast<int>(threadIdx.x) % kPiecesA * kVec;
#pragma unroll
    for (int i = 0; i < kPassesA; ++i)
#pragma unroll
      for (int e = 0; e < kVec; ++e) stage.a[k + e][row + i * kRowsPerPass] = t.a[i][e];
#pragma unroll
    for (int i = 0; i < kPassesB; ++i) {
      const int piece = static_cast<int>(threadIdx.x) + i * T::kThreads;
      *reinterpret_cast<Packet<float, 4>*>(&stage.b[piece / kPiecesB][piece % kPiecesB * 4]) =
          t.b[i];
    }
  }

  static __device__ __forceinline__ void multiply(float (&sums)[T::kTM][T::kTN], const Stage& stage,
                                                  int row, int column) {
#pragma unroll
    for (int k = 0; k < T::kBK; ++k) {
      float a[T::kTM];
#pragma unroll
      for (int i = 0; i < T::kTM; i += 4) {
        const Packet<float, 4> four =
            *reinterpret_cast<const Packet<float, 4>*>(&stage.a[k][row + i]);
#pragma unroll
        for (int e = 0; e < 4; ++e) a[i + e] = four.v[e];
      }
      const Packet<float, 4> b = *reinterpret_cast<const Packet<float, 4>*>(&stage.b[k][column]);
#pragma unroll
      for (int i = 0; i < T::kTM; ++i)
#pragma unroll
        for (int j = 0; j < T::kTN; ++j) sums[i][j] += a[i] * b.v[j];
    }
  }

  template <class To>
  static __device__ __forceinline__ void run(const X* x, const float* w, const float* bias,
                                             const R* residual, To y, float*, unsigned*) {
    __shared__ __align__(16) Stage stages[2];
    const int thread = static_cast<int>(threadIdx.x);
    const int tile = static_cast<int>(blockIdx.x);
    const int tile_m = tile / (kTilesN * L::kGroups);
    const int tile_gn = tile - tile_m * (kTilesN * L::kGroups);
    const int group = tile_gn / kTilesN;
    const int tile_n = tile_gn - group * kTilesN;
    w += static_cast<long long>(group) * kDepth * L::kColumns;
    x += group * L::kC;
    y += group * L::kN;
    if constexpr (L::kResidual) residual += group * L::kN;
    const int row = thread / (T::kBN / T::kTN) * T::kTM;
    const int column = thread % (T::kBN / T::kTN) * T::kTN;
    const int channel = tile_n * T::kBN + column;
    float run_bias[T::kTN] = {};
    if constexpr (L::kBias) {
#pragma unroll
      for (int j = 0; j < T::kTN; ++j)
        if (channel + j < L::kN) run_bias[j] = bias[group * L::kN + channel + j];
    }
    Source source;
    source.prepare(tile_m);
    Prefetch prefetch;
    load_b(prefetch, w, 0, tile_n);
    float sums[T::kTM][T::kTN] = {};

    STINT_WAIT();
    STINT_LAUNCH_DEPENDENTS();
    load_a(prefetch, source, x, 0);
    store_stage(stages[0], prefetch);
#pragma unroll 1
    for (int step = 0; step < kSteps; ++step) {
      __syncthreads();
      const bool more = step + 1 < kSteps;
      if (more) {
        load_b(prefetch, w, step + 1, tile_n);
        load_a(prefetch, source, x, step + 1);
      }
      multiply(sums, stages[step & 1], row, column);
      if (more) store_stage(stages[(step + 1) & 1], prefetch);
    }
#pragma unroll
    for (int i = 0; i < T::kTM; ++i) {
      const int m = tile_m * T::kBM + row + i;
      typename Out::Residual extra;
      Out::load_residual(extra, residual, m, channel);
      Out::finish(sums[i], run_bias, extra, y, m, channel);
    }
  }
};
