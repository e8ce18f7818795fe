// Convolution and transposed convolution from the definition: a thread an output element. Before
// this header:
//   kTransposed, kGroupIn, kGroupOut
//   Outputs     offsets of x (image), y, residual, the position on the three axes, the channel
//   Axis0..2    kKernel, kStride, kDilation, kPad, kIn, kStep (of x), kWeightStep
//   kChannelStep (of x), kWeightIn (step of the weights along input channels),
//   weight_start(channel): offset of the weights of an output channel
#pragma once

/// Input position that kernel position `k` of output position `o` reads; false: none.
template <typename Axis>
__device__ __forceinline__ bool source(int64_t o, int64_t k, int64_t* i) {
  if constexpr (kTransposed) {
    const int64_t at = o + Axis::kPad - k * Axis::kDilation;
    *i = at / Axis::kStride;
    return at >= 0 && at % Axis::kStride == 0 && *i < Axis::kIn;
  } else {
    *i = o * Axis::kStride - Axis::kPad + k * Axis::kDilation;
    return *i >= 0 && *i < Axis::kIn;
  }
}

__device__ __forceinline__ void run(const Args& args) {
  const index_t element = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (element >= Outputs::kElements) return;
  index_t o[7];
  Outputs::at(element, o);
  const index_t group = o[6] / static_cast<index_t>(kGroupOut);
  const In0* x = in0(args) + o[0] + group * static_cast<index_t>(kGroupIn * kChannelStep);
  const In1* w = in1(args) + weight_start(o[6]);
  float sum = 0.0f;
  int64_t i0, i1, i2;
  for (int64_t k0 = 0; k0 < Axis0::kKernel; ++k0) {
    if (!source<Axis0>(static_cast<int64_t>(o[3]), k0, &i0)) continue;
    for (int64_t k1 = 0; k1 < Axis1::kKernel; ++k1) {
      if (!source<Axis1>(static_cast<int64_t>(o[4]), k1, &i1)) continue;
      for (int64_t k2 = 0; k2 < Axis2::kKernel; ++k2) {
        if (!source<Axis2>(static_cast<int64_t>(o[5]), k2, &i2)) continue;
        const In0* from = x + i0 * Axis0::kStep + i1 * Axis1::kStep + i2 * Axis2::kStep;
        const In1* tap =
            w + k0 * Axis0::kWeightStep + k1 * Axis1::kWeightStep + k2 * Axis2::kWeightStep;
#pragma unroll 4
        for (int64_t c = 0; c < kGroupIn; ++c)
          sum = fmaf(load<float>(from[c * kChannelStep]), load<float>(tap[c * kWeightIn]), sum);
      }
    }
  }
  out0(args)[o[1]] = store<Out0>(finished(args, sum, o[6], o[2]));
}
