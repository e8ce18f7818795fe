#include "kernels/cpu/elementwise_ops.h"

#include <cmath>
#include <type_traits>

#include "kernels/cpu/nan_keeping.h"

namespace stint::cpu {
namespace {

constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kSqrtTwoOverPi = 0.79788456080286535588;

// Integer arithmetic wraps: it goes through the unsigned type.
template <typename C>
using Wrapping = std::conditional_t<std::is_same_v<C, int64_t>, uint64_t, C>;
template <typename C>
C add(C a, C b) {
  return static_cast<C>(static_cast<Wrapping<C>>(a) + static_cast<Wrapping<C>>(b));
}
template <typename C>
C sub(C a, C b) {
  return static_cast<C>(static_cast<Wrapping<C>>(a) - static_cast<Wrapping<C>>(b));
}
template <typename C>
C mul(C a, C b) {
  return static_cast<C>(static_cast<Wrapping<C>>(a) * static_cast<Wrapping<C>>(b));
}

template <typename C>
C divide(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    return a / b;
  } else {
    if (b == 0) return 0;  // undefined in ONNX; numpy gives 0
    if (std::is_signed_v<C> && b == static_cast<C>(-1)) return sub(C{0}, a);
    return a / b;
  }
}

/// Remainder with the divisor's sign.
template <typename C>
C modulo(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    const C r = std::fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  } else {
    if (b == 0 || (std::is_signed_v<C> && b == static_cast<C>(-1))) return 0;
    const C r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
}

/// Remainder with the dividend's sign.
template <typename C>
C c_modulo(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    return std::fmod(a, b);
  } else {
    return b == 0 || (std::is_signed_v<C> && b == static_cast<C>(-1)) ? 0 : a % b;
  }
}

template <typename C>
C power(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    if (b == C{2}) return a * a;
    return std::pow(a, b);
  } else {
    if (b < 0)
      return a == 1 ? 1 : a == static_cast<C>(-1) ? (b % 2 == 0 ? C{1} : static_cast<C>(-1)) : C{0};
    C result = 1;
    for (; b != 0; b /= 2) {
      if (b % 2 != 0) result = mul(result, a);
      a = mul(a, a);
    }
    return result;
  }
}

template <typename C>
C sigmoid(C x) {
  return C{1} / (C{1} + std::exp(-x));
}
template <typename C>
C softplus(C x) {
  return larger(x, C{0}) + std::log1p(std::exp(-std::fabs(x)));
}

/// A bound given as float in the compute type; integers saturate.
template <typename C>
C bound(float v) {
  if constexpr (std::is_floating_point_v<C>) {
    return static_cast<C>(v);
  } else {
    constexpr bool kSigned = std::is_signed_v<C>;
    constexpr C kLowest = kSigned ? static_cast<C>(uint64_t{1} << 63) : C{0};
    if (v >= (kSigned ? 0x1p63f : 0x1p64f)) return static_cast<C>(~kLowest);
    if (!(v > (kSigned ? -0x1p63f : 0.0f))) return kLowest;
    return static_cast<C>(v);
  }
}

template <typename C, typename F>
void each(int64_t n, C* y, F f) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<C>(f(i));
}

