// Minimum and maximum of f32 vectors that keep a NaN. Highway's Min and Max do not: on x86 they are
// the instructions that return their second operand if one is NaN, on NEON those that return the
// number. Kernels use nothing but these; scalars: nan_keeping.h.
#if defined(STINT_NAN_KEEPING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_NAN_KEEPING_INL_H_
#undef STINT_NAN_KEEPING_INL_H_
#else
#define STINT_NAN_KEEPING_INL_H_
#endif

#include "hwy/highway.h"
#include "plan_schema/types.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_NEON
// fmax and fmin, which give NaN if one operand is.
HWY_INLINE hwy::HWY_NAMESPACE::Vec128<float> vlarger(hwy::HWY_NAMESPACE::Vec128<float> a,
                                                     hwy::HWY_NAMESPACE::Vec128<float> b) {
  return hwy::HWY_NAMESPACE::Vec128<float>(vmaxq_f32(a.raw, b.raw));
}
HWY_INLINE hwy::HWY_NAMESPACE::Vec128<float> vsmaller(hwy::HWY_NAMESPACE::Vec128<float> a,
                                                      hwy::HWY_NAMESPACE::Vec128<float> b) {
  return hwy::HWY_NAMESPACE::Vec128<float>(vminq_f32(a.raw, b.raw));
}
#else
/// The larger of both; NaN if either is.
template <class V>
HWY_INLINE V vlarger(V a, V b) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::IfThenElse(hn::IsNaN(a), a, hn::Max(a, b));
}
/// The smaller of both; NaN if either is.
template <class V>
HWY_INLINE V vsmaller(V a, V b) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::IfThenElse(hn::IsNaN(a), a, hn::Min(a, b));
}
#endif

/// The larger of x and a bound that is a number: one instruction everywhere.
template <class V>
HWY_INLINE V at_least(V x, V bound) {
#if HWY_TARGET == HWY_NEON
  return vlarger(bound, x);
#else
  return hwy::HWY_NAMESPACE::Max(bound, x);
#endif
}
/// The smaller of x and a bound that is a number.
template <class V>
HWY_INLINE V at_most(V x, V bound) {
#if HWY_TARGET == HWY_NEON
  return vsmaller(bound, x);
#else
  return hwy::HWY_NAMESPACE::Min(bound, x);
#endif
}

/// x between two bounds that are numbers, low <= high.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V clamp(D, V x, V low, V high) {
  return at_most(at_least(x, low), high);
}

/// The largest of many vectors, lane by lane. On x86 it is noted beside the maxima where a NaN was
/// met, so that the chain of maxima stays one instruction an element.
template <class D>
class Largest {
  using V = hwy::HWY_NAMESPACE::Vec<D>;

 public:
  HWY_INLINE explicit Largest(V start) : value_(start) {
#if HWY_TARGET != HWY_NEON
    nan_ = hwy::HWY_NAMESPACE::IsNaN(start);
#endif
  }
  HWY_INLINE void add(V x) {
#if HWY_TARGET == HWY_NEON
    value_ = vlarger(value_, x);
#else
    namespace hn = hwy::HWY_NAMESPACE;
    nan_ = hn::Or(nan_, hn::IsNaN(x));
    value_ = hn::Max(value_, x);
#endif
  }
  HWY_INLINE V result() const {
#if HWY_TARGET == HWY_NEON
    return value_;
#else
    namespace hn = hwy::HWY_NAMESPACE;
    return hn::IfThenElse(nan_, hn::NaN(D()), value_);
#endif
  }

 private:
  V value_;
#if HWY_TARGET != HWY_NEON
  hwy::HWY_NAMESPACE::Mask<D> nan_;
#endif
};

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
