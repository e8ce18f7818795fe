// Where a few neighbouring pixels of a depthwise convolution find their terms.
#pragma once

#include "kernels/cpu/depthwise_blocking.h"
#include "plan_schema/params/conv.h"

namespace stint::cpu {

/// Fills the table [tap][kDepthwisePixels] for pixels [ox, ox + pixels) of row oy of the image, and
/// the taps' offsets into weights of `padded` a tap. Places outside read `outside`; taps whose
/// whole row is outside are left out where `skip` (they add nothing). Returns the number of taps.
template <typename T>
inline int64_t point_taps(const ConvParams& p, const TensorView& x, const T* image,
                          const T* outside, bool skip, int64_t oy, int64_t ox, int64_t pixels,
                          int64_t padded, const T** table, int64_t* offsets) {
  int64_t taps = 0;
  for (int64_t ky = 0; ky < p.kernel[0]; ++ky) {
    const int64_t iy = oy * p.stride[0] - p.pad_begin[0] + ky * p.dilation[0];
    const bool row_inside = iy >= 0 && iy < x.shape[1];
    if (!row_inside && skip) continue;
    const T* line = row_inside ? image + iy * x.strides[1] : nullptr;
    for (int64_t kx = 0; kx < p.kernel[1]; ++kx) {
      const T** slot = table + taps * kDepthwisePixels;
      offsets[taps++] = (ky * p.kernel[1] + kx) * padded;
      int64_t ix = ox * p.stride[1] - p.pad_begin[1] + kx * p.dilation[1];
      for (int64_t m = 0; m < pixels; ++m, ix += p.stride[1])
        slot[m] = row_inside && ix >= 0 && ix < x.shape[2] ? line + ix * x.strides[2] : outside;
    }
  }
  return taps;
}

}  // namespace stint::cpu
