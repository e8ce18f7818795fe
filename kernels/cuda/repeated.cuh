// A second result of a convolution: every pixel repeated kRepeatH x kRepeatW times, which is
// nearest-neighbour upsampling without a step of its own. Included by layers that have one.
#pragma once

#include "epilogue.cuh"

/// In the place of a plain pointer to y. Of `L`: kStoresY (false: y is the first pixel of every
/// repetition, and has no pointer), kUB, kUH, kUW: steps in `copies` from one pixel of y to the
/// next, kRepeatRow, kRepeatColumn: from one repetition to the next, kUVec.
template <class L>
struct Repeated {
  typename L::Y* y;
  typename L::Y* copies;

  __device__ __forceinline__ void operator+=(int channels) {
    if constexpr (L::kStoresY) y += channels;
    copies += channels;
  }
};

template <class L, int kRun>
__device__ __forceinline__ void store_pixel(const Repeated<L>& to,
                                            const Packet<typename L::Y, kRun>& run, int m,
                                            int channel) {
  if constexpr (L::kStoresY) store_pixel<L, kRun>(to.y, run, m, channel);
  typename L::Y* const first = to.copies + pixel_offset<L>(m, L::kUB, L::kUH, L::kUW) + channel;
#pragma unroll
  for (int row = 0; row < L::kRepeatH; ++row)
#pragma unroll
    for (int column = 0; column < L::kRepeatW; ++column)
      store_run<kRun, L::kUVec>(first + row * L::kRepeatRow + column * L::kRepeatColumn, run,
                                L::kN - channel);
}