/// Operations that only floating point has.
template <typename C>
void apply_float(const ElementwiseParams& p, const C* a, int64_t n, C* y) {
  const C alpha = static_cast<C>(p.alpha);
  const C beta = static_cast<C>(p.beta);
  switch (p.op) {
    case EltOp::kSqrt:
      return each(n, y, [=](int64_t i) { return std::sqrt(a[i]); });
    case EltOp::kExp:
      return each(n, y, [=](int64_t i) { return std::exp(a[i]); });
    case EltOp::kLog:
      return each(n, y, [=](int64_t i) { return std::log(a[i]); });
    case EltOp::kErf:
      return each(n, y, [=](int64_t i) { return std::erf(a[i]); });
    case EltOp::kSigmoid:
      return each(n, y, [=](int64_t i) { return sigmoid(a[i]); });
    case EltOp::kTanh:
      return each(n, y, [=](int64_t i) { return std::tanh(a[i]); });
    case EltOp::kHardSwish:
      return each(n, y, [=](int64_t i) {
        return a[i] * smaller(larger(a[i] / C{6} + C(0.5), C{0}), C{1});
      });
    case EltOp::kSoftplus:
      return each(n, y, [=](int64_t i) { return softplus(a[i]); });
    case EltOp::kMish:
      return each(n, y, [=](int64_t i) { return a[i] * std::tanh(softplus(a[i])); });
    case EltOp::kGelu:
      return each(
          n, y, [=](int64_t i) { return C(0.5) * a[i] * (C{1} + std::erf(a[i] * C(kSqrtHalf))); });
    case EltOp::kGeluTanh:
      return each(n, y, [=](int64_t i) {
        const C x = a[i];
        return C(0.5) * x * (C{1} + std::tanh(C(kSqrtTwoOverPi) * (x + C(0.044715) * x * x * x)));
      });
    case EltOp::kSilu:
      return each(n, y, [=](int64_t i) { return a[i] * sigmoid(a[i]); });
    case EltOp::kReciprocal:
      return each(n, y, [=](int64_t i) { return C{1} / a[i]; });
    case EltOp::kSin:
      return each(n, y, [=](int64_t i) { return std::sin(a[i]); });
    case EltOp::kCos:
      return each(n, y, [=](int64_t i) { return std::cos(a[i]); });
    case EltOp::kTan:
      return each(n, y, [=](int64_t i) { return std::tan(a[i]); });
    case EltOp::kSoftsign:
      return each(n, y, [=](int64_t i) { return a[i] / (C{1} + std::fabs(a[i])); });
    case EltOp::kLeakyRelu:
      return each(n, y, [=](int64_t i) { return a[i] < 0 ? alpha * a[i] : a[i]; });
    case EltOp::kElu:
      return each(n, y, [=](int64_t i) { return a[i] < 0 ? alpha * std::expm1(a[i]) : a[i]; });
    case EltOp::kHardSigmoid:
      return each(n, y,
                  [=](int64_t i) { return smaller(larger(alpha * a[i] + beta, C{0}), C{1}); });
    case EltOp::kSelu:
      return each(n, y,
                  [=](int64_t i) { return beta * (a[i] > 0 ? a[i] : alpha * std::expm1(a[i])); });
    case EltOp::kThresholdedRelu:
      return each(n, y, [=](int64_t i) { return a[i] <= alpha ? C{0} : a[i]; });
    case EltOp::kCelu:
      return each(n, y, [=](int64_t i) {
        return larger(a[i], C{0}) + smaller(alpha * std::expm1(a[i] / alpha), C{0});
      });
    default:
      return;
  }
}

/// Operations that only integers have.
template <typename C>
void apply_integer(const ElementwiseParams& p, const C* a, const C* b, int64_t n, C* y) {
  switch (p.op) {
    case EltOp::kBitNot:
      return each(n, y, [=](int64_t i) { return ~a[i]; });
    case EltOp::kBitAnd:
      return each(n, y, [=](int64_t i) { return a[i] & b[i]; });
    case EltOp::kBitOr:
      return each(n, y, [=](int64_t i) { return a[i] | b[i]; });
    case EltOp::kBitXor:
      return each(n, y, [=](int64_t i) { return a[i] ^ b[i]; });
    default:
      return;
  }
}

template <typename C, typename F>
C rounded(C x, F f) {
  if constexpr (std::is_floating_point_v<C>) return f(x);
  return x;
}

}  // namespace

