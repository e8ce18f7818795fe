// Vector versions of the functions networks use, f32, for any SIMD target. Relative error <= 1e-6
// over the whole range (measured: tests/unit/kernels/cpu/vector_math_test.cc); NaN in gives NaN
// out. The polynomials are weighted minimax fits of our own. log and log1p are those of
// hwy/contrib/math/math-inl.h (header only), which lose a NaN by themselves.
#if defined(STINT_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_VECTOR_MATH_INL_H_
#undef STINT_VECTOR_MATH_INL_H_
#else
#define STINT_VECTOR_MATH_INL_H_
#endif

#include <type_traits>

#include "hwy/contrib/math/math-inl.h"
#include "kernels/cpu/nan_keeping-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// A tag for functions that give the same bits on every target: a product and a sum are rounded
/// each, which is all that SSE4 can do.
struct Unfused : hwy::HWY_NAMESPACE::ScalableTag<float> {};

/// a * b + c, rounded once where the target can.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V mul_add(D, V a, V b, V c) {
  namespace hn = hwy::HWY_NAMESPACE;
  if constexpr (std::is_same_v<D, Unfused>)
    return hn::Add(hn::Mul(a, b), c);
  else
    return hn::MulAdd(a, b, c);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vexp(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<D> di;
  // Beyond these the result is 0 or infinity.
  x = clamp(d, x, hn::Set(d, -104.0f), hn::Set(d, 89.0f));
  const auto n = hn::NearestInt(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
  const V nf = hn::ConvertTo(d, n);
  // ln 2 in two parts: the first has trailing zero bits, so n * part is exact.
  V r = mul_add(d, nf, hn::Set(d, -0.693145751953125f), x);
  r = mul_add(d, nf, hn::Set(d, -1.428606765330187045e-06f), r);
  V p = mul_add(d, hn::Set(d, 1.394111753e-03f), r, hn::Set(d, 8.363179812e-03f));
  p = mul_add(d, p, r, hn::Set(d, 4.166637521e-02f));
  p = mul_add(d, p, r, hn::Set(d, 1.666657698e-01f));
  p = mul_add(d, p, r, hn::Set(d, 5.000000027e-01f));
  p = mul_add(d, hn::Mul(p, r), r, r);
  p = hn::Add(p, hn::Set(d, 1.0f));
  // 2^n in two factors, so that the ends (denormal results, n = 128) come out right.
  const auto half = hn::ShiftRight<1>(n);
  const auto bias = hn::Set(di, 127);
  const V s1 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const V s2 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(n, half), bias)));
  return hn::Mul(hn::Mul(p, s1), s2);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vsigmoid(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, vexp(d, hn::Neg(x))));
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vtanh(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V one = hn::Set(d, 1.0f);
  const V a = hn::Abs(x);
  const V z = hn::Mul(x, x);
  V p = mul_add(d, hn::Set(d, -6.062237068e-03f), z, hn::Set(d, 2.097501874e-02f));
  p = mul_add(d, p, z, hn::Set(d, -5.384669692e-02f));
  p = mul_add(d, p, z, hn::Set(d, 1.333274645e-01f));
  p = mul_add(d, p, z, hn::Set(d, -3.333332878e-01f));
  const V small = mul_add(d, hn::Mul(p, z), x, x);
  const V e = vexp(d, hn::Add(a, a));
  const V large = hn::CopySign(hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(e, one))), x);
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.632f)), small, large);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V verf(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V a = hn::Abs(x);
  const V z = hn::Mul(x, x);
  // |x| < 1: x * P(x^2).
  V p = mul_add(d, hn::Set(d, 7.889119522e-05f), z, hn::Set(d, -8.020841272e-04f));
  p = mul_add(d, p, z, hn::Set(d, 5.189535338e-03f));
  p = mul_add(d, p, z, hn::Set(d, -2.685444459e-02f));
  p = mul_add(d, p, z, hn::Set(d, 1.128360018e-01f));
  p = mul_add(d, p, z, hn::Set(d, -3.761262714e-01f));
  p = mul_add(d, p, z, hn::Set(d, 1.128379166e+00f));
  const V small = hn::Mul(p, x);
  // Else 1 - exp(Q(|x| - 2.5)), Q = log erfc; at 4 the result is 1 in f32.
  const V t = hn::Sub(at_most(a, hn::Set(d, 4.0f)), hn::Set(d, 2.5f));
  V q = mul_add(d, hn::Set(d, -2.169763944e-05f), t, hn::Set(d, 6.176423192e-05f));
  q = mul_add(d, q, t, hn::Set(d, -4.310072718e-04f));
  q = mul_add(d, q, t, hn::Set(d, 2.166458184e-03f));
  q = mul_add(d, q, t, hn::Set(d, -1.085350260e-02f));
  q = mul_add(d, q, t, hn::Set(d, -9.438918242e-01f));
  q = mul_add(d, q, t, hn::Set(d, -5.352680608e+00f));
  q = mul_add(d, q, t, hn::Set(d, -7.806815303e+00f));
  const V large = hn::CopySign(hn::Sub(hn::Set(d, 1.0f), vexp(d, q)), x);
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 1.0f)), small, large);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vlog(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Log(d, x));
}

