// The three ways a real number may lie in memory beside 8-bit kernels: f32, u8 and i8.
#pragma once

#include <limits>
#include <type_traits>

#include "kernels/cpu/check_helpers.h"
#include "plan_schema/params/quantized.h"

namespace stint::cpu {

/// Calls f with a value of the type: f(float{}), f(uint8_t{}), f(int8_t{}).
template <typename F>
inline void with_stored_type(DType type, F&& f) {
  switch (type) {
    case DType::kU8:
      return f(uint8_t{});
    case DType::kI8:
      return f(int8_t{});
    default:
      return f(float{});
  }
}

/// x limited to what T can hold, counted from the zero point. f32 as it is.
template <typename T>
inline float saturated(float x, int32_t zero) {
  if constexpr (std::is_same_v<T, float>) {
    (void)zero;
    return x;
  } else {
    const auto lowest = static_cast<float>(std::numeric_limits<T>::lowest() - zero);
    const auto highest = static_cast<float>(std::numeric_limits<T>::max() - zero);
    return x < lowest ? lowest : x > highest ? highest : x;
  }
}

/// The type is one of the three, the scale has a finite reciprocal, the zero point is one of the
/// type's numbers.
inline Status check_quantized(const TensorView& t, const QuantParams& q) {
  if (t.dtype != DType::kF32 && t.dtype != DType::kU8 && t.dtype != DType::kI8)
    return corrupt("tensor is neither f32 nor u8 nor i8", static_cast<int64_t>(t.dtype),
                   static_cast<int64_t>(DType::kU8));
  constexpr float kMost = std::numeric_limits<float>::max();
  if (!(q.scale > 0.0f && q.scale <= kMost && 1.0f / q.scale <= kMost))
    return corrupt("quantisation scale is not a positive, finite number", 0, 1);
  if (t.dtype == DType::kF32 && (q.scale != 1.0f || q.zero_point != 0))
    return corrupt("an f32 tensor is quantised", q.zero_point, 0);
  const int32_t lowest = t.dtype == DType::kI8 ? -128 : 0;
  if (q.zero_point < lowest || q.zero_point > lowest + 255)
    return corrupt("zero point is outside the type", q.zero_point, lowest);
  return ok_status();
}

/// Kernels that only scale multiply by the quotient of the scales.
inline Status check_scale_ratio(const QuantParams& x, const QuantParams& y) {
  if (!(x.scale * (1.0f / y.scale) <= std::numeric_limits<float>::max()))
    return corrupt("quotient of the scales is not a finite number", 0, 1);
  return ok_status();
}

}  // namespace stint::cpu
