// The two 16-bit floating-point formats as storage: conversion to and from float, rounding to
// nearest even.
#pragma once

#include <cstdint>
#include <cstring>

namespace stint {

struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};

namespace half_detail {
inline uint32_t bits_of(float f) {
  uint32_t u;
  std::memcpy(&u, &f, sizeof u);
  return u;
}
inline float float_of(uint32_t u) {
  float f;
  std::memcpy(&f, &u, sizeof f);
  return f;
}
}  // namespace half_detail

inline float to_float(F16 h) {
  // The exponent is moved by multiplication with 2^112, which also normalises subnormals exactly.
  const uint32_t magnitude = static_cast<uint32_t>(h.bits & 0x7FFFu) << 13;
  const uint32_t sign = static_cast<uint32_t>(h.bits & 0x8000u) << 16;
  if (magnitude >= 0x0F800000u)  // infinity or NaN: widen the exponent, keep the payload
    return half_detail::float_of(sign | 0x70000000u | magnitude);
  const float value = half_detail::float_of(magnitude) * half_detail::float_of(0x77800000u);
  return half_detail::float_of(sign | half_detail::bits_of(value));
}

inline F16 to_f16(float f) {
  const uint32_t u = half_detail::bits_of(f);
  const uint32_t sign = u >> 16 & 0x8000u;
  const uint32_t magnitude = u & 0x7FFFFFFFu;
  uint32_t h;
  if (magnitude > 0x7F800000u) {
    h = 0x7E00u | (magnitude >> 13 & 0x3FFu);  // NaN, made quiet
  } else if (magnitude >= 0x47800000u) {
    h = 0x7C00u;  // 65536 and more
  } else if (magnitude < 0x38800000u) {
    // Below the smallest normal 2^-14: adding 0.5 leaves the subnormal's bits, correctly rounded,
    // at the bottom.
    h = half_detail::bits_of(half_detail::float_of(magnitude) + 0.5f) - 0x3F000000u;
  } else {
    h = (magnitude + 0xC8000FFFu + (magnitude >> 13 & 1u)) >>
        13;  // rebias; carries reach infinity by themselves
  }
  return {static_cast<uint16_t>(sign | h)};
}

inline float to_float(BF16 b) { return half_detail::float_of(static_cast<uint32_t>(b.bits) << 16); }

inline BF16 to_bf16(float f) {
  const uint32_t u = half_detail::bits_of(f);
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) return {static_cast<uint16_t>(u >> 16 | 0x40u)};
  return {static_cast<uint16_t>((u + 0x7FFFu + (u >> 16 & 1u)) >> 16)};
}

/// Narrows so that a second rounding to 16 bits gives the correctly rounded result: an inexact
/// value gets an odd last bit.
inline float to_float_odd(double d) {
  const float f = static_cast<float>(d);
  if (static_cast<double>(f) == d || f != f) return f;
  const uint32_t u = half_detail::bits_of(f);
  if ((u & 0x7FFFFFFFu) >= 0x7F800000u || (u & 1u) != 0) return f;
  const double a = d < 0 ? -d : d;
  const double b = f < 0 ? -static_cast<double>(f) : static_cast<double>(f);
  return half_detail::float_of(b > a ? u - 1 : u + 1);
}

}  // namespace stint