/// log(1 + exp(x)).
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vsoftplus(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::Add(at_least(x, hn::Zero(d)), hn::Log1p(d, vexp(d, hn::Neg(hn::Abs(x)))));
}

/// 0.5 x (1 + erf(x / sqrt 2)).
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vgelu(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V half = hn::Mul(x, hn::Set(d, 0.5f));
  return mul_add(d, half, verf(d, hn::Mul(x, hn::Set(d, 0.70710678118654752f))), half);
}

/// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vgelu_tanh(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V half = hn::Mul(x, hn::Set(d, 0.5f));
  const V cubic = mul_add(d, hn::Mul(hn::Mul(x, x), hn::Set(d, 0.044715f)), x, x);
  return mul_add(d, half, vtanh(d, hn::Mul(cubic, hn::Set(d, 0.79788456080286536f))), half);
}

/// x * tanh(log(1 + exp(x))) = x * n / (n + 2) with n = e^x (e^x + 2): no logarithm, nothing
/// cancels.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vmish(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V two = hn::Set(d, 2.0f);
  // Above 20 the factor is 1 in f32; n stays finite.
  const V e = vexp(d, at_most(x, hn::Set(d, 30.0f)));
  const V n = hn::Mul(e, hn::Add(e, two));
  return hn::Mul(x, hn::Div(n, hn::Add(n, two)));
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vsilu(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::Div(x, hn::Add(hn::Set(d, 1.0f), vexp(d, hn::Neg(x))));
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vhard_sigmoid(D d, V x, V alpha, V beta) {
  namespace hn = hwy::HWY_NAMESPACE;
  return clamp(d, mul_add(d, alpha, x, beta), hn::Zero(d), hn::Set(d, 1.0f));
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vhard_swish(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::Mul(x, vhard_sigmoid(d, x, hn::Set(d, 1.0f / 6.0f), hn::Set(d, 0.5f)));
}

/// exp(x) - 1 for x <= 0 without cancellation near 0 (through tanh: 2t / (1 - t), t = tanh(x / 2)).
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vexpm1_negative(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V t = vtanh(d, hn::Mul(x, hn::Set(d, 0.5f)));
  return hn::Div(hn::Add(t, t), hn::Sub(hn::Set(d, 1.0f), t));
}

/// x < 0 ? alpha * (exp(x) - 1) : x.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V velu(D d, V x, V alpha) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V zero = hn::Zero(d);
  return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(alpha, vexpm1_negative(d, at_most(x, zero))), x);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V vleaky_relu(D d, V x, V alpha) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(alpha, x), x);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
