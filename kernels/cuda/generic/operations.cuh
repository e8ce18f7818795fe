// The arithmetic of every EltOp (plan_schema/types.h), as kernels/cpu/elementwise_ops.cc has it.
#pragma once

__device__ __forceinline__ float exp_of(float x) { return expf(x); }
__device__ __forceinline__ double exp_of(double x) { return exp(x); }
__device__ __forceinline__ float expm1_of(float x) { return expm1f(x); }
__device__ __forceinline__ double expm1_of(double x) { return expm1(x); }
__device__ __forceinline__ float log1p_of(float x) { return log1pf(x); }
__device__ __forceinline__ double log1p_of(double x) { return log1p(x); }
__device__ __forceinline__ float log_of(float x) { return logf(x); }
__device__ __forceinline__ double log_of(double x) { return log(x); }
__device__ __forceinline__ float sqrt_of(float x) { return sqrtf(x); }
__device__ __forceinline__ double sqrt_of(double x) { return sqrt(x); }
__device__ __forceinline__ float tanh_of(float x) { return tanhf(x); }
__device__ __forceinline__ double tanh_of(double x) { return tanh(x); }
__device__ __forceinline__ float erf_of(float x) { return erff(x); }
__device__ __forceinline__ double erf_of(double x) { return erf(x); }
__device__ __forceinline__ float sin_of(float x) { return sinf(x); }
__device__ __forceinline__ double sin_of(double x) { return sin(x); }
__device__ __forceinline__ float cos_of(float x) { return cosf(x); }
__device__ __forceinline__ double cos_of(double x) { return cos(x); }
__device__ __forceinline__ float tan_of(float x) { return tanf(x); }
__device__ __forceinline__ double tan_of(double x) { return tan(x); }
__device__ __forceinline__ float pow_of(float x, float y) { return powf(x, y); }
__device__ __forceinline__ double pow_of(double x, double y) { return pow(x, y); }
__device__ __forceinline__ float fmod_of(float x, float y) { return fmodf(x, y); }
__device__ __forceinline__ double fmod_of(double x, double y) { return fmod(x, y); }
__device__ __forceinline__ float floor_of(float x) { return floorf(x); }
__device__ __forceinline__ double floor_of(double x) { return floor(x); }
__device__ __forceinline__ float ceil_of(float x) { return ceilf(x); }
__device__ __forceinline__ double ceil_of(double x) { return ceil(x); }
__device__ __forceinline__ float rint_of(float x) { return rintf(x); }
__device__ __forceinline__ double rint_of(double x) { return rint(x); }
__device__ __forceinline__ float abs_of(float x) { return fabsf(x); }
__device__ __forceinline__ double abs_of(double x) { return fabs(x); }

template <typename C>
__device__ __forceinline__ bool is_inf(C x) {
  return x == x && x - x != x - x;
}

/// Integer arithmetic wraps: it goes through the unsigned type.
template <typename C>
struct Wrapping {
  typedef C type;
};
template <>
struct Wrapping<int64_t> {
  typedef uint64_t type;
};
template <typename C>
using Wrap = typename Wrapping<C>::type;

#define STINT_UNARY(name) \
  template <typename C>   \
  __device__ __forceinline__ C name(C a)
#define STINT_BINARY(name) \
  template <typename C>    \
  __device__ __forceinline__ C name(C a, C b)
#define STINT_WITH_ALPHA(name) \
  template <typename C>        \
  __device__ __forceinline__ C name(C a, float f_alpha, float f_beta)

STINT_BINARY(op_add) { return static_cast<C>(static_cast<Wrap<C>>(a) + static_cast<Wrap<C>>(b)); }
STINT_BINARY(op_sub) { return static_cast<C>(static_cast<Wrap<C>>(a) - static_cast<Wrap<C>>(b)); }
STINT_BINARY(op_mul) { return static_cast<C>(static_cast<Wrap<C>>(a) * static_cast<Wrap<C>>(b)); }
STINT_BINARY(op_div) {
  if constexpr (kIsFloating<C>) {
    return a / b;
  } else {
    if (b == 0) return 0;  // undefined in ONNX; numpy gives 0
    if (kIsSigned<C> && b == static_cast<C>(-1)) return op_sub(C(0), a);
    return a / b;
  }
}
/// Remainder with the dividend's sign.
STINT_BINARY(op_fmod) {
  if constexpr (kIsFloating<C>)
    return fmod_of(a, b);
  else
    return b == 0 || (kIsSigned<C> && b == static_cast<C>(-1)) ? C(0) : static_cast<C>(a % b);
}
/// Remainder with the divisor's sign.
STINT_BINARY(op_mod) {
  const C r = op_fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? static_cast<C>(r + b) : r;
}
STINT_BINARY(op_pow) {
  if constexpr (kIsFloating<C>) {
    return b == C(2) ? a * a : pow_of(a, b);
  } else {
    if (b < 0)
      return a == 1                    ? C(1)
             : a == static_cast<C>(-1) ? (b % 2 == 0 ? C(1) : static_cast<C>(-1))
                                       : C(0);
    C result = 1;
    for (; b != 0; b /= 2) {
      if (b % 2 != 0) result = op_mul(result, a);
      a = op_mul(a, a);
    }
    return result;
  }
}

// NaN in either operand is the result, as in numpy.
STINT_BINARY(smaller) { return a < b || a != a ? a : b; }
STINT_BINARY(larger) { return a > b || a != a ? a : b; }
STINT_BINARY(op_min) { return smaller(a, b); }
STINT_BINARY(op_max) { return larger(a, b); }