template <typename C>
void apply_elementwise(const ElementwiseParams& p, const C* a, const C* b, const C* c, int64_t n,
                       C* y) {
  constexpr bool kFloating = std::is_floating_point_v<C>;
  switch (p.op) {
    case EltOp::kCopy:
      return each(n, y, [=](int64_t i) { return a[i]; });
    case EltOp::kNeg:
      return each(n, y, [=](int64_t i) {
        if constexpr (kFloating)
          return -a[i];
        else
          return sub(C{0}, a[i]);
      });
    case EltOp::kAbs:
      return each(n, y, [=](int64_t i) {
        if constexpr (kFloating)
          return std::fabs(a[i]);
        else
          return a[i] < 0 ? sub(C{0}, a[i]) : a[i];
      });
    case EltOp::kFloor:
      return each(n, y,
                  [=](int64_t i) { return rounded(a[i], [](auto x) { return std::floor(x); }); });
    case EltOp::kCeil:
      return each(n, y,
                  [=](int64_t i) { return rounded(a[i], [](auto x) { return std::ceil(x); }); });
    case EltOp::kRound:
      return each(n, y,
                  [=](int64_t i) { return rounded(a[i], [](auto x) { return std::rint(x); }); });
    case EltOp::kRelu:
      return each(n, y, [=](int64_t i) { return larger(a[i], C{0}); });
    case EltOp::kNot:
      return each(n, y, [=](int64_t i) { return a[i] == 0; });
    case EltOp::kSign:
      return each(n, y, [=](int64_t i) {
        if constexpr (kFloating)
          return a[i] > 0 ? C{1} : a[i] < 0 ? C{-1} : a[i];
        else
          return static_cast<C>((a[i] > 0) - (a[i] < 0));
      });
    case EltOp::kIsNan:
      return each(n, y, [=](int64_t i) { return a[i] != a[i]; });
    case EltOp::kIsInf: {
      const bool positive = p.alpha != 0.0f;
      const bool negative = p.beta != 0.0f;
      return each(n, y, [=](int64_t i) {
        if constexpr (kFloating)
          return std::isinf(a[i]) && (a[i] < 0 ? negative : positive);
        else
          return false;
      });
    }
    case EltOp::kClip: {
      const C low = bound<C>(p.alpha);
      const C high = bound<C>(p.beta);
      return each(n, y, [=](int64_t i) { return smaller(larger(a[i], low), high); });
    }
    case EltOp::kAdd:
      return each(n, y, [=](int64_t i) { return add(a[i], b[i]); });
    case EltOp::kSub:
      return each(n, y, [=](int64_t i) { return sub(a[i], b[i]); });
    case EltOp::kMul:
      return each(n, y, [=](int64_t i) { return mul(a[i], b[i]); });
    case EltOp::kDiv:
      return each(n, y, [=](int64_t i) { return divide(a[i], b[i]); });
    case EltOp::kPow:
      return each(n, y, [=](int64_t i) { return power(a[i], b[i]); });
    case EltOp::kMin:
      return each(n, y, [=](int64_t i) { return smaller(a[i], b[i]); });
    case EltOp::kMax:
      return each(n, y, [=](int64_t i) { return larger(a[i], b[i]); });
    case EltOp::kPRelu:
      return each(n, y, [=](int64_t i) { return a[i] < 0 ? mul(a[i], b[i]) : a[i]; });
    case EltOp::kEqual:
      return each(n, y, [=](int64_t i) { return a[i] == b[i]; });
    case EltOp::kLess:
      return each(n, y, [=](int64_t i) { return a[i] < b[i]; });
    case EltOp::kLessOrEqual:
      return each(n, y, [=](int64_t i) { return a[i] <= b[i]; });
    case EltOp::kGreater:
      return each(n, y, [=](int64_t i) { return a[i] > b[i]; });
    case EltOp::kGreaterOrEqual:
      return each(n, y, [=](int64_t i) { return a[i] >= b[i]; });
    case EltOp::kAnd:
      return each(n, y, [=](int64_t i) { return a[i] != 0 && b[i] != 0; });
    case EltOp::kOr:
      return each(n, y, [=](int64_t i) { return a[i] != 0 || b[i] != 0; });
    case EltOp::kXor:
      return each(n, y, [=](int64_t i) { return (a[i] != 0) != (b[i] != 0); });
    case EltOp::kMod:
      return each(n, y, [=](int64_t i) { return modulo(a[i], b[i]); });
    case EltOp::kFMod:
      return each(n, y, [=](int64_t i) { return c_modulo(a[i], b[i]); });
    case EltOp::kWhere:
      return each(n, y, [=](int64_t i) { return a[i] != 0 ? b[i] : c[i]; });
    default:
      if constexpr (kFloating)
        return apply_float(p, a, n, y);
      else
        return apply_integer(p, a, b, n, y);
  }
}

template void apply_elementwise<float>(const ElementwiseParams&, const float*, const float*,
                                       const float*, int64_t, float*);
template void apply_elementwise<double>(const ElementwiseParams&, const double*, const double*,
                                        const double*, int64_t, double*);
template void apply_elementwise<int64_t>(const ElementwiseParams&, const int64_t*, const int64_t*,
                                         const int64_t*, int64_t, int64_t*);
template void apply_elementwise<uint64_t>(const ElementwiseParams&, const uint64_t*,
                                          const uint64_t*, const uint64_t*, int64_t, uint64_t*);

}  // namespace stint::cpu
