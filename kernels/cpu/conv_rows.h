// Where the dot product of an output pixel finds its terms: a pointer per kernel position, or a
// copy of all of them together.
#pragma once

#include <cstring>

#include "kernels/cpu/kernel.h"
#include "plan_schema/params/conv.h"

namespace stint::cpu {

/// The output pixel of a row, counted through batch, height and width.
struct Pixel {
  Pixel(const TensorView& y, int64_t row)
      : ox(row % y.shape[2]), oy(row / y.shape[2] % y.shape[1]), n(row / y.shape[2] / y.shape[1]) {}
  void next(const TensorView& y) {
    if (++ox < y.shape[2]) return;
    ox = 0;
    if (++oy < y.shape[1]) return;
    oy = 0;
    ++n;
  }
  int64_t at(const TensorView& t) const {
    return n * t.strides[0] + oy * t.strides[1] + ox * t.strides[2];
  }
  int64_t ox, oy, n;
};

/// Points every tap of one row at its input pixel, or at `outside`; slots are `step` apart. `x` is
/// the group's first channel.
template <typename T>
inline void point_row(const ConvParams& p, const TensorView& view, const Pixel& pixel, const T* x,
                      const T* outside, intptr_t* slot, int64_t step) {
  const int64_t iy0 = pixel.oy * p.stride[0] - p.pad_begin[0];
  const int64_t ix0 = pixel.ox * p.stride[1] - p.pad_begin[1];
  x += pixel.n * view.strides[0];
  if (p.kernel[0] == 1 && p.kernel[1] == 1) {  // a row's own costs are much of its time
    const bool inside = iy0 >= 0 && iy0 < view.shape[1] && ix0 >= 0 && ix0 < view.shape[2];
    const T* at = inside ? x + iy0 * view.strides[1] + ix0 * view.strides[2] : outside;
    *slot = reinterpret_cast<intptr_t>(at);
    return;
  }
  for (int64_t ky = 0; ky < p.kernel[0]; ++ky) {
    const int64_t iy = iy0 + ky * p.dilation[0];
    const bool row_inside = iy >= 0 && iy < view.shape[1];
    const T* line = row_inside ? x + iy * view.strides[1] : nullptr;
    for (int64_t kx = 0; kx < p.kernel[1]; ++kx, slot += step) {
      const int64_t ix = ix0 + kx * p.dilation[1];
      const bool inside = row_inside && ix >= 0 && ix < view.shape[2];
      *slot = reinterpret_cast<intptr_t>(inside ? line + ix * view.strides[2] : outside);
    }
  }
}

/// Copies n elements; `readable` are there.
template <typename T>
inline void copy_run(const T* from, int64_t n, int64_t /*readable*/, T* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}
/// A few bytes are faster copied 16 at once, up to 15 more than wanted.
inline void copy_run(const uint8_t* from, int64_t n, int64_t readable, uint8_t* to) {
  if ((n + 15) / 16 * 16 > readable) {
    std::memcpy(to, from, static_cast<size_t>(n));
    return;
  }
  for (int64_t i = 0; i < n; i += 16) std::memcpy(to + i, from + i, 16);
}

/// Copies the terms of one row together, `channels` for each tap: with few channels a tap is too
/// short for a loop of its own. May write up to 15 elements more.
template <typename T>
inline void gather_row(const ConvParams& p, const TensorView& view, const Pixel& pixel, const T* x,
                       T outside, int64_t channels, T* to) {
  const int64_t iy0 = pixel.oy * p.stride[0] - p.pad_begin[0];
  const int64_t ix0 = pixel.ox * p.stride[1] - p.pad_begin[1];
  const int64_t c = channels;
  const int64_t kernel_x = p.kernel[1];
  const int64_t dilation_x = p.dilation[1];
  x += pixel.n * view.strides[0];
  const bool dense = view.strides[2] == c && dilation_x == 1;
  for (int64_t ky = 0; ky < p.kernel[0]; ++ky) {
    const int64_t iy = iy0 + ky * p.dilation[0];
    if (iy < 0 || iy >= view.shape[1]) {
      for (int64_t i = 0; i < kernel_x * c; ++i) to[i] = outside;
      to += kernel_x * c;
      continue;
    }
    const T* line = x + iy * view.strides[1];
    if (dense && ix0 >= 0 && ix0 + kernel_x <= view.shape[2]) {
      copy_run(line + ix0 * c, kernel_x * c, (view.shape[2] - ix0) * c, to);
      to += kernel_x * c;
      continue;
    }
    for (int64_t kx = 0; kx < kernel_x; ++kx, to += c) {
      const int64_t ix = ix0 + kx * dilation_x;
      const bool inside = ix >= 0 && ix < view.shape[2];
      const T* from = line + (inside ? ix * view.strides[2] : 0);
      for (int64_t i = 0; i < c; ++i) to[i] = inside ? from[i] : outside;
    }
  }
}

}  // namespace stint::cpu
