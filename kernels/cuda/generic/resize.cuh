// Resize by tables of taps that the builder has computed. Before this header: Elements::kElements
// and write_element(args, i), which uses what stands here.
#pragma once

/// A result of interpolation as an element: integers are rounded to nearest even and saturate.
template <typename S>
__device__ __forceinline__ S rounded(float v) {
  if constexpr (kIsFloating<S> || IsSame<S, half_t>::value || IsSame<S, bhalf_t>::value ||
                kIsQuantised<S>)
    return store<S>(v);
  else
    return store<S>(rint(static_cast<double>(v)));
}

/// Not contracted: a fused product would round integers' ties differently from the CPU.
__device__ __forceinline__ float plus_product(float sum, float weight, float v) {
  return __fadd_rn(sum, __fmul_rn(weight, v));
}
