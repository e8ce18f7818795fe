// Padding. Before this header: kFill (PadFill), value() the constant, Elements with
// locate(i, &x, &y): offsets, and whether the element lies outside of x.
#pragma once

/// Index in x of an index that may lie outside, or -1.
template <int kFill>
__device__ __forceinline__ int64_t source_index(int64_t i, int64_t extent) {
  if (i >= 0 && i < extent) return i;
  if constexpr (kFill == 2) return i < 0 ? 0 : extent - 1;          // edge
  if constexpr (kFill == 3) return (i % extent + extent) % extent;  // wrap
  if constexpr (kFill == 1) {                                       // reflect
    if (extent == 1) return 0;
    const int64_t period = 2 * (extent - 1);
    const int64_t at = (i % period + period) % period;
    return at < extent ? at : period - at;
  }
  return -1;
}

template <int kFill, typename Axes>
__device__ __forceinline__ void pad_element(const Args& args) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= Axes::kElements) return;
  index_t x = 0, y = 0;
  const bool outside = Axes::locate(i, &x, &y);
  out0(args)[y] = outside ? Axes::value() : moved<Out0>(in0(args)[x]);
}
