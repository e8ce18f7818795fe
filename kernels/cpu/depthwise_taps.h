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

/// Output pixels [begin, end) of a row, all of whose columns lie inside x.
struct InnerPixels {
  InnerPixels(const ConvParams& p, const TensorView& x, int64_t extent) {
    const int64_t reach = int64_t{p.kernel[1] - 1} * p.dilation[1];
    begin = (int64_t{p.pad_begin[1]} + p.stride[1] - 1) / p.stride[1];
    const int64_t last = x.shape[2] - 1 - reach + p.pad_begin[1];  // where the first column may be
    end = last < 0 ? 0 : last / p.stride[1] + 1;
    if (end > extent) end = extent;
    if (begin > end) begin = end;
  }
  int64_t begin, end;
};

/// Whether a row of output pixels sees rows of x only.
inline bool sees_inner_rows(const ConvParams& p, const TensorView& x, int64_t oy) {
  const int64_t first = oy * p.stride[0] - p.pad_begin[0];
  return first >= 0 && first + int64_t{p.kernel[0] - 1} * p.dilation[0] < x.shape[1];
}

/// For pixels inside, a pointer a tap is enough, that of pixel ox: table[tap]. The next pixels' lie
/// the stride's elements further, each.
template <typename T>
inline int64_t point_inner_taps(const ConvParams& p, const TensorView& x, const T* image,
                                int64_t oy, int64_t ox, int64_t padded, const T** table,
                                int64_t* offsets) {
  const T* const nowhere = nullptr;
  const int64_t taps = point_taps(p, x, image, nowhere, true, oy, ox, 1, padded, table, offsets);
  for (int64_t tap = 0; tap < taps; ++tap) table[tap] = table[tap * kDepthwisePixels];
  return taps;
}

}  // namespace stint::cpu
