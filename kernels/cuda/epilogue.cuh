// The epilogue of a convolution or matrix product, from accumulators to memory: what sums of
// products of integers stand for, bias, residual before or after the activation, activation, store
// (which quantises where Y is quantised). Works on runs of kRun adjacent channels of one output
// pixel.
//
// `L` describes the layer (the builder's layer_source() writes it): output type Y and residual type
// R, kM pixels as batch x kOH x kOW, kN channels a group, strides in elements, and kYVec, kRVec:
// how many adjacent channels may be accessed at once. With kScaled, each channel has two factors
// instead of its bias: what its sums are multiplied by, and the bias.
#pragma once

#include "activation.cuh"
#include "packet.cuh"

/// Offset in elements of output pixel `m` in a tensor of the output's extents.
template <class L>
__device__ __forceinline__ typename L::Offset pixel_offset(int m, long long b, long long h,
                                                           long long w) {
  typedef typename L::Offset Offset;
  // Known when it is compiled: pixels lie one after the other, as most outputs do.
  if (h == L::kOW * w && (b == L::kOH * h || L::kM == L::kOH * L::kOW))
    return static_cast<Offset>(m) * static_cast<Offset>(w);
  const int n = m / (L::kOH * L::kOW);
  const int rest = m - n * (L::kOH * L::kOW);
  const int oh = rest / L::kOW;
  const int ow = rest - oh * L::kOW;
  return static_cast<Offset>(n) * static_cast<Offset>(b) +
         static_cast<Offset>(oh) * static_cast<Offset>(h) +
         static_cast<Offset>(ow) * static_cast<Offset>(w);
}

/// `y` points to the group's first channel of the first pixel.
template <class L, int kRun>
__device__ __forceinline__ void store_pixel(typename L::Y* y,
                                            const Packet<typename L::Y, kRun>& run, int m,
                                            int channel) {
  store_run<kRun, L::kYVec>(y + pixel_offset<L>(m, L::kYB, L::kYH, L::kYW) + channel, run,
                            L::kN - channel);
}

/// The epilogue of one run. `residual` points to the group's first channel of the first pixel; `To`
/// is what store_pixel takes.
template <class L, int kRun>
struct RunEpilogue {
  typedef typename L::Y Y;
  typedef Packet<typename L::R, kRun> Residual;
  static constexpr int kFactors = L::kScaled ? 2 : 1;  // of a channel, in `bias`

  static __device__ __forceinline__ bool is_inside(int m, int channel) {
    return m < L::kM && channel < L::kN;
  }

  static __device__ __forceinline__ const typename L::R* residual_at(const typename L::R* residual,
                                                                     int m, int channel) {
    return residual + pixel_offset<L>(m, L::kRB, L::kRH, L::kRW) + channel;
  }

  static __device__ __forceinline__ void load_residual(Residual& into,
                                                       const typename L::R* residual, int m,
                                                       int channel) {
    if constexpr (L::kResidual)
      if (is_inside(m, channel))
        load_run<kRun, L::kRVec>(into, residual_at(residual, m, channel), L::kN - channel);
  }

  /// `bias`: kFactors for each channel from the run's first one on, in shared memory, valid for the
  /// whole run.
  template <class To>
  static __device__ __forceinline__ void finish(const float (&sum)[kRun], const float* bias,
                                                const Residual& residual, To y, int m,
                                                int channel) {
    if (!is_inside(m, channel)) return;
    Packet<Y, kRun> out;
#pragma unroll
    for (int i = 0; i < kRun; ++i) {
      float v = sum[i];
      if constexpr (L::kScaled)
        v = fmaf(v, bias[2 * i], bias[2 * i + 1]);
      else if constexpr (L::kBias)
        v += bias[i];
      if constexpr (L::kResidual && !L::kResidualAfter) v += to_float(residual.v[i]);
      // Of f16 results an accurate function costs little here.
      if constexpr (sizeof(Y) == 1)
        v = activate_for<Y, L::kAct>(v, L::kAlpha, L::kBeta);
      else
        v = activate<L::kAct>(v, L::kAlpha, L::kBeta);
      if constexpr (L::kResidual && L::kResidualAfter) v += to_float(residual.v[i]);
      out.v[i] = Store<Y>::from(v);
    }
    store_pixel<L, kRun>(y, out, m, channel);
  }
};
