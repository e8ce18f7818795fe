// A 2-D window operation on channels-last operands, as the direct kernels see it.
#pragma once

#include "host_builder/graph/graph.h"
#include "host_builder/lowering/cuda/ceil_div.h"
#include "host_builder/lowering/cuda/source/cuda_source.h"

namespace stint::builder {

template <typename Attributes>
struct Window2d {
  const Attributes& a;
  int64_t kernel(size_t i) const { return a.kernel[i]; }
  int64_t stride(size_t i) const { return a.strides.empty() ? 1 : a.strides[i]; }
  int64_t dilation(size_t i) const { return a.dilations.empty() ? 1 : a.dilations[i]; }
  int64_t pad(size_t i) const { return a.pads_begin.empty() ? 0 : a.pads_begin[i]; }
  int64_t pad_end(size_t i) const { return a.pads_end.empty() ? 0 : a.pads_end[i]; }
  int64_t taps() const { return a.kernel[0] * a.kernel[1]; }
  /// Input positions from the first to the last that `outputs` neighbouring outputs read.
  int64_t span(size_t i, int64_t outputs) const {
    return (outputs - 1) * stride(i) + (kernel(i) - 1) * dilation(i) + 1;
  }
};

/// The constants that say where the windows of `y`'s pixels lie in `x`, and the type and strides of
/// `x`; both are [n, h, w, c].
template <typename Attributes>
void window_constants(CudaSource& source, const Window2d<Attributes>& window, const Value& x,
                      const Value& y) {
  source.nhwc("X", x)
      .constant("kBatch", y.shape[0])
      .constant("kInHeight", x.shape[1])
      .constant("kInWidth", x.shape[2])
      .constant("kHeight", y.shape[1])
      .constant("kWidth", y.shape[2])
      .constant("kChannels", y.shape[3])
      .constant("kKernelH", window.kernel(0))
      .constant("kKernelW", window.kernel(1))
      .constant("kStrideH", window.stride(0))
      .constant("kStrideW", window.stride(1))
      .constant("kPadTop", window.pad(0))
      .constant("kPadLeft", window.pad(1));
}

}  // namespace stint::builder