STINT_BINARY(op_prelu) { return a < 0 ? op_mul(a, b) : a; }
STINT_BINARY(op_equal) { return static_cast<C>(a == b); }
STINT_BINARY(op_less) { return static_cast<C>(a < b); }
STINT_BINARY(op_less_or_equal) { return static_cast<C>(a <= b); }
STINT_BINARY(op_greater) { return static_cast<C>(a > b); }
STINT_BINARY(op_greater_or_equal) { return static_cast<C>(a >= b); }
STINT_BINARY(op_and) { return static_cast<C>(a != 0 && b != 0); }
STINT_BINARY(op_or) { return static_cast<C>(a != 0 || b != 0); }
STINT_BINARY(op_xor) { return static_cast<C>((a != 0) != (b != 0)); }
STINT_BINARY(op_bit_and) { return a & b; }
STINT_BINARY(op_bit_or) { return a | b; }
STINT_BINARY(op_bit_xor) { return a ^ b; }
template <typename C>
__device__ __forceinline__ C op_where(C c, C a, C b) {
  return c != 0 ? a : b;
}

STINT_UNARY(op_copy) { return a; }
STINT_UNARY(op_neg) {
  if constexpr (kIsFloating<C>)
    return -a;
  else
    return op_sub(C(0), a);
}
STINT_UNARY(op_abs) {
  if constexpr (kIsFloating<C>)
    return abs_of(a);
  else
    return a < 0 ? op_sub(C(0), a) : a;
}
STINT_UNARY(op_floor) {
  if constexpr (kIsFloating<C>)
    return floor_of(a);
  else
    return a;
}
STINT_UNARY(op_ceil) {
  if constexpr (kIsFloating<C>)
    return ceil_of(a);
  else
    return a;
}
STINT_UNARY(op_round) {
  if constexpr (kIsFloating<C>)
    return rint_of(a);
  else
    return a;
}
STINT_UNARY(op_relu) { return larger(a, C(0)); }
STINT_UNARY(op_not) { return static_cast<C>(a == 0); }
STINT_UNARY(op_sign) { return a > 0 ? C(1) : a < 0 ? static_cast<C>(-1) : a; }
STINT_UNARY(op_is_nan) { return static_cast<C>(a != a); }
STINT_UNARY(op_bit_not) { return ~a; }
STINT_UNARY(op_sqrt) { return sqrt_of(a); }
STINT_UNARY(op_exp) { return exp_of(a); }
STINT_UNARY(op_log) { return log_of(a); }
STINT_UNARY(op_erf) { return erf_of(a); }
STINT_UNARY(op_sigmoid) { return C(1) / (C(1) + exp_of(-a)); }
STINT_UNARY(op_tanh) { return tanh_of(a); }
STINT_UNARY(op_hard_swish) { return a * smaller(larger(a / C(6) + C(0.5), C(0)), C(1)); }
STINT_UNARY(op_softplus) { return larger(a, C(0)) + log1p_of(exp_of(-abs_of(a))); }
STINT_UNARY(op_mish) { return a * tanh_of(op_softplus(a)); }
STINT_UNARY(op_gelu) { return C(0.5) * a * (C(1) + erf_of(a * C(0.70710678118654752440))); }
STINT_UNARY(op_gelu_tanh) {
  return C(0.5) * a * (C(1) + tanh_of(C(0.79788456080286535588) * (a + C(0.044715) * a * a * a)));
}
STINT_UNARY(op_silu) { return a * op_sigmoid(a); }
STINT_UNARY(op_reciprocal) { return C(1) / a; }
STINT_UNARY(op_sin) { return sin_of(a); }
STINT_UNARY(op_cos) { return cos_of(a); }
STINT_UNARY(op_tan) { return tan_of(a); }
STINT_UNARY(op_softsign) { return a / (C(1) + abs_of(a)); }

/// A bound given as float in the compute type; integers saturate.
template <typename C>
__device__ __forceinline__ C bound(float v) {
  if constexpr (kIsFloating<C>) {
    return static_cast<C>(v);
  } else {
    return v != v ? (kIsSigned<C> ? static_cast<C>(static_cast<uint64_t>(1) << 63) : C(0))
                  : saturate<C>(v);
  }
}
STINT_WITH_ALPHA(op_clip) { return smaller(larger(a, bound<C>(f_alpha)), bound<C>(f_beta)); }
STINT_WITH_ALPHA(op_is_inf) {
  if constexpr (kIsFloating<C>)
    return static_cast<C>(is_inf(a) && (a < 0 ? f_beta != 0.0f : f_alpha != 0.0f));
  else
    return 0;
}
STINT_WITH_ALPHA(op_leaky_relu) { return a < 0 ? static_cast<C>(f_alpha) * a : a; }
STINT_WITH_ALPHA(op_elu) { return a < 0 ? static_cast<C>(f_alpha) * expm1_of(a) : a; }
STINT_WITH_ALPHA(op_hard_sigmoid) {
  return smaller(larger(static_cast<C>(f_alpha) * a + static_cast<C>(f_beta), C(0)), C(1));
}
STINT_WITH_ALPHA(op_selu) {
  return static_cast<C>(f_beta) * (a > 0 ? a : static_cast<C>(f_alpha) * expm1_of(a));
}
STINT_WITH_ALPHA(op_thresholded_relu) { return a <= static_cast<C>(f_alpha) ? C(0) : a; }
STINT_WITH_ALPHA(op_celu) {
  const C alpha = static_cast<C>(f_alpha);
  return larger(a, C(0)) + smaller(alpha * expm1_of(a / alpha), C(0));
}

#undef STINT_UNARY
#undef STINT_BINARY
#undef STINT_WITH_ALPHA
