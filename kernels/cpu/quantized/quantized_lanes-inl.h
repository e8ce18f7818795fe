// Vectors of real numbers from and to 8-bit integers (or f32) in memory. What is stored is the same
// on every SIMD target.
#if defined(STINT_QUANTIZED_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_QUANTIZED_LANES_INL_H_
#undef STINT_QUANTIZED_LANES_INL_H_
#else
#define STINT_QUANTIZED_LANES_INL_H_
#endif

#include <limits>
#include <type_traits>

#include "kernels/cpu/nan_keeping-inl.h"
#include "kernels/cpu/quantized/quantized_types.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// (x - zero) * scale; x itself for f32.
template <typename T>
struct RealLoader {
  using D = hwy::HWY_NAMESPACE::ScalableTag<float>;
  using V = hwy::HWY_NAMESPACE::Vec<D>;
  static constexpr int64_t kLanes =
      static_cast<int64_t>(hwy::HWY_NAMESPACE::MaxLanes(hwy::HWY_NAMESPACE::ScalableTag<float>()));

  HWY_INLINE RealLoader(float scale_of_x, int32_t zero_of_x)
      : scale(hwy::HWY_NAMESPACE::Set(D(), scale_of_x)),
        zero(hwy::HWY_NAMESPACE::Set(hwy::HWY_NAMESPACE::ScalableTag<int32_t>(), zero_of_x)) {}

  HWY_INLINE V load(const T* from) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const D d;
    if constexpr (std::is_same_v<T, float>) {
      return hn::Mul(hn::LoadU(d, from), scale);
    } else {
      const hn::ScalableTag<int32_t> di;
      const hn::Rebind<T, hn::ScalableTag<int32_t>> narrow;
      const auto x = hn::Sub(hn::PromoteTo(di, hn::LoadU(narrow, from)), zero);
      return hn::Mul(hn::ConvertTo(d, x), scale);
    }
  }
  /// Of fewer than a vector.
  HWY_INLINE V load(const T* from, int64_t n) const {
    HWY_ALIGN T buffer[kLanes] = {};
    for (int64_t i = 0; i < n; ++i) buffer[i] = from[i];
    return load(buffer);
  }

  V scale;
  hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<int32_t>> zero;
};

/// Stores what is already divided by the scale: rounded to the nearest integer (ties to even), the
/// zero point added, saturated; NaN as the zero point. f32 as it is.
template <typename T>
struct RealStorer {
  using D = hwy::HWY_NAMESPACE::ScalableTag<float>;
  using V = hwy::HWY_NAMESPACE::Vec<D>;
  static constexpr int64_t kLanes = RealLoader<T>::kLanes;

  /// The result is clamped to [lowest, highest] (divided by the scale) as well.
  HWY_INLINE RealStorer(int32_t zero_of_y, float lowest, float highest)
      : low(hwy::HWY_NAMESPACE::Set(D(), saturated<T>(lowest, zero_of_y))),
        high(hwy::HWY_NAMESPACE::Set(D(), saturated<T>(highest, zero_of_y))),
        zero(hwy::HWY_NAMESPACE::Set(hwy::HWY_NAMESPACE::ScalableTag<int32_t>(), zero_of_y)) {}
  HWY_INLINE explicit RealStorer(int32_t zero_of_y)
      : RealStorer(zero_of_y, -std::numeric_limits<float>::infinity(),
                   std::numeric_limits<float>::infinity()) {}

  /// kNumber: no lane is a NaN, which needs no look at each.
  template <bool kNumber = false>
  HWY_INLINE void store(V v, T* to) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const D d;
    v = clamp(d, v, low, high);
    if constexpr (std::is_same_v<T, float>) {
      hn::StoreU(v, d, to);
    } else {
      if constexpr (!kNumber) v = hn::IfThenZeroElse(hn::IsNaN(v), v);
      const auto q = hn::Add(hn::NearestInt(v), zero);
#if HWY_TARGET == HWY_AVX3
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(q.raw));
#else
      const hn::Rebind<T, hn::ScalableTag<int32_t>> narrow;
      hn::StoreU(hn::DemoteTo(narrow, q), narrow, to);
#endif
    }
  }
  /// Fewer than a vector.
  HWY_INLINE void store(V v, T* to, int64_t n) const {
    HWY_ALIGN T buffer[kLanes];
    store(v, buffer);
    for (int64_t i = 0; i < n; ++i) to[i] = buffer[i];
  }

  V low, high;
  hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<int32_t>> zero;
};

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
